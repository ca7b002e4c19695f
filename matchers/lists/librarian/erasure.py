"""Erasing what victims withdrew: when the source of a victim's list removes a hash, its value goes
from the history too, and the audit keeps only that so many entries were removed, when and by whom.

The value is still needed until every worker knows of the removal: it is erased once the removal is
published and a snapshot without the entry is compiled. Who goes back to a revision before finds
nothing to bring back.
"""

# What is put into statements are constants of this package; values are bound.
# ruff: noqa: S608

import sqlite3
from collections.abc import Iterable

from matchers.lists.librarian.rows import EntryKey
from matchers.lists.librarian.schema import KEY

_TABLES = (
    "withdrawn",
    "history",
    "observing",
    "guarded",
    "approved",
    "waiting_changes",
    "proposals",
)


_BY_SOURCE = frozenset({"import", "sync", "approve"})
"""Kinds of revisions that bring what a source says. What a person removes or goes back from here
was not withdrawn by anybody."""


def note_withdrawn(database: sqlite3.Connection, name: str, revision: int, kind: str) -> None:
    """Note what of a victim's list the worked-out change of a kind removes for its source, and
    what was listed again."""
    database.execute(
        f"""DELETE FROM withdrawn WHERE list = ?
        AND ({_ITEM}) IN (SELECT {_ITEM} FROM changes WHERE NOT gone)""",
        (name,),
    )
    if kind not in _BY_SOURCE:
        return
    database.execute(
        f"""INSERT OR REPLACE INTO withdrawn SELECT name, {_ITEM}, :revision FROM changes JOIN lists
        WHERE gone AND name = :list AND json_extract(info, '$.source_kind') = 'victim'""",
        {"list": name, "revision": revision},
    )


def withdrawn(database: sqlite3.Connection) -> bool:
    """Whether anything is to be erased, now or later."""
    return database.execute(f"SELECT 1 {_WITHDRAWN} LIMIT 1").fetchone() is not None


def erasable(database: sqlite3.Connection) -> list[EntryKey]:
    """Withdrawn entries that no worker needs any more."""
    rows = database.execute(
        f"""SELECT {KEY} {_WITHDRAWN} AND revision <= (SELECT revision FROM compiled)
        AND revision <= (SELECT revision FROM published)"""
    )
    return [EntryKey(*row) for row in rows]


def erase(database: sqlite3.Connection, keys: Iterable[EntryKey]) -> None:
    """Erase entries' values wherever they stand."""
    wanted = list(keys)
    for table in _TABLES:
        database.executemany(
            f"DELETE FROM {table} WHERE list = ? AND id = ? AND algorithm = ? AND value = ?", wanted
        )
    database.executemany(
        "DELETE FROM flagged WHERE list = ? AND id = ? AND algorithm = ?",
        (key[:3] for key in wanted),
    )


_ITEM = "id, algorithm, value"
_WITHDRAWN = (
    """FROM withdrawn w WHERE id NOT IN (SELECT id FROM withheld h WHERE h.list = w.list)"""
)
"""What somebody removed here stays known: imports are to leave it out."""
