"""The ways to read a file, one after another: what viewers show must not hide behind a fault.

A picture with a broken text chunk, a JPEG without its last bytes or a film that begins as a picture
does is refused by a strict decoder, and shown by the programs that people use.
"""

from collections.abc import Iterator

from PIL import ImageFile

from matchers.hashing.image import picture_hashes
from matchers.hashing.outcome import (
    STANDING_TRACKS,
    FramePdq,
    Limits,
    StillHashes,
    Unreadable,
    UnreadableReason,
    Variants,
)
from matchers.hashing.pdq import MATCHABLE_QUALITY
from matchers.hashing.signatures import is_still_container
from matchers.hashing.wire import Task, video_available

_Found = StillHashes | FramePdq

_REFUSALS: frozenset[UnreadableReason] = frozenset({"truncated", "corrupt", "unsupported"})
"""After these another decoder is asked. A file that exceeds a limit exceeds it in any."""


def file_hashes(
    task: Task, content: bytes | bytearray, limits: Limits, variants: Variants
) -> Iterator[_Found]:
    """The hashes of a file by `task`, and if that refuses it, by the first other way that gives one
    worth matching.

    Then it still raises `Unreadable` as the task did: what was hashed may be less than the whole. A
    `StillHashes` takes the place of an earlier one. All ways together give no more than
    `limits.frames` frames. The task `any` asks the two usual decoders and no other, and raises what
    the second one raised.
    """
    first = (
        _video(content, limits)
        if task == "video"
        else picture_hashes(content, limits, "exact" if task == "any" else task, variants)
    )
    given = _Given(limits)
    try:
        yield from given.new(first)
        return
    except Unreadable as error:
        refused = error
    if task == "any":
        if refused.reason not in _REFUSALS or given.anything or not video_available():
            raise refused
        yield from _video(content, limits)
        return
    if refused.reason in _REFUSALS and not (task == "video" and given.anything):
        for way in _other_ways(task, content, limits, variants):
            try:
                yield from given.new(way)
            except Unreadable as error:
                if error.reason not in _REFUSALS:
                    raise
            if given.matchable:
                break
    raise refused


def _other_ways(
    task: Task, content: bytes | bytearray, limits: Limits, variants: Variants
) -> Iterator[Iterator[_Found]]:
    if task == "video":
        yield picture_hashes(content, limits, "exact", variants)
    yield _tolerantly(picture_hashes(content, limits, "exact", variants))
    if video_available():
        from matchers.hashing.stills import ffmpegs_hashes  # PyAV is an extra

        yield ffmpegs_hashes(content, limits, variants)
        if task != "video" and not is_still_container(content):
            yield _video(content, limits)


def _video(content: bytes | bytearray, limits: Limits) -> Iterator[FramePdq]:
    from matchers.hashing.video import video_hashes  # PyAV is an extra

    return video_hashes(content, limits)


def _tolerantly(found: Iterator[_Found]) -> Iterator[_Found]:
    """With what Pillow does of a file that is cut or has broken parts beside the picture. Its
    switch is of the whole process, so it is on only while Pillow is at work."""
    while True:
        ImageFile.LOAD_TRUNCATED_IMAGES = True
        try:
            item = next(found, None)
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = False
        if item is None:
            return
        yield item


class _Given:
    """What was given of a file so far, so that another way adds to it only what is new."""

    def __init__(self, limits: Limits) -> None:
        self._left = limits.frames
        self._still = -1
        self._last = -1

    @property
    def anything(self) -> bool:
        """Whether there were hashes at all."""
        return self._still >= 0 or self._last >= 0

    @property
    def matchable(self) -> bool:
        """Whether one of them is worth matching, as all that are given of frames are."""
        return self._still >= MATCHABLE_QUALITY or self._last >= 0

    def new(self, way: Iterator[_Found]) -> Iterator[_Found]:
        """Of what a way finds, the frames after those given and a picture of better quality."""
        before = self._last
        for item in way:
            if isinstance(item, StillHashes):
                if item.quality <= self._still:
                    continue
                self._still = item.quality
            elif item.frame <= before:
                continue
            elif item.track >= STANDING_TRACKS:  # at most one for each of the others
                self._last = max(self._last, item.frame)
            elif not self._left:
                raise Unreadable("too_many_frames")
            else:
                self._left -= 1
                self._last = max(self._last, item.frame)
            yield item
