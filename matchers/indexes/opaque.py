"""Vectors made by an algorithm that is not shipped here, such as PhotoDNA's 144 bytes.

All vectors within a distance, never approximate. They are sorted by the sum of their components:
sums further apart than the distance allows (the triangle inequality) need no comparison.
"""

import math
from collections.abc import Iterator
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from matchers.indexes.flat_file import FlatFile, FlatFileWriter
from matchers.indexes.hamming import HammingHits, in_parts
from matchers.indexes.kernels import search_vectors

Vectors = NDArray[np.uint8]
"""Shape (n, width in bytes), one byte a component."""
Metric = Literal["squared_euclidean", "manhattan"]


class OpaqueIndex:
    """Vectors of one width. Rows are counted as they were given to `build`."""

    def __init__(self, vectors: Vectors, rows: NDArray[np.uint32]) -> None:
        """Take over arrays that `build` made: vectors by rising sum, and whose they are."""
        self._vectors = vectors.view()
        self._vectors.setflags(write=False)
        self._rows = rows
        self._sums = _sums(vectors)

    @classmethod
    def build(cls, vectors: Vectors) -> Self:
        """Index `vectors` in memory."""
        order = np.argsort(_sums(vectors), kind="stable")
        return cls(vectors[order], order.astype(np.uint32))

    @classmethod
    def write(cls, file: FlatFileWriter, prefix: str, vectors: Vectors) -> None:
        """Index `vectors` in a file, in sections whose names start with `prefix`."""
        order = np.argsort(_sums(vectors), kind="stable")
        file.section(f"{prefix}.order", "<u4", order.shape)[:] = order
        section = file.section(f"{prefix}.vectors", "|u1", vectors.shape)
        for start in range(0, len(order), _STEP):
            section[start : start + _STEP] = vectors[order[start : start + _STEP]]

    @classmethod
    def read(cls, file: FlatFile, prefix: str) -> Self:
        """The index that `write` wrote, memory-mapped."""
        return cls(file.arrays[f"{prefix}.vectors"], file.arrays[f"{prefix}.order"])

    def __len__(self) -> int:
        return len(self._rows)

    def search_in_parts(
        self, queries: Vectors, limit: int, metric: Metric
    ) -> Iterator[HammingHits]:
        """All rows of which the sum of squared (or absolute) differences is at most `limit`, as
        `hamming.in_parts` hands them out."""
        queries = np.ascontiguousarray(queries).view()
        queries.setflags(write=False)
        squared = metric == "squared_euclidean"
        # Cauchy–Schwarz: |Σx − Σy| ≤ Σ|x − y| ≤ √(width · Σ(x − y)²).
        apart = math.isqrt(limit * queries.shape[1]) + 1 if squared else limit
        sums = _sums(queries)
        low = np.searchsorted(self._sums, sums - apart, side="left")
        high = np.searchsorted(self._sums, sums + apart, side="right")
        parts = in_parts(
            lambda begin, query, row, distance: search_vectors(
                queries, limit, squared, low, high, self._vectors, begin, query, row, distance
            ),
            len(queries),
        )
        for hits in parts:
            yield hits._replace(row=self._rows[hits.row].astype(np.int64))


_STEP = 1 << 18
"""Vectors put in order at once while writing."""


def _sums(vectors: Vectors) -> NDArray[np.int64]:
    return vectors.sum(axis=1, dtype=np.int64)
