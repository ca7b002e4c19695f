"""Every mode and container hashes as the picture a person sees."""

import contextlib
import io
import struct
import zlib
from typing import Any

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from matchers.hashing.flatten import flattened
from matchers.hashing.image import picture_hashes
from matchers.hashing.outcome import FramePdq, Limits, StillHashes, Unreadable
from matchers.hashing.pdq import pdq
from tests.unit.hashing.drawings import scene

LIMITS = Limits()


def saved(picture: Image.Image, container: str, **options: Any) -> bytes:
    target = io.BytesIO()
    picture.save(target, container, **options)
    return target.getvalue()


def still(content: bytes) -> StillHashes:
    found = next(picture_hashes(content, LIMITS))
    assert isinstance(found, StillHashes)
    return found


def frames(content: bytes, limits: Limits = LIMITS) -> list[FramePdq]:
    return [found for found in picture_hashes(content, limits) if isinstance(found, FramePdq)]


def distance(a: str, b: str) -> int:
    return (int(a, 16) ^ int(b, 16)).bit_count()


def unreadable(content: bytes, limits: Limits = LIMITS) -> str:
    with pytest.raises(Unreadable) as caught:
        list(picture_hashes(content, limits))
    return caught.value.reason


def test_hashes_are_those_of_the_decoded_pixels() -> None:
    picture = scene(1)
    found = still(saved(picture, "PNG"))
    expected = pdq(np.asarray(picture))
    assert (found.pdq, found.quality) == (expected.hash.hex(), expected.quality)
    assert found.phash == str(imagehash.phash(picture))
    assert found.dhash == str(imagehash.dhash(picture))


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_pixels_are_pillows(subsampling: int, progressive: bool) -> None:
    content = saved(
        scene(2, 333, 251), "JPEG", subsampling=subsampling, progressive=progressive, quality=80
    )
    with Image.open(io.BytesIO(content)) as decoded:
        expected = pdq(np.asarray(decoded.convert("RGB"))).hash.hex()
    assert still(content).pdq == expected


LOSSLESS = [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("PPM", {}), ("TGA", {}), ("PCX", {})]
LOSSLESS += [("WEBP", {"lossless": True}), ("SGI", {}), ("DDS", {}), ("JPEG2000", {})]
LOSSLESS += [("QOI", {}), ("TIFF", {"compression": "tiff_lzw"}), ("MSP", {})]


@pytest.mark.parametrize(("container", "options"), LOSSLESS)
def test_lossless_containers(container: str, options: dict[str, Any]) -> None:
    picture = scene(3)
    if container == "MSP":
        picture = picture.convert("1")
    assert still(saved(picture, container, **options)).pdq == (
        pdq(np.asarray(picture.convert("RGB"))).hash.hex()
    )


@pytest.mark.parametrize("container", ["JPEG", "WEBP", "AVIF", "GIF", "MPO"])
def test_lossy_containers_stay_near(container: str) -> None:
    picture = scene(4)
    assert distance(still(saved(picture, container)).pdq, still(saved(picture, "PNG")).pdq) <= 16


@pytest.mark.parametrize(
    ("mode", "container"),
    [
        ("CMYK", "JPEG"),
        ("CMYK", "TIFF"),
        ("P", "PNG"),
        ("P", "GIF"),
        ("L", "PNG"),
        ("L", "JPEG"),
        ("LA", "PNG"),
        ("RGBA", "PNG"),
        ("RGBA", "WEBP"),
        ("YCbCr", "TIFF"),
        ("LAB", "TIFF"),
        ("1", "PNG"),
        ("1", "TIFF"),
    ],
)
def test_every_mode_is_near_the_rgb_picture(mode: str, container: str) -> None:
    picture = scene(5)
    if mode == "LAB":
        from PIL import ImageCms

        lab = ImageCms.profileToProfile(
            picture,
            ImageCms.createProfile("sRGB"),
            ImageCms.createProfile("LAB"),
            outputMode="LAB",
        )
        assert lab is not None
        stored = lab
    else:
        stored = picture.convert(mode)
    assert distance(still(saved(stored, container)).pdq, still(saved(picture, "PNG")).pdq) <= 24


def test_sixteen_bits_keep_the_picture() -> None:
    grey = scene(6).convert("L")
    wide = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    assert wide.mode == "I;16"
    expected = still(saved(grey, "PNG"))
    assert still(saved(wide, "PNG")) == expected
    assert still(saved(wide, "TIFF")) == expected
    netpbm = b"P5 320 240 65535\n" + (np.asarray(grey).astype(">u2") * 257).astype(">u2").tobytes()
    assert still(netpbm) == expected


@pytest.mark.parametrize("scale", [1.0, 1 / 255, 1000.0])
def test_floating_point_pictures(scale: float) -> None:
    grey = np.asarray(scene(7).convert("L")).astype(np.float32)
    content = saved(Image.fromarray(grey * np.float32(scale)), "TIFF")
    expected = still(saved(scene(7).convert("L"), "PNG")).pdq
    assert distance(still(content).pdq, expected) <= 8


