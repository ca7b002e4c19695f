"""All codes within a Hamming radius: exact, never approximate, for 64 and 256 bits.

Multi-index hashing (Norouzi, Punjani, Fleet, "Fast Exact Search in Hamming Space with Multi-Index
Hashing", 2014) with the thresholds of the general pigeonhole principle (Qin et al., "GPH:
Similarity Search in Hamming Space", 2018): the code is cut into chunks of 16 bits, and a code
within radius r must be within t_c of the query in some chunk c whenever the t_c + 1 add up to
r + 1. PDQ's radius of 31 needs one differing bit in each of its 16 chunks: 272 buckets.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import combinations
from typing import NamedTuple, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from matchers.indexes import kernels
from matchers.indexes.flat_file import FlatFile, FlatFileWriter
from matchers.indexes.vector_code import LANES

Codes = NDArray[np.uint64]
"""Shape (n, 1) for 64 bits, (n, 4) for 256. Which bit is where does not matter to distances."""

WIDEST = {16: 47, 4: 15}
"""By number of chunks: the radius up to which tables are worth it (two bits in each of 16 chunks,
three in each of 4). Beyond, comparing every code is faster, and is done."""

Table = NDArray[np.uint32]

COMPARED_BELOW = 2048
"""So few codes are compared one by one: faster than the tables, which take 4 MB."""

_T = TypeVar("_T", bound=np.generic)

_FLIPS = np.array(
    [0]
    + [1 << bit for bit in range(kernels.CHUNK_BITS)]
    + [1 << a | 1 << b for a, b in combinations(range(kernels.CHUNK_BITS), 2)]
    + [1 << a | 1 << b | 1 << c for a, b, c in combinations(range(kernels.CHUNK_BITS), 3)],
    dtype=np.uint32,
)
_FLIPS.setflags(write=False)


class HammingHits(NamedTuple):
    """Row `row[i]` is `distance[i]` bits from query `query[i]`; in the order of the queries."""

    query: NDArray[np.int64]
    row: NDArray[np.int64]
    distance: NDArray[np.int64]


class Buckets(NamedTuple):
    """The tables of `kernels.fill_buckets`, chunk by chunk.

    `starts` (chunks, 65,537), `rows` (chunks, n), `data` (chunks, planes × n + padding), uint32.
    """

    starts: Table
    rows: Table
    data: Table


class HammingIndex:
    """Codes of one width. Rows are counted as they were given."""

    def __init__(self, codes: Codes, buckets: Buckets | None) -> None:
        """Take over arrays that `build` made, in memory or memory-mapped."""
        self.codes = _read_only(codes)
        self.buckets = (
            None if buckets is None else Buckets(*(_read_only(array) for array in buckets))
        )

    @classmethod
    def build(cls, codes: Codes) -> Self:
        """Index `codes` in memory: 288 bytes a code of 256 bits, 56 of 64, and 4 MB or 1 MB."""
        codes = np.ascontiguousarray(codes, np.uint64)
        return cls(codes, _filled(codes, _in_memory, None))

    @classmethod
    def write(
        cls,
        file: FlatFileWriter,
        prefix: str,
        codes: Codes,
        progress: Callable[[float], None] | None = None,
    ) -> None:
        """Index `codes` in a file, in sections whose names start with `prefix`.

        The tables are filled in the file's own pages: memory beyond what the system can have back
        does not grow with the number of codes. `progress` hears of the share done, 0–1.
        """
        file.section(f"{prefix}.codes", "<u8", codes.shape)[:] = codes

        def section(shape: tuple[int, ...], dtype: type[np.uint32], name: str) -> Table:
            return file.section(f"{prefix}.{name}", np.dtype(dtype).str, shape)

        _filled(codes, section, progress)

    @classmethod
    def read(cls, file: FlatFile, prefix: str) -> Self:
        """The index that `write` wrote, memory-mapped."""
        arrays = file.arrays
        buckets = None
        if f"{prefix}.rows" in arrays:
            buckets = Buckets(*(arrays[f"{prefix}.{name}"] for name in Buckets._fields))
        return cls(arrays[f"{prefix}.codes"], buckets)

    def __len__(self) -> int:
        return len(self.codes)

    def search(self, queries: Codes, radius: int) -> HammingHits:
        """All rows within `radius` bits of each of `queries`, shape (m, words)."""
        return joined(self.search_in_parts(queries, radius))

    def search_in_parts(self, queries: Codes, radius: int) -> Iterator[HammingHits]:
        """What `search` finds, as `in_parts` hands it out."""
        queries = _read_only(np.ascontiguousarray(queries, np.uint64))
        thresholds = chunk_thresholds(radius, chunk_count(self.codes))
        buckets = self.buckets
        if buckets is None or thresholds is None:
            return in_parts(
                lambda begin, query, row, distance: kernels.search_all(
                    queries, radius, self.codes, begin, query, row, distance
                ),
                len(queries),
            )
        return in_parts(
            lambda begin, query, row, distance: kernels.search_buckets(
                queries,
                radius,
                thresholds,
                _FLIPS,
                plane_count(self.codes),
                self.codes,
                *buckets,
                begin,
                query,
                row,
                distance,
            ),
            len(queries),
        )


def _filled(
    codes: Codes,
    allocate: Callable[[tuple[int, ...], type[np.uint32], str], Table],
    progress: Callable[[float], None] | None,
) -> Buckets | None:
    if len(codes) < COMPARED_BELOW:
        return None
    chunks = chunk_count(codes)
    buckets = Buckets(
        allocate((chunks, kernels.BUCKETS + 1), np.uint32, "starts"),
        allocate((chunks, len(codes)), np.uint32, "rows"),
        allocate((chunks, data_width(codes)), np.uint32, "data"),
    )
    frozen = _read_only(codes)
    for chunk in range(chunks):
        kernels.fill_buckets(
            frozen, chunk, chunks, plane_count(codes), *(table[chunk] for table in buckets)
        )
        if progress is not None:
            progress((chunk + 1) / chunks)
    return buckets


def _in_memory(shape: tuple[int, ...], dtype: type[np.uint32], name: str) -> Table:
    return np.zeros(shape, dtype)


def chunk_count(codes: Codes) -> int:
    """Chunks of 16 bits in a code."""
    return codes.shape[1] * 4


def plane_count(codes: Codes) -> int:
    """Planes of 32 bits held beside each row: 96 bits of 256 pass one code in 3,000 at radius 31
    (all others are told apart without a look at the code), 48 bits of 64."""
    return 3 if codes.shape[1] > 1 else 2


def data_width(codes: Codes) -> int:
    """Length of a chunk's `data`: padded so that the last sixteen lanes can be read."""
    return plane_count(codes) * len(codes) + LANES


