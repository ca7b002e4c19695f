"""What a GIF shows is found, however its canvas and its other frames are made."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from matchers.hashing import image
from matchers.hashing.decoder_pool import DecoderPool, MediaSource
from matchers.hashing.gif import gif_frames, reduced_hashes
from matchers.hashing.image import picture_hashes
from matchers.hashing.outcome import FramePdq, Limits, StillHashes, Unreadable
from tests.unit.hashing.drawings import scene

DOT = (
    b"!\xf9\x04\x04\x02\x00\x00\x00,"
    + struct.pack("<HHHHB", 0, 0, 1, 1, 0)
    + b"\x02\x02\x44\x01\x00"
)
"""A frame of one pixel, shown for 20 ms."""


def distance(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def saved(picture: Image.Image, **options: object) -> bytes:
    target = io.BytesIO()
    picture.save(target, "GIF", **options)
    return target.getvalue()


def still(picture: Image.Image) -> str:
    target = io.BytesIO()
    picture.save(target, "PNG")
    found = next(iter(picture_hashes(target.getvalue(), Limits())))
    assert isinstance(found, StillHashes)
    return found.pdq


def behind_dots(width: int, height: int, dots: int) -> tuple[bytes, str]:
    """A picture after so many frames of a pixel, and its PDQ."""
    coarse = scene(7, 80, 60).quantize(16)
    content = saved(coarse.resize((width, height), Image.Resampling.NEAREST))
    first = 13 + (3 << (content[10] & 7) + 1)
    shown = coarse.convert("RGB").resize((640, 480), Image.Resampling.NEAREST)
    return content[:first] + DOT * dots + content[first:], still(shown)


def exact_and_reduced(content: bytes) -> tuple[list[FramePdq], list[FramePdq]]:
    found = list(picture_hashes(content, Limits()))
    with Image.open(io.BytesIO(content)) as opened:
        size = opened.size
    reduced = reduced_hashes(content, gif_frames(content), size, Limits())
    return [each for each in found if isinstance(each, FramePdq)], list(reduced)


@pytest.mark.parametrize(("width", "height", "dots"), [(8800, 6600, 80), (3000, 3000, 900)])
def test_cheap_frames_on_a_large_canvas_hide_no_picture(width: int, height: int, dots: int) -> None:
    content, expected = behind_dots(width, height, dots)
    with DecoderPool(Limits(), processes=1) as pool:
        (found,) = pool.hash_many([MediaSource(content, "picture")])
    assert found.error is None
    assert [frame.frame for frame in found.frames] == [dots]
    assert distance(found.frames[0].pdq, expected) <= 16
    assert found.frames[0].seconds == pytest.approx(dots * 0.02)


@pytest.mark.parametrize("disposal", [0, 1, 2, 3])
def test_reduced_frames_are_near_the_composed_ones(disposal: int) -> None:
    base = scene(3, 1200, 900)
    pictures = [base]
    for place in range(3):
        changed = base.copy()
        box = (100 + 250 * place, 150, 500 + 250 * place, 700)
        changed.paste(scene(20 + place, 400, 550), box)
        pictures.append(changed)
    content = saved(
        pictures[0],
        save_all=True,
        append_images=pictures[1:],
        duration=[100, 50, 700, 30],
        disposal=disposal,
    )
    exact, reduced = exact_and_reduced(content)
    if disposal in (0, 1):
        assert [(f.frame, f.seconds) for f in reduced] == [(f.frame, f.seconds) for f in exact]
    near = {f.frame: f.pdq for f in reduced}
    assert all(distance(f.pdq, near[f.frame]) <= 16 for f in exact)


def test_parts_are_put_where_they_belong() -> None:
    page = Image.new("RGB", (1600, 1200), "white")
    with_part = page.copy()
    with_part.paste(scene(5, 900, 700), (600, 400))
    marked = with_part.copy()
    ImageDraw.Draw(marked).rectangle((0, 0, 700, 380), fill="black")
    content = saved(page, save_all=True, append_images=[with_part, marked], duration=100)
    _, reduced = exact_and_reduced(content)
    assert [f.frame for f in reduced] == [1, 2]
    assert distance(reduced[0].pdq, still(with_part)) <= 16
    assert distance(reduced[1].pdq, still(marked)) <= 16


def test_of_too_many_frames_the_last_and_the_longest_are_hashed() -> None:
    pictures = [scene(40 + n) for n in range(12)]
    content = saved(
        pictures[0],
        save_all=True,
        append_images=pictures[1:],
        duration=[20] * 5 + [900] + [20] * 6,
    )
    found = reduced_hashes(content, gif_frames(content), (320, 240), Limits(frames=3))
    three = [next(found), next(found), next(found)]
    assert {5, 11} <= {frame.frame for frame in three}
    with pytest.raises(Unreadable, match="too_many_frames"):
        next(found)


def test_a_frame_that_is_cut_is_said() -> None:
    content = saved(scene(1), save_all=True, append_images=[scene(2)])
    frames = gif_frames(content)
    assert len(frames) == 2
    cut = content[: (frames[1].begin + frames[1].end) // 2]
    assert gif_frames(cut)[1].end == len(cut)
    original, image.MAX_COMPOSED = image.MAX_COMPOSED, 0
    try:
        with pytest.raises(Unreadable, match="truncated"):
            list(picture_hashes(cut, Limits()))
    finally:
        image.MAX_COMPOSED = original


def test_pixels_that_are_kept_hide_no_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where frames are told apart at a glance, a sender cannot know which pixels that looks at."""
    monkeypatch.setattr(image, "MAX_COMPOSED", 0)
    first, listed = np.asarray(scene(1, 640, 480)), np.array(scene(2, 640, 480))
    grid = np.ix_((np.arange(64) * 2 + 1) * 480 // 128, (np.arange(64) * 2 + 1) * 640 // 128)
    listed[grid] = first[grid]
    target = io.BytesIO()
    later = [Image.fromarray(listed)]
    Image.fromarray(first).save(target, "WEBP", save_all=True, append_images=later, lossless=True)
    found = [
        each for each in picture_hashes(target.getvalue(), Limits()) if isinstance(each, FramePdq)
    ]
    assert any(distance(frame.pdq, still(scene(2, 640, 480))) <= 31 for frame in found)


@given(st.binary(max_size=400), st.integers(min_value=0, max_value=900))
def test_whatever_follows_frames_are_listed_in_order(junk: bytes, kept: int) -> None:
    whole = saved(scene(1, 32, 24), save_all=True, append_images=[scene(2, 32, 24)])
    content = whole[:kept] + junk
    frames = gif_frames(content)
    assert [frame.number for frame in frames] == list(range(len(frames)))
    # Where a file ends behind a descriptor, its frame has no data; whoever decodes it says so.
    assert all(frame.begin <= frame.end <= len(content) for frame in frames)
