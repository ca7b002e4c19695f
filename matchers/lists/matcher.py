"""`ListMatcher`: hashes and addresses in, matches with list entries out.

A matcher never changes: to follow a list, make a new one and put it in the old one's place. What
it says depends on its contents and the query alone.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Self

from msgspec import Struct

from matchers.hashing.text import shingles
from matchers.indexes.opaque import Metric
from matchers.indexes.urls import lookup_digests
from matchers.lists.contents import Contents, ListCount, can_match
from matchers.lists.entry import (
    FLAGGED,
    PERCEPTUAL,
    Algorithm,
    ListEntry,
    ListInfo,
    Role,
    SourceKind,
)
from matchers.lists.table import MAX_MATCHES, Hit, MemoryTable, Reach, Table, stacked, value_width

PDQ_RADIUS = 31
"""Bits of 256 (PDQ paper, "PDQ & TMK + PDQF", 2019: 31 is its recommended match threshold)."""
PDQ_QUALITY_FLOOR = 50
"""A PDQ of lower quality is not matched (same paper: flat pictures hash to noise)."""
PHASH_RADIUS = 6
"""Bits of 64. Far below the 10 that ImageHash's author suggests for near copies (N. Krawetz,
"Looks Like It", 2011: up to 10 may be a variation, 5 is very similar): at the scale of a list of
millions, a 64-bit code within 10 bits turns up by chance."""
VIDEO_QUERY_SHARE, VIDEO_COMPARED_SHARE = 0.8, 0.0
"""vPDQ's published defaults (facebook/ThreatExchange, vpdq extension): four fifths of the query's
frames are in the listed video, however little of that the query holds. An excerpt matches."""


TEXT_SIMILARITY = 0.7
"""The share of a listed text that a text must hold. docs/own-the-lists.md tells what that finds."""
TLSH_DISTANCE = 30
"""python-threatexchange's threshold for a confident match."""
TLSH_UNALIKE = 300
"""The largest distance whose error rates TLSH's authors give (Oliver, Cheng, Chen, 2013)."""


class Radii(Struct, frozen=True, kw_only=True):
    """How many differing bits still match, by algorithm. A video's frames match within `pdq`; it
    matches when both shares of its and the entry's frames do. PhotoDNA matches within a distance
    that whoever licenses it must know; without one it is not matched. Of a text that is listed by
    MinHash, at least the share `text_similarity` must be in the query."""

    pdq: int = PDQ_RADIUS
    phash: int = PHASH_RADIUS
    dhash: int = PHASH_RADIUS
    video_query_share: float = VIDEO_QUERY_SHARE
    video_compared_share: float = VIDEO_COMPARED_SHARE
    photodna: int | None = None
    photodna_metric: Metric = "squared_euclidean"
    text_similarity: float = TEXT_SIMILARITY
    tlsh: int = TLSH_DISTANCE

    def of(self, algorithm: Algorithm) -> Reach:
        """How far a look-up reaches; digests match at 0."""
        if algorithm == "vpdq":
            return Reach(self.pdq, self.video_query_share, self.video_compared_share)
        if algorithm == "photodna":
            # A distance below 0 is reached by nothing.
            limit = -1 if self.photodna is None else self.photodna
            return Reach(limit, metric=self.photodna_metric)
        if algorithm == "minhash":
            return Reach(round(1000 * (1 - self.text_similarity)))
        return Reach(getattr(self, algorithm, 0))


