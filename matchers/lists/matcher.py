"""`ListMatcher`: hashes and addresses in, matches with list entries out.

A matcher never changes: to follow a list, make a new one and put it in the old one's place. What
it says depends on its contents and the query alone.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Self, cast

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from matchers.indexes.exact import ExactIndex
from matchers.indexes.hamming import HammingIndex
from matchers.indexes.urls import lookup_digests
from matchers.lists.entry import (
    DIGEST_BYTES,
    HAMMING_BYTES,
    MATCHED_ALGORITHMS,
    Algorithm,
    ListEntry,
    ListInfo,
    Role,
    SourceKind,
)

PDQ_RADIUS = 31
"""Bits of 256 (PDQ paper, "PDQ & TMK + PDQF", 2019: 31 is its recommended match threshold)."""
PDQ_QUALITY_FLOOR = 50
"""A PDQ of lower quality is not matched (same paper: flat pictures hash to noise)."""
PHASH_RADIUS = 6
"""Bits of 64. Far below the 10 that ImageHash's author suggests for near copies (N. Krawetz,
"Looks Like It", 2011: up to 10 may be a variation, 5 is very similar): at the scale of a list of
millions, a 64-bit code within 10 bits turns up by chance."""
MAX_MATCHES = 32
"""Matches given for one query, nearest first, besides at least one of each list, category and
role: a query amid a cluster of a hundred thousand near copies needs no more to be decided."""
_STATUSES_MATCHED = frozenset({"active", "observed"})


class Radii(Struct, frozen=True, kw_only=True):
    """How many differing bits still match, by algorithm."""

    pdq: int = PDQ_RADIUS
    phash: int = PHASH_RADIUS
    dhash: int = PHASH_RADIUS

    def of(self, algorithm: str) -> int:
        """The radius of a Hamming algorithm; 0 for the others."""
        return cast(int, getattr(self, algorithm, 0))


class HashQuery(NamedTuple):
    """A hash to look up; `quality` is PDQ's 0–100 where known."""

    algorithm: Algorithm
    value: bytes
    quality: int | None = None

    @property
    def below_quality(self) -> bool:
        """Whether it says too little to be matched."""
        return (
            self.algorithm == "pdq"
            and self.quality is not None
            and self.quality < PDQ_QUALITY_FLOOR
        )


class Match(Struct, frozen=True, kw_only=True, gc=False):
    """A query is within `radius` of a list's entry. `verified`: the list names who verified it."""

    list: str
    entry: str
    algorithm: Algorithm
    distance: int
    radius: int
    role: Role
    category: str
    source_kind: SourceKind
    verified: bool
    labels: tuple[str, ...] = ()


class ListCount(NamedTuple):
    """Entries of one list and algorithm; `matched` are those that can match anything."""

    list: str
    algorithm: Algorithm
    entries: int
    matched: int


class _Table(NamedTuple):
    """One algorithm's index, and the entry of each of its rows."""

    rows: ExactIndex | HammingIndex
    entries: Sequence[ListEntry]


