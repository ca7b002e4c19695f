import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from matchers.hashing import pdq
from matchers.hashing.borders import may_have_borders, without_borders
from matchers.hashing.flatten import as_pillows_grey
from matchers.hashing.image import picture_hashes
from matchers.hashing.outcome import Limits, StillHashes, Variants
from matchers.hashing.pdq import Pixels
from matchers.hashing.screen import PDQ_DRIFT, reduced_jpeg
from tests.unit.hashing.drawings import scene

TRIMMED, DIHEDRAL = Variants(trimmed=True), Variants(dihedral=True)


def bordered(
    picture: Image.Image, top: int, right: int, bottom: int, left: int, colour: tuple[int, int, int]
) -> Image.Image:
    size = (picture.width + left + right, picture.height + top + bottom)
    framed = Image.new("RGB", size, colour)
    framed.paste(picture, (left, top))
    return framed


def jpeg(picture: Image.Image, quality: int = 85) -> bytes:
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=quality)
    return target.getvalue()


def still(content: bytes, variants: Variants, mode: str = "exact") -> StillHashes:
    found = next(iter(picture_hashes(content, Limits(), mode, variants)))  # type: ignore[arg-type]
    assert isinstance(found, StillHashes)
    return found


def bits_apart(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def trimmed(pixels: Pixels) -> Pixels | None:
    return without_borders(pixels, as_pillows_grey(pixels))


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (30, 90, 60)])
@pytest.mark.parametrize(
    "sides", [(60, 0, 60, 0), (0, 90, 0, 90), (50, 70, 40, 30), (100, 0, 0, 0)]
)
def test_borders_of_one_colour_are_cut_away(
    sides: tuple[int, int, int, int], colour: tuple[int, int, int]
) -> None:
    picture = scene(3, 320, 240)
    inner = trimmed(np.asarray(bordered(picture, *sides, colour)))
    assert inner is not None
    assert np.array_equal(inner, np.asarray(picture))


@pytest.mark.parametrize(
    "picture",
    [
        scene(4, 320, 240),
        Image.new("RGB", (320, 240), (9, 9, 9)),
        bordered(scene(4, 320, 240), 4, 4, 4, 4, (0, 0, 0)),
        bordered(scene(4, 64, 48), 200, 0, 200, 0, (0, 0, 0)),
        Image.new("L", (1, 1)),
        Image.new("L", (3, 400)),
    ],
    ids=["none", "flat", "narrow", "a frame alone", "a pixel", "a line"],
)
def test_what_is_no_border_stays(picture: Image.Image) -> None:
    assert trimmed(np.asarray(picture)) is None


@pytest.mark.parametrize("quality", [40, 70, 90])
def test_a_compressed_letterbox_hashes_as_the_picture_within(quality: int) -> None:
    for seed in range(10):
        picture = scene(seed, 640, 360)
        framed = bordered(picture, 60, 0, 60, 0, (0, 0, 0))
        found = still(jpeg(framed, quality), TRIMMED)
        (view,) = [view for view in found.variants if view.variant == "trimmed"]
        within = pdq.pdq(np.asarray(picture)).hash.hex()
        assert bits_apart(view.pdq, within) <= 16
        assert bits_apart(found.pdq, within) > 31


@pytest.mark.parametrize("mode", ["exact", "screen"])
def test_both_modes_give_the_same_trimmed_hash(mode: str) -> None:
    framed = jpeg(bordered(scene(5, 1600, 900), 120, 0, 120, 0, (0, 0, 0)))
    assert still(framed, TRIMMED, mode) == still(framed, TRIMMED)
    plain = jpeg(scene(5, 1600, 1200))
    assert still(plain, TRIMMED).variants == ()


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 50),
    width=st.integers(300, 1100),
    height=st.integers(300, 1100),
    sides=st.tuples(*[st.integers(0, 90)] * 4),
    grey=st.integers(0, 255),
    noise=st.sampled_from([0, 6, 20]),
    quality=st.sampled_from([30, 75, 95]),
)
def test_no_picture_with_borders_is_screened(
    seed: int,
    width: int,
    height: int,
    sides: tuple[int, int, int, int],
    grey: int,
    noise: int,
    quality: int,
) -> None:
    """A rough hash of such a picture would say nothing of the picture within."""
    framed = np.asarray(bordered(scene(seed, width, height), *sides, (grey, grey, grey)))
    shaken = np.random.default_rng(seed).integers(-noise, noise + 1, framed.shape[:2])
    content = jpeg(
        Image.fromarray(np.clip(framed + shaken[:, :, None], 0, 255).astype(np.uint8)), quality
    )
    reduced = reduced_jpeg(content, *framed.shape[:2])
    exact = trimmed(np.asarray(Image.open(io.BytesIO(content))))
    if reduced is not None and exact is not None:
        assert may_have_borders(reduced.luma, reduced.factor)


def test_the_views_of_a_turned_picture_hold_the_picture() -> None:
    picture = scene(6, 512, 384)
    listed = still(jpeg(picture, 95), Variants()).pdq
    for turn in Image.Transpose:
        found = still(jpeg(picture.transpose(turn), 95), DIHEDRAL)
        assert min(bits_apart(view.pdq, listed) for view in found.variants) <= 16
        assert found.quality == found.variants[0].quality
    assert still(jpeg(picture), Variants()).variants == ()


def test_views_of_a_symmetrical_picture_are_not_repeated() -> None:
    half = np.asarray(scene(7, 128, 128).convert("L"))
    symmetrical = Image.fromarray(np.concatenate([half, half[:, ::-1]], axis=1))
    target = io.BytesIO()
    symmetrical.save(target, "PNG")
    found = still(target.getvalue(), DIHEDRAL)
    assert len({view.pdq for view in found.variants}) == len(found.variants)
    assert found.pdq not in {view.pdq for view in found.variants}


def test_screened_views_are_within_the_drift() -> None:
    for seed in range(20):
        content = jpeg(scene(seed, 1200, 900))
        rough, exact = still(content, DIHEDRAL, "screen"), still(content, DIHEDRAL)
        assert not rough.exact
        wanted = {view.variant: view.pdq for view in exact.variants}
        assert set(wanted) == {view.variant for view in rough.variants}
        for view in rough.variants:
            assert bits_apart(view.pdq, wanted[view.variant]) <= PDQ_DRIFT
