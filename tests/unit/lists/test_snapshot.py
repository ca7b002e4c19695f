import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matchers.indexes.flat_file import UnusableFile
from matchers.lists.contents import can_match
from matchers.lists.csv_format import UnreadableList
from matchers.lists.entry import FLAGGED, Algorithm, ListEntry, ListInfo
from matchers.lists.loader import load_matcher
from matchers.lists.matcher import MAX_MATCHES, HashQuery, ListMatcher, Match, Radii
from matchers.lists.snapshot import compile_snapshot, open_snapshot

NOW = datetime(2026, 1, 1, tzinfo=UTC)
INFOS = {
    "one": ListInfo(
        name="one", source_kind="hotline", verified_by="Example", roles={"known": "block"}
    ),
    "two": ListInfo(name="two", default_role="hold"),
}
WIDTHS: dict[Algorithm, int] = {
    "md5": 16,
    "sha256": 32,
    "pdq": 32,
    "phash": 8,
    "url": 32,
    "vpdq": 96,
    "photodna": 144,
    "minhash": 516,
    "tlsh": 35,
}


def value(algorithm: Algorithm, seed: int) -> str:
    """Values that are often equal, and near to each other where that counts."""
    if algorithm == "minhash":
        sample = (1_000 * place + (place < 4 * seed) for place in range(128))
        return b"".join(word.to_bytes(4, "little") for word in (200 + seed, *sample)).hex()
    return (bytes([seed]) + bytes(WIDTHS[algorithm] - 1)).hex()


ALGORITHMS = st.sampled_from(sorted(WIDTHS))
ENTRIES = st.builds(
    lambda algorithm, seed, **fields: ListEntry(
        algorithm=algorithm, value=value(algorithm, seed), **fields
    ),
    algorithm=ALGORITHMS,
    seed=st.integers(0, 15),
    list=st.sampled_from(sorted(INFOS)),
    id=st.sampled_from(["a", "b", "ü-1"]),
    category=st.sampled_from(["", "known", "other"]),
    role=st.sampled_from([None, "block", "hold", "review", "observe", "allow"]),
    labels=st.sampled_from([(), ("x",), ("x", "y")]),
    status=st.sampled_from(["active", "observed", "pending", "withdrawn"]),
)
RADII = Radii(photodna=400)
QUERIES = [
    HashQuery(algorithm, bytes.fromhex(value(algorithm, seed)))
    for algorithm in sorted(WIDTHS)
    for seed in range(16)
]


def answers(matcher: ListMatcher) -> list[list[tuple[object, ...]]]:
    """What a matcher says to every query, in an order that does not depend on rows."""

    def key(match: Match) -> tuple[object, ...]:
        return (
            match.distance,
            match.list,
            match.entry,
            match.category,
            match.role,
            match.labels,
            match.source_kind,
            match.verified,
            match.query_share,
            match.compared_share,
        )

    return [sorted(map(key, found)) for found in matcher.match_hashes(QUERIES)]


