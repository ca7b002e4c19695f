"""Compiled loops of the Hamming index. Each keeps its Python signature; none holds the GIL.

Words: a code is cut into *chunks* of 16 bits; each chunk has a table of 65,536 *buckets*, holding
the rows whose code has that value in that chunk. Beside each row the bucket holds some of the
other bits of its code in *planes* of 32 bits, laid out plane after plane within the bucket, so
that sixteen rows are compared at once and a bucket is one run of memory.

Each search begins at `begin_query` and returns `(found, end, more)`: that many hits are put out,
in the order of the queries, and are all of queries [begin_query, end). Query `end`, if there is
one, has `more` hits, for which there was no room left.
"""

# numba has no types, and the operations of vector_code have signatures of its own.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportCallIssue=false

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from matchers.indexes.vector_code import (
    LANES,
    bit_count,
    prefetch,
    within_2_planes,
    within_3_planes,
)

BUCKETS = 1 << 16
CHUNK_BITS = 16
CHUNK_MASK = np.uint64(BUCKETS - 1)

_F = TypeVar("_F", bound=Callable[..., Any])


def _compiled(function: _F) -> _F:
    return cast(_F, numba.njit(cache=True, nogil=True)(function))


Words = NDArray[np.uint64]
Codes = NDArray[np.uint64]
"""Shape (n, words): 256 bits are four words, 64 are one."""


@_compiled
def chunk_value(codes: Codes, row: int, chunk: int) -> Any:
    """Bits [16 × chunk, 16 × chunk + 16) of a code, as uint64."""
    return (codes[row, chunk >> 2] >> np.uint64(CHUNK_BITS * (chunk & 3))) & CHUNK_MASK


@_compiled
def plane_value(codes: Codes, row: int, chunk: int, plane: int, chunks: int) -> Any:
    """What plane `plane` of chunk `chunk` holds: the two chunks that follow, in a circle; where
    the circle closes, zeros."""
    ahead = 2 * plane + 1
    low = chunk_value(codes, row, (chunk + ahead) % chunks)
    if ahead + 1 >= chunks:
        return np.uint32(low)
    high = chunk_value(codes, row, (chunk + ahead + 1) % chunks)
    return np.uint32(low | (high << np.uint64(CHUNK_BITS)))


@_compiled
def fill_buckets(
    codes: Codes,
    chunk: int,
    chunks: int,
    planes: int,
    starts: NDArray[np.uint32],
    rows: NDArray[np.uint32],
    data: NDArray[np.uint32],
) -> None:
    """Sort all rows into the buckets of one chunk (a counting sort).

    `starts` (zeroed, 65,537) gets each bucket's first place, `rows` (n) the row at each place,
    `data` (planes × n and padding) the planes: those of a bucket with k places from s begin at
    planes × s, k apart.
    """
    n = codes.shape[0]
    for row in range(n):
        starts[np.int64(chunk_value(codes, row, chunk)) + 1] += np.uint32(1)
    for bucket in range(BUCKETS):
        starts[bucket + 1] += starts[bucket]
    cursor = starts[:BUCKETS].copy()
    for row in range(n):
        bucket = np.int64(chunk_value(codes, row, chunk))
        place = np.int64(cursor[bucket])
        cursor[bucket] += np.uint32(1)
        rows[place] = np.uint32(row)
        start = np.int64(starts[bucket])
        size = np.int64(starts[bucket + 1]) - start
        at = planes * start + place - start
        for plane in range(planes):
            data[at + plane * size] = plane_value(codes, row, chunk, plane, chunks)


