"""PDQ, the 256-bit perceptual hash of pictures, bit for bit as its reference implementation.

Algorithm: "PDQ & TMK + PDQF", Facebook 2019 (`hashing.pdf` in facebook/ThreatExchange): luma, two
passes of a box filter along rows and columns (a tent filter, after Jarosz, "Fast Image
Convolutions", 2001), decimation to 64 × 64, the 16 × 16 lowest non-constant frequencies of its
DCT, one bit for each that is above their median. Pictures of any size are hashed as they are;
nothing is resized before.

The reference keeps running sums in single precision, so its rounding depends on the order of
additions. That order is kept here; what is saved is the work whose result nobody reads: the last
two passes are divided out only at the 64 columns and rows that decimation keeps, no picture-sized
buffer exists, and eight rows are summed side by side.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

MIN_SIDE = 5
"""Pictures with a shorter side have no hash: all zeros, quality 0 (as the reference)."""
MATCHABLE_QUALITY = 50
"""Below this quality a hash says too little to be matched (PDQ paper; ThreatExchange's default)."""

THUMBNAIL_SIDE = 64
_LANES = 8

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]
"""(height, width) grey or (height, width, 3) RGB."""


_F = TypeVar("_F", bound=Callable[..., Any])


def compiled(kernel: _F) -> _F:
    """Compile at first call. numba has no types, so a kernel keeps its own. No `fastmath`: it
    would reorder additions."""
    return cast(_F, numba.njit(cache=True, nogil=True)(kernel))  # pyright: ignore[reportUnknownMemberType]


class Pdq(NamedTuple):
    """`hash` is 32 bytes whose hexadecimal is the published form; `quality` is 0–100."""

    hash: bytes
    quality: int


class PdqDihedral(NamedTuple):
    """Hashes of a picture as it would be rotated (counter-clockwise) and mirrored."""

    original: bytes
    rotate90: bytes
    rotate180: bytes
    rotate270: bytes
    flip_x: bytes
    flip_y: bytes
    flip_plus1: bytes
    flip_minus1: bytes


def pdq(pixels: Pixels) -> Pdq:
    """PDQ hash and quality of decoded pixels. Raises `ValueError` for another shape or type."""
    spectrum, quality = _spectrum_and_quality(pixels)
    if spectrum is None:
        return Pdq(bytes(32), 0)
    return Pdq(_bits(spectrum), quality)


def pdq_of_thumbnail(thumbnail: Floats) -> Pdq:
    """PDQ from a picture's (64, 64) filtered and decimated luma, 0–255."""
    return Pdq(_bits(_dct(thumbnail, _DCT)), int(_quality(thumbnail)))


def undecided_bits(thumbnail: Floats, margin: float) -> int:
    """How many terms of a thumbnail's spectrum lie within `margin` of the median that decides the
    hash's bits."""
    spectrum = _dct(thumbnail, _DCT)
    return int(np.count_nonzero(np.abs(spectrum - _median(spectrum)) < margin))


def pdq_dihedral(pixels: Pixels) -> tuple[PdqDihedral, int]:
    """The eight hashes of a picture's rotations and reflections, and its quality.

    They are computed from one DCT (mirroring negates odd frequencies, transposing swaps them), so
    they agree with hashes of turned pixels up to a few bits.
    """
    spectrum, quality = _spectrum_and_quality(pixels)
    if spectrum is None:
        return PdqDihedral(*[bytes(32)] * 8), 0
    return _dihedral(spectrum), quality


def pdq_dihedral_of_thumbnail(thumbnail: Floats) -> tuple[PdqDihedral, int]:
    """The same from a picture's (64, 64) filtered and decimated luma, 0–255."""
    return _dihedral(_dct(thumbnail, _DCT)), int(_quality(thumbnail))


def _dihedral(spectrum: Floats) -> PdqDihedral:
    # Row and column 0 hold frequency 1: odd, so index 0, 2, … change sign when mirrored.
    odd = np.where(np.arange(16) % 2 == 0, np.float32(-1), np.float32(1))
    mirror_rows, mirror_columns = spectrum * odd[:, None], spectrum * odd[None, :]
    both = mirror_rows * odd[None, :]
    return PdqDihedral(
        original=_bits(spectrum),
        rotate90=_bits(mirror_columns.T),
        rotate180=_bits(both),
        rotate270=_bits(mirror_rows.T),
        flip_x=_bits(mirror_rows),
        flip_y=_bits(mirror_columns),
        flip_plus1=_bits(spectrum.T),
        flip_minus1=_bits(both.T),
    )


def warm() -> None:
    """Compile, or load from numba's cache, so that the first picture does not wait for it."""
    pdq(np.zeros((MIN_SIDE, MIN_SIDE), np.uint8))


