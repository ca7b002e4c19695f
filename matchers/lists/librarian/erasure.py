"""Erasing what victims withdrew: when the source of a victim's list removes a hash, its value goes
from the history too, and the audit keeps only that so many entries were removed, when and by whom.

The value is still needed until every worker knows of the removal: it is erased once the removal is
published and a snapshot without the entry is compiled. Who goes back to a revision before finds
nothing to bring back.
"""

# What is put into statements are constants of this package; values are bound.
# ruff: noqa: S608

import json
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


def work_out_taken_out(
    database: sqlite3.Connection, name: str, *, whole: bool, undated: Iterable[str]
) -> None:
    """Add to `changes`, before anything that is withheld leaves `incoming`, what a feed withdraws
    of a victim's list that is out already, since a person removed it or went back to before it:
    the history still has it. What the feed says `withdrawn` of has that status.

    A withdrawal that is older than what was known of the item does not count, unless `undated`.
    """
    if not _of_victims(database, name):
        return
    # A whole list speaks of every entry, except those of items that it could not be read on.
    spoken_of = (
        "h.id NOT IN (SELECT id FROM incoming_items WHERE NOT complete)"
        if whole
        else """h.id IN (SELECT n.id FROM incoming_items n WHERE n.complete
        AND (n.at IS NULL OR n.id IN (SELECT value FROM json_each(:undated)) OR n.at >= ifnull((
          SELECT max(json_extract(b.before, '$.updated_at')) FROM history b
          WHERE b.list = :list AND b.id = n.id), '')))"""
    )
    not_named = f"(h.id, h.algorithm, h.value) NOT IN (SELECT {_ITEM} FROM incoming)"
    said = f"""(h.id, h.algorithm, h.value) IN (
        SELECT {_ITEM} FROM incoming WHERE status = 'withdrawn'
        AND id IN (SELECT id FROM withheld WHERE list = :list))"""
    for status, which in (("NULL", f"{not_named} AND {spoken_of}"), ("'withdrawn'", said)):
        database.execute(
            f"""INSERT INTO changes ({_ITEM}, status, gone)
            SELECT DISTINCT h.id, h.algorithm, h.value, {status}, 1 {_OUT} AND {which}""",
            {"list": name, "undated": json.dumps(list(undated))},
        )


def taken_out(database: sqlite3.Connection, name: str) -> tuple[int, int]:
    """How much of what is out of a victim's list the worked-out change withdraws, and how much is
    out that nobody withdrew yet."""
    if not _of_victims(database, name):
        return 0, 0
    (withdraws,) = database.execute(
        f"""SELECT count(*) FROM (SELECT DISTINCT h.id, h.algorithm, h.value {_OUT}
        AND (h.id, h.algorithm, h.value) IN (SELECT {_ITEM} FROM changes WHERE gone))""",
        {"list": name},
    ).fetchone()
    if not withdraws:
        return 0, 0
    (out,) = database.execute(
        f"SELECT count(*) FROM (SELECT DISTINCT h.id, h.algorithm, h.value {_OUT})",
        {"list": name},
    ).fetchone()
    return int(withdraws), int(out)


def _of_victims(database: sqlite3.Connection, name: str) -> bool:
    row = database.execute(
        "SELECT json_extract(info, '$.source_kind') = 'victim' FROM lists WHERE name = ?", (name,)
    ).fetchone()
    return row is not None and bool(row[0])


def note_withdrawn(database: sqlite3.Connection, name: str, revision: int, kind: str) -> None:
    """Note what of a victim's list the worked-out change of a kind withdraws for its source,
    whether it was still listed or not, and what was listed again."""
    database.execute(
        f"""DELETE FROM withdrawn WHERE list = ?
        AND ({_ITEM}) IN (SELECT {_ITEM} FROM changes WHERE NOT gone)""",
        (name,),
    )
    if kind not in _BY_SOURCE:
        return
    database.execute(
        f"""INSERT OR REPLACE INTO withdrawn SELECT name, {_ITEM}, :revision FROM changes JOIN lists
        WHERE (gone OR status = 'withdrawn') AND name = :list
        AND json_extract(info, '$.source_kind') = 'victim'""",
        {"list": name, "revision": revision},
    )


def withdrawn(database: sqlite3.Connection) -> bool:
    """Whether anything is to be erased, now or later."""
    return database.execute("SELECT 1 FROM withdrawn LIMIT 1").fetchone() is not None


def erasable(database: sqlite3.Connection) -> list[EntryKey]:
    """Withdrawn entries that no worker needs any more."""
    rows = database.execute(
        f"""SELECT {KEY} FROM withdrawn WHERE revision <= (SELECT revision FROM compiled)
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
_OUT = """FROM history h WHERE h.list = :list
  AND NOT EXISTS (SELECT 1 FROM entries e WHERE e.list = h.list AND e.id = h.id
    AND e.algorithm = h.algorithm AND e.value = h.value)
  AND NOT EXISTS (SELECT 1 FROM withdrawn w WHERE w.list = h.list AND w.id = h.id
    AND w.algorithm = h.algorithm AND w.value = h.value)"""
