"""Letterbox and pillarbox borders: the bars of one colour that screens and editors put around a
picture, which change its hashes more than anything else that leaves it as it is."""

import numpy as np
from numpy.typing import NDArray

from matchers.hashing.pdq import Pixels, compiled, for_kernels

TOLERANCE = 20
"""Grey levels from a line's median, so that a compressed bar is still a bar."""
UNIFORM_SHARE = 0.98
"""Of a bar's line: what a logo or a bar's edge may disturb is the rest."""
LEAST_DEPTH = 8
"""Pixels; narrower borders change a hash little. Also the size of a JPEG's blocks, so that a whole
block lies within every border of a reduced picture."""
LEAST_SHARE = 0.02
"""Of the side's length that a border takes."""
LEAST_INNER_SHARE = 0.25
"""Of each side that must be left: less is no picture in a frame, but a frame."""

_ROUNDING = 6
"""Grey levels by which a reduced JPEG's pixel may differ from the mean of its block."""

_ANY = -1

Grey = NDArray[np.uint8]


def without_borders(pixels: Pixels, grey: Grey) -> Pixels | None:
    """The picture within its borders, which are all of one colour; `None` if it has none. `grey`
    is its luma."""
    height, width = grey.shape
    top, bottom, colour = _depths(grey, _ANY)
    # Of the same colour, or a plain side of the picture would be taken for a border too.
    left, right, _ = _depths(grey[top : height - bottom].T, colour)
    if not top + bottom + left + right:
        return None
    inner = pixels[top : height - bottom, left : width - right]
    if inner.shape[0] < LEAST_INNER_SHARE * height or inner.shape[1] < LEAST_INNER_SHARE * width:
        return None
    return inner


def may_have_borders(reduced: Grey, factor: int) -> bool:
    """Whether a picture of which each pixel here is the mean of `factor` squared may have borders:
    true of every picture of which `without_borders` would cut something away."""
    # A block's mean leaves the tolerance only with enough disturbed pixels (black on white, at
    # most), so that few blocks can: all others are within twice the tolerance of the line's median.
    share = 1 - (1 - UNIFORM_SHARE) * 255 / TOLERANCE
    for grey in (reduced, reduced.T):
        depth = max(LEAST_DEPTH, int(LEAST_SHARE * factor * (grey.shape[0] - 1))) // factor
        for lines in (grey, grey[::-1]):
            found, _ = _depth(for_kernels(lines[:depth]), _ANY, 2 * TOLERANCE + _ROUNDING, share)
            if found == depth:
                return True
    return False


def _depths(grey: Grey, colour: int) -> tuple[int, int, int]:
    """Lines of the borders at the beginning and the end (0 where one is too narrow to count), and
    their colour (`_ANY` where there are none)."""
    least = max(LEAST_DEPTH, int(LEAST_SHARE * grey.shape[0]))
    found: list[int] = []
    for lines in (grey, grey[::-1]):
        depth, its_colour = _depth(for_kernels(lines[:least]), colour, TOLERANCE, UNIFORM_SHARE)
        if depth == least:  # the rest is looked at only where there is a border
            depth, colour = _depth(for_kernels(lines), its_colour, TOLERANCE, UNIFORM_SHARE)
        found.append(depth if depth >= least else 0)
    if sum(found) >= grey.shape[0]:
        return 0, 0, _ANY
    return found[0], found[1], colour


def warm() -> None:
    """Compile, or load from numba's cache."""
    may_have_borders(np.zeros((LEAST_DEPTH, LEAST_DEPTH), np.uint8), 1)


@compiled
def _depth(lines: Grey, colour: int, tolerance: int, share: float) -> tuple[int, int]:
    """How many lines from the first on are of a colour, up to the tolerance, in at least `share`
    of their pixels; and the colour, which is the first line's median where `_ANY` is asked for."""
    if colour == _ANY:
        counts = np.zeros(256, np.int64)
        for pixel in lines[0]:
            counts[pixel] += 1
        colour, below = 0, np.int64(0)
        while 2 * (below + counts[colour]) < lines.shape[1]:
            below += counts[colour]
            colour += 1
    wanted = share * lines.shape[1]
    for line in range(lines.shape[0]):
        near = 0
        for pixel in lines[line]:
            near += abs(np.int64(pixel) - colour) <= tolerance
        if near < wanted:
            return line, colour
    return lines.shape[0], colour
