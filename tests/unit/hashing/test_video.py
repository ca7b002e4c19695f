import io

import numpy as np
import pytest
from PIL import Image

from matchers.hashing.decoder_pool import DecoderPool, MediaSource
from matchers.hashing.digests import digests
from matchers.hashing.outcome import FramePdq, HashResult, Limits, Unreadable
from matchers.hashing.pdq import pdq
from tests.unit.hashing.drawings import scene

av = pytest.importorskip("av", reason="PyAV is the extra `video`")

from matchers.hashing.video import video_hashes  # noqa: E402 - needs PyAV

RATE = 10


def film(seeds: list[int | None], container: str = "mp4", frames_each: int = RATE) -> bytes:
    """A second of each scene (`None`: a flat grey) at ten frames a second."""
    target = io.BytesIO()
    with av.open(target, "w", format=container) as output:
        stream = output.add_stream("mpeg4", rate=RATE)
        stream.width, stream.height = 320, 240
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 4_000_000
        for seed in seeds:
            picture = Image.new("RGB", (320, 240), "grey") if seed is None else scene(seed)
            for _ in range(frames_each):
                output.mux(stream.encode(av.VideoFrame.from_image(picture)))
        output.mux(stream.encode())
    return target.getvalue()


def near(frame: FramePdq, seed: int) -> bool:
    expected = int.from_bytes(pdq(np.asarray(scene(seed))).hash)
    return (int(frame.pdq, 16) ^ expected).bit_count() <= 24


@pytest.mark.parametrize("container", ["mp4", "matroska", "avi", "mpegts"])
def test_a_frame_a_second(container: str) -> None:
    found = list(video_hashes(film([1, 2, 4], container), Limits()))
    assert [(frame.frame, frame.seconds) for frame in found] == [(0, 0.0), (10, 1.0), (20, 2.0)]
    assert all(near(frame, seed) for frame, seed in zip(found, [1, 2, 4], strict=True))


def test_flat_frames_are_dropped() -> None:
    found = list(video_hashes(film([4, None, 5]), Limits()))
    assert [frame.frame for frame in found] == [0, 20]


def test_every_frame() -> None:
    found = list(video_hashes(film([12, 7], frames_each=3), Limits(), seconds_between=0))
    assert {frame.frame for frame in found} <= set(range(6))
    assert [frame.seconds for frame in found] == [frame.frame / RATE for frame in found]
    assert near(found[0], 12)
    assert near(found[-1], 7)


def test_streams_one_after_another_hide_nothing() -> None:
    """Each begins its clock anew."""
    joined = film([1, 2], "mpegts") + film([4, 5], "mpegts")
    found = list(video_hashes(joined, Limits()))
    assert [near(frame, seed) for frame, seed in zip(found, [1, 2, 4, 5], strict=True)] == [
        True
    ] * 4
    assert [frame.seconds for frame in found] == pytest.approx([0, 1, 2, 3], abs=0.15)


def test_too_many_frames_keeps_those_before() -> None:
    found = video_hashes(film([1, 2, 4]), Limits(frames=2))
    assert near(next(found), 1)
    assert near(next(found), 2)
    with pytest.raises(Unreadable, match="too_many_frames"):
        next(found)


@pytest.mark.parametrize(
    ("content", "limits", "reason"),
    [
        (b"", Limits(), "empty"),
        (b"plain words", Limits(), "unsupported"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n", Limits(), "unsupported"),
        (b"ffconcat version 1.0\nfile /etc/hostname\n", Limits(), "unsupported"),
        (film([1])[:2000], Limits(), "truncated"),
        (film([1]), Limits(pixels=320 * 240 - 1), "too_many_pixels"),
        (film([1]), Limits(bytes=100), "too_many_bytes"),
    ],
    ids=["empty", "text", "playlist", "concat", "cut", "pixels", "bytes"],
)
def test_unreadable(content: bytes, limits: Limits, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        list(video_hashes(content, limits))


def test_through_the_pool_whatever_the_file_claims_to_be() -> None:
    content = film([10, 11])
    cut = content[:2000]
    with DecoderPool(Limits(), processes=1) as pool:
        video, image, none, broken = pool.hash_many(
            [
                MediaSource(content, "video"),
                MediaSource(content, "picture"),
                MediaSource(content),
                MediaSource(cut, "video"),
            ]
        )
    assert [near(f, s) for f, s in zip(video.frames, [10, 11], strict=True)] == [True, True]
    assert video.error is None
    assert video == image == none
    assert broken == HashResult(digests=digests(cut), error="truncated")
