"""`Table`: the entries of one algorithm with the index that finds them, and how tables stack up.

A matcher holds a stack of tables for each algorithm: what it was made from at the bottom, changes
since then on top (a delta segment). Removed rows are remembered as tombstones. Tables never
change, so matchers can share them.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from functools import cached_property
from itertools import compress
from typing import NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from matchers.indexes.exact import ExactIndex
from matchers.indexes.hamming import COMPARED_BELOW, HammingHits, HammingIndex
from matchers.indexes.minhash import MinhashIndex
from matchers.indexes.nearest import mark_nearest
from matchers.indexes.opaque import Metric, OpaqueIndex
from matchers.indexes.tlsh import TlshIndex
from matchers.indexes.video import VideoHits, VideoIndex
from matchers.lists.entry import (
    DIGEST_BYTES,
    FLAGGED,
    FRAME_BYTES,
    HAMMING_BYTES,
    PHOTODNA_BYTES,
    TEXT_BYTES,
    Algorithm,
    EntryStatus,
    ListEntry,
    Role,
    distinct_frames,
)


class Listed(Protocol):
    """What a match needs of an entry."""

    @property
    def list(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def category(self) -> str: ...
    @property
    def role(self) -> Role | None: ...
    @property
    def labels(self) -> tuple[str, ...]: ...
    @property
    def status(self) -> EntryStatus: ...


class Reach(NamedTuple):
    """How far a search reaches: differing bits; for videos the shares of the frames of the query
    and of the entry that must match (0–1); for vectors a distance by `metric`; for TLSH its own
    distance; for MinHash how many thousandths of a listed text may be missing."""

    radius: int
    query_share: float = 1.0
    compared_share: float = 1.0
    metric: Metric = "squared_euclidean"


class Hit(NamedTuple):
    """Query `query` of a search is `distance` bits from `entry`; `shares` are a video's."""

    query: int
    distance: int
    row: int
    entry: Listed
    shares: tuple[float, float] | None = None


MAX_MATCHES = 32
"""Matches given for one query, nearest first, besides at least one of each list, category and
role, flagged and not: a query amid a cluster of a hundred thousand near copies needs no more to be
decided."""

_PARTS: Mapping[Algorithm, int] = {"vpdq": FRAME_BYTES, "minhash": 4}
"""Bytes of what a query is made of, any number of times: frames, shingles."""

_SEARCHED_TOGETHER = 1_000

_Hits = HammingHits | VideoHits

Index = ExactIndex | HammingIndex | VideoIndex | OpaqueIndex | MinhashIndex | TlshIndex


