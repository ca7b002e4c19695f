"""A picture whose colour profile shows another one is hashed as both."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from matchers.hashing.image import picture_hashes
from matchers.hashing.outcome import Limits, Mode, StillHashes
from matchers.hashing.pdq import pdq
from tests.unit.hashing.drawings import scene

LEVELS = np.arange(256) / 255
D65_TO_D50 = {
    "sRGB": None,
    "Display P3": ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841)),
    "Adobe RGB": ((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446)),
    "ProPhoto": ((0.7977, 0.2880, 0.0), (0.1352, 0.7119, 0.0), (0.0313, 0.0001, 0.8249)),
}
"""The colorants of the usual profiles, adapted to D50."""


def profile(curve: NDArray[np.float64], colorants: Any = None) -> bytes:
    """An sRGB profile with another tone curve (of linear light) and other colorants."""
    source = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    (count,) = struct.unpack(">I", source[128:132])
    values = np.rint(65_535 * curve).astype(">u2").tobytes()
    tags: list[tuple[bytes, int, int]] = []
    body = b""
    for k in range(count):
        name, at, length = struct.unpack(">4sII", source[132 + 12 * k : 144 + 12 * k])
        data = source[at : at + length]
        if name in (b"rTRC", b"gTRC", b"bTRC"):
            data = b"curv\0\0\0\0" + struct.pack(">I", len(curve)) + values
        if colorants is not None and name in (b"rXYZ", b"gXYZ", b"bXYZ"):
            xyz = colorants[(b"rXYZ", b"gXYZ", b"bXYZ").index(name)]
            data = b"XYZ \0\0\0\0" + struct.pack(">iii", *(round(v * 65_536) for v in xyz))
        tags.append((name, 132 + 12 * count + len(body), len(data)))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(">I", 132 + 12 * count + len(body)) + source[4:128]
    table = b"".join(struct.pack(">4sII", *tag) for tag in tags)
    return head + struct.pack(">I", count) + table + body


INVERTING = profile((1 - LEVELS) ** 2.2)


def grey_profile(curve: NDArray[np.float64]) -> bytes:
    """ICC.1:2022, 8.5: a display's profile for grey, with no more than its white and its curve."""
    white = b"XYZ \0\0\0\0" + struct.pack(">iii", 0xF6D6, 0x10000, 0xD32D)
    values = np.rint(65_535 * curve).astype(">u2").tobytes()
    tone = b"curv\0\0\0\0" + struct.pack(">I", len(curve)) + values
    table = struct.pack(">I4sII4sII", 2, b"wtpt", 156, len(white), b"kTRC", 176, len(tone))
    source = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    head = source[4:16] + b"GRAY" + source[20:128]
    return struct.pack(">I", 176 + len(tone)) + head + table + white + tone


GREY_INVERTING = grey_profile((1 - LEVELS) ** 2.2)


def negative(seed: int) -> Image.Image:
    return Image.fromarray(255 - np.asarray(scene(seed)))


def saved(picture: Image.Image, container: str, **options: Any) -> bytes:
    target = io.BytesIO()
    picture.save(target, container, **options)
    return target.getvalue()


def hashed(content: bytes, mode: Mode = "exact") -> StillHashes:
    found = next(picture_hashes(content, Limits(), mode))
    assert isinstance(found, StillHashes)
    return found


def bits(value: str, picture: Image.Image) -> int:
    return (int(value, 16) ^ int.from_bytes(pdq(np.asarray(picture)).hash)).bit_count()


@pytest.mark.parametrize("mode", ["exact", "screen"])
@pytest.mark.parametrize("container", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_negative_that_is_shown_as_the_positive(container: str, mode: Mode) -> None:
    content = saved(negative(7), container, icc_profile=INVERTING)
    found = hashed(content, mode)
    (view,) = found.variants
    assert view.variant == "colour_managed"
    assert bits(view.pdq, scene(7)) <= 16
    assert bits(found.pdq, negative(7)) <= 16
    assert found.exact


def test_a_grey_negative() -> None:
    (view,) = hashed(saved(negative(7).convert("L"), "JPEG", icc_profile=GREY_INVERTING)).variants
    assert bits(view.pdq, scene(7)) <= 16
    # Not for grey pixels: viewers leave it out.
    assert hashed(saved(negative(7).convert("L"), "JPEG", icc_profile=INVERTING)).variants == ()


def test_a_gamma_that_shows_another_picture() -> None:
    stored = 255 * (np.asarray(scene(7)) / 255) ** (4 * 2.2)
    content = saved(Image.fromarray(np.rint(stored).astype(np.uint8)), "PNG")
    at = content.index(b"IDAT") - 4
    body = b"gAMA" + struct.pack(">I", 400_000)
    part = struct.pack(">I", 4) + body + struct.pack(">I", zlib.crc32(body))
    (view,) = hashed(content[:at] + part + content[at:]).variants
    assert bits(view.pdq, scene(7)) <= 31


@pytest.mark.parametrize("name", D65_TO_D50)
@pytest.mark.parametrize("gamma", [1.8, 2.2])
def test_usual_profiles_add_no_view(name: str, gamma: float) -> None:
    usual = profile(LEVELS**gamma, D65_TO_D50[name])
    plain, marked = (
        hashed(saved(scene(7), "JPEG", quality=92, **options), "screen")
        for options in ({}, {"icc_profile": usual})
    )
    assert marked == plain
    assert not marked.exact or plain.exact


@pytest.mark.parametrize(
    "broken",
    [b"no profile", INVERTING[:200], INVERTING[:900], bytes(5 << 20)],
    ids=["words", "cut", "cut later", "too long"],
)
def test_a_broken_profile_is_none(broken: bytes) -> None:
    assert hashed(saved(scene(7), "JPEG", icc_profile=broken)).variants == ()