class ListMatcher:
    """Looks up hashes and addresses on a set of lists. Safe to use from several threads."""

    def __init__(
        self,
        infos: Mapping[str, ListInfo],
        entries: Iterable[ListEntry],
        *,
        loaded_at: datetime,
        radii: Radii | None = None,
    ) -> None:
        """Index `entries`, each of a list named in `infos`.

        Raises `ValueError` for an entry of no known list.
        """
        self.infos = dict(infos)
        self.loaded_at = loaded_at
        self.radii = radii or Radii()
        by_algorithm: dict[Algorithm, list[ListEntry]] = {}
        total: Counter[tuple[str, Algorithm]] = Counter()
        matched: Counter[tuple[str, Algorithm]] = Counter()
        digest = hashlib.sha256()
        for info in sorted(self.infos.values(), key=lambda info: info.name):
            digest.update(msgspec.json.encode(info))
        for entry in entries:
            if entry.list not in self.infos:
                raise ValueError(f"entry {entry.id!r} is of an unknown list {entry.list!r}")
            digest.update(msgspec.msgpack.encode(entry))
            place = (entry.list, entry.algorithm)
            total[place] += 1
            if entry.algorithm in MATCHED_ALGORITHMS and entry.status in _STATUSES_MATCHED:
                matched[place] += 1
                by_algorithm.setdefault(entry.algorithm, []).append(entry)
        self.version = digest.hexdigest()[:16]
        self.counts = tuple(
            ListCount(name, algorithm, count, matched[name, algorithm])
            for (name, algorithm), count in sorted(total.items())
        )
        self._tables = {
            algorithm: _Table(_index(algorithm, held), held)
            for algorithm, held in by_algorithm.items()
        }

    @classmethod
    def empty(cls, loaded_at: datetime) -> Self:
        """A matcher of no lists."""
        return cls({}, (), loaded_at=loaded_at)

    @property
    def lists_urls(self) -> bool:
        """Whether any list holds an address."""
        return "url" in self._tables

    @property
    def entries(self) -> int:
        """Entries of all lists."""
        return sum(count.entries for count in self.counts)

    def match_hashes(self, queries: Sequence[HashQuery]) -> list[list[Match]]:
        """The matches of each query, nearest first. A PDQ below the quality floor has none.

        Raises `ValueError` for a value that is not as wide as its algorithm's.
        """
        found: list[list[Match]] = [[] for _ in queries]
        by_algorithm: dict[Algorithm, list[int]] = {}
        for at, query in enumerate(queries):
            if query.algorithm in self._tables and not query.below_quality:
                by_algorithm.setdefault(query.algorithm, []).append(at)
        for algorithm, places in by_algorithm.items():
            values = [queries[at].value for at in places]
            for at, matches in zip(places, self._look_up(algorithm, values), strict=True):
                found[at] = matches
        return found

    def match_urls(self, urls: Sequence[str]) -> list[list[Match]]:
        """The matches of each address, by any expression of any of its readings."""
        if "url" not in self._tables:
            return [[] for _ in urls]
        digests: list[bytes] = []
        owners: list[int] = []
        for at, url in enumerate(urls):
            for digest in lookup_digests(url):
                digests.append(digest)
                owners.append(at)
        found: list[list[Match]] = [[] for _ in urls]
        if digests:
            for at, matches in zip(owners, self._look_up("url", digests), strict=True):
                if matches:
                    found[at] += matches
        return found

    def _look_up(self, algorithm: Algorithm, values: Sequence[bytes]) -> list[list[Match]]:
        width = DIGEST_BYTES.get(algorithm) or HAMMING_BYTES[algorithm]
        for value in values:
            if len(value) != width:
                raise ValueError(f"{algorithm} takes {width} bytes, not {len(value)}")
        table = self._tables[algorithm]
        radius = self.radii.of(algorithm)
        packed = np.frombuffer(b"".join(values), np.uint8).reshape(len(values), width)
        near: dict[int, list[tuple[int, int]]] = {}
        for at, distance, row in _search(table.rows, packed, radius):
            near.setdefault(at, []).append((distance, row))
        return [self._matches(table, radius, near.get(at, [])) for at in range(len(values))]

    def _matches(self, table: _Table, radius: int, rows: list[tuple[int, int]]) -> list[Match]:
        """The matches of one query's (distance, row) pairs."""
        rows.sort()
        found: list[Match] = []
        kinds: set[tuple[str, str, str]] = set()
        for distance, row in rows:
            entry = table.entries[row]
            info = self.infos[entry.list]
            role = entry.role or info.role(entry.category)
            if entry.status == "observed":
                role = "observe"
            kind = (entry.list, entry.category, role)
            if len(found) >= MAX_MATCHES and kind in kinds:
                continue
            kinds.add(kind)
            found.append(
                Match(
                    list=entry.list,
                    entry=entry.id,
                    algorithm=entry.algorithm,
                    distance=distance,
                    radius=radius,
                    role=role,
                    category=entry.category,
                    source_kind=info.source_kind,
                    verified=bool(info.verified_by),
                    labels=entry.labels,
                )
            )
        return found


def _search(
    index: ExactIndex | HammingIndex, values: NDArray[np.uint8], radius: int
) -> list[tuple[int, int, int]]:
    """(query, distance, row) of each hit."""
    if isinstance(index, ExactIndex):
        equal = index.search(values)
        return [(at, 0, row) for at, row in zip(*map(_ints, equal), strict=True)]
    near = index.search(values.view("<u8").astype(np.uint64, copy=False), radius)
    queries, rows, distances = map(_ints, near)
    return list(zip(queries, distances, rows, strict=True))


def _ints(array: NDArray[np.int64]) -> list[int]:
    return array.tolist()


def _index(algorithm: Algorithm, entries: Sequence[ListEntry]) -> ExactIndex | HammingIndex:
    values = np.frombuffer(bytes.fromhex("".join(entry.value for entry in entries)), np.uint8)
    rows = values.reshape(len(entries), -1)
    if algorithm in HAMMING_BYTES:
        return HammingIndex.build(rows.view("<u8").astype(np.uint64, copy=False))
    return ExactIndex.build(rows)
