"""What lists are made of: `ListInfo` says what a list is and may do, `ListEntry` what it holds."""

import base64
import hashlib
import re
import struct
from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from typing import Literal, get_args

from msgspec import Struct

from matchers.indexes.urls import listed_digest, readings
from matchers.lists.fields import LONGEST_ID

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
Role = Literal["block", "hold", "review", "observe", "allow"]
"""What a match asks for. Never assumed: `observe` where nobody set it."""

SourceKind = Literal["hotline", "victim", "industry", "law_enforcement", "own"]
EntryStatus = Literal["active", "observed", "pending", "withdrawn"]
"""`observed` matches as `observe` whatever its role; `pending` (awaiting approval) and `withdrawn`
do not match."""

ALGORITHMS: tuple[Algorithm, ...] = get_args(Algorithm)
ROLES: tuple[Role, ...] = get_args(Role)
STATUSES: tuple[EntryStatus, ...] = get_args(EntryStatus)

DIGEST_BYTES: Mapping[Algorithm, int] = {"md5": 16, "sha1": 20, "sha256": 32, "url": 32}
"""Algorithms that match by equality, with their width in bytes."""
HAMMING_BYTES: Mapping[Algorithm, int] = {"pdq": 32, "phash": 8, "dhash": 8}
"""Algorithms that match within a number of differing bits, with their width in bytes."""
PHOTODNA_BYTES = 144
"""One byte a component. Values come from outside: the algorithm is not shipped here."""
TEXT_BYTES: Mapping[Algorithm, int] = {"minhash": 516, "tlsh": 35}
"""Signatures of written material (`matchers.hashing.text`), with their width in bytes."""
SHORTEST_TEXT = 32
"""Shingles of a listed text, as of one that is looked up (`matchers.hashing.text`)."""
FRAME_BYTES = 32
"""A `vpdq` value is the PDQ of every distinct matchable frame of a video, one after another."""
LONGEST_VALUE_AS_ID = 256
"""Characters of a value that is taken for the id of its entry."""
_DIGITS = 18
FRAME_QUALITY = 50
"""Frames below are left out, as vPDQ does (facebook/ThreatExchange, vpdq/)."""
MATCHED_ALGORITHMS: frozenset[Algorithm] = frozenset(
    {*DIGEST_BYTES, *HAMMING_BYTES, *TEXT_BYTES, "vpdq", "photodna"}
)
"""Entries of the others are kept and counted, and wait for an index that can look them up."""


PERCEPTUAL: frozenset[Algorithm] = frozenset(ALGORITHMS) - {*DIGEST_BYTES, "netclean"}
"""Algorithms whose match is of something alike rather than of the very same thing."""
FLAGGED = "flagged"
"""The label of an entry that matches a large share of what people send: see `librarian.flags`."""

LONGEST_OBSERVATION = 87_600.0
"""Hours: ten years, beyond which a list is better not imported."""
NO_REPORT = "no_report"
"""The label of matches of a list that does not permit reports."""
Use = Literal["detect", "enforce", "report"]
"""What a list may be used for: `detect` to look anything up in it, `enforce` for more than
observing, `report` for reports."""


