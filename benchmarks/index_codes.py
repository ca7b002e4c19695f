"""Codes and queries of the index benchmark, made from a seed and kept as `.npy` files."""

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint64]
"""Shape (n, 4): PDQ's 256 bits."""
Shape = Literal["uniform", "clustered"]

RADIUS = 31
QUERIES = 1000
NEAR_SHARE = 0.05
"""Of the queries: within the radius of an entry, at distances that go round from 0 to 31."""
PLANTED_EACH = 20
"""Queries at each distance from 0 to the radius, for recall."""
_FLAT = 0x0000_FFFF_0000_FFFF
_STEP = 1 << 20


class Planted(NamedTuple):
    """Queries of which an answer is known: row `row[i]` is `distance[i]` bits away."""

    queries: Codes
    row: NDArray[np.int64]
    distance: NDArray[np.int64]


def make_codes(path: Path, n: int, shape: Shape, seed: int = 11) -> None:
    """Write `n` codes: uniform; or clustered, where 10 % are others with 1–20 bits flipped and 1 %
    share one low-entropy shape (a few bits off a flat pattern)."""
    rng = np.random.default_rng(seed)
    codes = np.lib.format.open_memmap(path, "w+", "<u8", (n, 4))
    for start in range(0, n, _STEP):
        part = codes[start : start + _STEP]
        part[:] = rng.integers(0, 1 << 64, part.shape, dtype=np.uint64)
    if shape == "clustered":
        variants, flat = n // 10, n // 100
        codes[:variants] = codes[n - variants :]
        _flip(rng, codes[:variants], rng.integers(1, 21, variants))
        same = codes[variants : variants + flat]
        same[:] = _FLAT
        _flip(rng, same, rng.integers(0, 6, flat))
    codes.flush()


def make_queries(codes: Codes, seed: int = 12) -> Codes:
    """95 % unknown, 5 % within the radius of an entry, mixed."""
    rng = np.random.default_rng(seed)
    queries = rng.integers(0, 1 << 64, (QUERIES, 4), dtype=np.uint64)
    near = round(QUERIES * NEAR_SHARE)
    planted = _planted(rng, codes, np.arange(near) % (RADIUS + 1))
    queries[rng.choice(QUERIES, near, replace=False)] = planted.queries
    return queries


def make_planted(codes: Codes, seed: int = 13) -> Planted:
    """Queries at every distance from 0 to the radius."""
    distances = np.repeat(np.arange(RADIUS + 1), PLANTED_EACH)
    return _planted(np.random.default_rng(seed), codes, distances)


def _planted(rng: np.random.Generator, codes: Codes, distance: NDArray[np.int64]) -> Planted:
    row = rng.integers(0, len(codes), len(distance))
    queries = codes[row].copy()
    for query, bits in zip(queries, distance, strict=True):
        for bit in rng.choice(256, bits, replace=False):
            query[bit >> 6] ^= np.uint64(1) << np.uint64(bit & 63)
    return Planted(queries, row, distance)


def _flip(rng: np.random.Generator, codes: Codes, bits: NDArray[np.int64]) -> None:
    """Flip up to `bits` random bits of each code (a bit drawn twice is flipped back)."""
    for step in range(int(bits.max(initial=0))):
        rows = np.flatnonzero(bits > step)
        bit = rng.integers(0, 256, len(rows))
        codes[rows, bit >> 6] ^= np.uint64(1) << (bit & 63).astype(np.uint64)
