"""The tiny grey pictures that pHash and dHash are read from, as Pillow makes them.

ImageHash converts to grey and resizes with Pillow's Lanczos filter, which on a large picture
takes as long as decoding it. Pillow's arithmetic there is in whole numbers (weights of 22 bits),
so that the order of additions changes nothing: here both sizes are made in one pass by matrix
products in double precision, which holds these numbers exactly.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from matchers.hashing.pdq import Pixels, compiled

PHASH_SIDE = 32
DHASH_SIZE = (8, 9)
"""Rows and columns: eight differences a row."""

_LOBES = 3
"""Lanczos's a in Pillow."""
_ONE = 1 << 22
_BAND_ROWS = 64

Doubles = NDArray[np.float64]


def miniatures(pixels: Pixels) -> tuple[Pixels, Pixels]:
    """`pixels`, (height, width) or (height, width, 3), as grey pictures of 32 × 32 and of 8 rows
    of 9."""
    height, width = pixels.shape[:2]
    rows, columns = DHASH_SIZE
    across = np.hstack([_weights(width, PHASH_SIDE), _weights(width, columns)])
    narrow = np.empty((height, PHASH_SIDE + columns))
    pixels = np.ascontiguousarray(pixels if pixels.ndim == 3 else pixels[:, :, None]).view()
    pixels.flags.writeable = False
    for top in range(0, height, _BAND_ROWS):
        band = _grey(pixels[top : top + _BAND_ROWS])
        narrow[top : top + _BAND_ROWS] = _to_eight_bits(band @ across)
    phash = _to_eight_bits(_weights(height, PHASH_SIDE).T @ narrow[:, :PHASH_SIDE])
    dhash = _to_eight_bits(_weights(height, rows).T @ narrow[:, PHASH_SIDE:])
    return phash.astype(np.uint8), dhash.astype(np.uint8)


def _to_eight_bits(sums: Doubles) -> Doubles:
    return np.clip(np.floor((sums + _ONE // 2) / _ONE), 0, 255)


@lru_cache(maxsize=64)
def _weights(length: int, size: int) -> Doubles:
    """(length, size): whole numbers, what each place weighs in each of `size` samples."""
    scale = length / size
    stretch = max(scale, 1.0)
    support = _LOBES * stretch
    centres = (np.arange(size) + 0.5) * scale
    first = np.maximum((centres - support + 0.5).astype(np.int64), 0)
    end = np.minimum((centres + support + 0.5).astype(np.int64), length)
    places = np.arange(length)[:, None]
    away = (places - centres + 0.5) / stretch
    weights = np.sinc(away) * np.sinc(away / _LOBES)
    weights[(places < first) | (places >= end) | (away < -_LOBES) | (away >= _LOBES)] = 0
    weights /= weights.sum(axis=0)
    return np.trunc(weights * _ONE + np.copysign(0.5, weights))


@compiled
def _grey(pixels: Pixels) -> Doubles:
    """ITU-R 601 luma in sixteenth-bit fixed point, as Pillow's mode `L`."""
    height, width = pixels.shape[0], pixels.shape[1]
    grey = np.empty((height, width))
    for y in range(height):
        if pixels.shape[2] == 1:
            for x in range(width):
                grey[y, x] = pixels[y, x, 0]
        else:
            for x in range(width):
                red, green, blue = pixels[y, x, 0], pixels[y, x, 1], pixels[y, x, 2]
                total = np.uint32(red) * np.uint32(19595) + np.uint32(green) * np.uint32(38470)
                total += np.uint32(blue) * np.uint32(7471) + np.uint32(32768)
                grey[y, x] = np.uint32(total) >> np.uint32(16)
    return grey
