"""MD5, SHA-1 and SHA-256 of a file in one pass over its bytes."""

import hashlib
from collections.abc import Iterable
from typing import BinaryIO

from msgspec import Struct

CHUNK_BYTES = 1 << 20
"""Read at once from a file object: large enough that hashlib's release of the GIL pays."""


class Digests(Struct, frozen=True, kw_only=True, gc=False):
    """The three digests that hash lists hold, as lower-case hexadecimal."""

    md5: str
    sha1: str
    sha256: str


class DigestStream:
    """The three digests of bytes that arrive in pieces. MD5 and SHA-1 identify files here as the
    lists do; nothing relies on their resistance to collisions."""

    def __init__(self) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha1 = hashlib.sha1(usedforsecurity=False)
        self._sha256 = hashlib.sha256()

    def update(self, piece: bytes | bytearray | memoryview) -> None:
        """Take in the next piece."""
        self._md5.update(piece)
        self._sha1.update(piece)
        self._sha256.update(piece)

    def digests(self) -> Digests:
        """The digests of all pieces so far."""
        return Digests(
            md5=self._md5.hexdigest(),
            sha1=self._sha1.hexdigest(),
            sha256=self._sha256.hexdigest(),
        )


def digests(source: bytes | bytearray | memoryview | BinaryIO) -> Digests:
    """Digests of `source`; a file object is read from where it stands to its end."""
    stream = DigestStream()
    for piece in _pieces(source):
        stream.update(piece)
    return stream.digests()


def _pieces(source: bytes | bytearray | memoryview | BinaryIO) -> Iterable[bytes | memoryview]:
    if isinstance(source, bytes | bytearray | memoryview):
        # In pieces, so that each is still in the processor's cache for the second and third hash.
        view = memoryview(source).cast("B")
        for start in range(0, len(view), CHUNK_BYTES):
            yield view[start : start + CHUNK_BYTES]
        return
    while piece := source.read(CHUNK_BYTES):
        yield piece
