"""Flags: items whose perceptual hash matches a large share of what people send.

Either something spreads, or the hash is of something that everybody sends; a person must look.
Until then its perceptual matches are held and never reported. A flag is a label of the entries, so
that it reaches every worker as any other change of a list does.
"""

# What is put into statements are constants of this package; values are bound.
# ruff: noqa: S608

import sqlite3
from datetime import datetime
from typing import NamedTuple

from matchers.lists.entry import FLAGGED, Algorithm
from matchers.lists.librarian.rows import time_text


class Flag(NamedTuple):
    """An item that matched `matches` of `looked_at` media items. `at` is ISO 8601 in UTC."""

    list: str
    id: str
    algorithm: Algorithm
    at: str
    origin: str
    matches: int
    looked_at: int


class Suspicion(NamedTuple):
    """An item that a worker saw match `matches` of `looked_at` media items."""

    list: str
    id: str
    algorithm: Algorithm
    matches: int
    looked_at: int


def work_out_flag(
    database: sqlite3.Connection, suspicion: Suspicion, origin: str, at: datetime
) -> None:
    """Note a flag, and fill `changes` with its label on the item's entries. Neither for an item
    that is not listed, or that a person cleared before."""
    name, item_id, algorithm, matches, looked_at = suspicion
    place = {"list": name, "id": item_id, "algorithm": algorithm}
    database.execute("DELETE FROM changes")
    database.execute(
        f"""INSERT INTO changes SELECT id, algorithm, value, category, role,
        {_WITH_LABEL}, status, updated_at, provenance, 0 FROM entries
        WHERE list = :list AND id = :id AND algorithm = :algorithm AND NOT {_HAS_LABEL}
        AND NOT EXISTS (SELECT 1 FROM flagged f WHERE f.list = :list AND f.id = :id
          AND f.algorithm = :algorithm AND f.cleared)""",
        place,
    )
    database.execute(
        """INSERT OR IGNORE INTO flagged
        SELECT :list, :id, :algorithm, :at, :origin, :matches, :looked_at, 0
        WHERE EXISTS (SELECT 1 FROM changes)""",
        place | {"at": time_text(at), "origin": origin, "matches": matches, "looked_at": looked_at},
    )


def flags(database: sqlite3.Connection, name: str | None) -> list[Flag]:
    """The flags of a list, or of all, that no person cleared, newest first."""
    rows = database.execute(
        """SELECT list, id, algorithm, at, origin, matches, looked_at FROM flagged
        WHERE NOT cleared AND (:list IS NULL OR list = :list) ORDER BY at DESC, list, id""",
        {"list": name},
    )
    return [Flag(*row) for row in rows]


def label_incoming(database: sqlite3.Connection, name: str) -> None:
    """Give the incoming entries of a list that are flagged their label: sources do not know it."""
    database.execute(
        f"""UPDATE incoming SET labels = {_WITH_LABEL}
        WHERE NOT {_HAS_LABEL} AND (id, algorithm) IN (
          SELECT id, algorithm FROM flagged WHERE list = ? AND NOT cleared)""",
        (name,),
    )


def label_changes(database: sqlite3.Connection, name: str) -> int:
    """Give the worked-out change of a list the labels of flags that nobody cleared, and take from
    it those of flags that somebody did: what it is made of can be older than the flag. How many
    entries that altered."""
    flagged = """NOT gone AND (id, algorithm) IN (
      SELECT id, algorithm FROM flagged WHERE list = ? AND cleared = ?)"""
    given = database.execute(
        f"UPDATE changes SET labels = {_WITH_LABEL} WHERE NOT {_HAS_LABEL} AND {flagged}", (name, 0)
    )
    taken = database.execute(
        f"UPDATE changes SET labels = {_WITHOUT_LABEL} WHERE {_HAS_LABEL} AND {flagged}", (name, 1)
    )
    return given.rowcount + taken.rowcount


def clear(database: sqlite3.Connection, name: str, item_id: str) -> None:
    """Take the flags off an item for good, and their label out of the worked-out change."""
    database.execute(
        "UPDATE flagged SET cleared = 1 WHERE list = ? AND id = ? AND NOT cleared", (name, item_id)
    )
    database.execute(f"UPDATE changes SET labels = {_WITHOUT_LABEL} WHERE id = ?", (item_id,))


_WITH_LABEL = f"json_insert(labels, '$[#]', '{FLAGGED}')"
_WITHOUT_LABEL = f"""(SELECT json_group_array(value) FROM json_each(labels)
  WHERE value != '{FLAGGED}')"""
_HAS_LABEL = f"EXISTS (SELECT 1 FROM json_each(labels) WHERE value = '{FLAGGED}')"
