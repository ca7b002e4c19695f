"""What of the store is not on the control topic yet, and compiling a snapshot that fits to it.

What is published of an entry is what it is then, not each step on the way: so that reading the
topic again, from any offset, ends in the same lists.
"""

# What is put into statements are constants of this package; values are bound.
# ruff: noqa: S608

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from matchers.lists.entry import ListEntry, ListInfo
from matchers.lists.librarian.rows import EntryKey, entry_of
from matchers.lists.librarian.schema import KEY, STATE
from matchers.lists.librarian.store import ListStore
from matchers.lists.scratch import turn_beside
from matchers.lists.snapshot import Progress, compile_snapshot

MAX_CHANGES = 50_000
"""More changed entries than this reach the workers as a new snapshot: the delta segment that
they would make in every worker (1.5 kB and 20 µs an entry) costs more than the file."""
MAX_MESSAGE = 1 << 20
"""Bytes of JSON; what is larger (an entry with the frames of a very long video, or with very many
labels, or a list with very many roles) goes that way too."""
NAMED = 64
"""Characters of a list's name or an entry's id in a message to people."""


class Published(NamedTuple):
    """Changes up to `revision` are on the control topic; `next_offset` comes after them."""

    revision: int
    next_offset: int


class Change(NamedTuple):
    """An entry as it is now; `None` where it is no longer listed."""

    key: EntryKey
    entry: ListEntry | None


class Compiled(NamedTuple):
    """A snapshot of the store at `revision`. `instead`: so many changes were not published, but
    are in the snapshot alone."""

    version: str
    revision: int
    entries: int
    instead: int


def published(database: sqlite3.Connection) -> Published:
    """How far publishing has come."""
    return Published(*database.execute("SELECT revision, next_offset FROM published").fetchone())


def mark_published(database: sqlite3.Connection, done: Published) -> None:
    """Remember how far publishing has come."""
    database.execute("UPDATE published SET revision = ?, next_offset = ?", done)


def mark_due(database: sqlite3.Connection, revision: int) -> None:
    """Count all changes up to a revision as published, since the next snapshot brings them. Until
    it is compiled, a snapshot is due, whatever happens to whoever wanted to compile it; changes
    that come later are published meanwhile."""
    database.execute("INSERT OR REPLACE INTO due VALUES (1, ?)", (revision,))
    database.execute("UPDATE published SET revision = ?", (revision,))


def due(database: sqlite3.Connection) -> bool:
    """Whether a snapshot must be compiled for the workers to know all that counts as published."""
    return database.execute("SELECT 1 FROM due").fetchone() is not None


def heard(database: sqlite3.Connection) -> int:
    """Up to which offset the control topic was read for what workers ask."""
    return int(database.execute("SELECT next_offset FROM heard").fetchone()[0])


def mark_heard(database: sqlite3.Connection, next_offset: int) -> None:
    """Remember how far the control topic was read."""
    database.execute("UPDATE heard SET next_offset = ?", (next_offset,))


def changed_lists(database: sqlite3.Connection) -> list[ListInfo]:
    """Lists that are new, or are something else now; without what is too large for a message."""
    rows = database.execute(
        f"""SELECT info FROM lists WHERE revision > (SELECT revision FROM published)
        AND {_bytes("info")} <= {MAX_MESSAGE} ORDER BY name"""
    )
    return [msgspec.json.decode(info, type=ListInfo) for (info,) in rows]


def unpublished(database: sqlite3.Connection) -> int:
    """How many revisions there are since."""
    return int(
        database.execute(
            "SELECT count(*) FROM revisions WHERE revision > (SELECT revision FROM published)"
        ).fetchone()[0]
    )


def count_changes(database: sqlite3.Connection) -> int:
    """Entries that changed since; some may be again as they were."""
    return int(database.execute(f"SELECT count(*) FROM ({_CHANGED})").fetchone()[0])


def too_much(database: sqlite3.Connection) -> str | None:
    """Why the changes must reach the workers as a snapshot, if they must: they are very many, or
    one of them is larger than a message."""
    count = count_changes(database)
    if count > MAX_CHANGES:
        return f"{count} entries changed: more than {MAX_CHANGES}"
    large = database.execute(
        f"""SELECT list, id, count(*) OVER () FROM ({_CHANGED}) LEFT JOIN entries USING ({KEY})
        WHERE {_bytes(f"json_array({KEY}, {STATE})")} > {MAX_MESSAGE} LIMIT 1"""
    ).fetchone()
    if large:
        name, item_id, count = large
        return (
            f"{count} changed entries are very large, such as {item_id[:NAMED]!r} "
            f"of list {name[:NAMED]!r}"
        )
    (name,) = database.execute(
        f"""SELECT min(name) FROM lists WHERE revision > (SELECT revision FROM published)
        AND {_bytes("info")} > {MAX_MESSAGE}"""
    ).fetchone()
    return f"what is said of list {name[:NAMED]!r} is very large" if name else None


def changed_entries(database: sqlite3.Connection) -> Iterator[Change]:
    """The entries that changed, as they are now."""
    rows = database.execute(
        f"""SELECT {KEY}, {STATE} FROM ({_CHANGED}) LEFT JOIN entries USING ({KEY})
        ORDER BY {KEY}"""
    )
    for row in rows:
        yield Change(EntryKey(*row[:4]), None if row[4] is None else entry_of(row))


def current(database: sqlite3.Connection, key: EntryKey) -> Change:
    """An entry as it is now."""
    row = database.execute(
        f"SELECT {KEY}, {STATE} FROM entries WHERE {_IS_ENTRY}", key._asdict()
    ).fetchone()
    return Change(key, None if row is None else entry_of(row))


def is_unpublished(database: sqlite3.Connection, key: EntryKey) -> bool:
    """Whether an entry changed since."""
    return (
        database.execute(
            f"""SELECT 1 FROM history WHERE {_IS_ENTRY}
            AND revision > (SELECT revision FROM published)""",
            key._asdict(),
        ).fetchone()
        is not None
    )


def compile_store(store: ListStore, path: Path, progress: Progress | None = None) -> Compiled:
    """Compile all lists of the store to a snapshot, and note in it where on the control topic to
    read on. Others can write to the store meanwhile, but compile beside `path` only afterwards: who
    began later knows more, and what is in place must not be older than what counts as compiled.

    Changes that are too much to publish count as published by it.
    """
    with turn_beside(path):
        return _compile_store(store, path, progress)


def _compile_store(store: ListStore, path: Path, progress: Progress | None) -> Compiled:
    with store.reading() as database:
        revision, offset = store.revision(), published(database).next_offset
        whole = too_much(database) is not None
        changed = count_changes(database) if whole else 0
        entries = sum(count.entries for count in store.counts())
        version = compile_snapshot(
            path, store.infos(), store.entries(), offset=offset, progress=progress
        )
    with store.writing() as database:
        database.execute("DELETE FROM due WHERE revision <= ?", (revision,))
        database.execute("UPDATE compiled SET revision = max(revision, ?)", (revision,))
        if whole:
            done = published(database)
            mark_published(database, done._replace(revision=max(done.revision, revision)))
    return Compiled(version, revision, entries, instead=changed)


def _bytes(text: str) -> str:
    """SQL for how many bytes an expression's text takes."""
    return f"length(CAST({text} AS BLOB))"


_IS_ENTRY = "list = :list AND id = :id AND algorithm = :algorithm AND value = :value"
_CHANGED = f"SELECT DISTINCT {KEY} FROM history WHERE revision > (SELECT revision FROM published)"
