"""What viewers show of a file with a fault, or of one that begins as another, is hashed."""

import functools
import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image, ImageFile

from matchers.hashing.decoder_pool import DecoderPool, MediaSource
from matchers.hashing.digests import digests
from matchers.hashing.outcome import HashResult, Limits
from matchers.hashing.pdq import pdq
from matchers.hashing.wire import video_available
from tests.unit.hashing.drawings import scene

NEAR = 31
"""The radius that the lists match in."""

needs_ffmpeg = pytest.mark.skipif(not video_available(), reason="PyAV is the extra `video`")


@pytest.fixture(scope="module")
def pool() -> Iterator[DecoderPool]:
    with DecoderPool(Limits(), processes=1) as started:
        yield started


def saved(picture: Image.Image, container: str, **options: int) -> bytes:
    target = io.BytesIO()
    picture.save(target, container, **options)
    return target.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_with(part: bytes) -> bytes:
    content = saved(scene(7), "PNG")
    at = content.index(b"IDAT") - 4
    return content[:at] + part + content[at:]


def jpeg_with(part: bytes) -> bytes:
    content = saved(scene(7), "JPEG", quality=92)
    return content[:2] + part + content[2:]


def shows(result: HashResult, seed: int) -> bool:
    expected = int.from_bytes(pdq(np.asarray(scene(seed))).hash)
    found = [frame.pdq for frame in result.frames] + ([result.still.pdq] if result.still else [])
    return any((int(value, 16) ^ expected).bit_count() <= NEAR for value in found)


BROKEN_PNGS = {
    "checksum": chunk(b"tEXt", b"a\0b")[:-4] + bytes(4),
    "inflating text": chunk(b"zTXt", b"a\0\0" + zlib.compress(b"a" * 2_000_000, 9)),
    "gAMA": chunk(b"gAMA", b"\0"),
    "pHYs": chunk(b"pHYs", b"\0"),
    "tRNS": chunk(b"tRNS", b"\0"),
    "acTL": chunk(b"acTL", bytes(3)),
}
BROKEN_FOR_PILLOW = {
    "iCCP": png_with(chunk(b"iCCP", b"\0")),
    "APP13": jpeg_with(b"\xff\xed\x00\x16Photoshop 3.0\x008BIM\xff\xff"),
    "APP14": jpeg_with(b"\xff\xee\x00\x08Adobe\0"),
    "zeros": jpeg_with(bytes(2)),
}


@pytest.mark.parametrize("mode", ["exact", "screen"])
@pytest.mark.parametrize("part", BROKEN_PNGS.values(), ids=BROKEN_PNGS)
def test_a_png_with_a_broken_part(pool: DecoderPool, part: bytes, mode: str) -> None:
    (result,) = pool.hash_many(
        [MediaSource(png_with(part), "picture")], "exact" if mode == "exact" else "screen"
    )
    assert shows(result, 7)
    assert result.still is not None
    assert result.still.exact
    assert result.error in {"corrupt", "truncated"}  # what was wrong is told all the same


@needs_ffmpeg
@pytest.mark.parametrize("content", BROKEN_FOR_PILLOW.values(), ids=BROKEN_FOR_PILLOW)
@pytest.mark.parametrize("claims", ["picture", "video"])
def test_what_only_ffmpeg_reads(pool: DecoderPool, content: bytes, claims: str) -> None:
    (result,) = pool.hash_many(
        [MediaSource(content, "picture" if claims == "picture" else "video")]
    )
    assert shows(result, 7)
    assert result.error is not None


