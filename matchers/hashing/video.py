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
from matchers.hashing.outcome import FramePdq, Limits, Unreadable
from matchers.hashing.signatures import ends_early, looks_like_video

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
    what one of them holds must not hide behind another. Raises `Unreadable`, possibly after some
    frames were given; of several tracks, when all were tried, for the first that was not hashed
    wholly.
    """
    if not content:
        raise Unreadable("empty")
    if len(content) > limits.bytes:
        raise Unreadable("too_many_bytes")
    with _reasons(content):
        container = _opened(content)
    first, *others = _best_first(container)
    tracks = [_track(container, first, limits, seconds_between, content)]
    tracks += [_track(None, place, limits, seconds_between, content) for place in others]
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
                    left -= 1
                    if found is not None:
                        yield replace(found, track=number) if number else found
                if last_turn:
                    next(track)
                    raise Unreadable("too_many_frames")
                unfinished.append((number, track))
            except StopIteration:
                continue
            except Unreadable as error:
                failed = failed or error
        going = unfinished
    if failed is not None:
        raise failed


def _track(
    container: InputContainer | None,
    place: int,
    limits: Limits,
    seconds_between: float,
    content: bytes | bytearray,
) -> Iterator[FramePdq | None]:
    """What is sampled of one track. Without a `container` the file is opened again: not every one
    can be wound back."""
    with _reasons(content), container or _opened(content) as opened:
        stream = _single_threaded(opened.streams.video[place], limits)
        frame_seconds = 1 / float(stream.average_rate or _USUAL_RATE)
        yield from _sampled(opened.decode(stream), limits, seconds_between, frame_seconds)


@contextmanager
def _reasons(content: bytes | bytearray) -> Generator[None]:
    try:
        yield
    except MemoryError:
        raise Unreadable("out_of_memory") from None
    except av.error.FFmpegError as error:
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


def _single_threaded(stream: VideoStream, limits: Limits) -> VideoStream:
    """The stream, decoded in one thread: the pool has a process for each processor."""
    # PyAV's types leave out that there may be no decoder for it.
    if cast("CodecContext | None", stream.codec_context) is None:
        raise Unreadable("unsupported")
    if stream.codec_context.width * stream.codec_context.height > limits.pixels:
        raise Unreadable("too_many_pixels")
    stream.thread_type = "NONE"
    return stream


def _sampled(
    frames: Iterator[VideoFrame], limits: Limits, seconds_between: float, frame_seconds: float
) -> Iterator[FramePdq | None]:
    due = seconds = 0.0
    before: float | None = None
    last: bytes | None = None
    for number, frame in enumerate(frames):
        shown = cast("float | None", frame.time)  # PyAV's types leave out that it may be missing
        if number:
            step = 0.0 if shown is None or before is None else shown - before
            # Clocks that are missing or begin anew (streams one after another) hide no frames.
            seconds += step if step > 0 else frame_seconds
        before = shown
        if seconds < due - 0.0005:  # timestamps are rounded to the container's clock
            continue
        due += seconds_between
        if due <= seconds:  # after a gap, the next second counts from here
            due = seconds + seconds_between
        if frame.width * frame.height > limits.pixels:
            raise Unreadable("too_many_pixels")
        found = pdq.pdq(_pixels(frame))
        if found.quality < pdq.MATCHABLE_QUALITY or found.hash == last:
            yield None
            continue
        last = found.hash
        yield FramePdq(
            frame=number, quality=found.quality, pdq=found.hash.hex(), seconds=round(seconds, 3)
        )


def _pixels(frame: VideoFrame) -> NDArray[np.uint8]:
    """RGB as shown, after the rotation that phones note beside the picture."""
    pixels = frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
    return np.rot90(pixels, round(frame.rotation / 90))
