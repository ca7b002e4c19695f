"""PDQ of a video's frames, as vPDQ makes them. Needs the extra `video` (PyAV).

vPDQ (facebook/ThreatExchange, vpdq/): each sampled frame is hashed at its full size by PDQ; two
videos are compared by the share of their frames that match.
"""

import io
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import av
import av.error
import numpy as np
from av.codec.context import CodecContext
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from msgspec.structs import replace
from numpy.typing import NDArray

from matchers.hashing import pdq
from matchers.hashing.outcome import STANDING_TRACKS, FramePdq, Limits, Unreadable
from matchers.hashing.seed import file_seed
from matchers.hashing.signatures import ends_early, looks_like_video
from matchers.hashing.standing import StandingSeries

SECONDS_BETWEEN = 1.0
"""vPDQ's default: a frame a second."""

_USUAL_RATE = 25
"""Frames a second, of a video that does not say."""

_CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,ogg,asf"
_OPTIONS = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "none"}
"""Playlist formats name other files and addresses, which FFmpeg would open."""


def video_hashes(
    content: bytes | bytearray, limits: Limits, seconds_between: float = SECONDS_BETWEEN
) -> Iterator[FramePdq]:
    """PDQ of the first frame and of the first one in each further `seconds_between` (0: of every
    frame), upright, without those of unmatchable quality and those whose hash is the last one's.

    `frame` counts all frames of a track. The track that players show comes first, then all others:
    what one of them holds must not hide behind another. Where other pictures stand between a
    track's sampled frames, they come as a track of their own, whose number is `STANDING_TRACKS`
    more; `limits.frames` does not count them, of which there are at most as many. Raises
    `Unreadable`, possibly after some frames were given; of several tracks, when all were tried, for
    the first that was not hashed wholly.
    """
    if not content:
        raise Unreadable("empty")
    if len(content) > limits.bytes:
        raise Unreadable("too_many_bytes")
    with _reasons(content):
        container = _opened(content)
    first, *others = _best_first(container)
    seed = file_seed(content)
    tracks = [_track(container, first, limits, seconds_between, content, seed)]
    tracks += [_track(None, place, limits, seconds_between, content, seed) for place in others]
    yield from _shared(tracks, limits.frames)
    if ends_early(content):
        raise Unreadable("truncated")


def _shared(tracks: Sequence[Iterator[FramePdq | None]], frames: int) -> Iterator[FramePdq]:
    """What is found in all tracks, of which at most so many frames are hashed (`None`: one that is
    not told). Each takes at most half of what is left, and when all had their turn, goes on with
    what the others did not need."""
    left = frames
    failed: Unreadable | None = None
    going = list(enumerate(tracks))
    for last_turn in (False, True):
        unfinished: list[tuple[int, Iterator[FramePdq | None]]] = []
        for number, track in going:
            if last_turn and failed is not None and not left:
                break
            alone = last_turn or number == len(tracks) - 1
            least = 0 if alone else left // 2
            try:
                while left > least:
                    found = next(track)
                    if found is None or found.track < STANDING_TRACKS:
                        left -= 1
                    if found is not None:
                        yield _of_track(found, number)
                if last_turn:
                    while (found := next(track)) is not None and found.track >= STANDING_TRACKS:
                        yield _of_track(found, number)
                    raise Unreadable("too_many_frames")
                unfinished.append((number, track))
            except StopIteration:
                continue
            except Unreadable as error:
                failed = failed or error
        going = unfinished
    if failed is not None:
        raise failed


def _of_track(found: FramePdq, number: int) -> FramePdq:
    return replace(found, track=found.track + number) if number else found


def _track(
    container: InputContainer | None,
    place: int,
    limits: Limits,
    seconds_between: float,
    content: bytes | bytearray,
    seed: bytes,
) -> Iterator[FramePdq | None]:
    """What is sampled of one track. Without a `container` the file is opened again: not every one
    can be wound back."""
    with _reasons(content), container or _opened(content) as opened:
        stream = single_threaded(opened.streams.video[place], limits)
        frame_seconds = 1 / float(stream.average_rate or _USUAL_RATE)
        standing = (
            StandingSeries(seed, seconds_between)
            if seconds_between and place < STANDING_TRACKS
            else None
        )
        yield from _sampled(opened.decode(stream), limits, seconds_between, frame_seconds, standing)


@contextmanager
def _reasons(content: bytes | bytearray) -> Generator[None]:
    try:
        yield
    except MemoryError:
        raise Unreadable("out_of_memory") from None
    except (av.error.FFmpegError, ValueError) as error:  # ValueError: no pixels of that layout
        if ends_early(content):
            raise Unreadable("truncated") from error
        raise Unreadable("corrupt" if looks_like_video(content) else "unsupported") from error


def _opened(content: bytes | bytearray) -> InputContainer:
    return av.open(io.BytesIO(content), "r", options=_OPTIONS)


def _best_first(container: InputContainer) -> list[int]:
    """The places of all video streams, first that of the one which players of FFmpeg's show."""
    streams = container.streams.video
    if not streams:
        raise Unreadable("unsupported")
    best = container.streams.best("video")
    return sorted(range(len(streams)), key=lambda place: streams[place] is not best)


def single_threaded(stream: VideoStream, limits: Limits) -> VideoStream:
    """The stream, decoded in one thread: the pool has a process for each processor."""
    # PyAV's types leave out that there may be no decoder for it.
    if cast("CodecContext | None", stream.codec_context) is None:
        raise Unreadable("unsupported")
    if stream.codec_context.width * stream.codec_context.height > limits.pixels:
        raise Unreadable("too_many_pixels")
    stream.thread_type = "NONE"
    return stream


def _sampled(
    frames: Iterator[VideoFrame],
    limits: Limits,
    seconds_between: float,
    frame_seconds: float,
    standing: StandingSeries | None,
) -> Iterator[FramePdq | None]:
    due = seconds = 0.0
    before: float | None = None
    last: str | None = None
    failed: av.error.FFmpegError | None = None
    number = -1
    while True:
        try:
            frame = next(frames, None)
        except av.error.FFmpegError as error:
            frame, failed = None, error
        if frame is None:
            break
        number += 1
        shown = cast("float | None", frame.time)  # PyAV's types leave out that it may be missing
        if number:
            step = 0.0 if shown is None or before is None else shown - before
            # Clocks that are missing or begin anew (streams one after another) hide no frames.
            seconds += step if step > 0 else frame_seconds
        before = shown
        if seconds < due - 0.0005:  # timestamps are rounded to the container's clock
            if standing is not None:
                standing.passed(frame, number, seconds)
            continue
        due += seconds_between
        if due <= seconds:  # after a gap, the next second counts from here
            due = seconds + seconds_between
        if frame.width * frame.height > limits.pixels:
            raise Unreadable("too_many_pixels")
        hashed = pdq.pdq(_pixels(frame))
        found = FramePdq(
            frame=number, quality=hashed.quality, pdq=hashed.hash.hex(), seconds=round(seconds, 3)
        )
        if standing is not None:
            yield from standing.sampled(frame, found)
        if found.quality < pdq.MATCHABLE_QUALITY or found.pdq == last:
            yield None
            continue
        last = found.pdq
        yield found
    if standing is not None:
        yield from standing.finished(seconds + frame_seconds)
    if failed is not None:
        raise failed


def _pixels(frame: VideoFrame) -> NDArray[np.uint8]:
    """RGB as shown, after the rotation that phones note beside the picture."""
    pixels = frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
    return np.rot90(pixels, round(frame.rotation / 90))