@pytest.mark.parametrize("container", ["JPEG", "PNG", "GIF"])
def test_a_cut_picture_is_what_is_left_of_it(pool: DecoderPool, container: str) -> None:
    whole = saved(scene(7), container)
    (result,) = pool.hash_many([MediaSource(whole[: len(whole) * 96 // 100], "picture")])
    assert shows(result, 7)
    assert result.error == "truncated"


def test_a_cut_animation_keeps_its_frames_once(pool: DecoderPool) -> None:
    target = io.BytesIO()
    scene(1).save(target, "GIF", save_all=True, append_images=[scene(2), scene(7)], duration=300)
    (result,) = pool.hash_many([MediaSource(target.getvalue()[:-900], "picture")])
    assert [frame.frame for frame in result.frames] == [0, 1, 2]
    assert shows(result, 7)
    assert result.error == "truncated"


def test_limits_hold_on_every_way() -> None:
    content = png_with(BROKEN_PNGS["checksum"])
    animation = io.BytesIO()
    scene(1).save(animation, "GIF", save_all=True, append_images=[scene(k) for k in range(2, 9)])
    limits = Limits(pixels=320 * 240 - 1, frames=3)
    with DecoderPool(limits, processes=1) as pool:
        (large,) = pool.hash_many([MediaSource(content, "picture")])
    assert large == HashResult(digests=digests(content), error="too_many_pixels")
    with DecoderPool(Limits(frames=3), processes=1) as pool:
        (long,) = pool.hash_many([MediaSource(animation.getvalue()[:-500], "picture")])
        assert pool.restarts == 0
    assert (len(long.frames), long.error) == (3, "too_many_frames")


def test_tolerance_does_not_outlive_its_file() -> None:
    from matchers.hashing.outcome import NO_VARIANTS, Unreadable
    from matchers.hashing.ways import file_hashes

    found = file_hashes("exact", saved(scene(7), "JPEG")[:-40], Limits(), NO_VARIANTS)
    next(found)
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
    with pytest.raises(Unreadable, match="truncated"):
        list(found)
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


@functools.cache
def film(container: str, codec: str = "mpeg4") -> bytes:
    import av

    target = io.BytesIO()
    with av.open(target, "w", format=container) as output:
        stream = output.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.bit_rate = 4_000_000
        for seed in (1, 7):
            for _ in range(10):
                output.mux(stream.encode(av.VideoFrame.from_image(scene(seed))))
        output.mux(stream.encode())
    return target.getvalue()


@needs_ffmpeg
@pytest.mark.parametrize("claims", ["picture", "video", None])
@pytest.mark.parametrize("kind", ["heic", "mif1", "gif", "jpeg"])
def test_a_video_that_begins_as_a_picture(pool: DecoderPool, kind: str, claims: str | None) -> None:
    mp4 = film("mp4")
    content = {
        "heic": mp4[:8] + b"heic" + mp4[12:],
        "mif1": mp4[:8] + b"mif1" + mp4[12:],
        "gif": b"GIF89a" + bytes(182) + film("mpegts", "mpeg2video"),
        "jpeg": b"\xff\xd8\xff\xe0" + bytes(184) + film("mpegts", "mpeg2video"),
    }[kind]
    sent_as = {"picture": "picture", "video": "video"}.get(claims or "")
    (result,) = pool.hash_many([MediaSource(content, sent_as)])  # pyright: ignore[reportArgumentType]
    assert shows(result, 1)
    assert shows(result, 7)


@needs_ffmpeg
@pytest.mark.parametrize("claims", ["picture", "video", None])
def test_a_picture_that_begins_as_a_video(pool: DecoderPool, claims: str | None) -> None:
    tga = bytearray(saved(scene(7, 188, 120), "TGA"))
    tga[0] = 0x47  # the length of a comment
    content = bytes(tga[:18]) + bytes(0x47) + bytes(tga[18:])
    content = content[:188] + b"\x47" + content[189:376] + b"\x47" + content[377:]
    sent_as = {"picture": "picture", "video": "video"}.get(claims or "")
    (result,) = pool.hash_many([MediaSource(content, sent_as)])  # pyright: ignore[reportArgumentType]
    found = int(result.still.pdq, 16) if result.still else 0
    expected = int.from_bytes(pdq(np.asarray(scene(7, 188, 120))).hash)
    assert (found ^ expected).bit_count() <= NEAR


@needs_ffmpeg
@pytest.mark.parametrize("kind", ["asf", "free", "wide", "ico"])
def test_media_that_nothing_tells_of(pool: DecoderPool, kind: str) -> None:
    mp4 = film("mp4")
    content = {
        "asf": film("asf"),
        "free": mp4[:4] + b"free" + mp4[8:],
        "wide": mp4[:4] + b"wide" + mp4[8:],
        "ico": saved(scene(7, 256, 192), "ICO"),
    }[kind]
    (result,) = pool.hash_many([MediaSource(content)])
    assert shows(result, 7)
    assert result.error is None


@pytest.mark.parametrize(
    "content",
    [
        b"plain words\n",
        "naïve words – \u4f60\u597d".encode(),
        "words".encode("utf-16"),
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
        b"PK\x03\x04" + bytes(300),
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n",
        np.random.default_rng(3).bytes(20_000),
        bytes(20_000),
        b"\0\0\2\0" + bytes(8) + b"\xff\xff\xff\xff\x18\0" + bytes(40),
    ],
    ids=["ascii", "utf-8", "utf-16", "pdf", "zip", "playlist", "random", "zeros", "huge tga"],
)
def test_other_attachments_are_no_errors(pool: DecoderPool, content: bytes) -> None:
    assert pool.hash_many([MediaSource(content)]) == [HashResult(digests=digests(content))]
    assert pool.restarts == 0


def jpeg_xl() -> bytes:
    """The size and the defaults of a picture of 256 x 256 (ISO/IEC 18181-1), and nothing behind."""
    return b"\xff\x0a\x3f\x00" + bytes(64)


@pytest.mark.parametrize("sent_as", ["picture", "video", None])
def test_a_kind_that_nothing_here_decodes_costs_no_decoder(pool: DecoderPool, sent_as: str) -> None:
    (result,) = pool.hash_many([MediaSource(jpeg_xl(), sent_as)])  # pyright: ignore[reportArgumentType]
    assert result.still is None
    assert result.error in (None, "unsupported", "corrupt")
    assert pool.restarts == 0
