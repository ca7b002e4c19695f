"""MinHash signatures of written material: every listed text that a text holds, by their samples.

A listed text is a sample of up to 128 of its shingles (`matchers.hashing.text`). A text that is
looked up brings all of its shingles, in order: it holds the share of the listed text that it holds
of the sample, anywhere within a stretch of `STRETCH` times the listed text's length, so that a
listed text is found in a post of any length and a long post is not taken for what it only shares
common words with.

Nothing is left to chance, as banding would: a row that shares t of its s sampled shingles with a
query shares all but s − t of any of them (the pigeonhole principle, as in the prefix filters of
Chaudhuri, Ganti, Kaushik, "A Primitive Operator for Similarity Joins", 2006). So only the rarer
half of each sample is indexed, by which rows are counted, and few are looked at in full.
"""

# numba has no types.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from matchers.hashing.pdq import compiled
from matchers.hashing.text import SAMPLE
from matchers.indexes.flat_file import FlatFile, FlatFileWriter
from matchers.indexes.hamming import HammingHits, Kernel, in_parts

STRETCH = 4
"""Times the listed text's number of distinct shingles (long texts repeat theirs)."""
MOST_MISSING = 500
"""Thousandths of a listed text: what the indexed half of the samples allows."""

Signatures = NDArray[np.uint32]
"""Shape (n, 129): the number of distinct shingles, then the sample."""
Shingles = NDArray[np.uint32]
"""Those of one text, in order."""
_SPREAD = np.uint32(0x9E3779B1)
"""An odd factor: the samples are of small numbers, which it spreads over the buckets."""
_OFTEN = 8
"""Times that a text holds a shingle, beyond which it is looked at only where all else fits."""
_STEP = 1 << 16
"""Signatures copied at once while writing."""


class Inverted(NamedTuple):
    """The indexed shingles: `keys`, sorted, whose row each is in, and where the bucket begins of
    each value of their upper bits."""

    keys: NDArray[np.uint32]
    rows: NDArray[np.uint32]
    starts: NDArray[np.uint32]


class MinhashIndex:
    """Signatures. Rows are counted as they were given to `build`."""

    def __init__(self, signatures: Signatures, inverted: Inverted) -> None:
        """Take over arrays that `build` made."""
        self._signatures = _read_only(signatures)
        self._inverted = Inverted(*map(_read_only, inverted))
        self._shortest = min(int(signatures[:, 0].min(initial=SAMPLE)), SAMPLE)

    @classmethod
    def build(cls, signatures: Signatures) -> Self:
        """Index `signatures` in memory: about 1 kB each."""
        signatures = np.ascontiguousarray(signatures, np.uint32)
        return cls(signatures, _inverted(signatures))

    @classmethod
    def write(cls, file: FlatFileWriter, prefix: str, signatures: Signatures) -> None:
        """Index `signatures` in a file, in sections whose names start with `prefix`."""
        section = file.section(f"{prefix}.signatures", "<u4", signatures.shape)
        for start in range(0, len(signatures), _STEP):
            section[start : start + _STEP] = signatures[start : start + _STEP]
        for name, array in _inverted(signatures)._asdict().items():
            file.section(f"{prefix}.inverted.{name}", "<u4", array.shape)[:] = array

    @classmethod
    def read(cls, file: FlatFile, prefix: str) -> Self:
        """The index that `write` wrote, memory-mapped."""
        inverted = (file.arrays[f"{prefix}.inverted.{name}"] for name in Inverted._fields)
        return cls(file.arrays[f"{prefix}.signatures"], Inverted(*inverted))

    def __len__(self) -> int:
        return len(self._signatures)

    def value(self, row: int) -> bytes:
        """A row's signature, as it is listed."""
        return self._signatures[row].tobytes()

    def search_in_parts(self, queries: Sequence[Shingles], limit: int) -> Iterator[HammingHits]:
        """All rows of whose text at most `limit` thousandths (of `MOST_MISSING`) are missing from
        each query; that share, rounded up, is the distance. The rows of each query are a part."""
        if limit > MOST_MISSING:
            raise ValueError(f"at most {MOST_MISSING} thousandths may be missing, not {limit}")
        for number, query in enumerate(queries):
            if 1000 * len(query) < self._shortest * (1000 - limit):  # as most of a chat are
                continue
            places = np.argsort(query, kind="stable")
            ordered = _read_only(query[places])
            parts = in_parts(self._kernel(ordered, places, limit), 1)
            for hits in parts:
                yield hits._replace(query=np.full(len(hits.row), number))

    def _kernel(self, ordered: Shingles, places: NDArray[np.int64], limit: int) -> Kernel:
        return lambda begin, query, row, distance: _search(
            ordered, places, limit, self._signatures, *self._inverted, row, distance
        )


