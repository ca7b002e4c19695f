"""A listed video is hashed in whatever track of a file it stands."""

import io
from collections.abc import Iterator, Sequence

import pytest
from PIL import Image

from matchers.hashing.outcome import FramePdq, Limits, Unreadable

av = pytest.importorskip("av", reason="PyAV is the extra `video`")

from av.stream import Disposition  # noqa: E402 - needs PyAV

from matchers.hashing.video import video_hashes  # noqa: E402 - needs PyAV
from tests.unit.hashing.drawings import scene  # noqa: E402
from tests.unit.hashing.test_video import RATE, near  # noqa: E402


def film(
    tracks: Sequence[Sequence[int]],
    container: str = "matroska",
    *,
    shown: int = 0,
    one_after_another: bool = False,
    sizes: Sequence[tuple[int, int]] = ((320, 240),) * 2,
) -> bytes:
    """A file of several video tracks, a second of each of their scenes."""
    target = io.BytesIO()
    with av.open(target, "w", format=container) as output:
        streams = []
        for place, (width, height) in zip(range(len(tracks)), sizes, strict=True):
            stream = output.add_stream("mpeg4", rate=RATE)
            stream.width, stream.height = width, height
            stream.pix_fmt = "yuv420p"
            stream.bit_rate = 4_000_000
            stream.disposition = Disposition.default if place == shown else Disposition(0)
            streams.append(stream)
        packets = []
        for stream, scenes in zip(streams, tracks, strict=True):
            for seed in scenes:
                picture: Image.Image = scene(seed).resize((stream.width, stream.height))
                for _ in range(RATE):
                    packets += stream.encode(av.VideoFrame.from_image(picture))
            packets += stream.encode()
        if not one_after_another:
            packets.sort(key=lambda packet: packet.dts * packet.time_base)
        for packet in packets:
            output.mux(packet)
    return target.getvalue()


def hashed_until(frames: Iterator[FramePdq]) -> tuple[list[FramePdq], str | None]:
    """What is given, and for what reason no more."""
    found: list[FramePdq] = []
    try:
        found.extend(frames)  # keeps what came before an exception
    except Unreadable as error:
        return found, error.reason
    return found, None


def of_track(found: Sequence[FramePdq], track: int) -> list[FramePdq]:
    return [frame for frame in found if frame.track == track]


def are(frames: Sequence[FramePdq], seeds: Sequence[int]) -> bool:
    return len(frames) == len(seeds) and all(map(near, frames, seeds))


@pytest.mark.parametrize("container", ["matroska", "mp4", "avi", "mpegts"])
@pytest.mark.parametrize("shown", [0, 1])
def test_all_tracks_are_hashed_each_by_itself(container: str, shown: int) -> None:
    tracks = [[7], [1, 2, 4]]
    found = list(video_hashes(film(tracks, container, shown=shown), Limits()))
    by_track = {frame.track for frame in found}
    assert by_track == {0, 1}
    one, other = of_track(found, 0), of_track(found, 1)
    assert (are(one, tracks[0]) and are(other, tracks[1])) or (
        are(one, tracks[1]) and are(other, tracks[0])
    )
    if container == "matroska":
        assert are(one, tracks[shown]), "what players show comes first"


@pytest.mark.parametrize("limit", [4, 6])
@pytest.mark.parametrize("shown", [0, 1])
def test_a_long_decoy_leaves_the_other_track_its_share(limit: int, shown: int) -> None:
    decoy, listed = [5, 7, 10, 11, 12, 5, 7, 10], [1, 2]
    content = film([decoy, listed], shown=shown, one_after_another=True)
    found, reason = hashed_until(video_hashes(content, Limits(frames=limit)))
    assert reason == "too_many_frames"
    assert len(found) == limit
    assert are(of_track(found, 1 - shown), listed)


def test_what_one_track_does_not_need_another_has() -> None:
    found = list(video_hashes(film([[1, 2, 4, 5, 7], [12]]), Limits(frames=6)))
    assert are(of_track(found, 0), [1, 2, 4, 5, 7])
    assert are(of_track(found, 1), [12])


def test_a_track_that_cannot_be_decoded_hides_no_other() -> None:
    content = film([[7], [1, 2]], sizes=[(640, 480), (320, 240)])
    found, reason = hashed_until(video_hashes(content, Limits(pixels=320 * 240)))
    assert reason == "too_many_pixels"
    assert are(found, [1, 2])


def test_a_track_of_an_unknown_codec_hides_no_other() -> None:
    content = film([[7], [1, 2]])
    assert content.count(b"V_MPEG4/ISO/ASP") == 2
    broken = content.replace(b"V_MPEG4/ISO/ASP", b"V_UNKNOWN/CODEC", 1)
    found, reason = hashed_until(video_hashes(broken, Limits()))
    assert reason == "unsupported"
    assert are(found, [1, 2])
