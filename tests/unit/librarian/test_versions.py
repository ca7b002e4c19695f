"""Which version of an item counts, in whatever order a service tells them, and what victims take
back."""

import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matchers.lists.entry import ListEntry, ListInfo
from matchers.lists.formats.feed import Feed, Item
from matchers.lists.librarian import versions
from matchers.lists.librarian.store import ListStore, Outcome
from tests.unit.librarian.test_store import NOW, feed

HOUR = timedelta(hours=1)
BEFORE = NOW - timedelta(days=30)
Told = tuple[int, int | None, bool]
"""The number of an item, as of which hour it is told, and whether it is withdrawn."""


def listed(number: int, hour: int | None = None) -> Item:
    at = None if hour is None else BEFORE + hour * HOUR
    entry = ListEntry(
        list="n",
        id=f"i{number}",
        algorithm="md5",
        value=f"{number:032x}",
        category=str(hour),
        updated_at=at,
    )
    return Item(id=entry.id, entries=(entry,), at=at)


def gone(number: int, hour: int | None = None) -> Item:
    return Item(id=f"i{number}", at=None if hour is None else BEFORE + hour * HOUR)


def window(*told: Told) -> Feed:
    return feed(*((gone if out else listed)(n, hour) for n, hour, out in told), whole=False)


def store_of(count: int, **more: str) -> ListStore:
    store = ListStore.in_memory()
    store.define(ListInfo(name="n", **more), origin="t", at=NOW)  # pyright: ignore[reportArgumentType]
    take(store, *(listed(1000 + n, 0) for n in range(count)))
    return store


def take(store: ListStore, *items: Item, at: datetime = NOW) -> Outcome:
    return store.import_feed("n", feed(*items, whole=False), origin="t", at=at, kind="sync")


def held(store: ListStore) -> dict[int, str]:
    """The categories, which are the hours, of the items that the tests speak of."""
    found = {int(entry.id[1:]): entry.category for entry in store.entries("n")}
    return {number: category for number, category in found.items() if number < 1000}


def expected(windows: list[list[Told]]) -> dict[int, str]:
    """A withdrawal without a time is later than any hour here."""
    told = [one for each in windows for one in each]
    newest: dict[int, int] = {}
    for number, hour, out in told:
        if not out and hour is not None:
            newest[number] = max(hour, newest.get(number, hour))
    out_at = {
        number: max(999 if h is None else h for n, h, out in told if out and n == number)
        for number, _, out in told
        if out
    }
    return {n: str(hour) for n, hour in newest.items() if hour > out_at.get(n, -1)}


told_item = st.one_of(
    st.tuples(st.integers(0, 2), st.integers(0, 5), st.booleans()),
    st.tuples(st.integers(0, 2), st.none(), st.just(True)),
)


@pytest.mark.parametrize("kind", ["hotline", "victim"])
@pytest.mark.parametrize("others", [0, 3, 200])
@settings(max_examples=80, deadline=None)
@given(windows=st.lists(st.lists(told_item, max_size=6), max_size=5))
def test_the_newest_version_counts_in_whatever_order_they_come(
    kind: str, others: int, windows: list[list[Told]]
) -> None:
    """With few others, what is told waits; with many, it goes in."""
    with store_of(others, source_kind=kind) as store:
        for each in windows:
            store.import_feed("n", window(*each), origin="t", at=NOW, kind="sync")
        if store.waiting():
            store.approve("n", origin="t", at=NOW)
        assert held(store) == expected(windows)


def test_a_later_listing_brings_back_what_was_withdrawn_without_a_time() -> None:
    with store_of(200) as store:
        take(store, listed(1, 1), gone(1))
        take(store, listed(1, 1))
        assert held(store) == {}
        take(store, listed(1, 24 * 31), at=NOW + 48 * HOUR)
        assert held(store) == {1: str(24 * 31)}


def test_a_listing_without_a_time_follows_a_withdrawal_without_one_only() -> None:
    with store_of(200) as store:
        take(store, gone(1))
        take(store, gone(2, 3))
        take(store, listed(1), listed(2))
        assert held(store) == {1: "None"}


def test_what_is_known_of_withdrawals_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "MOST_TOMBSTONES", 3)
    with store_of(200) as store:
        for number in range(6):
            take(store, gone(number, number))
        take(store, *(listed(number, 0) for number in range(6)))
        assert set(held(store)) == {1, 2} | {0}, "the three newest are known"
        with store.reading() as database:
            assert database.execute("SELECT count(*) FROM tombstones").fetchone() == (3,)


def test_to_go_back_forgets_withdrawals_but_those_of_victims() -> None:
    for kind, after in (("hotline", {1: "1"}), ("victim", {})):
        with store_of(200, source_kind=kind) as store:
            before = store.revision()
            take(store, listed(1, 1))
            take(store, gone(1, 2))
            store.rollback("n", before, origin="t", at=NOW)
            take(store, listed(1, 1))
            assert held(store) == after