def distinct(entries: Iterable[ListEntry]) -> list[ListEntry]:
    held = {(entry.list, entry.id, entry.algorithm, entry.value): entry for entry in entries}
    return list(held.values())


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(entries=st.lists(ENTRIES, max_size=20))
def test_a_snapshot_says_what_a_matcher_of_the_same_entries_says(
    tmp_path: Path, entries: list[ListEntry]
) -> None:
    path = tmp_path / "lists.snapshot"
    version = compile_snapshot(path, INFOS, entries)
    opened = open_snapshot(path, loaded_at=NOW, radii=RADII)
    built = ListMatcher(INFOS, entries, loaded_at=NOW, radii=RADII)
    assert opened.version == built.version == version
    assert opened.counts == built.counts
    assert opened.infos == built.infos
    assert answers(opened) == answers(built)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    base=st.lists(ENTRIES, max_size=12),
    changes=st.lists(st.tuples(st.booleans(), ENTRIES), max_size=12),
    compiled=st.booleans(),
)
def test_changes_one_by_one_end_where_building_anew_ends(
    tmp_path: Path, base: list[ListEntry], changes: list[tuple[bool, ListEntry]], compiled: bool
) -> None:
    held = {(entry.list, entry.id, entry.algorithm, entry.value): entry for entry in distinct(base)}
    if compiled:
        compile_snapshot(tmp_path / "lists.snapshot", INFOS, held.values())
        matcher = open_snapshot(tmp_path / "lists.snapshot", loaded_at=NOW, radii=RADII)
    else:
        matcher = ListMatcher(INFOS, held.values(), loaded_at=NOW, radii=RADII)
    first, said_first = matcher, answers(matcher)
    for number, (add, entry) in enumerate(changes):
        place = (entry.list, entry.id, entry.algorithm, entry.value)
        held.pop(place, None)
        if add:
            held[place] = entry
        matcher = matcher.changed(
            [entry] if add else [], [] if add else [entry], version=f"v+{number}", loaded_at=NOW
        )
        assert matcher.version == f"v+{number}"
    assert answers(matcher) == answers(
        ListMatcher(INFOS, held.values(), loaded_at=NOW, radii=RADII)
    )
    assert answers(first) == said_first, "a matcher in use must not change"


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    base=st.lists(ENTRIES, max_size=12),
    removed=st.lists(ENTRIES, max_size=12),
    added=st.lists(ENTRIES, max_size=12),
    compiled=st.booleans(),
    data=st.data(),
)
def test_changes_at_once_end_where_building_anew_ends(
    tmp_path: Path,
    base: list[ListEntry],
    removed: list[ListEntry],
    added: list[ListEntry],
    compiled: bool,
    data: st.DataObject,
) -> None:
    base = distinct(base)
    removed += data.draw(st.lists(st.sampled_from(base))) if base else []
    if compiled:
        compile_snapshot(tmp_path / "lists.snapshot", INFOS, base)
        matcher = open_snapshot(tmp_path / "lists.snapshot", loaded_at=NOW, radii=RADII)
    else:
        matcher = ListMatcher(INFOS, base, loaded_at=NOW, radii=RADII)
    changed = matcher.changed(added, removed, version="v", loaded_at=NOW)
    held = {(entry.list, entry.id, entry.algorithm, entry.value): entry for entry in base}
    for entry in removed:
        held.pop((entry.list, entry.id, entry.algorithm, entry.value), None)
    for entry in added:
        held[entry.list, entry.id, entry.algorithm, entry.value] = entry
    anew = ListMatcher(INFOS, held.values(), loaded_at=NOW, radii=RADII)
    assert answers(changed) == answers(anew)
    matched = sum(count.matched for count in changed.counts)
    assert matched == sum(map(can_match, held.values()))


def test_many_are_removed_at_once_and_stay_removed(tmp_path: Path) -> None:
    entries = [
        ListEntry(list="one", id=str(n), algorithm="md5", value=f"{n * 2654435761 % 2**32:032x}")
        for n in range(6000)
    ]
    compile_snapshot(tmp_path / "lists.snapshot", INFOS, entries)
    matcher = open_snapshot(tmp_path / "lists.snapshot", loaded_at=NOW)
    matcher = matcher.changed([], entries[:2500], version="a", loaded_at=NOW)
    matcher = matcher.changed(entries[:3], entries[2000:4500], version="b", loaded_at=NOW)
    found = matcher.match_hashes([HashQuery("md5", bytes.fromhex(e.value)) for e in entries])
    there = [number for number, matches in enumerate(found) if matches]
    assert there == [0, 1, 2, *range(4500, 6000)]
    assert matcher.entries == 1503


def test_many_small_changes_pile_up_in_few_tables_and_all_are_found() -> None:
    matcher = ListMatcher(INFOS, (), loaded_at=NOW)
    values = [(number * 2654435761 % 2**32).to_bytes(4, "big") * 8 for number in range(6000)]
    for start in range(0, 6000, 500):
        added = [
            ListEntry(list="one", id=str(number), algorithm="pdq", value=values[number].hex())
            for number in range(start, start + 500)
        ]
        matcher = matcher.changed(added, (), version=str(start), loaded_at=NOW)
    found = matcher.match_hashes([HashQuery("pdq", value) for value in values])
    assert all(
        matches[0].distance == 0 and any(match.entry == str(number) for match in matches)
        for number, matches in enumerate(found)
    )
    assert matcher.entries == 6000


