"""Many queries amid a large cluster of a list: the answers are those of a full look-up, and what is
held at once does not grow with their number."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matchers.indexes import hamming
from matchers.indexes.hamming import Codes, HammingHits, HammingIndex
from matchers.indexes.nearest import mark_nearest
from matchers.lists.entry import ListEntry, ListInfo
from matchers.lists.matcher import MAX_MATCHES, HashQuery, ListMatcher, Match
from matchers.lists.snapshot import compile_snapshot, open_snapshot

NOW = datetime(2026, 1, 1, tzinfo=UTC)
INFOS = {name: ListInfo(name=name, default_role="block") for name in ("one", "two")}


def near_copy(number: int) -> bytes:
    """One of 65,536 within 16 bits of one another."""
    return number.to_bytes(2, "big") + b"\x5a" * 30


def cluster(size: int) -> list[ListEntry]:
    return [
        ListEntry(
            list="two" if n % 97 == 5 else "one",
            id=f"{n:05d}",
            algorithm="pdq",
            value=near_copy(n * 7 % 65_536).hex(),
            category=f"c{n % 3}" if n % 11 == 0 else "c",
        )
        for n in range(size)
    ]


def expected(query: bytes, entries: list[ListEntry]) -> list[tuple[int, str]]:
    """The oracle: every entry, sorted, and of those beyond the nearest the first of each kind."""
    apart = [
        ((int.from_bytes(query) ^ int(entry.value, 16)).bit_count(), row)
        for row, entry in enumerate(entries)
    ]
    found: list[tuple[int, str]] = []
    kinds: set[tuple[str, str]] = set()
    for distance, row in sorted(pair for pair in apart if pair[0] <= 31):
        kind = (entries[row].list, entries[row].category)
        if len(found) < MAX_MATCHES or kind not in kinds:
            kinds.add(kind)
            found.append((distance, entries[row].id))
    return found


def said(matches: list[Match]) -> list[tuple[int, str]]:
    return [(match.distance, match.entry) for match in matches]


@pytest.mark.parametrize("compiled", [True, False])
def test_what_is_held_at_once_does_not_grow_with_the_queries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiled: bool
) -> None:
    entries = cluster(3000)
    matcher = ListMatcher(INFOS, entries, loaded_at=NOW)
    if compiled:
        compile_snapshot(tmp_path / "lists.snapshot", INFOS, entries)
        matcher = open_snapshot(tmp_path / "lists.snapshot", loaded_at=NOW)
    gone = entries[5::100]
    matcher = matcher.changed([], gone, version="v", loaded_at=NOW)
    held = [entry for entry in entries if entry not in gone]
    monkeypatch.setattr(hamming, "PART", 10_000)
    sizes: list[int] = []
    search = HammingIndex.search_in_parts

    def counted(index: HammingIndex, queries: Codes, radius: int) -> Iterator[HammingHits]:
        for hits in search(index, queries, radius):
            sizes.append(len(hits.row))
            yield hits

    monkeypatch.setattr(HammingIndex, "search_in_parts", counted)
    values = [near_copy(n * 31) for n in range(60)]
    found = matcher.match_hashes([HashQuery("pdq", value) for value in values])
    assert sum(sizes) == 60 * 3000
    assert max(sizes) <= 10_000
    assert [said(matches) for matches in found] == [expected(value, held) for value in values]


def test_equal_queries_are_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    matcher = ListMatcher(INFOS, cluster(100), loaded_at=NOW)
    asked: list[int] = []
    search = HammingIndex.search_in_parts

    def counted(index: HammingIndex, queries: Codes, radius: int) -> Iterator[HammingHits]:
        asked.append(len(queries))
        return search(index, queries, radius)

    monkeypatch.setattr(HammingIndex, "search_in_parts", counted)
    values = [near_copy(n % 2) for n in range(300)]
    found = matcher.match_hashes([HashQuery("pdq", value) for value in values])
    assert asked == [2]
    assert [said(matches) for matches in found] == [
        expected(value, cluster(100)) for value in values
    ]


@settings(max_examples=100, deadline=None)
@given(
    hits=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4), st.integers(0, 3)), max_size=60),
    most=st.integers(1, 5),
    seed=st.integers(0, 2**32),
)
def test_the_nearest_and_each_kinds_nearest_are_kept(
    hits: list[tuple[int, int, int]], most: int, seed: int
) -> None:
    """Each hit: query, distance, kind; its row is its number, in any order."""
    hits.sort(key=lambda hit: hit[0])
    rows = np.random.default_rng(seed).permutation(len(hits))
    query, distance, kind = (
        np.array(column, np.int64) for column in ([h[n] for h in hits] for n in range(3))
    )
    kept = mark_nearest(query, rows, distance, kind, 4, most)
    order = sorted(range(len(hits)), key=lambda at: (hits[at][0], hits[at][1], rows[at]))
    before: Counter[int] = Counter()
    kinds: set[tuple[int, int]] = set()
    for at in order:
        asker, _, of = hits[at]
        assert kept[at] == (before[asker] < most or (asker, of) not in kinds)
        before[asker] += 1
        kinds.add((asker, of))
