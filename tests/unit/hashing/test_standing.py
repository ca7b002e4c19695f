"""A video is hashed by what stands in it, also where decoys stand at the sampled moments."""

import io
from collections.abc import Iterable

import numpy as np
import pytest
from PIL import Image

from matchers.hashing.decoder_pool import DecoderPool, MediaSource
from matchers.hashing.outcome import STANDING_TRACKS, FramePdq, Limits
from tests.unit.hashing.drawings import scene

av = pytest.importorskip("av", reason="PyAV is the extra `video`")

from matchers.hashing.video import video_hashes  # noqa: E402 - needs PyAV
from tests.unit.hashing.test_video import near  # noqa: E402
from tests.unit.hashing.test_video_tracks import hashed_until  # noqa: E402

RATE = 25
LISTED = [1, 2, 4, 5]


def film(pictures: Iterable[Image.Image], container: str = "mp4") -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format=container) as output:
        stream = output.add_stream("mpeg4", rate=RATE)
        stream.width, stream.height = 320, 240
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 4_000_000
        for picture in pictures:
            output.mux(stream.encode(av.VideoFrame.from_image(picture)))
        output.mux(stream.encode())
    return target.getvalue()


def with_decoys(shown: int, container: str = "mp4", seconds: int = len(LISTED)) -> bytes:
    """Each second begins with so many frames of another picture."""
    return film(
        (
            scene(1000 + second if frame < shown else LISTED[second % len(LISTED)])
            for second in range(seconds)
            for frame in range(RATE)
        ),
        container,
    )


def pan(seed: int, frame: int, step: int) -> Image.Image:
    wide = np.asarray(scene(seed, 320 + step * RATE, 240))
    return Image.fromarray(wide[:, frame * step : frame * step + 320])


def looks(found: Iterable[FramePdq]) -> tuple[list[FramePdq], list[FramePdq]]:
    frames = list(found)
    assert {frame.track for frame in frames} <= {0, STANDING_TRACKS}
    return [f for f in frames if not f.track], [f for f in frames if f.track]


@pytest.mark.parametrize("container", ["mp4", "matroska", "mpegts"])
@pytest.mark.parametrize("shown", [1, 4, 10])
def test_decoys_at_the_sampled_moments_hide_no_video(container: str, shown: int) -> None:
    sampled, standing = looks(video_hashes(with_decoys(shown, container), Limits()))
    assert len(sampled) == len(LISTED)
    assert not any(near(frame, seed) for frame in sampled for seed in LISTED)
    assert len(standing) == len(LISTED)
    assert all(near(frame, seed) for frame, seed in zip(standing, LISTED, strict=True))
    assert all(frame.frame % RATE >= shown for frame in standing)


def test_decoys_in_a_moving_film_are_not_its_second_look() -> None:
    pictures = (
        scene(1000 + seed) if not frame else pan(seed, frame, 6)
        for seed in LISTED
        for frame in range(RATE)
    )
    _, standing = looks(video_hashes(film(pictures), Limits()))
    assert len(standing) == len(LISTED)
    assert not any(near(frame, 1000 + seed) for frame in standing for seed in LISTED)


def test_flat_decoys_hide_nothing() -> None:
    pictures = (
        Image.new("RGB", (320, 240), "grey") if not frame else scene(seed)
        for seed in LISTED
        for frame in range(RATE)
    )
    sampled, standing = looks(video_hashes(film(pictures), Limits()))
    assert sampled == []
    assert all(near(frame, seed) for frame, seed in zip(standing, LISTED, strict=True))


@pytest.mark.parametrize("seconds", [1, 2, 3])
def test_films_whose_samples_show_their_scenes_have_no_second_look(seconds: int) -> None:
    pictures = (scene(seed) for seed in LISTED for _ in range(RATE * seconds - 1))
    _, standing = looks(video_hashes(film(pictures), Limits()))
    assert standing == []


def test_a_slow_film_has_no_second_look() -> None:
    pictures = (pan(seed, frame, 1) for seed in LISTED for frame in range(RATE))
    _, standing = looks(video_hashes(film(pictures), Limits()))
    assert standing == []


def test_the_second_look_is_the_same_whenever_the_file_is_read() -> None:
    content = film(pan(seed, frame, 8) for seed in LISTED for frame in range(RATE))
    assert list(video_hashes(content, Limits())) == list(video_hashes(content, Limits()))


def test_the_second_look_takes_no_frames_from_the_first() -> None:
    frames, reason = hashed_until(video_hashes(with_decoys(1), Limits(frames=3)))
    assert reason == "too_many_frames"
    sampled, standing = looks(frames)
    assert (len(sampled), len(standing)) == (3, 3)
    sampled, standing = looks(video_hashes(with_decoys(1), Limits(frames=4)))
    assert (len(sampled), len(standing)) == (4, 4)


def test_through_the_pool() -> None:
    content = with_decoys(1)
    with DecoderPool(Limits(frames=4), processes=1) as pool:
        (found,) = pool.hash_many([MediaSource(content, "video")])
    assert found.error is None
    assert found.frames == tuple(video_hashes(content, Limits()))
