"""Hashes that say nothing about a picture: listed, they would match half of the world."""

import hashlib
from collections.abc import Mapping

from matchers.lists.entry import Algorithm

MIN_QUALITY = 50
"""Of a listed PDQ, as of one that is looked up (PDQ paper)."""

_OF_NOTHING: Mapping[str, str] = {
    "md5": hashlib.md5(b"", usedforsecurity=False).hexdigest(),
    "sha1": hashlib.sha1(b"", usedforsecurity=False).hexdigest(),
    "sha256": hashlib.sha256(b"").hexdigest(),
}
OF_A_FLAT_PICTURE: Mapping[str, frozenset[str]] = {
    "pdq": frozenset({"0" * 64, "f" * 64}),
    "phash": frozenset({"0" * 16, "f" * 16, "8" + "0" * 15}),
    "dhash": frozenset({"0" * 16, "f" * 16}),
}
"""All zeros, all ones; of pHash also the constant frequency alone (ImageHash on one colour)."""


def degenerate(algorithm: Algorithm, value: str, quality: int | None = None) -> str | None:
    """Why a (normal) value must not act until somebody approves it; `None` if it may."""
    if _OF_NOTHING.get(algorithm) == value:
        return "the hash of an empty file"
    if value in OF_A_FLAT_PICTURE.get(algorithm, ()):
        return "the hash of a flat picture"
    if algorithm == "pdq" and quality is not None and quality < MIN_QUALITY:
        return f"a PDQ of quality {quality}, below {MIN_QUALITY}"
    return None