class ListInfo(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A list: who made it, and what it may be used for: without `permitted_uses` for everything,
    without `jurisdictions` everywhere (`DE` covers `DE-BY`).

    `roles` maps a category to what its matches ask for; `default_role` is for the categories that
    it does not name. Where `verified_by` is empty, nobody vouches for the list's entries. New
    perceptual entries are observed for `observe_hours` before they act (`None`: as
    `librarian.observation` has it).
    """

    name: str
    source_kind: SourceKind = "own"
    verified_by: str = ""
    permitted_uses: tuple[Use, ...] = ()
    jurisdictions: tuple[str, ...] = ()
    redistribute: bool = False
    default_role: Role = "observe"
    roles: dict[str, Role] = {}
    observe_hours: float | None = None

    def role(self, category: str) -> Role:
        """What a match in `category` asks for."""
        return self.roles.get(category, self.default_role)


class ListEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One hash or address of a list.

    `value` is as `normal_value` makes it. `role`, where given, stands over the list's role for
    the category. An item that has several hashes is several entries with one `id`.
    """

    list: str
    id: str
    algorithm: Algorithm
    value: str
    category: str = ""
    role: Role | None = None
    labels: tuple[str, ...] = ()
    status: EntryStatus = "active"
    updated_at: datetime | None = None
    provenance: str = ""


def normal_value(algorithm: Algorithm, raw: str) -> str:
    """The one spelling of a value: lower-case hexadecimal for digests and Hamming codes.

    A URL becomes the SHA-256 of its canonical expression (64 hexadecimal digits are taken for
    that digest). A video's published vPDQ rows (`frame,quality,pdq,seconds`, parted by newlines or
    `;`) become the distinct hashes of its frames of quality 50 and above. Values of algorithms
    that no index here looks up are kept as they are. PhotoDNA is read as base64, as decimal
    components parted by commas, or as hexadecimal. Of written material a MinHash is hexadecimal,
    and a text is made into one, so that no text is kept; TLSH loses its `T1`.

    Raises `ValueError`, saying what is wrong without repeating the value.
    """
    text = raw.strip()
    if not text:
        raise ValueError("the value is empty")
    if algorithm == "url" and not _is_hex(text, 64):
        return _url(text)
    if algorithm == "vpdq":
        return _frames(text)
    if algorithm == "photodna":
        return _photodna(text)
    if algorithm == "minhash":
        return _minhash(text)
    if algorithm == "tlsh":
        return _tlsh(text)
    width = DIGEST_BYTES.get(algorithm) or HAMMING_BYTES.get(algorithm)
    if width is None:
        return text
    if not _is_hex(text, 2 * width):
        raise ValueError(
            f"{algorithm} takes {2 * width} hexadecimal digits, "
            f"this value has {len(text)} characters"
        )
    return text.lower()


def _frames(text: str) -> str:
    """The PDQs of a video's matchable frames; hexadecimal is taken for just that."""
    if len(text) % (2 * FRAME_BYTES) == 0 and _is_hex(text, len(text)):
        return distinct_frames(bytes.fromhex(text)).hex()
    kept: list[str] = []
    for number, row in enumerate(filter(None, re.split(r"[;\n]", text)), 1):
        fields = [field.strip() for field in row.split(",")]
        if len(fields) < 3 or not is_number(fields[1]) or not _is_hex(fields[2], 64):
            raise ValueError(f"vPDQ row {number} is not frame,quality,pdq,seconds")
        if int(fields[1]) >= FRAME_QUALITY:
            kept.append(fields[2].lower())
    if not kept:
        raise ValueError(f"the video has no frame of quality {FRAME_QUALITY} or above")
    return distinct_frames(bytes.fromhex("".join(kept))).hex()


def _url(text: str) -> str:
    if " " in text and any("%20" in reading.host for reading in readings(text)[:1]):
        raise ValueError("this is no address: its host would have a space in it")
    return listed_digest(text).hex()


def is_number(text: str) -> bool:
    """Whether the text is a whole number, of no more digits than anything here counts."""
    return text.isdecimal() and len(text) <= _DIGITS


def distinct_frames(value: bytes) -> bytes:
    """A video's frames without repeats. vPDQ's shares are of distinct frames: a long still scene
    counts once."""
    starts = range(0, len(value), FRAME_BYTES)
    return b"".join(dict.fromkeys(value[start : start + FRAME_BYTES] for start in starts))


def _photodna(text: str) -> str:
    if _is_hex(text, 2 * PHOTODNA_BYTES):
        return text.lower()
    try:
        value = (
            bytes(int(component) for component in text.split(","))
            if "," in text
            else base64.b64decode(text, validate=True)
        )
    except ValueError:
        raise ValueError("photodna takes base64, decimal components or hexadecimal") from None
    if len(value) != PHOTODNA_BYTES:
        raise ValueError(f"photodna takes {PHOTODNA_BYTES} bytes, not {len(value)}")
    return value.hex()


def _minhash(text: str) -> str:
    digits = 2 * TEXT_BYTES["minhash"]
    if _is_hex(text, digits):
        value = bytes.fromhex(text)
    elif " " not in text and _is_hex(text, len(text)):
        raise ValueError(
            f"minhash takes a text or {digits} hexadecimal digits, this value has {len(text)}"
        )
    else:
        # Here, since numba loads slowly and hardly any list holds texts.
        from matchers.hashing.text import minhash

        value = minhash(text) or bytes(digits // 2)
    if int.from_bytes(value[:4], "little") < SHORTEST_TEXT:
        raise ValueError(
            f"the text is too short to be told from others: fewer than {SHORTEST_TEXT} shingles"
        )
    _check_signature(value)
    return value.hex()


def _check_signature(value: bytes) -> None:
    """Raises `ValueError` for what `matchers.hashing.text.minhash` cannot have made: indexes rely
    on its form."""
    count, *words = struct.unpack(f"<{len(value) // 4}I", value)
    sample, rest = words[:count], words[count:]
    if any(word <= before for before, word in pairwise(sample)):
        raise ValueError("this is no minhash: its words do not rise")
    if any(word != 0xFFFFFFFF for word in rest):
        raise ValueError(f"this is no minhash: after its {count} words comes other than ffffffff")


def _tlsh(text: str) -> str:
    digits = 2 * TEXT_BYTES["tlsh"]
    bare = text[2:] if text[:2] in ("T1", "t1") and len(text) == digits + 2 else text
    if not _is_hex(bare, digits):
        raise ValueError(
            f"tlsh takes {digits} hexadecimal digits, with or without T1 before them; "
            f"this value has {len(text)} characters"
        )
    return bare.lower()


def default_id(value: str) -> str:
    """The id of an entry that was given none: its value, or of a long one (a video, a text) the
    first 32 digits of its SHA-256."""
    if len(value) <= LONGEST_VALUE_AS_ID and len(value.encode()) <= LONGEST_ID:
        return value
    return hashlib.sha256(value.encode()).hexdigest()[:32]


def id_as_spelled(value: str) -> str:
    """The id of an item that its source names by a value: the value, or of one that is too long
    for an id the first 32 digits of its SHA-256."""
    if len(value.encode()) <= LONGEST_ID:
        return value
    return hashlib.sha256(value.encode()).hexdigest()[:32]


def _is_hex(text: str, digits: int) -> bool:
    return len(text) == digits and text.isascii() and text.isalnum() and _parses(text)


def _parses(text: str) -> bool:
    try:
        int(text, 16)
    except ValueError:
        return False
    return True