def test_transparency_shows_white() -> None:
    layer = scene(8).convert("RGBA")
    alpha = Image.linear_gradient("L").resize(layer.size)
    layer.putalpha(alpha)
    page = Image.new("RGBA", layer.size, (255, 255, 255, 255))
    page.alpha_composite(layer)
    assert distance(still(saved(layer, "PNG")).pdq, still(saved(page, "PNG")).pdq) <= 2


def test_colours_hidden_under_full_transparency_are_not_seen() -> None:
    layer = scene(9).convert("RGBA")
    layer.putalpha(0)
    assert still(saved(layer, "PNG")).quality == 0


def test_a_palettes_transparent_entry_shows_white() -> None:
    picture = Image.new("P", (64, 64), 0)
    picture.putpalette([0, 0, 0, 255, 255, 255])
    content = saved(picture, "PNG", transparency=0)
    with Image.open(io.BytesIO(content)) as opened:
        assert flattened(opened).getextrema() == ((255, 255),) * 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("container", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation(orientation: int, container: str) -> None:
    upright = scene(10, 320, 200)
    back = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = upright if back is None else upright.transpose(back)
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = still(saved(stored, container, exif=exif))
    assert distance(found.pdq, still(saved(upright, "PNG")).pdq) <= 16


@pytest.mark.parametrize("container", ["GIF", "WEBP", "PNG", "AVIF", "TIFF"])
def test_frames_of_animations_and_pages(container: str) -> None:
    pictures = [scene(20), scene(20), scene(21), scene(22)]
    content = saved(
        pictures[0],
        container,
        save_all=True,
        append_images=pictures[1:],
        **({} if container == "TIFF" else {"duration": 500}),
    )
    found = frames(content)
    shown = [scene(20), scene(21), scene(22)]
    assert len(found) == 3
    for frame, picture in zip(found, shown, strict=True):
        assert distance(frame.pdq, still(saved(picture, "PNG")).pdq) <= 24
    assert found[0].pdq == still(content).pdq
    assert [frame.seconds for frame in found] == (
        [0.0, 0.0, 0.0] if container == "TIFF" else [0.0, 1.0, 1.5]
    )


def test_an_mpos_second_picture_is_not_a_frame() -> None:
    content = saved(scene(23), "MPO", save_all=True, append_images=[scene(24)])
    assert frames(content) == []
    assert distance(still(content).pdq, still(saved(scene(23), "PNG")).pdq) <= 16


def test_too_many_frames_keeps_those_before() -> None:
    later = [scene(k) for k in range(31, 36)]
    found = picture_hashes(
        saved(scene(30), "GIF", save_all=True, append_images=later), Limits(frames=3)
    )
    kinds = [type(next(found)) for _ in range(4)]
    assert kinds == [StillHashes, FramePdq, FramePdq, FramePdq]
    with pytest.raises(Unreadable, match="too_many_frames"):
        next(found)


def test_empty_and_foreign_files() -> None:
    assert unreadable(b"") == "empty"
    assert unreadable(b"not a picture at all") == "unsupported"
    assert unreadable(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n") == "unsupported"


@pytest.mark.parametrize(
    "container", ["JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TGA", "PPM", "JPEG2000"]
)
@pytest.mark.parametrize("share", [0.3, 0.7])
def test_truncated(container: str, share: float) -> None:
    content = saved(scene(11), container)
    reason = unreadable(content[: int(len(content) * share)])
    assert reason in {"truncated", "corrupt"}
    if container in {"JPEG", "PNG", "WEBP", "AVIF", "GIF"}:
        assert reason == "truncated"


def test_limits() -> None:
    content = saved(scene(12), "PNG")
    assert unreadable(content, Limits(bytes=len(content) - 1)) == "too_many_bytes"
    assert unreadable(content, Limits(pixels=320 * 240 - 1)) == "too_many_pixels"
    assert list(picture_hashes(content, Limits(bytes=len(content), pixels=320 * 240)))


def test_a_bomb_is_refused_by_its_header() -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 200_000, 200_000, 8, 2, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000)))
    assert unreadable(bomb + chunk(b"IEND", b"")) == "too_many_pixels"


@pytest.mark.parametrize("size", [(1, 1), (65_535, 1), (1, 9_000), (4, 4)])
def test_pictures_too_narrow_for_pdq(size: tuple[int, int]) -> None:
    found = still(saved(Image.new("RGB", size), "PNG"))
    assert (found.pdq, found.quality) == ("0" * 64, 0)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of corrupt TIFF tags
@settings(max_examples=200, deadline=None)
@given(data=st.data(), container=st.sampled_from(["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"]))
def test_mutated_files_give_hashes_or_a_reason(data: st.DataObject, container: str) -> None:
    content = bytearray(saved(scene(13, 48, 40), container))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    # Anything but `Unreadable` would escape and fail the test.
    with contextlib.suppress(Unreadable):
        list(picture_hashes(bytes(content), Limits(pixels=1_000_000, frames=5)))