@pytest.mark.parametrize("compiled", [True, False])
def test_amid_a_crowd_of_near_copies_no_kind_is_lost(tmp_path: Path, compiled: bool) -> None:
    crowd = [
        ListEntry(list="one", id=f"c{n}", algorithm="pdq", value=f"{n:08x}".rjust(64, "0"))
        for n in range(5000)
    ]
    far = value("pdq", 0xFF)
    rare = [
        ListEntry(list="two", id="list", algorithm="pdq", value=far),
        ListEntry(list="one", id="category", algorithm="pdq", value=far, category="known"),
        ListEntry(list="one", id="role", algorithm="pdq", value=far, role="allow"),
        ListEntry(list="two", id="watch", algorithm="pdq", value=far, status="observed"),
        ListEntry(list="one", id="flag", algorithm="pdq", value=far, labels=("x", FLAGGED)),
    ]
    entries = [*crowd, *rare]
    if compiled:
        compile_snapshot(tmp_path / "lists.snapshot", INFOS, entries)
        matcher = open_snapshot(tmp_path / "lists.snapshot", loaded_at=NOW)
    else:
        matcher = ListMatcher(INFOS, entries, loaded_at=NOW)
    matcher = matcher.changed([], [crowd[0]], version="v", loaded_at=NOW)
    (found,) = matcher.match_hashes([HashQuery("pdq", bytes(32))])
    assert [match.entry for match in found[MAX_MATCHES:]] == [entry.id for entry in rare]
    assert [match.distance for match in found] == sorted(match.distance for match in found)
    assert found[0].distance == 1, "the removed entry is not found"


def test_progress_is_told(tmp_path: Path) -> None:
    heard: list[tuple[str, float]] = []
    entry = ListEntry(list="one", id="a", algorithm="md5", value="11" * 16)
    compile_snapshot(
        tmp_path / "lists.snapshot",
        INFOS,
        [entry] * 5,
        progress=lambda what, done: heard.append((what, done)),
    )
    assert heard[0] == ("read", 5)
    assert heard[-1] == ("md5", 1.0)


def test_a_failed_compilation_leaves_nothing_behind(tmp_path: Path) -> None:
    entry = ListEntry(list="three", id="a", algorithm="md5", value="11" * 16)
    with pytest.raises(ValueError, match="unknown list 'three'"):
        compile_snapshot(tmp_path / "lists.snapshot", INFOS, [entry])
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_compilation_left_is_cleared_away(tmp_path: Path) -> None:
    path = tmp_path / "lists.snapshot"
    killed = (
        "import os, sys; from pathlib import Path;"
        "from matchers.lists.entry import ListEntry, ListInfo;"
        "from matchers.lists.snapshot import compile_snapshot;"
        "entry = ListEntry(list='one', id='i', algorithm='md5', value='ab' * 16);"
        "compile_snapshot(Path(sys.argv[1]), {'one': ListInfo(name='one')}, [entry],"
        " progress=lambda what, _: os._exit(0) if what == 'md5' else None)"
    )
    subprocess.run([sys.executable, "-c", killed, str(path)], check=True)
    assert len(list(tmp_path.iterdir())) == 2, "a directory and a file that is not whole"

    def meanwhile() -> Iterable[ListEntry]:
        compile_snapshot(path, INFOS, [])  # clears nothing away that is worked on
        yield ListEntry(list="one", id="i", algorithm="md5", value="ab" * 16)

    compile_snapshot(path, INFOS, meanwhile())
    assert list(tmp_path.iterdir()) == [path]
    assert open_snapshot(path, loaded_at=NOW).entries == 1


def test_the_loader_opens_snapshots_and_refuses_bad_ones_by_name(tmp_path: Path) -> None:
    path = tmp_path / "lists.snapshot"
    entry = ListEntry(list="one", id="a", algorithm="md5", value="11" * 16)
    compile_snapshot(path, INFOS, [entry])
    assert load_matcher([path], loaded_at=NOW).entries == 1
    with pytest.raises(UnreadableList, match="give it alone"):
        load_matcher([path, tmp_path / "b.csv"], loaded_at=NOW)
    with pytest.raises(UnreadableList, match=r"none\.snapshot: No such file"):
        load_matcher([tmp_path / "none.snapshot"], loaded_at=NOW)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UnreadableList, match=r"lists\.snapshot: torn"):
        load_matcher([path], loaded_at=NOW)
    with pytest.raises(UnusableFile):
        open_snapshot(path, loaded_at=NOW)