class HashQuery(NamedTuple):
    """A hash to look up; `quality` is PDQ's 0–100 where known. The value of a `vpdq` is the PDQ
    of every frame of quality 50 and above, one after another; that of a `minhash` all of a text's
    shingles (`matchers.hashing.text.shingles`), or a signature of which only like texts hold
    much."""

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
    """A query is within `radius` of a list's entry. `verified`: the list names who verified it,
    `verified_by`.

    Of a video, `distance` is that of the nearest pair of frames, and the shares (0–1) are of the
    query's frames that match, and of the entry's. Of a text listed by MinHash it is in thousandths
    of that text.
    """

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
    query_share: float | None = None
    compared_share: float | None = None
    verified_by: str = ""

    @property
    def similarity(self) -> float:
        """Of written material: the share (0–1) of a listed text that the query holds, as MinHash
        estimates it. TLSH's distance knows no share: 1 at 0, falling to 0 at `TLSH_UNALIKE`."""
        apart = 1000 if self.algorithm == "minhash" else TLSH_UNALIKE
        return max(0, apart - self.distance) / apart


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
        self._written_over = _never
        contents = Contents(self.infos)
        held: dict[Algorithm, list[ListEntry]] = {}
        for entry in entries:
            if contents.add(entry):
                held.setdefault(entry.algorithm, []).append(entry)
        self.version = contents.version
        self.counts = contents.counts
        self._tables: dict[Algorithm, tuple[Table, ...]] = {
            algorithm: (MemoryTable.build(algorithm, rows),) for algorithm, rows in held.items()
        }

    @classmethod
    def of_tables(
        cls,
        infos: Mapping[str, ListInfo],
        tables: Mapping[Algorithm, tuple[Table, ...]],
        counts: Iterable[ListCount],
        version: str,
        *,
        loaded_at: datetime,
        radii: Radii | None = None,
        written_over: Callable[[], bool] | None = None,
    ) -> Self:
        """A matcher of tables that were made before. `written_over` as of `FlatFile`, where they
        are in one."""
        matcher = cls(infos, (), loaded_at=loaded_at, radii=radii)
        matcher.version = version
        matcher.counts = tuple(counts)
        matcher._tables = {algorithm: stack for algorithm, stack in tables.items() if stack}
        matcher._written_over = written_over or _never
        return matcher

    def changed(
        self,
        added: Iterable[ListEntry],
        removed: Iterable[ListEntry],
        *,
        version: str,
        loaded_at: datetime,
        infos: Iterable[ListInfo] = (),
    ) -> Self:
        """A matcher with these changes, made in less than a millisecond for a few of them.

        `infos` are lists that are new, or are something else now.

        An entry is removed by its list, id, algorithm and value; one that is added takes the
        place of one that is equal in these. What was not there is removed without complaint;
        what cannot match (by status, or for want of an index) is only removed.

        Raises `ValueError` for an added entry of no known list.
        """
        known = self.infos | {info.name: info for info in infos}
        tables = dict(self._tables)
        counts = {(count.list, count.algorithm): count for count in self.counts}
        arriving: dict[Algorithm, list[ListEntry]] = {}

        def count(entry: ListEntry, more: int) -> None:
            if not more:
                return
            place = (entry.list, entry.algorithm)
            had = counts.get(place, ListCount(*place, 0, 0))
            counts[place] = ListCount(*place, had.entries + more, had.matched + more)

        incoming = {(new.list, new.id, new.algorithm, new.value): new for new in added}
        leaving: dict[Algorithm, list[ListEntry]] = {}
        for entry in [*removed, *incoming.values()]:
            leaving.setdefault(entry.algorithm, []).append(entry)
        for algorithm, entries in leaving.items():
            stack: list[Table] = []
            for table in tables.get(algorithm, ()):
                gone: set[int] = set()
                for entry, rows in zip(entries, table.rows_of(entries), strict=True):
                    fresh = set(rows) - gone
                    count(entry, -len(fresh))
                    gone |= fresh
                stack.append(table.without(gone) if gone else table)
            if stack:
                tables[algorithm] = tuple(stack)
        for entry in incoming.values():
            if entry.list not in known:
                raise ValueError(f"entry {entry.id!r} is of an unknown list {entry.list!r}")
            if can_match(entry):
                arriving.setdefault(entry.algorithm, []).append(entry)
                count(entry, 1)
        for algorithm, entries in arriving.items():
            tables[algorithm] = stacked(tables.get(algorithm, ()), algorithm, entries)
        return self.of_tables(
            known,
            tables,
            (counts[place] for place in sorted(counts)),
            version,
            loaded_at=loaded_at,
            radii=self.radii,
            written_over=self._written_over,
        )

    @classmethod
    def empty(cls, loaded_at: datetime) -> Self:
        """A matcher of no lists."""
        return cls({}, (), loaded_at=loaded_at)

    @property
    def written_over(self) -> bool:
        """Whether the snapshot that it looks up in was written to since it was opened: then what
        it finds may be wrong."""
        return self._written_over()

    def warm_up(self) -> None:
        """Look up one hash of each algorithm, so that what is compiled on first use (1–2 s, once
        on a machine) is compiled now and not in the first batch."""
        self.match_hashes(
            [HashQuery(algorithm, bytes(value_width(algorithm))) for algorithm in self._tables]
        )
        if "minhash" in self._tables:
            shingles("A text that is long enough to be looked up, and says nothing.")

    @property
    def lists_urls(self) -> bool:
        """Whether any list holds an address."""
        return "url" in self._tables

    def lists(self, algorithm: Algorithm) -> bool:
        """Whether any list holds a hash of this algorithm."""
        return algorithm in self._tables

    @property
    def entries(self) -> int:
        """Entries of all lists."""
        return sum(count.entries for count in self.counts)

    def match_hashes(self, queries: Sequence[HashQuery]) -> list[list[Match]]:
        """The matches of each query, nearest first. A PDQ below the quality floor has none. Equal
        queries are looked up once, and share their matches.

        Raises `ValueError` for a value that is not as wide as its algorithm's.
        """
        found: list[list[Match]] = [[] for _ in queries]
        by_algorithm: dict[Algorithm, list[int]] = {}
        for at, query in enumerate(queries):
            if (
                query.algorithm in self._tables
                and not query.below_quality
                and self.radii.of(query.algorithm).radius >= 0
            ):
                by_algorithm.setdefault(query.algorithm, []).append(at)
        for algorithm, places in by_algorithm.items():
            values = [queries[at].value for at in places]
            for at, matches in zip(places, self._look_up(algorithm, values), strict=True):
                found[at] = matches
        return found

    def any_within(self, algorithm: Algorithm, values: Sequence[bytes], radius: int) -> list[bool]:
        """Whether any entry is within `radius` bits of each value, whatever its role."""
        near = {
            hit.query
            for table in self._tables.get(algorithm, ())
            for hit in table.search(values, Reach(radius))
        }
        return [query in near for query in range(len(values))]

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
        reach = self.radii.of(algorithm)
        distinct: dict[bytes, int] = {}
        places = [distinct.setdefault(value, len(distinct)) for value in values]
        near: dict[int, list[Hit]] = {}
        for table in self._tables[algorithm]:
            for hit in table.search(list(distinct), reach):
                near.setdefault(hit.query, []).append(hit)
        found: list[list[Match]] = [[] for _ in distinct]
        for query, hits in near.items():
            # Tables come in order, and the sort keeps it: answers do not depend on the batch.
            hits.sort(key=lambda hit: (hit.distance, hit.row))
            found[query] = self._matches(algorithm, reach.radius, hits)
        return [found[place] for place in places]

    def _matches(self, algorithm: Algorithm, radius: int, hits: list[Hit]) -> list[Match]:
        """The matches of one query, from its hits, nearest first."""
        found: list[Match] = []
        kinds: set[tuple[str, str, str, bool]] = set()
        for hit in hits:
            entry = hit.entry
            info = self.infos[entry.list]
            role = entry.role or info.role(entry.category)
            flagged = FLAGGED in entry.labels
            if entry.status == "observed":
                role = "observe"
            elif role == "block" and algorithm in PERCEPTUAL and flagged:
                role = "hold"
            kind = (entry.list, entry.category, role, flagged)
            if len(found) >= MAX_MATCHES and kind in kinds:
                continue
            kinds.add(kind)
            found.append(
                Match(
                    list=entry.list,
                    entry=entry.id,
                    algorithm=algorithm,
                    distance=hit.distance,
                    radius=radius,
                    role=role,
                    category=entry.category,
                    source_kind=info.source_kind,
                    verified=bool(info.verified_by),
                    labels=entry.labels,
                    query_share=hit.shares[0] if hit.shares else None,
                    compared_share=hit.shares[1] if hit.shares else None,
                    verified_by=info.verified_by,
                )
            )
        return found


def _never() -> bool:
    return False
