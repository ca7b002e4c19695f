"""An answer that nothing changed (304) hides nothing that is to be read anew."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from matchers.lists.entry import ListInfo
from matchers.lists.librarian.catalogue import CataloguedList, Source
from matchers.lists.librarian.fetch import Answer, Fetch
from matchers.lists.librarian.store import ListStore
from matchers.lists.librarian.sync import sync_list

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BODY = b"number,kind,hash,cat\n" + b"".join(b"%d,md5,%032x,A\n" % (n, n) for n in range(1, 30))
PLAIN = {"id": "number", "algorithm": "kind", "value": "hash"}


class Server(Fetch):
    def get(self, reference: str, etag: str | None = None) -> Answer:
        if etag == '"1"':
            return Answer(304, b"", etag)
        return Answer(200, BODY, '"1"')


def sync(store: ListStore, columns: Mapping[str, str], place: str = "a") -> int:
    """How many pages were read."""
    listed = CataloguedList(name="e", columns=dict(columns), source=Source(url=f"http://{place}"))
    assert listed.source is not None
    return sync_list(store, listed, Server(listed.source), now=NOW).pages


def test_a_list_is_read_anew_in_another_way_from_elsewhere_or_after_going_back(
    tmp_path: Path,
) -> None:
    with ListStore.open(tmp_path / "lists.db") as store:
        store.define(ListInfo(name="e"), origin="t", at=NOW)
        assert (sync(store, PLAIN), sync(store, PLAIN)) == (1, 0)
        mapped = PLAIN | {"category": "cat"}
        assert (sync(store, mapped), sync(store, mapped)) == (1, 0)
        assert {entry.category for entry in store.entries("e")} == {"A"}
        assert (sync(store, mapped, "b"), sync(store, mapped, "b")) == (1, 0)
        store.rollback("e", 0, origin="t", at=NOW)
        assert sync(store, mapped, "b") == 1
        assert len(list(store.entries("e"))) == 29


def test_a_checkpoint_of_before_is_asked_with_once_no_more(tmp_path: Path) -> None:
    with ListStore.open(tmp_path / "lists.db") as store:
        store.define(ListInfo(name="e"), origin="t", at=NOW)
        with store.writing() as database:
            database.execute("INSERT INTO sync VALUES ('e', ?, NULL, NULL)", ('"1"',))
        assert (sync(store, PLAIN), sync(store, PLAIN)) == (1, 0)


def test_to_go_back_forgets_how_far_a_service_was_read_and_no_file(tmp_path: Path) -> None:
    with ListStore.open(tmp_path / "lists.db") as store:
        for name, checkpoint in (("n", "2026-01-01T00:00:00Z"), ("new", None), ("f", "file:1")):
            store.define(ListInfo(name=name), origin="t", at=NOW)
            with store.writing() as database:
                database.execute("INSERT INTO sync VALUES (?, ?, 'w', 'p')", (name, checkpoint))
                database.execute("INSERT INTO sync_pages VALUES (?, 0, 'p', x'')", (name,))
            store.rollback(name, store.revision(), origin="t", at=NOW)
        with store.reading() as database:
            for table in ("sync", "sync_pages"):
                assert database.execute(f"SELECT list FROM {table}").fetchall() == [("f",)]


def test_what_was_removed_comes_back_once_it_is_approved(tmp_path: Path) -> None:
    with ListStore.open(tmp_path / "lists.db") as store:
        store.define(ListInfo(name="e"), origin="t", at=NOW)
        assert sync(store, PLAIN) == 1
        store.remove("e", ["7"], origin="t", at=NOW)
        assert sync(store, PLAIN) == 0
        store.approve("e", "7", origin="t", at=NOW)
        assert sync(store, PLAIN) == 1
        assert "7" in {entry.id for entry in store.entries("e")}
