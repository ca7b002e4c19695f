"""Taking in the files that a catalogue names, as what a service says is taken in: through the same
governance, and only when they say something else than the last time.

So what people took out, went back from or rejected since stays so while the file is as it was.
"""

import hashlib
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from matchers.lists.csv_format import UnreadableList
from matchers.lists.entry import ListInfo
from matchers.lists.formats.feed import Feed
from matchers.lists.formats.registry import read_feed
from matchers.lists.librarian.catalogue import CataloguedList
from matchers.lists.librarian.schema import FILE_MARK
from matchers.lists.librarian.store import ListStore, Outcome


class Taken(NamedTuple):
    """What came of a file. `feed` is `None` for one that is as it was, of which nothing came."""

    outcome: Outcome
    feed: Feed | None


def sync_file(store: ListStore, listed: CataloguedList, path: Path, *, now: datetime) -> Taken:
    """Bring a list of the store up to its file.

    Raises `UnreadableList`, naming the file, with the list as it was.
    """
    data = _read(path)
    with store.reading() as database:
        row = database.execute(
            "SELECT checkpoint FROM sync WHERE list = ?", (listed.name,)
        ).fetchone()
    if row is not None and row[0] == _mark(listed, data):
        taken = Taken(Outcome(list=listed.name), None)
    else:
        taken = _take(store, listed, path, data, origin="file", at=now, kind="sync")
    store.mark_synced(listed.name, now)
    return taken


def import_file(
    store: ListStore,
    listed: CataloguedList,
    path: Path,
    *,
    origin: str,
    at: datetime,
    define: ListInfo | None = None,
    catalogued: bool,
    dry_run: bool = False,
) -> Taken:
    """Take a file into a list, whatever was taken in before. `catalogued`: it is the file that the
    catalogue names, which the librarian then need not take in again.

    Raises `UnreadableList`, naming the file, and as `ListStore.import_feed`.
    """
    return _take(
        store,
        listed,
        path,
        _read(path),
        origin=origin,
        at=at,
        define=define,
        remember=catalogued and listed.source is None,
        dry_run=dry_run,
    )


def _take(
    store: ListStore,
    listed: CataloguedList,
    path: Path,
    data: bytes,
    *,
    origin: str,
    at: datetime,
    kind: Literal["import", "sync"] = "import",
    define: ListInfo | None = None,
    remember: bool = True,
    dry_run: bool = False,
) -> Taken:
    try:
        feed = read_feed(
            data, listed.format, listed.name, columns=listed.columns, algorithm=listed.algorithm
        )
    except UnreadableList as error:
        raise UnreadableList(f"{path}: {error}") from error

    def move(database: sqlite3.Connection) -> None:
        database.execute("DELETE FROM sync_pages WHERE list = ?", (listed.name,))
        database.execute(
            "INSERT OR REPLACE INTO sync VALUES (?, ?, NULL, NULL)",
            (listed.name, _mark(listed, data)),
        )

    outcome = store.import_feed(
        listed.name,
        feed,
        origin=origin,
        at=at,
        kind=kind,
        dry_run=dry_run,
        define=define,
        also=move if remember else None,
    )
    return Taken(outcome, feed)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnreadableList(f"{path}: {error.strerror}") from error


def reading_of(listed: CataloguedList) -> bytes:
    """What the catalogue says of how a list is read: read in another way, the same bytes say
    something else."""
    return msgspec.json.encode((listed.format, listed.algorithm, sorted(listed.columns.items())))


def _mark(listed: CataloguedList, data: bytes) -> str:
    digest = hashlib.sha256(reading_of(listed))
    digest.update(data)
    return FILE_MARK + digest.hexdigest()