def chunk_thresholds(radius: int, chunks: int) -> NDArray[np.int64] | None:
    """How far to search each chunk, so that t + 1 adds up to `radius` + 1; `None` if too wide."""
    if radius < 0:
        raise ValueError(f"radius must be at least 0, not {radius}")
    each, more = divmod(radius + 1, chunks)
    if radius > WIDEST[chunks]:
        return None
    return np.array([each - 1 + (chunk < more) for chunk in range(chunks)], np.int64)


PART = 1 << 18
"""Hits held at once (6 MB), unless one query has more."""

Kernel = Callable[
    [int, NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]], tuple[int, int, int]
]
"""A search of `kernels`: the first query and room for hits in, what it says of its kind out."""


def in_parts(search: Kernel, queries: int) -> Iterator[HammingHits]:
    """Run a kernel; its hits in parts of at most `PART`, those of a query never in two of them.

    Queries amid a large cluster of a list have as many hits each as there are in it: whoever needs
    only some of them cuts each part, and never holds the rest together.
    """
    room = min(64 + 2 * queries, PART)
    begin = 0
    while begin < queries:
        out = (np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64))
        found, begin, more = search(begin, *out)
        if found:
            yield HammingHits(*(array[:found] for array in out))
        if more:
            room = max(PART, more)


def joined(hits: Iterable[HammingHits]) -> HammingHits:
    """All hits at once."""
    parts = list(hits)
    first, *others = parts or [_NO_HITS]
    if not others:
        return first
    return HammingHits(*map(np.concatenate, zip(first, *others, strict=True)))


_NO_HITS = HammingHits(*(np.empty(0, np.int64) for _ in HammingHits._fields))


def _read_only(array: NDArray[_T]) -> NDArray[_T]:
    view = array.view()
    view.setflags(write=False)
    return view
