"""`Table`: the entries of one algorithm with the index that finds them, and how tables stack up.

A matcher holds a stack of tables for each algorithm: what it was made from at the bottom, changes
since then on top (a delta segment). Removed rows are remembered as tombstones. Tables never
change, so matchers can share them.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from matchers.indexes.exact import ExactIndex
from matchers.indexes.hamming import COMPARED_BELOW, HammingIndex
from matchers.indexes.video import VideoIndex
from matchers.lists.entry import (
    DIGEST_BYTES,
    FRAME_BYTES,
    HAMMING_BYTES,
    Algorithm,
    EntryStatus,
    ListEntry,
    Role,
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
    """How far a search reaches: differing bits, and for videos the shares of the frames of the
    query and of the entry that must match (0–1)."""

    radius: int
    query_share: float = 1.0
    compared_share: float = 1.0


class Hit(NamedTuple):
    """Query `query` of a search is `distance` bits from `entry`; `shares` are a video's."""

    query: int
    distance: int
    row: int
    entry: Listed
    shares: tuple[float, float] | None = None


Index = ExactIndex | HammingIndex | VideoIndex


class Table:
    """The rows of one algorithm: an index, and at the same places the entries.

    `removed` are rows that no longer count.
    """

    def __init__(
        self,
        algorithm: Algorithm,
        index: Index,
        entries: Sequence[Listed],
        removed: frozenset[int] = frozenset(),
    ) -> None:
        self.algorithm: Algorithm = algorithm
        self.index = index
        self.entries = entries
        self.removed = removed

    def __len__(self) -> int:
        return len(self.entries) - len(self.removed)

    def search(self, values: Sequence[bytes], reach: Reach) -> list[Hit]:
        """The rows within reach of each value.

        Raises `ValueError` for a value that is not as wide as the algorithm's.
        """
        width = value_width(self.algorithm)
        for value in values:
            if len(value) != width and (
                self.algorithm != "vpdq" or not value or len(value) % width
            ):
                raise ValueError(f"{self.algorithm} takes {width} bytes, not {len(value)}")
        if isinstance(self.index, VideoIndex):
            return self._search_videos(self.index, values, reach)
        packed = pack(self.algorithm, b"".join(values))
        if isinstance(self.index, ExactIndex):
            equal = self.index.search(packed)
            queries, rows = _ints(equal.query), _ints(equal.row)
            distances = [0] * len(rows)
        else:
            near = self.index.search(as_codes(packed), reach.radius)
            queries, rows, distances = map(_ints, near)
        removed, entries = self.removed, self.entries
        return [
            Hit(query, distance, row, entries[row])
            for query, distance, row in zip(queries, distances, rows, strict=True)
            if row not in removed
        ]

    def _search_videos(self, index: VideoIndex, values: Sequence[bytes], reach: Reach) -> list[Hit]:
        queries = [as_codes(pack(self.algorithm, value)) for value in values]
        return [
            Hit(
                hit.query,
                hit.distance,
                hit.row,
                self.entries[hit.row],
                (hit.query_share, hit.compared_share),
            )
            for hit in index.search(queries, *reach)
            if hit.row not in self.removed
        ]

    def rows_of(self, entry: ListEntry) -> list[int]:
        """The rows that hold an entry: same list, id and value."""
        return [
            hit.row
            for hit in self.search([bytes.fromhex(entry.value)], Reach(0))
            if hit.entry.list == entry.list and hit.entry.id == entry.id
        ]

    def without(self, rows: Collection[int]) -> "Table":
        """The same table with more rows removed."""
        return Table(self.algorithm, self.index, self.entries, self.removed.union(rows))


class MemoryTable(Table):
    """A table whose entries are whole, so that it can be built again together with others."""

    def __init__(
        self,
        algorithm: Algorithm,
        index: Index,
        whole: Sequence[ListEntry],
        removed: frozenset[int] = frozenset(),
    ) -> None:
        super().__init__(algorithm, index, whole, removed)
        self._whole = whole

    @classmethod
    def build(cls, algorithm: Algorithm, entries: Sequence[ListEntry]) -> Self:
        """Index `entries`, all of this algorithm."""
        if algorithm == "vpdq":
            videos = [as_codes(pack(algorithm, bytes.fromhex(entry.value))) for entry in entries]
            return cls(algorithm, VideoIndex.build(videos), entries)
        packed = pack(algorithm, bytes.fromhex("".join(entry.value for entry in entries)))
        if algorithm in HAMMING_BYTES:
            return cls(algorithm, HammingIndex.build(as_codes(packed)), entries)
        return cls(algorithm, ExactIndex.build(packed), entries)

    @property
    def kept(self) -> list[ListEntry]:
        """The entries that were not removed."""
        return [entry for row, entry in enumerate(self._whole) if row not in self.removed]

    def without(self, rows: Collection[int]) -> "MemoryTable":
        return MemoryTable(self.algorithm, self.index, self._whole, self.removed.union(rows))


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
    return DIGEST_BYTES.get(algorithm) or HAMMING_BYTES[algorithm]


def as_codes(packed: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Packed values as a Hamming index takes them."""
    return packed.view("<u8").astype(np.uint64, copy=False)


def _ints(array: NDArray[np.int64]) -> list[int]:
    return array.tolist()