def _inverted(signatures: Signatures) -> Inverted:
    """Of each sample the rarer half and one more, of the shingles as all samples have them."""
    sizes = np.minimum(signatures[:, 0], SAMPLE).astype(np.int64)
    held = np.arange(SAMPLE) < sizes[:, None]
    _, place, counts = np.unique(signatures[:, 1:], return_inverse=True, return_counts=True)
    # What is not held comes last.
    often = np.where(held, counts[place.reshape(held.shape)], np.iinfo(np.int64).max)
    rank = np.argsort(np.argsort(often, axis=1, kind="stable"), axis=1, kind="stable")
    row, at = np.nonzero(held & (rank < indexed(sizes)[:, None]))
    keys = signatures[row, 1 + at] * _SPREAD
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    bits = int(np.clip(len(keys), 1 << 8, 1 << 22)).bit_length()
    edges = np.arange(1 << bits, dtype=np.uint32) << np.uint32(32 - bits)
    starts = np.append(np.searchsorted(keys, edges), len(keys))
    return Inverted(keys, row[order].astype(np.uint32), starts.astype(np.uint32))


@compiled
def indexed(sizes: Any) -> Any:
    """How many shingles of a sample of this size are indexed."""
    return sizes // 2 + 1


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.setflags(write=False)
    return view


@compiled
def _held(
    ordered: Shingles,
    places: NDArray[np.int64],
    sample: NDArray[np.uint32],
    stretch: Any,
    often: int,
    hits: NDArray[np.int64],
) -> tuple[int, bool]:
    """The most different shingles of a sample in any stretch of the query; and whether that is
    exact, or more than there are: those that the query holds more than `often` times are taken to
    be in every stretch.

    `ordered` are the query's shingles by number and `places` where in it they are; `hits` has room
    for as many, which suffices for a sample of different shingles: what a bad one holds beyond
    them is left out."""
    count = everywhere = 0
    for at in range(sample.shape[0]):
        begin = end = np.searchsorted(ordered, sample[at])
        while end < ordered.shape[0] and ordered[end] == sample[at] and end - begin <= often:
            end += 1
        if end - begin > often:
            everywhere += 1
            continue
        for place in range(begin, min(end, begin + hits.shape[0] - count)):
            hits[count] = places[place] * SAMPLE + at
            count += 1
    by_place = np.sort(hits[:count])
    times = np.zeros(SAMPLE, np.int64)
    first = now = most = 0
    for last in range(count):
        at = by_place[last] % SAMPLE
        now += times[at] == 0
        times[at] += 1
        while by_place[last] // SAMPLE - by_place[first] // SAMPLE >= stretch:
            at = by_place[first] % SAMPLE
            times[at] -= 1
            now -= times[at] == 0
            first += 1
        most = max(most, now)
    return everywhere + most, everywhere == 0


@compiled
def _search(
    ordered: Shingles,
    places: NDArray[np.int64],
    limit: int,
    signatures: Signatures,
    keys: NDArray[np.uint32],
    rows: NDArray[np.uint32],
    starts: NDArray[np.uint32],
    out_row: NDArray[np.int64],
    out_distance: NDArray[np.int64],
) -> tuple[int, int, int]:
    """Rows within `limit` of a query; answers as a search of `kernels` does for one query."""
    shift = np.uint32(32)
    buckets = starts.shape[0] - 1
    while buckets > 1:
        buckets >>= 1
        shift -= np.uint32(1)
    counts = np.zeros(signatures.shape[0], np.uint8)
    touched = np.empty(signatures.shape[0], np.int64)
    candidates = 0
    for at in range(ordered.shape[0]):
        if at and ordered[at] == ordered[at - 1]:
            continue
        key = np.uint32(ordered[at] * _SPREAD)
        bucket = key >> shift
        for place in range(starts[bucket], starts[bucket + 1]):
            if keys[place] == key:
                row = np.int64(rows[place])
                if counts[row] == 0:
                    touched[candidates] = row
                    candidates += 1
                counts[row] += np.uint8(1)
    hits = np.empty(ordered.shape[0], np.int64)
    found = 0
    for candidate in range(candidates):
        row = touched[candidate]
        size = min(np.int64(signatures[row, 0]), SAMPLE)
        wanted = (size * (1000 - limit) + 999) // 1000
        if counts[row] < wanted - (size - indexed(size)):
            continue
        stretch = STRETCH * np.int64(signatures[row, 0])
        sample = signatures[row, 1 : 1 + size]
        held, exact = _held(ordered, places, sample, stretch, _OFTEN, hits)
        if held >= wanted and not exact:
            held, _ = _held(ordered, places, sample, stretch, ordered.shape[0], hits)
        if held >= wanted:
            if found < out_row.shape[0]:
                out_row[found] = row
                out_distance[found] = (1000 * (size - held) + size - 1) // size
            found += 1
    if found > out_row.shape[0]:
        return 0, 0, found
    return found, 1, 0
