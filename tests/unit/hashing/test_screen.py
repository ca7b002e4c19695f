"""Screen hashes stay within their stated drift, and screening finds the same matches."""

import io
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image, ImageDraw

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
    width, height = (int(v) for v in rng.integers(640, 1800, 2))
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


def mirrored(seed: int, width: int, height: int) -> Image.Image:
    half = scene(seed, width // 2, height)
    whole = Image.new("RGB", (width, height))
    whole.paste(half, (0, 0))
    whole.paste(half.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (width // 2, 0))
    return whole


def noisy(seed: int, width: int, height: int) -> Image.Image:
    noise = np.random.default_rng(seed).normal(0, 6, (height, width, 3))
    pixels = np.asarray(mirrored(seed, width, height)) + noise
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def tiled(seed: int, width: int, height: int) -> Image.Image:
    columns, rows = ((2, 1), (2, 2), (3, 3))[seed % 3]
    tile = scene(seed, width // columns, height // rows)
    whole = Image.new("RGB", (width, height))
    for place in range(columns * rows):
        x, y = place % columns, place // columns
        whole.paste(tile, (x * (width // columns), y * (height // rows)))
    return whole


def page(seed: int, width: int, height: int) -> Image.Image:
    """Black words on white, as a scan or a screenshot has."""
    rng = np.random.default_rng(seed)
    whole = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(whole)
    for y in range(40, height - 40, 24):
        x = 40
        while x < width - 60:
            word = int(rng.integers(10, 60))
            draw.rectangle((x, y, x + word, y + 10), fill="black")
            x += word + 8
    return whole


def rings(seed: int, width: int, height: int) -> Image.Image:
    y, x = np.mgrid[:height, :width]
    waves = 127 + 120 * np.sin(np.hypot(x - width / 2, y - height / 2) / (8 + seed))
    return Image.fromarray(waves.astype(np.uint8)).convert("RGB")


SIZES = [(1080, 1920), (1600, 1200), (1240, 1754), (1024, 1024), (1500, 1000), (900, 700)]


@pytest.mark.parametrize("kind", [mirrored, noisy, tiled, page, rings])
@pytest.mark.parametrize("seed", range(6))
def test_pictures_that_rounding_decides_are_hashed_exactly_or_drift_no_further(kind, seed) -> None:
    """Half the spectrum of what is symmetrical is zero; of a page every cell has edges."""
    content = jpeg(kind(seed, *SIZES[seed]), quality=(85, 60, 95)[seed % 3])
    exact, screen = hashed(content, "exact"), hashed(content, "screen")
    assert distance(exact.pdq, screen.pdq) <= PDQ_DRIFT
    assert abs(exact.quality - screen.quality) <= QUALITY_DRIFT
    assert distance(exact.phash, screen.phash) <= PHASH_DRIFT
    assert distance(exact.dhash, screen.dhash) <= PHASH_DRIFT


def test_what_cannot_be_decoded_smaller_is_hashed_exactly() -> None:
    png = io.BytesIO()
    scene(1, 900, 700).save(png, "PNG")
    for content in (
        png.getvalue(),
        jpeg(scene(2, 639, 639)),
        jpeg(scene(3, 700, 700).convert("CMYK")),
        jpeg(scene(4, 700, 700), keep_rgb=True),
    ):
        assert hashed(content, "screen") == hashed(content, "exact")


def test_grey_jpegs_are_screened() -> None:
    content = jpeg(scene(5, 800, 700).convert("L"))
    assert not hashed(content, "screen").exact
    assert distance(hashed(content, "screen").pdq, hashed(content, "exact").pdq) <= PDQ_DRIFT


def test_a_thumbnail_is_hashed_as_a_picture_of_that_size() -> None:
    grey = np.asarray(scene(6, 64, 64).convert("L"))
    assert distance(pdq_of_thumbnail(grey.astype(np.float32)).hash.hex(), pdq(grey).hash.hex()) <= 2


def test_screening_finds_the_same_matches_and_gives_them_exactly() -> None:
    originals = [scene(k, 1400, 1120) for k in range(12)]
    listed = [pdq(np.asarray(picture)).hash.hex() for picture in originals[:6]]
    edits = [
        edit
        for picture in originals
        for edit in (
            jpeg(picture, quality=40),
            jpeg(picture.resize((1000, 800)), quality=70),
            jpeg(picture.crop((60, 40, 1360, 1090)), quality=80),
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
