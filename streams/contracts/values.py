"""The closed vocabularies and bounded strings that contracts share."""

from typing import Annotated, Literal

from msgspec import Meta

Id = Annotated[
    str, Meta(min_length=1, max_length=256, description="An opaque id of the platform's.")
]

StageName = Literal["media-hashing", "hash-matching", "text-risk", "enforcement"]
STAGE_ORDER: tuple[StageName, ...] = ("media-hashing", "hash-matching", "text-risk", "enforcement")

EventKind = Literal["created", "edited", "deleted", "user_report"]
Origin = Literal["live", "backfill"]
Surface = Literal["message", "post", "profile", "upload", "live"]
AgeBand = Literal["under_13", "13_15", "16_17", "adult", "unknown"]
AgeSource = Literal["declared", "estimated", "verified"]
MINOR_BANDS = frozenset[AgeBand](("under_13", "13_15", "16_17"))
"""Of people under 18."""
HashOrigin = Literal["server", "client_attested", "client_unverified"]

Scan = Literal["hash", "url", "text", "provenance"]
"""What a scan basis permits or withholds."""

Algorithm = Literal[
    "md5",
    "sha1",
    "sha256",
    "pdq",
    "phash",
    "dhash",
    "vpdq",
    "photodna",
    "minhash",
    "tlsh",
    "url",
    "netclean",
    "tmk",
]
PictureVariant = Literal[
    "colour_managed",
    "trimmed",
    "rotate90",
    "rotate180",
    "rotate270",
    "flip_x",
    "flip_y",
    "flip_plus1",
    "flip_minus1",
]
"""Another view of a picture: with its colour profile applied, without its borders, turned
counter-clockwise, or mirrored (top to bottom, left to right, along one diagonal, along the other).
"""
Role = Literal["block", "hold", "review", "observe", "allow"]
"""What a list's entry asks for; set per list and category, `observe` where nobody set it."""

SourceKind = Literal["hotline", "victim", "industry", "law_enforcement", "own"]

Action = Literal["allow", "label", "review", "hold", "block"]
"""In order of strength; `hold` is not visible until reviewed."""
ACTIONS: tuple[Action, ...] = ("allow", "label", "review", "hold", "block")
ACTION_STRENGTH: dict[Action, int] = {action: strength for strength, action in enumerate(ACTIONS)}

Priority = Annotated[int, Meta(ge=0, le=4, description="0: a child may be in danger now … 4.")]
