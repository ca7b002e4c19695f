"""The frames of a GIF whose canvas is too large to be composed in full for each of them.

A file of a few hundred kilobytes can declare a canvas of many megapixels and change one pixel of
it eighty times before it shows its picture. So each frame is decoded by itself, at the size of
the part that it changes, and put on a canvas that is reduced to about what PDQ looks at.

Format: "Graphics Interchange Format, Version 89a", CompuServe 1990.
"""

import io
import re
import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from matchers.hashing import pdq
from matchers.hashing.flatten import flattened
from matchers.hashing.outcome import FramePdq, Limits, Unreadable

MAX_INDEXED = 100_000
"""Frames that are looked for in one file."""
MAX_DECODED = 600_000_000
"""Pixels of frames that are decoded of one file: about six seconds' work."""
_SIDE = 512
"""The longer side of the reduced canvas; PDQ goes on from 64 × 64."""

_SCREEN = struct.Struct("<6sHHBBB")
_DESCRIPTOR = struct.Struct("<HHHHB")
_BLOCK = re.compile(rb"[!,;]")
_CONTROL = b"!\xf9\x04"
_TO_BACKGROUND, _TO_PREVIOUS = 2, 3


class GifFrame(NamedTuple):
    """One frame: its place among all, what it covers, what becomes of it and for how long it is
    shown (seconds from `shown_at`). Its local palette and data are `content[begin:end]`."""

    number: int
    box: tuple[int, int, int, int]
    flags: int
    disposal: int
    transparent: int | None
    seconds: float
    shown_at: float
    begin: int
    end: int

    @property
    def pixels(self) -> int:
        return (self.box[2] - self.box[0]) * (self.box[3] - self.box[1])


def gif_frames(content: bytes | bytearray) -> list[GifFrame]:
    """The frames of a GIF, by its blocks alone; up to where it is cut short or malformed."""
    frames: list[GifFrame] = []
    control: tuple[int, int, int] = (0, 0, 0)
    shown_at = 0.0
    try:
        at = _after_palette(content[10], _SCREEN.size)
        while len(frames) < MAX_INDEXED:
            kind = content[at]
            if kind == 0x3B:
                break
            if kind == 0x21:
                if content[at : at + 3] == _CONTROL:
                    control = struct.unpack_from("<BHB", content, at + 3)
                at = _after_blocks(content, at + 2)
            elif kind == 0x2C:
                left, top, width, height, flags = _DESCRIPTOR.unpack_from(content, at + 1)
                begin = at + 1 + _DESCRIPTOR.size
                try:
                    at = _after_blocks(content, _after_palette(flags, begin) + 1)
                except IndexError:
                    at = len(content)  # cut short: whoever decodes it says so
                packed, hundredths, index = control
                frames.append(
                    GifFrame(
                        number=len(frames),
                        box=(left, top, left + width, top + height),
                        flags=flags,
                        disposal=packed >> 2 & 7,
                        transparent=index if packed & 1 else None,
                        seconds=hundredths / 100,
                        shown_at=shown_at,
                        begin=begin,
                        end=at,
                    )
                )
                shown_at += hundredths / 100
                control = (0, 0, 0)
            elif (block := _BLOCK.search(content, at)) is not None:
                at = block.start()  # players skip what is no block
            else:
                break
    except (IndexError, struct.error):
        return frames  # cut short between frames
    return frames


