"""The librarian's store: every change is a revision, and the ones that are too large wait."""

import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matchers.lists.entry import ListEntry, ListInfo
from matchers.lists.formats.feed import Feed, Item
from matchers.lists.formats.registry import read_feed
from matchers.lists.librarian.schema import UnusableStore
from matchers.lists.librarian.store import ListStore, Outcome, Refused
from matchers.lists.matcher import ListMatcher, Radii

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ListStore]:
    with ListStore.open(tmp_path / "lists.db") as opened:
        opened.define(ListInfo(name="a"), origin="test", at=NOW)
        yield opened


def md5(number: int) -> str:
    return f"{number:032x}"


def item(number: int, *, at: datetime | None = None, complete: bool = True, **more: str) -> Item:
    entry = ListEntry(
        list="a", id=f"i{number}", algorithm="md5", value=md5(number), updated_at=at, **more
    )
    return Item(id=entry.id, entries=(entry,), at=at, complete=complete)


def feed(*items: Item, whole: bool = True) -> Feed:
    return Feed(items=list(items), rejected=[], held=[], whole=whole)


def take(store: ListStore, given_feed: Feed, **more: bool) -> Outcome:
    return store.import_feed("a", given_feed, origin="test", at=NOW, **more)


def values(store: ListStore) -> list[int]:
    return sorted(int(entry.value, 16) for entry in store.entries("a"))


def numbered(numbers: Iterable[int]) -> Feed:
    return feed(*map(item, numbers))


def test_only_the_owner_can_read_it_and_it_is_there_again(tmp_path: Path) -> None:
    path = tmp_path / "lists.db"
    entry = ListEntry(
        list="a",
        id="1",
        algorithm="pdq",
        value="0f" * 32,
        category="A1",
        role="hold",
        labels=("x", "y"),
        status="observed",
        updated_at=NOW,
        provenance="p",
    )
    with ListStore.open(path) as store:
        store.define(ListInfo(name="a", roles={"A1": "block"}), origin="test", at=NOW)
        take(store, feed(Item(id="1", entries=(entry,))))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with ListStore.open(path) as store:
        assert list(store.entries()) == [entry]
        assert store.infos()["a"].roles == {"A1": "block"}


def test_a_second_connection_in_a_process_takes_no_lock_from_the_first(tmp_path: Path) -> None:
    path = tmp_path / "lists.db"
    other = (
        "import sys; from pathlib import Path; from datetime import datetime, UTC;"
        "from matchers.lists.entry import ListInfo;"
        "from matchers.lists.librarian.store import ListStore;"
        "store = ListStore.open(Path(sys.argv[1]));"
        "store.define(ListInfo(name=sys.argv[2]), origin='o', at=datetime.now(UTC)); store.close()"
    )
    with ListStore.open(path) as first:
        ListStore.open(path).close()
        for name in ("a", "b"):
            subprocess.run([sys.executable, "-c", other, str(path), name], check=True)
            assert name in first.infos()