def _spectrum_and_quality(pixels: Pixels) -> tuple[Floats | None, int]:
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or pixels.shape[2:] not in ((), (3,)):
        raise ValueError(
            f"pixels must be 8-bit, (height, width) or (height, width, 3);"
            f" got {pixels.dtype} {pixels.shape}"
        )
    if min(pixels.shape[:2]) < MIN_SIDE:
        return None, 0
    thumbnail = _downsample(
        for_kernels(pixels if pixels.ndim == 3 else pixels[:, :, None]), _GREY_LUMA
    )
    return _dct(thumbnail, _DCT), _quality(thumbnail)


def for_kernels(pixels: Pixels) -> Pixels:
    """`pixels` as contiguous and read-only, the one layout that kernels are compiled for."""
    pixels = np.ascontiguousarray(pixels).view()
    pixels.flags.writeable = False
    return pixels


def _bits(spectrum: Floats) -> bytes:
    """Bit 255 (highest frequencies) comes first."""
    return np.packbits((spectrum.ravel() > _median(spectrum))[::-1]).tobytes()


def _median(spectrum: Floats) -> np.float32:
    """The lower one of 256 values, the 128th."""
    return np.partition(spectrum.ravel(), 127)[127]


def _dct_matrix() -> Floats:
    """Rows 1–16 of the 64-point DCT-II."""
    scale = float(np.float32(math.sqrt(2.0 / THUMBNAIL_SIDE)))
    step = math.pi / 2.0 / THUMBNAIL_SIDE
    return np.array(
        [
            [scale * math.cos(step * (i + 1) * (2 * j + 1)) for j in range(THUMBNAIL_SIDE)]
            for i in range(16)
        ],
        np.float32,
    )


_DCT = _dct_matrix()
_GREY_LUMA = (np.arange(256) * 0.299 + np.arange(256) * 0.587 + np.arange(256) * 0.114).astype(
    np.float32
)
"""Luma of R = G = B, rounded as the sum of the three is."""


@compiled
def box_width(length: int) -> int:
    """Box width: two passes of half a cell, a cell being 1/64 of the side; rounded up."""
    return (length + 2 * THUMBNAIL_SIDE - 1) // (2 * THUMBNAIL_SIDE)


@compiled
def _box_counts(length: int, window: int) -> Floats:
    """How many samples the box holds around each of `length` places."""
    lead = window // 2
    counts = np.empty(length, np.float32)
    for place in range(length):
        right = min(place + lead, length - 1)
        left = max(place + lead - window, -1)
        counts[place] = right - left
    return counts


@compiled
def cell_centres(length: int) -> NDArray[np.int64]:
    """The places that 64 cell centres fall on."""
    places = np.empty(THUMBNAIL_SIDE, np.int64)
    for cell in range(THUMBNAIL_SIDE):
        places[cell] = int(((cell + 0.5) * length) / THUMBNAIL_SIDE)
    return places


@compiled
def _luma_row(pixels: Pixels, grey_luma: Floats, row: int, out: Floats, start: int) -> None:
    """Luma of a row into `out[start:]`, in double precision and then rounded."""
    width = pixels.shape[1]
    if pixels.shape[2] == 1:
        for x in range(width):
            out[start + x] = grey_luma[pixels[row, x, 0]]
    else:
        for x in range(width):
            out[start + x] = np.float32(
                pixels[row, x, 0] * 0.299 + pixels[row, x, 1] * 0.587 + pixels[row, x, 2] * 0.114
            )


@compiled
def _running_sums(padded: Floats, sums: Floats, window: int) -> None:
    """Unnormalised box sums along eight rows at once.

    `padded` has `window` zeros before each row and `window // 2` after it: adding or taking away
    a zero changes no sum, so the edges need no case of their own. One row's additions depend on
    each other; eight rows' are independent, which hides the adder's latency.
    """
    width = sums.shape[1]
    lead = window // 2
    zero = np.float32(0)
    a = b = c = d = e = f = g = h = zero
    p0, p1, p2, p3 = padded[0], padded[1], padded[2], padded[3]
    p4, p5, p6, p7 = padded[4], padded[5], padded[6], padded[7]
    for x in range(window, window + lead):
        a += p0[x]
        b += p1[x]
        c += p2[x]
        d += p3[x]
        e += p4[x]
        f += p5[x]
        g += p6[x]
        h += p7[x]
    for x in range(width):
        left = x + lead
        right = left + window
        a = (a + p0[right]) - p0[left]
        b = (b + p1[right]) - p1[left]
        c = (c + p2[right]) - p2[left]
        d = (d + p3[right]) - p3[left]
        e = (e + p4[right]) - p4[left]
        f = (f + p5[right]) - p5[left]
        g = (g + p6[right]) - p6[left]
        h = (h + p7[right]) - p7[left]
        sums[0, x] = a
        sums[1, x] = b
        sums[2, x] = c
        sums[3, x] = d
        sums[4, x] = e
        sums[5, x] = f
        sums[6, x] = g
        sums[7, x] = h


