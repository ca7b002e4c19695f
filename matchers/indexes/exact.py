"""Look-up of digests by equality: sorted arrays and a binary search.

Each digest is kept as its first eight bytes (a sorted big-endian number) and the rest beside it,
so an entry takes its digest's width and four bytes, in flat arrays that can be memory-mapped.
"""

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from matchers.indexes.flat_file import FlatFile, FlatFileWriter

Digests = NDArray[np.uint8]
"""Shape (n, width in bytes), width at least 8."""

_STEP = 1 << 20
"""Digests put in order at once while writing."""


class ExactHits(NamedTuple):
    """`row[i]` of the index equals query `query[i]`; in order of queries, then rows."""

    query: NDArray[np.int64]
    row: NDArray[np.int64]


class ExactIndex:
    """Digests of one width. Rows are counted as they were given to `build`."""

    def __init__(self, keys: NDArray[np.uint64], rests: Digests, rows: NDArray[np.uint32]) -> None:
        """Take over arrays that an earlier `build` made: see `arrays`."""
        self.keys = keys
        self.rests = rests
        self.rows = rows

    @classmethod
    def build(cls, digests: Digests) -> Self:
        """Sort `digests`; repeats are kept, each is a row of its own."""
        keys = _keys(digests)
        order = np.argsort(keys, kind="stable")
        return cls(keys[order], np.ascontiguousarray(digests[order, 8:]), order.astype(np.uint32))

    @classmethod
    def write(cls, file: FlatFileWriter, prefix: str, digests: Digests) -> None:
        """Sort `digests` into a file, in sections whose names start with `prefix`."""
        keys = _keys(digests)
        order = np.argsort(keys, kind="stable")
        file.section(f"{prefix}.keys", "<u8", keys.shape)[:] = keys[order]
        file.section(f"{prefix}.rows", "<u4", keys.shape)[:] = order
        rests = file.section(f"{prefix}.rests", "|u1", (len(keys), digests.shape[1] - 8))
        for start in range(0, len(keys), _STEP):
            rests[start : start + _STEP] = digests[order[start : start + _STEP], 8:]

    @classmethod
    def read(cls, file: FlatFile, prefix: str) -> Self:
        """The index that `write` wrote, memory-mapped."""
        keys, rests, rows = (file.arrays[f"{prefix}.{name}"] for name in ("keys", "rests", "rows"))
        return cls(keys, rests, rows)

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def width(self) -> int:
        """Bytes in a digest."""
        return 8 + self.rests.shape[1]

    def search(self, queries: Digests) -> ExactHits:
        """All rows equal to each of `queries`, shape (m, width)."""
        keys = _keys(queries)
        low = np.searchsorted(self.keys, keys, side="left")
        found = np.flatnonzero(self._holds(low, keys))
        query: list[int] = []
        row: list[int] = []
        for at in found.tolist():
            rest = queries[at, 8:].tobytes()
            place = int(low[at])
            rows: list[int] = []
            while place < len(self.keys) and self.keys[place] == keys[at]:
                if self.rests[place].tobytes() == rest:
                    rows.append(int(self.rows[place]))
                place += 1
            rows.sort()
            query += [at] * len(rows)
            row += rows
        return ExactHits(np.array(query, np.int64), np.array(row, np.int64))

    def _holds(self, places: NDArray[np.int64], keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
        if not len(self.keys):
            return np.zeros(len(keys), np.bool_)
        return (places < len(self.keys)) & (
            self.keys[np.minimum(places, len(self.keys) - 1)] == keys
        )


def _keys(digests: Digests) -> NDArray[np.uint64]:
    return np.ascontiguousarray(digests[:, :8]).view(">u8").astype(np.uint64).reshape(-1)