def test_another_file_is_refused_by_name(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("nothing of a database in here, but long enough to be looked at" * 20)
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE x (y)")
    for path in (text, other, tmp_path / "none" / "x.db"):
        with pytest.raises(UnusableStore, match=path.name):
            ListStore.open(path)


def test_a_whole_feed_takes_the_place_of_what_was_there(store: ListStore) -> None:
    first = take(store, numbered(range(100)))
    assert (first.added, first.removed, first.reasons) == (100, 0, ())
    again = take(store, numbered(range(100)))
    assert again.revision is None
    second = take(store, numbered(range(1, 103)))
    assert (second.added, second.changed, second.removed) == (3, 0, 1)
    assert values(store) == list(range(1, 103))


def test_changes_take_the_place_of_items_they_name_only(store: ListStore) -> None:
    take(store, numbered(range(100)))
    update = feed(item(5, category="new"), Item(id="i6"), whole=False)
    outcome = take(store, update)
    assert (outcome.added, outcome.changed, outcome.removed) == (0, 1, 1)
    assert values(store) == [n for n in range(100) if n != 6]


def test_a_bad_hash_takes_nothing_away_from_its_item(store: ListStore) -> None:
    two = (*item(1).entries, ListEntry(list="a", id="i1", algorithm="sha1", value="ab" * 20))
    take(store, feed(Item(id="i1", entries=two)))
    take(store, feed(item(1, complete=False), whole=False))
    assert len(list(store.entries())) == 2
    # Losing one hash of two is more than 2 %.
    assert take(store, feed(item(1), whole=False)).reasons


def test_an_older_version_of_an_item_changes_nothing(store: ListStore) -> None:
    day = timedelta(days=1)
    take(store, feed(item(1, at=NOW, category="new"), whole=False))
    assert take(store, feed(item(1, at=NOW - day, category="old"), whole=False)).revision is None
    assert take(store, feed(item(1, at=NOW + day, category="newer"), whole=False)).changed == 1


@pytest.mark.parametrize(
    ("then", "reason"),
    [
        (numbered(range(97)), "removes 3 of 100"),
        (numbered(range(121)), "adds 21 of 100"),
        (feed(), "empty"),
        (feed(*(Item(id=f"i{n}") for n in range(3)), whole=False), "removes 3 of 100"),
        (feed(*(item(n, status="withdrawn") for n in range(3)), whole=False), "removes 3"),
    ],
)
def test_a_large_change_waits_for_approval(store: ListStore, then: Feed, reason: str) -> None:
    take(store, numbered(range(100)))
    outcome = take(store, then)
    assert outcome.revision is None
    assert any(reason in why for why in outcome.reasons)
    assert values(store) == list(range(100))
    assert [waiting.list for waiting in store.waiting()] == ["a"]
    assert len(list(store.proposed("a"))) == outcome.added + outcome.changed + outcome.removed
    approved = store.approve("a", origin="someone", at=NOW)
    assert approved.revision is not None
    assert store.waiting() == []
    if then.whole:
        assert len(values(store)) == len(then.items)


@pytest.mark.parametrize("then", [numbered(range(98)), numbered(range(120))])
def test_a_change_at_the_limit_goes_in(store: ListStore, then: Feed) -> None:
    take(store, numbered(range(100)))
    assert take(store, then).reasons == ()


def test_what_comes_while_a_change_waits_joins_it(store: ListStore) -> None:
    take(store, numbered(range(100)))
    take(store, feed(*(Item(id=f"i{n}") for n in range(3)), whole=False))
    later = take(store, feed(item(0), item(200), whole=False))
    assert later.reasons == (), "two of a hundred may go"
    assert values(store) == [0, *range(3, 100), 200]
    assert store.waiting() == []


def test_a_rejected_change_is_gone(store: ListStore) -> None:
    take(store, numbered(range(100)))
    take(store, feed())
    store.reject("a")
    assert store.waiting() == []
    with pytest.raises(Refused, match="no change that waits"):
        store.approve("a", origin="x", at=NOW)
    with pytest.raises(Refused, match="no change that waits"):
        store.reject("a")


def test_a_degenerate_hash_waits_and_once_approved_stays(store: ListStore) -> None:
    flat = read_feed(b"pdq " + b"0" * 64 + b"\nmd5 " + b"ab" * 16, "signals", "a")
    take(store, flat)
    (held,) = store.held("a")
    store.approve("a", held.id, origin="someone", at=NOW)
    assert {entry.status for entry in store.entries()} == {"active"}
    assert take(store, flat).revision is None
    with pytest.raises(Refused, match="neither held nor removed"):
        store.approve("a", held.id, origin="someone", at=NOW)


def test_what_is_removed_here_is_not_brought_back_until_approved(store: ListStore) -> None:
    take(store, numbered(range(100)))
    store.remove("a", ["i7"], origin="someone", at=NOW)
    outcome = take(store, numbered(range(100)))
    assert (outcome.revision, outcome.withheld) == (None, 1)
    assert 7 not in values(store)
    store.approve("a", "i7", origin="someone", at=NOW)
    assert take(store, numbered(range(100))).added == 1
    with pytest.raises(Refused, match="no entry 'none'"):
        store.remove("a", ["i8", "none"], origin="someone", at=NOW)
    assert 8 in values(store)


def test_a_rollback_of_a_rollback_forgets_no_removal(store: ListStore) -> None:
    take(store, numbered(range(100)))
    listed = store.revision()
    removed = store.remove("a", ["i7"], origin="someone", at=NOW).revision or 0
    for _ in range(3):
        store.rollback("a", listed, origin="x", at=NOW)
        assert 7 in values(store)
        again = store.rollback("a", removed, origin="x", at=NOW).revision or 0
        assert take(store, numbered(range(100))).withheld == 1
        assert 7 not in values(store)
        # From there on, as from the removal itself; whatever else changed of it meanwhile.
        store.rollback("a", listed, origin="x", at=NOW)
        assert take(store, feed(item(7, category="new"), whole=False)).changed == 1
        assert store.rollback("a", again, origin="x", at=NOW).removed == 1
        assert take(store, numbered(range(100))).withheld == 1
    store.approve("a", "i7", origin="someone", at=NOW)
    assert take(store, numbered(range(100))).added == 1


def test_a_rollback_withholds_only_what_somebody_had_removed_by_then(store: ListStore) -> None:
    take(store, numbered(range(100)))
    before = store.revision()
    take(store, numbered(range(101)))
    later = store.revision()
    store.remove("a", ["i100"], origin="someone", at=NOW)
    store.rollback("a", later, origin="x", at=NOW)
    store.rollback("a", before, origin="x", at=NOW)
    assert 100 not in values(store)
    assert take(store, numbered(range(101))).added == 1


def test_history_says_what_was_when_and_by_whom(store: ListStore) -> None:
    take(store, feed(item(1, category="one")))
    take(store, feed(item(1, category="two")))
    store.remove("a", ["i1"], origin="someone", at=NOW)
    steps = store.steps("a", "i1")
    assert [(s.before and s.before.category, s.after and s.after.category) for s in steps] == [
        (None, "one"),
        ("one", "two"),
        ("two", None),
    ]
    assert steps[-1].origin == "someone"
    assert [revision.kind for revision in store.revisions("a")] == [
        "remove",
        "import",
        "import",
        "define",
    ]


def test_a_dry_run_changes_nothing(store: ListStore) -> None:
    assert take(store, numbered(range(3)), dry_run=True).added == 3
    assert values(store) == []
    assert store.revision() == 1
    new = ListInfo(name="new")
    tried = store.import_feed("new", feed(), origin="x", at=NOW, dry_run=True, define=new)
    assert tried.list == "new"
    assert list(store.infos()) == ["a"]


def test_search_finds_what_a_matcher_would(store: ListStore) -> None:
    text = f"pdq {'0f' * 32}\nurl listed.example/a\nmd5 {'ab' * 16}\n"
    take(store, read_feed(text.encode(), "signals", "a"))
    near = f"{int('0f' * 32, 16) ^ 0b1011:064x}"
    assert [(hit.entry.algorithm, hit.distance) for hit in store.near(near, Radii())] == [
        ("pdq", 3)
    ]
    assert store.near(near, Radii(pdq=2)) == []
    for spelling in ("https://www.listed.example/a?b", "hxxps://www[.]listed[.]example/a?b"):
        assert [hit.entry.algorithm for hit in store.near(spelling, Radii())] == ["url"]
    assert [entry.algorithm for entry in store.named("AB" * 16)] == ["md5"]
    matcher = ListMatcher(store.infos(), store.entries(), loaded_at=NOW)
    assert matcher.entries == 3


def test_an_unknown_list_is_refused(store: ListStore) -> None:
    with pytest.raises(Refused, match="no list 'b'; known are a"):
        store.import_feed("b", feed(), origin="x", at=NOW)
    with pytest.raises(Refused, match="no revision 99"):
        store.rollback("a", 99, origin="x", at=NOW)


contents = st.dictionaries(st.integers(0, 6), st.sampled_from(["x", "y"]), max_size=6)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(states=st.lists(contents, min_size=1, max_size=5), data=st.data())
def test_any_revision_can_be_gone_back_to(
    tmp_path_factory: pytest.TempPathFactory, states: list[dict[int, str]], data: st.DataObject
) -> None:
    with ListStore.open(tmp_path_factory.mktemp("s") / "lists.db") as store:
        store.define(ListInfo(name="a"), origin="test", at=NOW)
        seen: dict[int, list[ListEntry]] = {store.revision(): []}
        for state in states:
            outcome = take(store, feed(*(item(n, category=c) for n, c in state.items())))
            if outcome.reasons:
                store.approve("a", origin="test", at=NOW)
            expected = sorted((n, c) for n, c in state.items())
            assert sorted((int(e.value, 16), e.category) for e in store.entries()) == expected
            seen[store.revision()] = list(store.entries())
        target = data.draw(st.sampled_from(sorted(seen)))
        different = {d.key: d for d in store.differences("a", target)}
        before = {(e.id, e.value): e for e in seen[target]}
        now = {(e.id, e.value): e for e in store.entries()}
        assert {(key.id, key.value) for key in different} == {
            key for key in before.keys() | now.keys() if before.get(key) != now.get(key)
        }
        store.rollback("a", target, origin="test", at=NOW)
        assert list(store.entries()) == seen[target]
        assert list(store.differences("a", target)) == []
