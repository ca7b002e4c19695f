"""TLSH of written material, for lists that others made: every row within a distance.

The distance is TLSH's own without the length of the texts (`diffxlen`), as python-threatexchange
compares them (Oliver, Cheng, Chen, "TLSH: A Locality Sensitive Hash", 2013, with the 2-bit pairs
of its code 0, 1, 2 and 6 apart). Rows are sorted by their quartile ratios: of those alone a row
may be too far away.
"""

from collections.abc import Iterator
from typing import Self

import numpy as np
from numpy.typing import NDArray

from matchers.hashing.pdq import compiled
from matchers.indexes.flat_file import FlatFile, FlatFileWriter
from matchers.indexes.hamming import HammingHits, in_parts

Hashes = NDArray[np.uint8]
"""Shape (n, 35): checksum, length, the two quartile ratios, and 32 bytes of code."""
_CHECKSUM, _RATIOS, _CODE = 0, 2, 3


def _pairs_apart() -> NDArray[np.uint8]:
    """(256, 256): the distance of two bytes of code, each of four 2-bit values."""
    values = np.arange(256)
    total = np.zeros((256, 256), np.uint8)
    for shift in (0, 2, 4, 6):
        pairs = values >> shift & 3
        total += np.array([0, 1, 2, 6], np.uint8)[np.abs(pairs[:, None] - pairs[None, :])]
    return total


def _ratios_apart() -> NDArray[np.int64]:
    """(256, 256): the distance of two bytes of quartile ratios, each of two values modulo 16."""
    values = np.arange(256)
    total = np.zeros((256, 256), np.int64)
    for shift in (0, 4):
        ratios = values >> shift & 15
        straight = np.abs(ratios[:, None] - ratios[None, :])
        apart = np.minimum(straight, 16 - straight)
        total += np.where(apart <= 1, apart, (apart - 1) * 12)
    return total


_PAIRS_APART, _RATIOS_APART = _pairs_apart(), _ratios_apart()


class TlshIndex:
    """TLSH values. Rows are counted as they were given to `build`."""

    def __init__(self, hashes: Hashes, rows: NDArray[np.uint32]) -> None:
        """Take over arrays that `build` made: hashes by their ratios, and whose they are."""
        self._hashes = _read_only(hashes)
        self._rows = rows
        self._places = np.argsort(rows, kind="stable")
        self._starts = np.searchsorted(hashes[:, _RATIOS], np.arange(257))

    @classmethod
    def build(cls, hashes: Hashes) -> Self:
        """Index `hashes` in memory."""
        order = np.argsort(hashes[:, _RATIOS], kind="stable")
        return cls(np.ascontiguousarray(hashes[order]), order.astype(np.uint32))

    @classmethod
    def write(cls, file: FlatFileWriter, prefix: str, hashes: Hashes) -> None:
        """Index `hashes` in a file, in sections whose names start with `prefix`."""
        order = np.argsort(hashes[:, _RATIOS], kind="stable")
        file.section(f"{prefix}.order", "<u4", order.shape)[:] = order
        file.section(f"{prefix}.hashes", "|u1", hashes.shape)[:] = hashes[order]

    @classmethod
    def read(cls, file: FlatFile, prefix: str) -> Self:
        """The index that `write` wrote, memory-mapped."""
        return cls(file.arrays[f"{prefix}.hashes"], file.arrays[f"{prefix}.order"])

    def __len__(self) -> int:
        return len(self._rows)

    def value(self, row: int) -> bytes:
        """A row's hash, as it is listed."""
        return self._hashes[self._places[row]].tobytes()

    def search_in_parts(self, queries: Hashes, limit: int) -> Iterator[HammingHits]:
        """All rows at a distance of at most `limit` from each of `queries`, as `hamming.in_parts`
        hands them out."""
        queries = _read_only(np.ascontiguousarray(queries, np.uint8))
        parts = in_parts(
            lambda begin, query, row, distance: _search(
                queries,
                limit,
                self._hashes,
                self._starts,
                _PAIRS_APART,
                _RATIOS_APART,
                begin,
                query,
                row,
                distance,
            ),
            len(queries),
        )
        for hits in parts:
            yield hits._replace(row=self._rows[hits.row].astype(np.int64))


def _read_only(array: Hashes) -> Hashes:
    view = array.view()
    view.setflags(write=False)
    return view


@compiled
def _search(
    queries: Hashes,
    limit: int,
    hashes: Hashes,
    starts: NDArray[np.int64],
    pairs_apart: NDArray[np.uint8],
    ratios_apart: NDArray[np.int64],
    begin_query: int,
    out_query: NDArray[np.int64],
    out_row: NDArray[np.int64],
    out_distance: NDArray[np.int64],
) -> tuple[int, int, int]:
    """Rows within `limit` of each query; begins, ends and answers as a search of `kernels`."""
    found = 0
    for query in range(begin_query, queries.shape[0]):
        before = found
        for ratios in range(256):
            apart = ratios_apart[queries[query, _RATIOS], ratios]
            if apart > limit:
                continue
            for row in range(starts[ratios], starts[ratios + 1]):
                distance = apart + np.int64(queries[query, _CHECKSUM] != hashes[row, _CHECKSUM])
                for at in range(_CODE, hashes.shape[1]):
                    distance += pairs_apart[queries[query, at], hashes[row, at]]
                    if at & 7 == 7 and distance > limit:
                        break
                if distance <= limit:
                    if found < out_row.shape[0]:
                        out_query[found] = query
                        out_row[found] = row
                        out_distance[found] = distance
                    found += 1
        if found > out_row.shape[0]:
            return before, query, found - before
    return found, queries.shape[0], 0
