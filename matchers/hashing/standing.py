"""A second look at each stretch of a video: the picture that stands there besides the sampled one.

Whoever knows when frames are sampled can show another picture at just these moments. So all
frames of a stretch are compared at a glance, and where the sampled one stands for less than half
of it, the longest-standing of the others is hashed too. Needs the extra `video` (PyAV).
"""

import math
from collections.abc import Iterator
from typing import NamedTuple, cast

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from matchers.hashing import pdq
from matchers.hashing.outcome import STANDING_TRACKS, FramePdq

_POINTS = 128
"""Pixels that a glance takes of a frame, at places that depend on the whole file: a sender cannot
draw frames that differ just there."""
_ALIKE = 0.4
"""Mean difference of two glances, in standard deviations of a frame's pixels, below which they
show the same picture. Unlike pictures differ by about 1.1."""
_FLAT = 4.0
"""The least standard deviation: what is below is noise of a flat picture."""
_MAX_PICTURES = 64
"""Different pictures of one stretch that are kept apart."""
_LONGER = 1.25
"""How many times as long another picture must stand to be preferred."""
_SIDE = 512
"""The longer side to which frames are reduced before they are hashed: a few bits from exact."""
_UNLIKE_BITS = 31
"""PDQ's usual radius: hashes further apart are of different pictures."""

_Glance = NDArray[np.float32]


class _Held(NamedTuple):
    """The frame whose time on the screen is not known yet, and which picture it shows (-1: the
    sampled one, `None`: one of those past `_MAX_PICTURES`)."""

    frame: VideoFrame
    number: int
    seconds: float
    picture: int | None