@_compiled
def search_buckets(
    queries: Codes,
    radius: int,
    thresholds: NDArray[np.int64],
    flips: NDArray[np.uint32],
    planes: int,
    codes: Codes,
    starts: NDArray[np.uint32],
    rows: NDArray[np.uint32],
    data: NDArray[np.uint32],
    begin_query: int,
    out_query: NDArray[np.int64],
    out_row: NDArray[np.int64],
    out_distance: NDArray[np.int64],
) -> tuple[int, int, int]:
    """All rows within `radius` of each query.

    `thresholds[c]` is the distance up to which chunk c is searched (-1: not at all). `flips` holds
    the 16-bit patterns of none, one, two and three bits, in that order. While the buckets of one
    chunk are compared, those of the next are on their way from memory.
    """
    chunks = starts.shape[0]
    words = codes.shape[1]
    patterns = np.array([0, 1, 17, 137, 697])
    begin = np.zeros((2, 697), np.int64)
    size = np.zeros((2, 697), np.int64)
    plane = np.zeros((2, 3), np.uint32)
    found = 0
    for query in range(begin_query, queries.shape[0]):
        before = found
        for step in range(chunks + 1):
            if step < chunks and thresholds[step] >= 0:
                now = step & 1
                base = np.uint64(data[step].ctypes.data)
                value = np.uint32(chunk_value(queries, query, step))
                for p in range(planes):
                    plane[now, p] = plane_value(queries, query, step, p, chunks)
                for f in range(patterns[thresholds[step] + 1]):
                    bucket = np.int64(value ^ flips[f])
                    start = np.int64(starts[step, bucket])
                    count = np.int64(starts[step, bucket + 1]) - start
                    begin[now, f] = start
                    size[now, f] = count
                    address = base + np.uint64(4 * planes * start)
                    prefetch(address)
                    prefetch(address + np.uint64(64))
                    prefetch(address + np.uint64(128))
                    if count > LANES:
                        prefetch(address + np.uint64(4 * count))
                        prefetch(address + np.uint64(8 * count))
            chunk = step - 1
            if step == 0 or thresholds[chunk] < 0:
                continue
            now = chunk & 1
            base = np.uint64(data[chunk].ctypes.data)
            for f in range(patterns[thresholds[chunk] + 1]):
                start, count = begin[now, f], size[now, f]
                limit = np.uint32(radius) - np.uint32(bit_count(np.uint64(flips[f])))
                stride = np.uint64(4 * count)
                block = 0
                while block < count:
                    address = base + np.uint64(4 * (planes * start + block))
                    if planes == 3:
                        near = within_3_planes(
                            address, stride, plane[now, 0], plane[now, 1], plane[now, 2], limit
                        )
                    else:
                        near = within_2_planes(
                            address, stride, plane[now, 0], plane[now, 1], plane[now, 2], limit
                        )
                    if count - block < LANES:
                        near &= (np.uint64(1) << np.uint64(count - block)) - np.uint64(1)
                    while near != 0:
                        lowest = near & (~near + np.uint64(1))
                        near ^= lowest
                        lane = np.int64(bit_count(lowest - np.uint64(1)))
                        row = np.int64(rows[chunk, start + block + lane])
                        distance = np.int64(0)
                        for word in range(words):
                            distance += np.int64(bit_count(codes[row, word] ^ queries[query, word]))
                        if distance > radius:
                            continue
                        # A row that an earlier chunk has led to was put out there.
                        first = True
                        for earlier in range(chunk):
                            apart = chunk_value(codes, row, earlier) ^ chunk_value(
                                queries, query, earlier
                            )
                            if np.int64(bit_count(apart)) <= thresholds[earlier]:
                                first = False
                                break
                        if first:
                            if found < out_row.shape[0]:
                                out_query[found] = query
                                out_row[found] = row
                                out_distance[found] = distance
                            found += 1
                    block += LANES
        if found > out_row.shape[0]:
            return before, query, found - before
    return found, queries.shape[0], 0


@_compiled
def search_all(
    queries: Codes,
    radius: int,
    codes: Codes,
    begin_query: int,
    out_query: NDArray[np.int64],
    out_row: NDArray[np.int64],
    out_distance: NDArray[np.int64],
) -> tuple[int, int, int]:
    """As `search_buckets`, by comparing every row: for few rows, or a wide radius."""
    found = 0
    for query in range(begin_query, queries.shape[0]):
        before = found
        for row in range(codes.shape[0]):
            distance = np.int64(0)
            for word in range(codes.shape[1]):
                distance += np.int64(bit_count(codes[row, word] ^ queries[query, word]))
            if distance <= radius:
                if found < out_row.shape[0]:
                    out_query[found] = query
                    out_row[found] = row
                    out_distance[found] = distance
                found += 1
        if found > out_row.shape[0]:
            return before, query, found - before
    return found, queries.shape[0], 0


@_compiled
def search_vectors(
    queries: NDArray[np.uint8],
    limit: int,
    squared: bool,
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    vectors: NDArray[np.uint8],
    begin_query: int,
    out_query: NDArray[np.int64],
    out_row: NDArray[np.int64],
    out_distance: NDArray[np.int64],
) -> tuple[int, int, int]:
    """Vectors within `limit` of each query, among places [low, high) of each.

    The distance is the sum of squared (or absolute) differences; a vector is left as soon as the
    sum over some of its components is past the limit.
    """
    width = vectors.shape[1]
    found = 0
    for query in range(begin_query, queries.shape[0]):
        before = found
        for row in range(low[query], high[query]):
            distance = np.int64(0)
            start = 0
            while start < width and distance <= limit:
                for at in range(start, min(start + LANES, width)):
                    apart = np.int32(vectors[row, at]) - np.int32(queries[query, at])
                    distance += apart * apart if squared else abs(apart)
                start += LANES
            if distance <= limit:
                if found < out_row.shape[0]:
                    out_query[found] = query
                    out_row[found] = row
                    out_distance[found] = distance
                found += 1
        if found > out_row.shape[0]:
            return before, query, found - before
    return found, queries.shape[0], 0
