"""The few EXIF fields in which generators name themselves."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

SOFTWARE = 0x0131
IMAGE_DESCRIPTION = 0x010E
EXIF_IFD = 0x8769
USER_COMMENT = 0x9286
_FIELDS = {SOFTWARE: "Software", USER_COMMENT: "UserComment", IMAGE_DESCRIPTION: "ImageDescription"}
_SIZES = {1: 1, 2: 1, 7: 1}
"""Bytes an element of the types BYTE, ASCII and UNDEFINED (TIFF 6.0, section 2)."""
MAX_FIELDS = 512
"""Looked at of one directory."""
MAX_DIRECTORIES = 2
MAX_VALUE = 1 << 16


class Field(NamedTuple):
    """A field's name and text."""

    name: str
    text: str


def exif_fields(block: bytes) -> Iterator[Field]:
    """The fields of a TIFF structure, of its first directory and the EXIF one, the first of each
    name. What is damaged is passed over; nothing is raised."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None or len(block) < 8:
        return
    (first,) = struct.unpack_from(f"{order}I", block, 4)
    waiting, seen, said = [first], set[int](), set[int]()
    while waiting and len(seen) < MAX_DIRECTORIES:
        at = waiting.pop(0)
        if at in seen or at + 2 > len(block):
            continue
        seen.add(at)
        (count,) = struct.unpack_from(f"{order}H", block, at)
        for number in range(min(count, MAX_FIELDS)):
            entry = at + 2 + 12 * number
            if entry + 12 > len(block):
                break
            tag, kind, length = struct.unpack_from(f"{order}HHI", block, entry)
            (offset,) = struct.unpack_from(f"{order}I", block, entry + 8)
            if tag == EXIF_IFD:
                waiting.append(offset)
            elif tag in _FIELDS and tag not in said and kind in _SIZES:
                said.add(tag)
                start = entry + 8 if length <= 4 else offset
                yield Field(_FIELDS[tag], _text(block[start : start + min(length, MAX_VALUE)]))


def _text(value: bytes) -> str:
    """EXIF 2.32, UserComment: eight bytes name the character code."""
    code, rest = value[:8], value[8:]
    if code == b"UNICODE\0":
        return rest.decode("utf-16-be" if rest[:1] == b"\0" else "utf-16-le", "replace")
    if code == b"ASCII\0\0\0":
        value = rest
    return value.decode("utf-8", "replace").rstrip("\0 ")
