"""Screen hashes stay within their stated drift, and screening finds the same matches."""

import io
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from matchers.hashing.decoder_pool import DecoderPool, MediaSource
from matchers.hashing.image import picture_hashes
from matchers.hashing.outcome import Limits, Mode, StillHashes
from matchers.hashing.pdq import pdq, pdq_of_thumbnail
from matchers.hashing.screen import PDQ_DRIFT, PHASH_DRIFT, QUALITY_DRIFT
from matchers.hashing.screening import ScreeningHasher
from tests.unit.hashing.drawings import scene

RADIUS = 31


def jpeg(picture: Image.Image, **options: object) -> bytes:
    target = io.BytesIO()
    picture.save(target, "JPEG", **options)
    return target.getvalue()


def hashed(content: bytes, mode: Mode) -> StillHashes:
    found = next(picture_hashes(content, Limits(), mode))
    assert isinstance(found, StillHashes)
    return found


def distance(a: str, b: str) -> int:
    return (int(a, 16) ^ int(b, 16)).bit_count()


@pytest.mark.parametrize("seed", range(24))
def test_drift(seed: int) -> None:
    rng = np.random.default_rng(seed)
    width, height = (int(v) for v in rng.integers(256, 1800, 2))
    exif = Image.Exif()
    exif[0x0112] = seed % 8 + 1
    content = jpeg(
        scene(seed, width, height),
        quality=int(rng.integers(30, 97)),
        subsampling=seed % 3,
        progressive=seed % 2 == 0,
        exif=exif,
    )
    exact, screen = hashed(content, "exact"), hashed(content, "screen")
    assert (exact.exact, screen.exact) == (True, False)
    assert distance(exact.pdq, screen.pdq) <= PDQ_DRIFT
    assert abs(exact.quality - screen.quality) <= QUALITY_DRIFT
    assert distance(exact.phash, screen.phash) <= PHASH_DRIFT
    assert distance(exact.dhash, screen.dhash) <= PHASH_DRIFT


def test_what_cannot_be_decoded_smaller_is_hashed_exactly() -> None:
    png = io.BytesIO()
    scene(1, 900, 700).save(png, "PNG")
    for content in (
        png.getvalue(),
        jpeg(scene(2, 255, 255)),
        jpeg(scene(3, 600, 600).convert("CMYK")),
        jpeg(scene(4, 600, 600), keep_rgb=True),
    ):
        assert hashed(content, "screen") == hashed(content, "exact")


def test_grey_jpegs_are_screened() -> None:
    content = jpeg(scene(5, 700, 600).convert("L"))
    assert not hashed(content, "screen").exact
    assert distance(hashed(content, "screen").pdq, hashed(content, "exact").pdq) <= PDQ_DRIFT


def test_a_thumbnail_is_hashed_as_a_picture_of_that_size() -> None:
    grey = np.asarray(scene(6, 64, 64).convert("L"))
    assert distance(pdq_of_thumbnail(grey.astype(np.float32)).hash.hex(), pdq(grey).hash.hex()) <= 2


def test_screening_finds_the_same_matches_and_gives_them_exactly() -> None:
    originals = [scene(k, 700, 560) for k in range(12)]
    listed = [pdq(np.asarray(picture)).hash.hex() for picture in originals[:6]]
    edits = [
        edit
        for picture in originals
        for edit in (
            jpeg(picture, quality=40),
            jpeg(picture.resize((520, 420)), quality=70),
            jpeg(picture.crop((30, 20, 680, 545)), quality=80),
        )
    ]

    def within(found: StillHashes, radius: int) -> list[int]:
        return [k for k, entry in enumerate(listed) if distance(found.pdq, entry) <= radius]

    asked: list[StillHashes] = []

    def could_match(screened: Sequence[StillHashes]) -> list[bool]:
        asked.extend(screened)
        return [bool(within(still, RADIUS + PDQ_DRIFT)) for still in screened]

    with DecoderPool(Limits(), processes=1) as pool:
        items = [MediaSource(content, "picture") for content in edits]
        exact = [result.still for result in pool.hash_many(items)]
        screened = [result.still for result in ScreeningHasher(pool, could_match).hash_many(items)]
    assert len(asked) == len(edits)
    matched = 0
    for by_exact, by_screen in zip(exact, screened, strict=True):
        assert by_exact is not None
        assert by_screen is not None
        matches = within(by_exact, RADIUS)
        assert within(by_screen, RADIUS) == matches
        if matches:
            matched += 1
            assert by_screen == by_exact
    assert matched >= 12
    assert not all(still is not None and still.exact for still in screened)
