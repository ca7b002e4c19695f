"""Depths, alpha and orientation in every container that can hold them: what a person sees."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from matchers.hashing.image import picture_hashes
from matchers.hashing.outcome import Limits, StillHashes
from tests.unit.hashing.drawings import scene

PICTURE = scene(5)
WIDE = np.asarray(PICTURE).astype(np.uint16) * 257
GREY = np.asarray(PICTURE.convert("L"))


def saved(picture: Image.Image, container: str, **options: Any) -> bytes:
    target = io.BytesIO()
    picture.save(target, container, **options)
    return target.getvalue()


def still(content: bytes) -> StillHashes:
    found = next(picture_hashes(content, Limits()))
    assert isinstance(found, StillHashes)
    return found


def distance(content: bytes, expected: Image.Image) -> int:
    seen, wanted = still(content), still(saved(expected, "PNG"))
    return (int(seen.pdq, 16) ^ int(wanted.pdq, 16)).bit_count()


def png(colour_type: int, depth: int, rows: NDArray[Any]) -> bytes:
    """A PNG (ISO/IEC 15948) of rows as they stand in it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + checksum

    header = struct.pack(">IIBBBBB", 320, 240, depth, colour_type, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (chunk(b"IHDR", header), chunk(b"IDAT", body), chunk(b"IEND", b""))
    )


def big_endian_tiff() -> bytes:
    """An uncompressed TIFF 6.0 of 16-bit grey, high bytes first."""
    data = (GREY.astype(np.uint16) * 257).astype(">u2").tobytes()
    short = 1 << 16  # a SHORT stands at the beginning of its four bytes
    tags = [
        *((256, 3, 1, 320 * short), (257, 3, 1, 240 * short), (258, 3, 1, 16 * short)),
        *((259, 3, 1, short), (262, 3, 1, short), (273, 4, 1, 8), (277, 3, 1, short)),
        *((278, 3, 1, 240 * short), (279, 4, 1, len(data))),
    ]
    directory = b"".join(struct.pack(">HHII", *tag) for tag in tags)
    head = b"MM\0*" + struct.pack(">I", 8 + len(data)) + data
    return head + struct.pack(">H", len(tags)) + directory + bytes(4)


@pytest.mark.parametrize(
    "content",
    [
        png(2, 16, WIDE.astype(">u2")),
        png(6, 16, np.dstack([WIDE, np.full(GREY.shape, 65_535)]).astype(">u2")),
        png(4, 16, np.dstack([GREY * np.uint16(257), np.full(GREY.shape, 65_535)]).astype(">u2")),
        big_endian_tiff(),
    ],
    ids=["rgb", "rgba", "grey and alpha", "tiff"],
)
def test_sixteen_bits(content: bytes) -> None:
    assert distance(content, PICTURE) <= 4


def test_four_bits_of_grey() -> None:
    nibbles = GREY >> 4
    content = png(0, 4, (nibbles[:, 0::2] << 4 | nibbles[:, 1::2]).astype(np.uint8))
    assert distance(content, Image.fromarray(nibbles * np.uint8(17))) == 0


@pytest.mark.parametrize(
    ("mode", "container"),
    [
        ("L", "AVIF"),
        ("RGBA", "AVIF"),
        ("CMYK", "AVIF"),
        ("LA", "WEBP"),
        ("L", "JPEG2000"),
        ("LA", "JPEG2000"),
        ("RGBA", "JPEG2000"),
        ("RGBA", "TIFF"),
        ("P", "TIFF"),
        ("F", "TIFF"),
        ("RGBX", "TIFF"),
        ("LA", "TGA"),
        ("P", "TGA"),
        ("P", "BMP"),
        ("1", "BMP"),
        ("1", "GIF"),
        ("1", "PPM"),
        ("RGBA", "DDS"),
        ("RGBA", "ICNS"),
        ("RGBA", "ICO"),
    ],
)
def test_modes(mode: str, container: str) -> None:
    assert distance(saved(PICTURE.convert(mode), container), PICTURE) <= 24


@pytest.mark.parametrize(
    ("container", "options"),
    [
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("AVIF", {"quality": 95}),
        ("TIFF", {}),
        ("JPEG2000", {}),
        ("TGA", {}),
        ("DDS", {}),
        ("QOI", {}),
    ],
)
def test_white_shows_through_alpha(container: str, options: dict[str, Any]) -> None:
    layer = PICTURE.convert("RGBA")
    layer.putalpha(Image.linear_gradient("L").resize(layer.size))
    page = Image.new("RGBA", layer.size, (255, 255, 255, 255))
    page.alpha_composite(layer)
    assert distance(saved(layer, container, **options), page) <= 4


def test_white_shows_through_the_transparent_colours_of_a_palette() -> None:
    content = saved(
        PICTURE.convert("RGBA").quantize(200), "PNG", transparency=bytes([0] * 50 + [255] * 150)
    )
    with Image.open(io.BytesIO(content)) as opened:
        layer = opened.convert("RGBA")
    page = Image.new("RGBA", layer.size, (255, 255, 255, 255))
    page.alpha_composite(layer)
    assert distance(content, page) <= 2


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("container", ["AVIF", "MPO"])
def test_orientation(container: str, orientation: int) -> None:
    transpose = Image.Transpose
    back = {
        2: transpose.FLIP_LEFT_RIGHT,
        3: transpose.ROTATE_180,
        4: transpose.FLIP_TOP_BOTTOM,
        5: transpose.TRANSPOSE,
        6: transpose.ROTATE_90,
        7: transpose.TRANSVERSE,
        8: transpose.ROTATE_270,
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = PICTURE.transpose(back)
    options = {"save_all": True, "append_images": [stored]} if container == "MPO" else {}
    assert distance(saved(stored, container, exif=exif, **options), PICTURE) <= 4
