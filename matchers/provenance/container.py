"""The metadata blocks of PNG, JPEG and WebP files, without decoding a picture.

Bounded whatever a file says: so many blocks, so many bytes of each, and of what is compressed so
many as come out. What is damaged ends the search; nothing is raised.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Literal, NamedTuple

MAX_BLOCKS = 4_096
"""Blocks looked at in a file; a picture of many small ones has its metadata before them."""
MAX_BYTES = 1 << 18
"""Bytes kept of one block, before and after it is inflated."""

Kind = Literal["exif", "xmp", "text"]


class Block(NamedTuple):
    """A block of metadata; of `text`, `key` is its keyword."""

    kind: Kind
    content: bytes
    key: str = ""


def metadata_blocks(content: bytes | bytearray) -> Iterator[Block]:
    """The blocks, in the file's order; none of formats that are not known here."""
    view = memoryview(content)
    start = bytes(view[:12])
    if start[:8] == b"\x89PNG\r\n\x1a\n":
        return _png(view)
    if start[:2] == b"\xff\xd8":
        return _jpeg(view)
    if start[:4] == b"RIFF" and start[8:] == b"WEBP":
        return _webp(view)
    return iter(())


def _png(view: memoryview) -> Iterator[Block]:
    """PNG (third edition), section 5.3: length, type, data, checksum."""
    at = 8
    for _ in range(MAX_BLOCKS):
        if at + 8 > len(view):
            return
        (length,) = struct.unpack_from(">I", view, at)
        name = bytes(view[at + 4 : at + 8])
        data = view[at + 8 : at + 8 + min(length, MAX_BYTES)]
        if name == b"eXIf":
            yield Block("exif", bytes(data))
        elif name in (b"tEXt", b"zTXt", b"iTXt"):
            yield from _png_text(name, bytes(data))
        at += 12 + length


def _png_text(name: bytes, data: bytes) -> Iterator[Block]:
    keyword, found, rest = data.partition(b"\0")
    if not found:
        return
    key = keyword[:80].decode("latin-1")
    if name == b"zTXt":
        rest = _inflated(rest[1:])
    elif name == b"iTXt":
        compressed = rest[:1] == b"\1"
        _, _, after_language = rest[2:].partition(b"\0")
        _, _, text = after_language.partition(b"\0")
        rest = _inflated(text) if compressed else text
    kind: Kind = "xmp" if key == "XML:com.adobe.xmp" else "text"
    yield Block(kind, rest[:MAX_BYTES], key)


def _jpeg(view: memoryview) -> Iterator[Block]:
    """JPEG (ITU-T T.81), B.1.1: markers with a length, up to the scan."""
    at = 2
    for _ in range(MAX_BLOCKS):
        while at < len(view) and view[at] == 0xFF and at + 1 < len(view) and view[at + 1] == 0xFF:
            at += 1  # fill bytes
        if at + 4 > len(view) or view[at] != 0xFF:
            return
        marker = view[at + 1]
        if marker in (0xDA, 0xD9):
            return
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
            continue
        (length,) = struct.unpack_from(">H", view, at + 2)
        if marker == 0xE1:
            data = bytes(view[at + 4 : at + 2 + length])
            if data.startswith(b"Exif\0\0"):
                yield Block("exif", data[6:])
            elif data.startswith(b"http://ns.adobe.com/xap/1.0/\0"):
                yield Block("xmp", data[29:])
        elif marker == 0xFE:
            yield Block("text", bytes(view[at + 4 : at + 2 + length]), "comment")
        at += 2 + max(2, length)


def _webp(view: memoryview) -> Iterator[Block]:
    """WebP container (RFC 9649, section 2): RIFF chunks of a type, a size and data."""
    at = 12
    for _ in range(MAX_BLOCKS):
        if at + 8 > len(view):
            return
        name = bytes(view[at : at + 4])
        (size,) = struct.unpack_from("<I", view, at + 4)
        data = view[at + 8 : at + 8 + min(size, MAX_BYTES)]
        if name == b"EXIF":
            raw = bytes(data)
            yield Block("exif", raw[6:] if raw.startswith(b"Exif\0\0") else raw)
        elif name == b"XMP ":
            yield Block("xmp", bytes(data))
        at += 8 + size + (size & 1)


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, MAX_BYTES)
    except zlib.error:
        return b""
