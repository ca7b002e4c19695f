"""The versions that a store keeps of one piece of state, and their compact form.

A store keeps at most two versions of a value: the newest, and the one that its maker started
from. Two are enough: at most one chunk of a partition is unfinished, so a replay starts either
from the newest version or from the one before.
"""

import hashlib
import struct
from typing import NamedTuple

from streams.state.store import Partition

OWNER_BYTES = 8
_HEADER = struct.Struct(f"<B{OWNER_BYTES}sQI")
_PREVIOUS = struct.Struct(f"<{OWNER_BYTES}sQ")
_HAS_PREVIOUS, _REMOVED = 1, 2
_FORMAT_MASK = 0xFC  # the format's number, 0 today, in the upper six bits


class Version(NamedTuple):
    """A value as a chunk left it. `owner` is the partition's tag, `offset` the one after the
    chunk's last record, `value` is `None` when the chunk removed the state."""

    owner: bytes
    offset: int
    value: bytes | None


Versions = tuple[Version, ...]
"""Newest first, at most two; the one before has a value, for without one it need not be kept."""


def owner_tag(partition: Partition) -> bytes:
    """The partition's name in `OWNER_BYTES` bytes: a plain digest, since it names no person."""
    name = f"{partition.group}\0{partition.topic}\0{partition.number}"
    return hashlib.sha256(name.encode()).digest()[:OWNER_BYTES]


def as_of(versions: Versions, owner: bytes, committed: int) -> Version | None:
    """The newest version that `owner` had committed at `committed`, or that another wrote.

    What another partition wrote counts as committed: only the owner can leave an unfinished
    version behind and come back to it.
    """
    for version in versions:
        if version.owner != owner or version.offset <= committed:
            return version
    return None


def moved_from(base: Version | None, owner: bytes) -> bool:
    """Whether there is a value, and another partition than `owner` made it."""
    return base is not None and base.value is not None and base.owner != owner


def succeed(base: Version | None, new: Version) -> Versions:
    """`new` on top of what it was made from; nothing at all when there is nothing to remember."""
    if base is None or base.value is None:
        return (new,) if new.value is not None else ()
    return (new, base)


def pack(versions: Versions) -> bytes:
    """Binary form: flags, then owner, offset and length of the newest, its bytes, then owner,
    offset and bytes of the one before."""
    newest = versions[0]
    value = newest.value
    flags = 0
    if value is None:
        flags, value = _REMOVED, b""
    if len(versions) == 1:
        return _HEADER.pack(flags, newest.owner, newest.offset, len(value)) + value
    previous = versions[1]
    return b"".join(
        (
            _HEADER.pack(flags | _HAS_PREVIOUS, newest.owner, newest.offset, len(value)),
            value,
            _PREVIOUS.pack(previous.owner, previous.offset),
            previous.value or b"",
        )
    )


def is_of_later_format(data: bytes) -> bool:
    """Whether a later version of Seawall may have made a record that cannot be unpacked."""
    return len(data) >= _HEADER.size and bool(_HEADER.unpack_from(data)[0] & _FORMAT_MASK)


def unpack(data: bytes) -> Versions:
    """The inverse of `pack`. Raises `ValueError` for bytes that `pack` did not make."""
    try:
        flags, owner, offset, size = _HEADER.unpack_from(data)
        end = _HEADER.size + size
        if flags & _FORMAT_MASK or end > len(data):
            raise ValueError("not a state record of this version of Seawall")
        newest = Version(owner, offset, None if flags & _REMOVED else data[_HEADER.size : end])
        if not flags & _HAS_PREVIOUS:
            return (newest,)
        owner, offset = _PREVIOUS.unpack_from(data, end)
    except struct.error as error:
        raise ValueError(f"a state record is cut short: {error}") from error
    return (newest, Version(owner, offset, data[end + _PREVIOUS.size :]))
