"""Lines of a file as records, of which none is held in memory beyond a bound."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

PIECE = 1 << 16
"""Bytes of a line too long that are read at a time."""


class Cut(NamedTuple):
    """What there is to say of a line that was too long to be held: its length in bytes, and its
    SHA-256 in hexadecimal, of all but its line break."""

    size: int
    sha256: str


class Line(NamedTuple):
    """A line of the input file, as the engine sees a record; `offset` is its number from 1. Of one
    that is too long there is no `value` but `cut`."""

    offset: int
    value: bytes
    timestamp: int = 0
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()
    cut: Cut | None = None


def read_lines(source: BinaryIO, most: int) -> Iterator[Line]:
    """The lines that are not blank, without their line breaks. One of more than `most` bytes is
    read to its end piece by piece, and not kept."""
    number = 0
    # A line of `most` bytes and "\r\n" is whole.
    while piece := source.readline(most + 2):
        number += 1
        value = piece.rstrip(b"\r\n")
        if len(piece) == most + 2 and not piece.endswith(b"\n"):
            yield Line(number, b"", cut=_read_on(source, piece))
        elif value.strip():
            yield Line(number, value)


def _read_on(source: BinaryIO, piece: bytes) -> Cut:
    size, digest = 0, hashlib.sha256()
    while piece:
        content = piece.removesuffix(b"\n")
        size += len(content)
        digest.update(content)
        piece = source.readline(PIECE) if len(content) == len(piece) else b""
    return Cut(size, digest.hexdigest())