@compiled
def _column_step(entering: Floats, counts: Floats, oldest: Floats, sums: Floats) -> None:
    """Slide the column sums down by a row; `oldest` is replaced by the entering row."""
    for x in range(sums.shape[0]):
        value = entering[x] / counts[x]
        sums[x] = (sums[x] + value) - oldest[x]
        oldest[x] = value


@compiled
def _column_step_past_end(oldest: Floats, sums: Floats) -> None:
    """Slide the column sums past the last row."""
    for x in range(sums.shape[0]):
        sums[x] -= oldest[x]
        oldest[x] = 0


@compiled
def _divide_row(sums: Floats, count: np.float32, out: Floats, start: int) -> None:
    for x in range(sums.shape[0]):
        out[start + x] = sums[x] / count


@compiled
def _downsample(pixels: Pixels, grey_luma: Floats) -> Floats:
    """Tent filter and decimation to 64 × 64, streaming over bands of eight rows."""
    height, width = pixels.shape[0], pixels.shape[1]
    thumbnail = np.empty((THUMBNAIL_SIDE, THUMBNAIL_SIDE), np.float32)
    if (
        height == THUMBNAIL_SIDE and width == THUMBNAIL_SIDE
    ):  # the reference takes these as downsampled already
        for row in range(THUMBNAIL_SIDE):
            _luma_row(pixels, grey_luma, row, thumbnail[row], 0)
        return thumbnail
    window_x, window_y = box_width(width), box_width(height)
    lead_y = window_y // 2
    counts_x, counts_y = _box_counts(width, window_x), _box_counts(height, window_y)
    columns, rows = cell_centres(width), cell_centres(height)

    first = np.zeros((_LANES, window_x + width + window_x // 2), np.float32)
    second = np.zeros_like(first)
    first_sums = np.empty((_LANES, width), np.float32)
    second_sums = np.empty((_LANES, width), np.float32)
    ring = np.zeros((window_y, width), np.float32)
    column_sums = np.zeros(width, np.float32)
    narrow = np.empty(
        (height, THUMBNAIL_SIDE), np.float32
    )  # after the third pass, at the kept columns

    for row in range(height + lead_y):
        oldest = ring[row % window_y]
        if row < height:
            lane = row % _LANES
            if lane == 0:
                for k in range(min(_LANES, height - row)):
                    _luma_row(pixels, grey_luma, row + k, first[k], window_x)
                _running_sums(first, first_sums, window_x)
            _column_step(first_sums[lane], counts_x, oldest, column_sums)
        else:
            _column_step_past_end(oldest, column_sums)
        done = row - lead_y
        if done >= 0:
            lane = done % _LANES
            _divide_row(column_sums, counts_y[done], second[lane], window_x)
            if lane == _LANES - 1 or done == height - 1:
                _running_sums(second, second_sums, window_x)
                for k in range(lane + 1):
                    for cell in range(THUMBNAIL_SIDE):
                        x = columns[cell]
                        narrow[done - lane + k, cell] = second_sums[k, x] / counts_x[x]

    sums = np.zeros(THUMBNAIL_SIDE, np.float32)
    cell_row = 0
    for row in range(height + lead_y):
        for cell in range(THUMBNAIL_SIDE):
            if row < height:
                sums[cell] += narrow[row, cell]
            if row >= window_y:
                sums[cell] -= narrow[row - window_y, cell]
        while cell_row < THUMBNAIL_SIDE and rows[cell_row] == row - lead_y:
            for cell in range(THUMBNAIL_SIDE):
                thumbnail[cell_row, cell] = sums[cell] / counts_y[row - lead_y]
            cell_row += 1
    return thumbnail


@compiled
def _quality(thumbnail: Floats) -> int:
    """Sum of quantised gradients, scaled to 0–100 with the paper's constants."""
    total = 0
    hundred, full = np.float32(100), np.float32(255)
    for row in range(THUMBNAIL_SIDE):
        for column in range(THUMBNAIL_SIDE):
            here = thumbnail[row, column]
            if row + 1 < THUMBNAIL_SIDE:
                total += abs(int((here - thumbnail[row + 1, column]) * hundred / full))
            if column + 1 < THUMBNAIL_SIDE:
                total += abs(int((here - thumbnail[row, column + 1]) * hundred / full))
    return min(total // 90, 100)


@compiled
def _dct(thumbnail: Floats, matrix: Floats) -> Floats:
    """`matrix · thumbnail · matrixᵀ`, each sum from the first term to the last."""
    half = np.zeros((16, THUMBNAIL_SIDE), np.float32)
    for i in range(16):
        for k in range(THUMBNAIL_SIDE):
            factor = matrix[i, k]
            for j in range(THUMBNAIL_SIDE):
                half[i, j] += factor * thumbnail[k, j]
    spectrum = np.empty((16, 16), np.float32)
    for i in range(16):
        for j in range(16):
            total = np.float32(0)
            for k in range(THUMBNAIL_SIDE):
                total += half[i, k] * matrix[j, k]
            spectrum[i, j] = total
    return spectrum
