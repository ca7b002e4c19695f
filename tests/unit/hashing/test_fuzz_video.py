"""Mutated and oversized videos through the pool, as test_fuzz_media.py does with pictures; of
`FUZZ_FILES` a fifth."""

import io
import os

import numpy as np
import psutil
import pytest
from PIL import Image

from matchers.hashing.decoder_pool import DecoderPool, MediaSource
from matchers.hashing.digests import digests
from matchers.hashing.outcome import HashResult, Limits
from tests.unit.hashing.drawings import scene
from tests.unit.hashing.test_fuzz_media import FILES, GROWTH, LIMITS, mutated

av = pytest.importorskip("av", reason="PyAV is the extra `video`")

KINDS = (
    ("mp4", "mpeg4"), ("mp4", "libx264"), ("webm", "libvpx"), ("webm", "libvpx-vp9"),
    ("matroska", "libx264"), ("mov", "mjpeg"), ("avi", "mpeg4"), ("mpegts", "mpeg2video"),
    ("flv", "flv1"), ("ogg", "libtheora"), ("asf", "wmv2"),
)  # fmt: skip


def film(container: str, codec: str, pictures: list[Image.Image], rate: int = 10) -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate)
        stream.width, stream.height = pictures[0].size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for picture in pictures:
            output.mux(stream.encode(av.VideoFrame.from_image(picture)))
        output.mux(stream.encode())
    return target.getvalue()


def seeds() -> list[bytes]:
    known = [(container, codec) for container, codec in KINDS if codec in av.codecs_available]
    assert len(known) >= 8
    pictures = [scene(k // 8, 128, 96) for k in range(24)]
    return [film(container, codec, pictures) for container, codec in known]


def hashed(pool: DecoderPool, files: list[bytes]) -> list[HashResult]:
    return pool.hash_many([MediaSource(content, "video") for content in files])


def test_mutated_videos() -> None:
    rng = np.random.default_rng(int(os.environ.get("FUZZ_SEED", "1")))
    originals = seeds()
    files = [
        mutated(originals[k % len(originals)], rng, originals[int(rng.integers(len(originals)))])
        for k in range(FILES // 5)
    ]
    with DecoderPool(LIMITS, processes=1) as pool:
        expected = hashed(pool, originals)
        assert all(result.frames and result.error is None for result in expected)
        decoder = psutil.Process().children()[-1]
        held = decoder.memory_info().rss
        for start in range(0, len(files), 50):
            batch = files[start : start + 50]
            results = hashed(pool, batch)
            assert [result.digests for result in results] == [digests(c) for c in batch]
            assert all(len(result.frames) <= LIMITS.frames for result in results)
        assert hashed(pool, originals) == expected
        if decoder.is_running():
            assert decoder.memory_info().rss - held < GROWTH


def test_videos_that_ask_for_too_much() -> None:
    wide = [Image.new("RGB", (2_400, 2_400), "grey")] * 2
    small = [scene(1, 128, 96)] * 20
    files = {
        "bomb": film("mp4", "mpeg4", wide),
        "grows": film("mpegts", "mpeg2video", small) + film("mpegts", "mpeg2video", wide),
        "endless": film("mp4", "mpeg4", [scene(k % 7, 64, 48) for k in range(200)], rate=1),
        "good": film("mp4", "mpeg4", small),
    }
    with DecoderPool(LIMITS, processes=1) as pool:
        results = dict(zip(files, hashed(pool, list(files.values())), strict=True))
        assert pool.restarts == 0
    assert results["bomb"].error == results["grows"].error == "too_many_pixels"
    assert results["endless"].error == "too_many_frames"
    assert 0 < len(results["endless"].frames) <= LIMITS.frames
    assert results["good"].error is None
    assert all(results[name].digests == digests(content) for name, content in files.items())


def test_a_video_that_takes_too_long_is_ended() -> None:
    long = film("mp4", "mpeg4", [scene(k, 640, 480) for k in range(5)] * 300, rate=600)
    with DecoderPool(Limits(seconds=0.1), processes=1) as pool:
        slow, good = hashed(pool, [long, film("mp4", "mpeg4", [scene(1, 128, 96)])])
        assert pool.restarts == 1
    assert slow.error == "timeout"
    assert slow.digests == digests(long)
    assert good.error is None
