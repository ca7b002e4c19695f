"""Screen hashes: nearly PDQ, from no more of a JPEG than its lowest frequencies.

A JPEG decoded at an eighth of its size costs little more than its entropy decoding, and each of
its pixels is the mean of a block of the full picture. PDQ's filter is linear, so its weights on
full-size pixels can be summed over each block and applied to the small picture: what is lost is
only how the picture and the filter vary together within a block. Hashing the small picture as
such would filter differently instead, and drifts several times as far.
"""

from typing import NamedTuple

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from matchers.hashing.pdq import (
    THUMBNAIL_SIDE,
    Floats,
    box_width,
    cell_centres,
    compiled,
    undecided_bits,
)

PDQ_DRIFT = 16
"""Bits by which a screen PDQ may differ from the exact one; a look-up adds it to its radius. More
than the worst of the pictures that `drifts_far` lets through: 14, of a page of text."""
QUALITY_DRIFT = 20
"""How far a screen's quality may differ from the exact one."""
PHASH_DRIFT = 10
"""Bits by which a screen's pHash and dHash may differ from those of the full picture."""

_FACTORS = (8, 4, 2)
_MIN_REDUCED_SIDE = 320
"""The short side of a reduced picture: five pixels a cell. With two, pages of text drifted by up to
50 bits; with four by 16, with five by 14, most by 6 or less."""
_MARGIN = 0.5
_MOST_UNDECIDED = 16
"""Bits that may lie within `_MARGIN` of the median. Ordinary pictures have up to 20, those that are
mirrored, tiled or drawn of rings from 19 to 195: half their spectrum is zero, and rounding decides
their bits."""


class Reduced(NamedTuple):
    """Luma of a JPEG at 1/`factor` of its size, rounded up."""

    luma: NDArray[np.uint8]
    factor: int
    height: int
    width: int


def reduced_jpeg(content: bytes | bytearray, height: int, width: int) -> Reduced | None:
    """The JPEG as small as screening allows; `None` where it must be decoded in full: it is small
    already, has another colour space than luma and chroma, or libjpeg complains of it."""
    factor = next((f for f in _FACTORS if min(height, width) >= f * _MIN_REDUCED_SIDE), None)
    if factor is None:
        return None
    size = -(-height // factor), -(-width // factor)
    try:
        if simplejpeg.decode_jpeg_header(content)[2] not in ("YCbCr", "Gray"):
            return None
        luma = simplejpeg.decode_jpeg(
            content, colorspace="GRAY", min_height=size[0], min_width=size[1]
        )
    except ValueError:
        return None
    return Reduced(luma[:, :, 0], factor, height, width) if luma.shape[:2] == size else None


def screen_thumbnail(picture: Reduced, quarter_turns: int = 0, mirrored: bool = False) -> Floats:
    """(64, 64): nearly what PDQ's filter makes of the full picture; turned counter-clockwise, and
    before that mirrored left to right, as its orientation asks."""
    rows = _block_weights(picture.height, picture.factor)
    columns = _block_weights(picture.width, picture.factor)
    thumbnail = rows @ picture.luma.astype(np.float32) @ columns.T
    if mirrored:
        thumbnail = thumbnail[:, ::-1]
    return np.rot90(thumbnail, quarter_turns).astype(np.float32, order="C")


def drifts_far(thumbnail: Floats) -> bool:
    """Whether the hashes of a picture with this (64, 64) thumbnail may be further from the exact
    ones than a look-up allows for: it is to be hashed exactly."""
    return undecided_bits(thumbnail, _MARGIN) > _MOST_UNDECIDED


def warm() -> None:
    """Compile, or load from numba's cache."""
    _block_weights(THUMBNAIL_SIDE, 1)


@compiled
def _block_weights(length: int, factor: int) -> Floats:
    """(64, blocks): what PDQ's two box passes weigh each block of `factor` pixels with, at the
    64 places that decimation keeps."""
    window = box_width(length)
    lead = window // 2
    weights = np.zeros((THUMBNAIL_SIDE, (length + factor - 1) // factor), np.float32)
    centres = cell_centres(length)
    for cell in range(THUMBNAIL_SIDE):
        first_right = min(centres[cell] + lead, length - 1)
        first_left = max(centres[cell] + lead - window, -1)
        for middle in range(first_left + 1, first_right + 1):
            right = min(middle + lead, length - 1)
            left = max(middle + lead - window, -1)
            weight = np.float32(1.0 / ((first_right - first_left) * (right - left)))
            for place in range(left + 1, right + 1):
                weights[cell, place // factor] += weight
    return weights