class StandingSeries:
    """Takes all frames of a track, in order. What it gives depends on the file's bytes alone.

    Its frames have track `STANDING_TRACKS`, and come only if a hash of one of them is of another
    picture than that which was sampled from its stretch: then all of them, those from before too.
    """

    def __init__(self, seed: bytes, seconds_between: float) -> None:
        """`seed` is `file_seed` of the file."""
        self._random = np.random.default_rng(int.from_bytes(seed))
        self._reducer, self._reformatter = VideoReformatter(), VideoReformatter()
        self._layout, self._direct = "", False
        self._shape: tuple[int, ...] = ()
        self._points = (np.empty(0, np.intp), np.empty(0, np.intp))
        self._places = self._random.random((2, _POINTS))
        self._between = seconds_between
        self._held: _Held | None = None
        self._sampled: FramePdq | None = None
        self._sampled_glance: _Glance | None = None
        self._sampled_time = 0.0
        self._glances: list[_Glance] = []
        self._times: list[float] = []
        self._best = -1
        self._best_found: FramePdq | None = None
        self._preferred_from = 0.0
        self._waiting: list[FramePdq] = []
        self._told = False
        self._last: str | None = None

    def sampled(self, frame: VideoFrame, found: FramePdq) -> Iterator[FramePdq]:
        """A frame that the first series has too, with its hash of whatever quality: it begins the
        next stretch. Gives what is known of those before."""
        yield from self.finished(found.seconds)
        self._sampled, self._sampled_time = found, 0.0
        self._sampled_glance = self._glance(frame)
        self._glances, self._times = [], []
        self._best, self._best_found = -1, None
        self._preferred_from = found.seconds + float(self._random.random()) * self._between
        self._held = _Held(frame, found.frame, found.seconds, -1)

    def passed(self, frame: VideoFrame, number: int, seconds: float) -> None:
        """Any other frame."""
        self._settle(seconds)
        self._held = _Held(frame, number, seconds, self._picture(self._glance(frame)))

    def finished(self, seconds: float) -> Iterator[FramePdq]:
        """The stretch ends at `seconds`; the last one with what is not told yet."""
        self._settle(seconds)
        first, self._sampled = self._sampled, None
        if first is None:
            return
        others = sum(self._times)
        found = first
        if self._best_found is not None and self._sampled_time < others:
            found = self._best_found
        if found.quality < pdq.MATCHABLE_QUALITY:
            return
        if found is not first and _unlike(found, first):
            self._told = True
        if found.pdq != self._last:
            self._last = found.pdq
            self._waiting.append(found)
        if self._told:
            for each in self._waiting:
                yield FramePdq(
                    frame=each.frame,
                    quality=each.quality,
                    pdq=each.pdq,
                    seconds=round(each.seconds, 3),
                    track=STANDING_TRACKS,
                )
            self._waiting = []

    def _settle(self, until: float) -> None:
        """Count the time for which the held frame was shown, and hash it if none of the others
        stands as long."""
        held, self._held = self._held, None
        if held is None or held.picture is None:
            return
        shown = max(0.0, until - held.seconds)
        if held.picture < 0:
            self._sampled_time += shown
            return
        self._times[held.picture] += shown
        if held.picture == self._best:
            return
        best = self._times[self._best] if self._best >= 0 else -1.0
        own = self._times[held.picture]
        # Where all move, none stands longer: then it is one at a time that nobody can foresee.
        preferred = held.seconds >= self._preferred_from
        if preferred:
            self._preferred_from = float("inf")
        if own > best * _LONGER or (preferred and own * _LONGER >= best):
            self._best, self._best_found = held.picture, self._hashed(held)

    def _picture(self, glance: _Glance) -> int | None:
        if self._sampled_glance is not None and _alike(glance, self._sampled_glance):
            return -1
        for picture, other in enumerate(self._glances):
            if _alike(glance, other):
                return picture
        if len(self._glances) == _MAX_PICTURES:
            return None
        self._glances.append(glance)
        self._times.append(0.0)
        return len(self._glances) - 1

    def _glance(self, frame: VideoFrame) -> _Glance:
        """Brightness at `_POINTS` places, without the frame's mean, by its standard deviation."""
        rows = self._brightness(frame)
        if rows.shape != self._shape:
            self._shape = rows.shape
            y, x = self._places * np.array(rows.shape)[:, None]
            self._points = y.astype(np.intp), x.astype(np.intp)
        values = rows[self._points].astype(np.float32)
        values -= values.sum() / np.float32(_POINTS)
        values /= max(_FLAT, math.sqrt(float(values @ values) / _POINTS))
        return values

    def _brightness(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """(height, width): the first plane where it holds 8 bits for each pixel, without a copy."""
        layout = frame.format
        if layout.name != self._layout:
            self._layout = layout.name
            self._direct = layout.is_planar and layout.components[0].bits == 8
        if not self._direct:
            frame = self._reformatter.reformat(
                frame, width=128, height=128, format="gray", interpolation="FAST_BILINEAR"
            )
        plane = frame.planes[0]
        rows = np.frombuffer(
            cast("bytes", plane), np.uint8
        )  # a buffer, which PyAV's types leave out
        return rows.reshape(-1, plane.line_size)[: plane.height, : plane.width]

    def _hashed(self, held: _Held) -> FramePdq:
        frame = held.frame
        factor = max(1, -(-max(frame.width, frame.height) // _SIDE))
        small = self._reducer.reformat(
            frame,
            width=max(pdq.MIN_SIDE, frame.width // factor),
            height=max(pdq.MIN_SIDE, frame.height // factor),
            format="gray",
            interpolation="AREA",
        )
        pixels = small.to_ndarray().astype(np.uint8, copy=False)
        found = pdq.pdq(np.rot90(pixels, round(frame.rotation / 90)))
        return FramePdq(
            frame=held.number, quality=found.quality, pdq=found.hash.hex(), seconds=held.seconds
        )


def _alike(one: _Glance, other: _Glance) -> bool:
    return float(np.abs(one - other).sum()) < _ALIKE * _POINTS


def _unlike(one: FramePdq, other: FramePdq) -> bool:
    if other.quality < pdq.MATCHABLE_QUALITY:
        return True
    return (int(one.pdq, 16) ^ int(other.pdq, 16)).bit_count() > _UNLIKE_BITS
