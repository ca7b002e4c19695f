"""PDQ of a video's frames, as vPDQ makes them. Needs the extra `video` (PyAV).

vPDQ (facebook/ThreatExchange, vpdq/): each sampled frame is hashed at its full size by PDQ; two
videos are compared by the share of their frames that match.
"""

import io
from collections.abc import Iterator
from typing import cast

import av
import av.error
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
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

    `frame` counts all frames. Raises `Unreadable`, possibly after some frames were given.
    """
    if not content:
        raise Unreadable("empty")
    if len(content) > limits.bytes:
        raise Unreadable("too_many_bytes")
    try:
        with av.open(io.BytesIO(content), "r", options=_OPTIONS) as container:
            if not container.streams.video:
                raise Unreadable("unsupported")
            stream = _single_threaded(container.streams.video[0], limits)
            frame_seconds = 1 / float(stream.average_rate or _USUAL_RATE)
            yield from _sampled(container.decode(stream), limits, seconds_between, frame_seconds)
    except MemoryError:
        raise Unreadable("out_of_memory") from None
    except av.error.FFmpegError as error:
        if ends_early(content):
            raise Unreadable("truncated") from error
        raise Unreadable("corrupt" if looks_like_video(content) else "unsupported") from error
    if ends_early(content):
        raise Unreadable("truncated")


def _single_threaded(stream: VideoStream, limits: Limits) -> VideoStream:
    """The stream, decoded in one thread: the pool has a process for each processor."""
    if stream.codec_context.width * stream.codec_context.height > limits.pixels:
        raise Unreadable("too_many_pixels")
    stream.thread_type = "NONE"
    return stream


def _sampled(
    frames: Iterator[VideoFrame], limits: Limits, seconds_between: float, frame_seconds: float
) -> Iterator[FramePdq]:
    due = seconds = 0.0
    before: float | None = None
    hashed = 0
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
        if hashed == limits.frames:
            raise Unreadable("too_many_frames")
        hashed += 1
        if frame.width * frame.height > limits.pixels:
            raise Unreadable("too_many_pixels")
        found = pdq.pdq(_pixels(frame))
        if found.quality >= pdq.MATCHABLE_QUALITY and found.hash != last:
            last = found.hash
            yield FramePdq(
                frame=number, quality=found.quality, pdq=found.hash.hex(), seconds=round(seconds, 3)
            )


def _pixels(frame: VideoFrame) -> NDArray[np.uint8]:
    """RGB as shown, after the rotation that phones note beside the picture."""
    pixels = frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
    return np.rot90(pixels, round(frame.rotation / 90))
