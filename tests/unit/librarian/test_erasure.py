"""What a victim withdrew is nowhere any more, once no worker needs it."""

from pathlib import Path

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