class Table:
    """The rows of one algorithm: an index, and at the same places the entries.

    `removed` are rows that no longer count, in order.
    """

    def __init__(self, algorithm: Algorithm, index: Index, entries: Sequence[Listed]) -> None:
        self.algorithm: Algorithm = algorithm
        self.index = index
        self.entries = entries
        self.removed: NDArray[np.int64] = np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self.entries) - len(self.removed)

    def search(self, values: Sequence[bytes], reach: Reach) -> list[Hit]:
        """The rows within reach of each value; where they are more than `MAX_MATCHES` for one
        value, the nearest so many, and the nearest of each kind of entry.

        Raises `ValueError` for a value that is not as wide as the algorithm's.
        """
        found: list[Hit] = []
        for hits in self._parts(values, reach):
            near = self._nearest(hits)
            shares = zip(*(column.tolist() for column in near[3:]), strict=True)
            found += [
                Hit(query, distance, row, self.entries[row], next(shares, None))
                for query, row, distance in zip(*map(_ints, near[:3]), strict=True)
            ]
        return found

    def kinds(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """A number for each row, equal where list, category, role, status and being flagged are."""
        return self._kinds[rows]

    @cached_property
    def _kinds(self) -> NDArray[np.int64]:
        """Of every row: they are told apart once, not for each crowd that is met."""
        numbers: dict[tuple[object, ...], int] = {}
        return np.array(
            [
                numbers.setdefault(
                    (
                        entry.list,
                        entry.category,
                        entry.role,
                        entry.status,
                        FLAGGED in entry.labels,
                    ),
                    len(numbers),
                )
                for entry in self.entries
            ],
            np.int64,
        )

    def _parts(self, values: Sequence[bytes], reach: Reach) -> Iterator[_Hits]:
        """All rows within reach that were not removed, as many at once as indexes hand out."""
        self._check_widths(values)
        for hits in self._found(values, reach):
            if len(self.removed) and len(hits.row):
                yield _only(hits, ~self._are_removed(hits.row))
            else:
                yield hits

    def _found(self, values: Sequence[bytes], reach: Reach) -> Iterable[_Hits]:
        if isinstance(self.index, MinhashIndex):
            return self.index.search_in_parts(list(map(as_shingles, values)), reach.radius)
        if isinstance(self.index, VideoIndex):
            videos = [as_codes(pack(self.algorithm, distinct_frames(value))) for value in values]
            return self.index.search_in_parts(
                videos, reach.radius, reach.query_share, reach.compared_share
            )
        packed = pack(self.algorithm, b"".join(values))
        if isinstance(self.index, ExactIndex):
            equal = self.index.search(packed)
            return [HammingHits(*equal, np.zeros(len(equal.row), np.int64))]
        if isinstance(self.index, OpaqueIndex):
            return self.index.search_in_parts(packed, reach.radius, reach.metric)
        if isinstance(self.index, TlshIndex):
            return self.index.search_in_parts(packed, reach.radius)
        return self.index.search_in_parts(as_codes(packed), reach.radius)

    def _are_removed(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these rows no longer count, in time that hardly grows with how many do not."""
        places = np.searchsorted(self.removed, rows)
        return self.removed[np.minimum(places, len(self.removed) - 1)] == rows

    def _nearest(self, hits: _Hits) -> _Hits:
        """Cut as `search` says. The hits of a query are together."""
        if not (hits.query[MAX_MATCHES:] == hits.query[:-MAX_MATCHES]).any():
            return hits
        kind = self.kinds(hits.row)
        numbers = np.unique(kind)
        place = np.searchsorted(numbers, kind)
        return _only(hits, mark_nearest(*hits[:3], place, len(numbers), MAX_MATCHES))

    def _check_widths(self, values: Sequence[bytes]) -> None:
        width = value_width(self.algorithm)
        for value in values:
            part = _PARTS.get(self.algorithm)
            if len(value) % part or not value if part else len(value) != width:
                raise ValueError(f"{self.algorithm} takes {part or width} bytes, not {len(value)}")

    def rows_of(self, entries: Sequence[ListEntry]) -> list[list[int]]:
        """For each entry, all of this algorithm, the rows that hold it: same list, id and value.

        Searched together: thousands of changes come at once, and each search has a fixed cost.
        """
        names = list(dict.fromkeys(entry.value for entry in entries))
        held: dict[tuple[str, str, str], list[int]] = {}
        for name, row in self._equal(names):
            listed = self.entries[row]
            held.setdefault((name, listed.list, listed.id), []).append(row)
        return [held.get((entry.value, entry.list, entry.id), []) for entry in entries]

    def _equal(self, names: Sequence[str]) -> Iterator[tuple[str, int]]:
        """Each of these values, in hexadecimal, with each row that holds it."""
        for begin in range(0, len(names), _SEARCHED_TOGETHER):
            some = names[begin : begin + _SEARCHED_TOGETHER]
            values = [bytes.fromhex(name) for name in some]
            for hits in self._parts(values, Reach(0)):
                for query, row in zip(_ints(hits.query), _ints(hits.row), strict=True):
                    if (
                        isinstance(self.index, MinhashIndex | TlshIndex)  # 0 apart is not yet equal
                        and self.index.value(row) != values[query]
                    ):
                        continue
                    yield some[query], row

    def without(self, rows: Collection[int]) -> Self:
        """The same table with more rows removed."""
        changed = copy(self)
        changed.removed = np.union1d(self.removed, np.fromiter(rows, np.int64, len(rows)))
        return changed


class MemoryTable(Table):
    """A table whose entries are whole, so that it can be built again together with others."""

    def __init__(self, algorithm: Algorithm, index: Index, entries: Sequence[ListEntry]) -> None:
        super().__init__(algorithm, index, entries)
        self._whole = entries

    @classmethod
    def build(cls, algorithm: Algorithm, entries: Sequence[ListEntry]) -> Self:
        """Index `entries`, all of this algorithm."""
        if algorithm == "vpdq":
            videos = [as_codes(pack(algorithm, bytes.fromhex(entry.value))) for entry in entries]
            return cls(algorithm, VideoIndex.build(videos), entries)
        packed = pack(algorithm, bytes.fromhex("".join(entry.value for entry in entries)))
        if algorithm == "photodna":
            return cls(algorithm, OpaqueIndex.build(packed), entries)
        if algorithm == "minhash":
            return cls(algorithm, MinhashIndex.build(as_signatures(packed)), entries)
        if algorithm == "tlsh":
            return cls(algorithm, TlshIndex.build(packed), entries)
        if algorithm in HAMMING_BYTES:
            return cls(algorithm, HammingIndex.build(as_codes(packed)), entries)
        return cls(algorithm, ExactIndex.build(packed), entries)

    @property
    def kept(self) -> list[ListEntry]:
        """The entries that were not removed."""
        kept = np.ones(len(self._whole), np.bool_)
        kept[self.removed] = False
        return list(compress(self._whole, kept.tolist()))


def stacked(
    tables: tuple[Table, ...], algorithm: Algorithm, added: Sequence[ListEntry]
) -> tuple[Table, ...]:
    """The stack with more entries on top.

    A table on top that is small is built again with them: up to `COMPARED_BELOW` rows cost well
    under a millisecond. A larger one is only while it is at most twice as large as what comes, so
    that there are never more than a few tables and each entry is built into few of them.
    """
    entries = list(added)
    while tables:
        top = tables[-1]
        if not isinstance(top, MemoryTable) or len(top) > max(COMPARED_BELOW, 2 * len(entries)):
            break
        entries = [*top.kept, *entries]
        tables = tables[:-1]
    return (*tables, MemoryTable.build(algorithm, entries)) if entries else tables


def pack(algorithm: Algorithm, joined: bytes) -> NDArray[np.uint8]:
    """Values, one after another, as an array of shape (n, width)."""
    return np.frombuffer(joined, np.uint8).reshape(-1, value_width(algorithm))


def value_width(algorithm: Algorithm) -> int:
    """Bytes in a value of an algorithm that is matched; of a video, in each of its frames."""
    if algorithm == "vpdq":
        return FRAME_BYTES
    if algorithm == "photodna":
        return PHOTODNA_BYTES
    width = DIGEST_BYTES.get(algorithm) or TEXT_BYTES.get(algorithm)
    return width or HAMMING_BYTES[algorithm]


def as_codes(packed: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Packed values as a Hamming index takes them."""
    return packed.view("<u8").astype(np.uint64, copy=False)


def as_shingles(value: bytes) -> NDArray[np.uint32]:
    """A text's shingles as a MinHash index takes them."""
    return np.frombuffer(value, "<u4").astype(np.uint32, copy=False)


def as_signatures(packed: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Packed values as a MinHash index takes them."""
    return packed.view("<u4").astype(np.uint32, copy=False)


def _only(hits: _Hits, which: NDArray[np.bool_]) -> _Hits:
    return hits._make(column[which] for column in hits)


def _ints(array: NDArray[np.int64]) -> list[int]:
    return array.tolist()
