"""What a victim withdrew is nowhere any more, once no worker needs it."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from matchers.lists.entry import ListEntry, ListInfo
from matchers.lists.formats.feed import Feed, Item
from matchers.lists.librarian import erasure, outbox
from matchers.lists.librarian.outbox import Published, compile_store
from matchers.lists.librarian.store import ListStore
from tests.unit.librarian.test_store import NOW, feed

GONE = "12345678deadbeef12345678deadbeef"
KEPT = [f"{n:032x}" for n in range(100)]


def change(*values: str, withdrawn: tuple[str, ...] = ()) -> Feed:
    listed = [ListEntry(list="v", id=value, algorithm="md5", value=value) for value in values]
    items = [Item(id=entry.id, entries=(entry,)) for entry in listed]
    return feed(*items, *(Item(id=value) for value in withdrawn), whole=False)


def publish(store: ListStore) -> None:
    with store.writing() as database:
        outbox.mark_published(database, Published(store.revision(), 0))


def erasable(store: ListStore) -> list[str]:
    with store.writing() as database:
        keys = erasure.erasable(database)
        erasure.erase(database, keys)
    return [key.value for key in keys]


def opened(tmp_path: Path, info: ListInfo) -> ListStore:
    store = ListStore.open(tmp_path / "lists.db")
    store.define(info, origin="t", at=NOW)
    store.import_feed("v", change(GONE, *KEPT), origin="t", at=NOW)
    return store


VICTIMS = ListInfo(name="v", source_kind="victim")


def test_the_value_goes_and_that_it_happened_stays(tmp_path: Path) -> None:
    with opened(tmp_path, VICTIMS) as store:
        before = store.revision()
        store.import_feed("v", change(withdrawn=(GONE,)), origin="sync", at=NOW)
        assert erasable(store) == [], "no worker knows yet"
        publish(store)
        assert erasable(store) == [], "a snapshot still holds it"
        compile_store(store, tmp_path / "lists.snapshot")
        assert erasable(store) == [GONE]
        assert erasable(store) == []
        assert store.steps("v", GONE) == []
        assert (store.revisions("v")[0].removed, store.revisions("v")[0].origin) == (1, "sync")
        store.rollback("v", before, origin="t", at=NOW)
        assert GONE not in {entry.value for entry in store.entries("v")}
    with ListStore.open(tmp_path / "lists.db") as store, store.reading() as database:
        database.execute("SELECT 1").fetchone()
    for file in tmp_path.glob("lists.db*"):
        assert GONE.encode() not in file.read_bytes(), file


def test_the_log_is_emptied_once_nobody_reads_it(tmp_path: Path) -> None:
    with opened(tmp_path, VICTIMS) as store, ListStore.open(tmp_path / "lists.db") as other:
        store.import_feed("v", change(withdrawn=(GONE,)), origin="sync", at=NOW, kind="sync")
        publish(store)
        compile_store(store, tmp_path / "lists.snapshot")
        with other.reading() as database:
            database.execute("SELECT count(*) FROM entries").fetchone()
            assert erasable(store) == [GONE]
            assert not store.clear_log()
            store.mark_synced("v", NOW)
        assert store.clear_log()
        for file in tmp_path.glob("lists.db*"):
            assert GONE.encode() not in file.read_bytes(), file


def test_other_lists_keep_their_history(tmp_path: Path) -> None:
    with opened(tmp_path, ListInfo(name="v", source_kind="hotline")) as store:
        store.import_feed("v", change(withdrawn=(GONE,)), origin="sync", at=NOW)
        publish(store)
        compile_store(store, tmp_path / "lists.snapshot")
        assert erasable(store) == []
        assert len(store.steps("v", GONE)) == 2


def test_what_comes_back_or_was_removed_here_is_not_erased(tmp_path: Path) -> None:
    with opened(tmp_path, VICTIMS) as store:
        store.import_feed("v", change(withdrawn=(GONE,)), origin="sync", at=NOW)
        store.import_feed("v", change(GONE), origin="sync", at=NOW)
        store.remove("v", [KEPT[0]], origin="someone", at=NOW)
        publish(store)
        compile_store(store, tmp_path / "lists.snapshot")
        assert erasable(store) == []
        with store.reading() as database:
            assert not erasure.withdrawn(database)


def test_what_a_person_undoes_is_not_withdrawn(tmp_path: Path) -> None:
    """To go back to before an import, and forth again."""
    with opened(tmp_path, VICTIMS) as store:
        newest = store.revision()
        store.rollback("v", 1, origin="someone", at=NOW)
        publish(store)
        compile_store(store, tmp_path / "lists.snapshot")
        assert erasable(store) == []
        store.rollback("v", newest, origin="someone", at=NOW)
        assert GONE in {entry.value for entry in store.entries("v")}


def test_to_go_back_brings_nothing_back_that_a_victim_took_back(tmp_path: Path) -> None:
    with opened(tmp_path, VICTIMS) as store:
        before = store.revision()
        store.import_feed("v", change("ab" * 16), origin="sync", at=NOW)
        store.import_feed("v", change(withdrawn=(GONE,)), origin="sync", at=NOW)
        store.rollback("v", before, origin="t", at=NOW)
        assert {entry.value for entry in store.entries("v")} == set(KEPT)
        publish(store)
        compile_store(store, tmp_path / "lists.snapshot")
        assert erasable(store) == [GONE]


def whole(*values: str, said: tuple[str, ...] = ()) -> Feed:
    """A list of values, and those that it says are withdrawn."""
    listed = [ListEntry(list="v", id=value, algorithm="md5", value=value) for value in values]
    listed += [
        ListEntry(list="v", id=value, algorithm="md5", value=value, status="withdrawn")
        for value in said
    ]
    return feed(*(Item(id=entry.id, entries=(entry,)) for entry in listed))


def removed(store: ListStore) -> None:
    store.remove("v", [GONE], origin="someone", at=NOW)


def gone_back(store: ListStore) -> None:
    store.rollback("v", 0, origin="someone", at=NOW)


@pytest.mark.parametrize("out", [None, removed, gone_back])
@pytest.mark.parametrize(
    "withdrawal",
    [
        change(withdrawn=(GONE,)),
        feed(Item(id=GONE, at=NOW), whole=False),
        feed(Item(id=GONE, entries=change("ab" * 16).items[0].entries), whole=False),
        whole(*KEPT),
        whole(*KEPT, said=(GONE,)),
    ],
    ids=["undated", "dated", "another hash", "not named", "said so"],
)
def test_what_was_out_when_its_source_withdrew_it_does_not_come_back(
    tmp_path: Path, out: Callable[[ListStore], None] | None, withdrawal: Feed
) -> None:
    with opened(tmp_path, VICTIMS) as store:
        before = store.revision()
        if out is not None:
            out(store)
        outcome = store.import_feed("v", withdrawal, origin="sync", at=NOW, kind="sync")
        assert not outcome.reasons
        store.rollback("v", before, origin="t", at=NOW)
        found = {entry.value: entry.status for entry in store.entries("v")}
        assert found.get(GONE, "withdrawn") == "withdrawn"
        assert found.keys() >= set(KEPT)
        publish(store)
        compile_store(store, tmp_path / "lists.snapshot")
        assert erasable(store) == [GONE]
        assert store.steps("v", GONE) == []


def test_what_a_source_still_names_is_not_withdrawn_by_being_out(tmp_path: Path) -> None:
    with opened(tmp_path, VICTIMS) as store:
        before = store.revision()
        removed(store)
        store.import_feed("v", whole(GONE, *KEPT), origin="sync", at=NOW, kind="sync")
        store.import_feed("v", change(GONE), origin="sync", at=NOW, kind="sync")
        with store.reading() as database:
            assert not erasure.withdrawn(database)
        store.rollback("v", before, origin="t", at=NOW)
        assert GONE in {entry.value for entry in store.entries("v")}


def test_what_is_out_of_a_list_that_was_cut_short_waits(tmp_path: Path) -> None:
    with opened(tmp_path, VICTIMS) as store:
        before = store.revision()
        gone_back(store)
        waits = store.import_feed("v", whole(*KEPT[:50]), origin="sync", at=NOW, kind="sync")
        assert waits.reasons == ("no longer names 51 of 101 entries (50.5%): more than 2% waits",)
        with store.reading() as database:
            assert not erasure.withdrawn(database)
        store.approve("v", origin="t", at=NOW)
        store.rollback("v", before, origin="t", at=NOW)
        assert {entry.value for entry in store.entries("v")} == set(KEPT[:50])


def test_an_old_withdrawal_takes_nothing_of_a_newer_version_that_is_out(tmp_path: Path) -> None:
    entry = ListEntry(list="v", id=GONE, algorithm="md5", value=GONE, updated_at=NOW)
    with opened(tmp_path, VICTIMS) as store:
        newer = feed(Item(id=GONE, entries=(entry,), at=NOW), whole=False)
        store.import_feed("v", newer, origin="sync", at=NOW, kind="sync")
        before = store.revision()
        removed(store)
        old = feed(Item(id=GONE, at=NOW - timedelta(hours=1)), whole=False)
        store.import_feed("v", old, origin="sync", at=NOW, kind="sync")
        store.rollback("v", before, origin="t", at=NOW)
        assert GONE in {entry.value for entry in store.entries("v")}