def reduced_hashes(
    content: bytes | bytearray, frames: Sequence[GifFrame], size: tuple[int, int], limits: Limits
) -> Iterator[FramePdq]:
    """PDQ of frames on a canvas of `size` that is reduced: within a few bits of the exact ones.

    All frames, if they have no more than `MAX_DECODED` pixels and `limits.frames`. Otherwise the
    last one, those that are shown longest, and those with the most data, and in the end
    `Unreadable`.
    """
    factor = max(1, -(-max(size) // _SIDE))
    canvas = Image.new("RGBA", (-(-size[0] // factor), -(-size[1] // factor)))
    chosen = _chosen(frames, limits)
    last: bytes | None = None
    for frame in chosen:
        box = _reduced_box(frame.box, canvas.size, factor)
        if box is None:  # less than a pixel of what is hashed
            continue
        if frame.pixels > limits.pixels:
            raise Unreadable("too_many_pixels")
        # The first frame has nothing before it, and stays: so Pillow does.
        restored = frame.disposal == _TO_PREVIOUS and frame.number > 0
        before = canvas.copy() if restored else None
        canvas.alpha_composite(_decoded(content, frame, factor, box), box[:2])
        found = pdq.pdq(np.asarray(flattened(canvas)))
        if found.quality >= pdq.MATCHABLE_QUALITY and found.hash != last:
            last = found.hash
            yield FramePdq(
                frame=frame.number,
                quality=found.quality,
                pdq=found.hash.hex(),
                seconds=round(frame.shown_at, 3),
            )
        if before is not None:
            canvas = before
        elif frame.disposal == _TO_BACKGROUND:
            canvas.paste((0, 0, 0, 0), box)
    if len(chosen) < len(frames) or len(frames) == MAX_INDEXED:
        raise Unreadable("too_many_frames")


def _chosen(frames: Sequence[GifFrame], limits: Limits) -> list[GifFrame]:
    """In order of the file."""
    longest = sorted(frames, key=lambda frame: (-frame.seconds, -frame.pixels, -frame.number))
    richest = sorted(frames, key=lambda frame: (frame.begin - frame.end, -frame.number))
    chosen: dict[int, GifFrame] = {}
    left = MAX_DECODED
    ranked = [frames[-1:], *zip(richest, longest, strict=True)]
    for frame in (frame for turn in ranked for frame in turn):
        if len(chosen) == limits.frames:
            break
        if frame.number not in chosen and frame.pixels <= left:
            chosen[frame.number] = frame
            left -= frame.pixels
    return [chosen[number] for number in sorted(chosen)]


def _reduced_box(
    box: tuple[int, int, int, int], canvas: tuple[int, int], factor: int
) -> tuple[int, int, int, int] | None:
    left, top = round(box[0] / factor), round(box[1] / factor)
    right, bottom = round(box[2] / factor), round(box[3] / factor)
    if left >= min(right, canvas[0]) or top >= min(bottom, canvas[1]):
        return None
    return left, top, right, bottom


def _decoded(
    content: bytes | bytearray, frame: GifFrame, factor: int, box: tuple[int, int, int, int]
) -> Image.Image:
    """The frame alone, at the size of `box`, transparent where it leaves what was before."""
    with Image.open(io.BytesIO(_alone(content, frame)), formats=["GIF"]) as image:
        image.load()
        size = box[2] - box[0], box[3] - box[1]
        seen = image.convert("RGB" if frame.transparent is None else "RGBA")
    return seen.reduce(factor).resize(size, Image.Resampling.BOX).convert("RGBA")


def _alone(content: bytes | bytearray, frame: GifFrame) -> bytes:
    """A GIF of this frame, on a canvas of its size."""
    version, _, _, flags, background, aspect = _SCREEN.unpack_from(content)
    width, height = frame.box[2] - frame.box[0], frame.box[3] - frame.box[1]
    control = (
        b""
        if frame.transparent is None
        else _CONTROL + struct.pack("<BHBB", 1, 0, frame.transparent, 0)
    )
    return b"".join(
        (
            _SCREEN.pack(version, width, height, flags, background, aspect),
            content[_SCREEN.size : _after_palette(flags, _SCREEN.size)],
            control,
            b",",
            _DESCRIPTOR.pack(0, 0, width, height, frame.flags),
            content[frame.begin : frame.end],
            b";",
        )
    )


def _after_palette(flags: int, at: int) -> int:
    return at + (3 << (flags & 7) + 1 if flags & 0x80 else 0)


def _after_blocks(content: bytes | bytearray, at: int) -> int:
    """Past data sub-blocks, each with its length before it, and the empty one that ends them."""
    while length := content[at]:
        at += length + 1
    return at + 1
