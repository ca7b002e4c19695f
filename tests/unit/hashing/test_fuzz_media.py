"""Mutated and oversized files of every format through the pool: each gets its result within its
limits, and the pool lives on. `FUZZ_FILES` is how many (300; the full run takes 10,000)."""

import io
import os
import struct
import zlib

import numpy as np
import psutil
from PIL import Image

from matchers.hashing.decoder_pool import DecoderPool, MediaSource
from matchers.hashing.digests import digests
from matchers.hashing.outcome import Limits
from tests.unit.hashing.drawings import scene

FILES = int(os.environ.get("FUZZ_FILES", "300"))
LIMITS = Limits(pixels=4_000_000, bytes=8 << 20, frames=50, seconds=5.0, memory=256 << 20)
CONTAINERS = (
    "JPEG", "PNG", "GIF", "WEBP", "AVIF", "TIFF", "BMP", "JPEG2000", "ICO", "ICNS", "TGA", "PCX",
    "PPM", "SGI", "DDS", "QOI", "MPO",
)  # fmt: skip
ANIMATED = ("GIF", "PNG", "WEBP", "AVIF", "TIFF")
GROWTH = 160 << 20
"""Bytes that a decoder may hold more at the end than after its first file (libraries cache)."""


def seeds() -> list[bytes]:
    files: list[bytes] = []
    for container in CONTAINERS:
        target = io.BytesIO()
        scene(1, 128, 128).save(target, container)
        files.append(target.getvalue())
    for container in ANIMATED:
        target = io.BytesIO()
        scene(2, 64, 48).save(
            target, container, save_all=True, append_images=[scene(k, 64, 48) for k in range(3, 7)]
        )
        files.append(target.getvalue())
    return files


def mutated(content: bytes, rng: np.random.Generator, other: bytes) -> bytes:
    file = bytearray(content)
    kind = rng.integers(0, 5)
    if kind == 0:  # some bytes
        for place in rng.integers(0, len(file), int(rng.integers(1, 30))):
            file[place] = int(rng.integers(0, 256))
    elif kind == 1:  # the header, where sizes are
        for place in rng.integers(0, min(64, len(file)), int(rng.integers(1, 6))):
            file[place] = int(rng.choice([0, 1, 0x7F, 0x80, 0xFE, 0xFF]))
    elif kind == 2:  # the end
        del file[int(rng.integers(0, len(file))) :]
    elif kind == 3:  # a part of another file
        place, start = int(rng.integers(0, len(file))), int(rng.integers(0, len(other)))
        file[place : place + 200] = other[start : start + 300]
    else:  # a part again
        start, end = sorted(int(v) for v in rng.integers(0, len(file), 2))
        file[end:end] = file[start:end] * 3
    return bytes(file)


def png(width: int, height: int, rows: bytes) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def endless_gif() -> bytes:
    frame = io.BytesIO()
    scene(8, 64, 48).save(frame, "GIF", save_all=True, append_images=[scene(9, 64, 48)])
    body = frame.getvalue()
    start = body.index(b"\x21\xf9")
    return body[:-1] + body[start:-1] * 200 + b";"


def hostile() -> dict[str, bytes]:
    wide = io.BytesIO()
    Image.new("L", (65_535, 3)).save(wide, "PNG")
    return {
        "bomb": png(60_000, 60_000, bytes(1_000_000)),
        "lying size": png(1_900, 1_900, bytes(10)),
        "zero size": png(0, 0, b""),
        "inflates": png(1_000, 1_000, bytes(300_000_000)),
        "wide": wide.getvalue(),
        "endless": endless_gif(),
    }


def test_mutated_and_hostile_files() -> None:
    rng = np.random.default_rng(int(os.environ.get("FUZZ_SEED", "1")))
    originals = seeds()
    files = [
        mutated(originals[k % len(originals)], rng, originals[int(rng.integers(len(originals)))])
        for k in range(FILES)
    ]
    special = hostile()
    good = originals[1]
    with DecoderPool(LIMITS, processes=1) as pool:
        (expected,) = pool.hash_many([MediaSource(good, "picture")])
        assert expected.error is None
        decoder = psutil.Process().children()[-1]
        held = decoder.memory_info().rss
        named = dict(
            zip(
                special,
                pool.hash_many([MediaSource(content, "picture") for content in special.values()]),
                strict=True,
            )
        )
        for start in range(0, len(files), 100):
            batch = files[start : start + 100]
            results = pool.hash_many([MediaSource(content, "picture") for content in batch])
            assert [result.digests for result in results] == [digests(c) for c in batch]
            assert all(result.still or result.frames or result.error for result in results)
        assert pool.hash_many([MediaSource(good, "picture")]) == [expected]
        if decoder.is_running():
            assert decoder.memory_info().rss - held < GROWTH
    assert named["bomb"].error == "too_many_pixels"
    assert named["lying size"].error in {"truncated", "corrupt"}
    assert named["zero size"].error in {"truncated", "corrupt"}
    assert named["wide"].still is not None
    assert named["endless"].error == "too_many_frames"
    assert len(named["endless"].frames) <= LIMITS.frames
    assert all(named[name].digests == digests(content) for name, content in special.items())