def test_a_victims_withdrawal_waits_for_nothing_and_outlives_a_rejection() -> None:
    with store_of(20, source_kind="victim") as store:
        assert take(store, gone(1000, 1)).reasons == (), "of twenty"
        waits = take(store, *(listed(n, 1) for n in range(9)), gone(1001, 1))
        assert (len(waits.reasons), waits.withdrawn) == (1, 1)
        also = take(store, gone(1002, 1), gone(3, 2))
        assert (len(also.reasons), also.withdrawn) == (1, 1)
        store.reject("n")
        ids = {entry.id for entry in store.entries("n")}
        assert ids == {f"i{1000 + n}" for n in range(3, 20)}
        assert store.revisions("n")[0].removed == 1
        all_at_once = take(store, *(gone(1000 + n, 5) for n in range(20)))
        assert (all_at_once.reasons, all_at_once.removed) == ((), 17)


def test_a_row_that_says_withdrawn_is_out_at_once_and_a_missing_one_waits() -> None:
    with store_of(20, source_kind="victim") as store:
        entries = list(store.entries("n"))
        rows = [
            ListEntry(list="n", id=e.id, algorithm="md5", value=e.value, status=status)
            for e, status in zip(entries[:18], ["withdrawn", *["active"] * 17], strict=True)
        ]
        whole = feed(*(Item(id=row.id, entries=(row,)) for row in rows))
        outcome = store.import_feed("n", whole, origin="t", at=NOW)
        assert (outcome.withdrawn, len(outcome.reasons)) == (1, 1)
        statuses = [entry.status for entry in store.entries("n")]
        assert statuses == ["withdrawn", *["active"] * 19]


def test_no_id_of_what_was_withdrawn_is_kept_in_what_is_known_of_it(tmp_path: Path) -> None:
    path = tmp_path / "lists.db"
    with ListStore.open(path) as store:
        store.define(ListInfo(name="n", source_kind="victim"), origin="t", at=NOW)
        take(store, Item(id="0f1e2d3c" * 8, at=NOW))
    assert b"0f1e2d3c" not in path.read_bytes()


def test_a_store_of_before_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "lists.db"
    with ListStore.open(path) as store:
        store.define(ListInfo(name="n"), origin="t", at=NOW)
        take(store, listed(1, 1))
    with sqlite3.connect(path) as database:
        database.execute("DROP TABLE tombstones")
        database.execute("PRAGMA user_version = 2")
    database.close()
    with ListStore.open(path) as store:
        take(store, listed(2, 3), gone(3, 3))
        assert held(store) == {1: "1"}, "that waits"
        take(store, listed(3, 2))
        store.approve("n", origin="t", at=NOW)
        assert held(store) == {1: "1", 2: "3"}


def test_a_listing_without_a_time_alters_what_was_listed_again_since_it_was_withdrawn() -> None:
    with store_of(200) as store:
        take(store, listed(1, 1), gone(1, 2))
        take(store, listed(1, 4))
        take(store, listed(1))
        assert held(store) == {1: "None"}
        take(store, listed(1, 2))
        assert held(store) == {1: "None"}, "that is older than the withdrawal"


def test_a_listing_without_a_time_keeps_no_withdrawal_from_being_made() -> None:
    with store_of(20) as store:
        assert take(store, *(gone(1000 + n, 2) for n in range(9))).reasons
        take(store, listed(1000))
        store.approve("n", origin="t", at=NOW)
        assert len(list(store.entries("n"))) == 11


def hashes(hour: int, *numbers: int, complete: bool = True) -> Item:
    """An item of several hashes; not `complete` where one more could not be read."""
    at = BEFORE + hour * HOUR
    entries = tuple(
        ListEntry(list="n", id="i1", algorithm="md5", value=f"{n:032x}", updated_at=at)
        for n in numbers
    )
    return Item(id="i1", entries=entries, at=at, complete=complete)


def of_one(store: ListStore) -> set[tuple[int, datetime | None]]:
    found = (entry for entry in store.entries("n") if entry.id == "i1")
    return {(int(entry.value, 16), entry.updated_at) for entry in found}


@pytest.mark.parametrize(
    "told",
    [
        [hashes(1, 1, 2), hashes(2, 1, complete=False)],
        [hashes(1, 1, 2), hashes(2, 3, complete=False), hashes(3, 1, complete=False)],
        [hashes(1, 1, 2, complete=False), hashes(2, 3, complete=False)],
        [hashes(1, 1, 2), hashes(2, 2, 3), hashes(3, 3, complete=False)],
        [hashes(1, 1, 2), gone(1, 2), hashes(3, 1, complete=False)],
        [hashes(1, 1, 2), hashes(2, 1, complete=False), hashes(3, 4)],
    ],
    ids=["one", "twice", "never whole", "the newest whole", "withdrawn", "whole again"],
)
@pytest.mark.parametrize("known", [[], [hashes(0, 5, 6)], [hashes(1, 1, 7)], [hashes(2, 7)]])
def test_a_hash_that_could_not_be_read_is_kept_in_one_window_as_in_many(
    told: list[Item], known: list[Item]
) -> None:
    with store_of(200) as one, store_of(200) as many:
        for store in (one, many):
            take(store, *known)
        take(one, *told)
        for item in told:
            take(many, item)
        assert of_one(one) == of_one(many)
    with store_of(200) as one, store_of(200) as backwards:
        take(one, *told)
        take(backwards, *reversed(told))
        assert of_one(one) == of_one(backwards)


def test_both_hashes_of_an_item_stay_when_its_newer_version_can_be_read_in_part() -> None:
    with store_of(200) as store:
        take(store, hashes(1, 1, 2), hashes(2, 1, complete=False))
        assert {number for number, _ in of_one(store)} == {1, 2}
