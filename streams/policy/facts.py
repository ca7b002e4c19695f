"""What kinds of signal there are, and which matches are exact, close or near."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from streams.contracts.signal import (
    HashMatch,
    MediaError,
    Provenance,
    Signal,
    TextMatch,
    TextRisk,
    UrlMatch,
    UserReport,
)
from streams.contracts.values import Algorithm

SignalType = Literal[
    "hash_match",
    "url_match",
    "text_match",
    "text_risk",
    "user_report",
    "provenance",
    "media_error",
]

Match = Literal["exact", "close", "near"]

DIGESTS = frozenset({"md5", "sha1", "sha256"})
"""Algorithms whose match means the same bytes: exact. All others are perceptual."""

Listed = HashMatch | UrlMatch | TextMatch


class Closeness(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a perceptual match is close rather than near its radius.

    `distance` gives the largest close distance (bits) by algorithm; an algorithm that is not
    named is never close. A match whose quality is unknown or below `quality` is not close either.
    `similarity` is the least of a close text. The PDQ authors match within 31 of 256 bits and
    discard quality below 50 (Facebook, "The TMK+PDQF Video-Hashing Algorithm and the PDQ
    Image-Hashing Algorithm", 2019); the default policy takes half that distance and a quality
    well above, which are choices of its own: set them by what your reviewers find.
    """

    distance: dict[Algorithm, Annotated[int, Meta(ge=0)]]
    quality: Annotated[int, Meta(ge=0, le=100)]
    similarity: Annotated[float, Meta(ge=0, le=1)]


def signal_type(signal: Signal) -> SignalType:
    """The tag that the signal has in JSON."""
    return TYPES[type(signal)]


def list_of(signal: Signal) -> str:
    """The list that a signal comes from; "" of none."""
    return signal.list if isinstance(signal, HashMatch | UrlMatch | TextMatch) else ""


def is_perceptual(signal: Signal) -> bool:
    """Whether a match is of something alike rather than of the very same thing."""
    return isinstance(signal, TextMatch) or (
        isinstance(signal, HashMatch) and signal.algorithm not in DIGESTS
    )


def hash_match_kind(match: HashMatch, closeness: Closeness) -> Match:
    """`exact` for digests; else `close` within the closeness' distance and of its quality."""
    if match.algorithm in DIGESTS:
        return "exact"
    furthest = closeness.distance.get(match.algorithm)
    if furthest is None or match.distance > furthest:
        return "near"
    good = match.quality is not None and match.quality >= closeness.quality
    return "close" if good else "near"


def text_match_kind(match: TextMatch, closeness: Closeness) -> Match:
    """`close` from the closeness' similarity on, else `near`."""
    return "close" if match.similarity >= closeness.similarity else "near"


TYPES: dict[type[Signal], SignalType] = {
    HashMatch: "hash_match",
    UrlMatch: "url_match",
    TextMatch: "text_match",
    TextRisk: "text_risk",
    UserReport: "user_report",
    Provenance: "provenance",
    MediaError: "media_error",
}
