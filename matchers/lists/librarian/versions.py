"""Which version of an item counts, for sources that tell changes: they repeat themselves, and are
not in the order of time.

What is known of an item is its entries, those that wait, and when it was withdrawn last.
"""

# What is put into statements are constants of this package; values are bound.
# ruff: noqa: S608

import hashlib
import sqlite3
from collections.abc import Iterable
from datetime import datetime

from matchers.lists.fields import in_utc
from matchers.lists.formats.feed import Item
from matchers.lists.librarian.rows import time_text

MOST_TOMBSTONES = 1_000_000
"""Of one list; of more the oldest are forgotten."""


def digest_of(item_id: str) -> bytes:
    """What a withdrawn item is known by: its id can be the hash that a victim took back."""
    return hashlib.blake2b(item_id.encode(), digest_size=16).digest()


def times(items: Iterable[Item], at: datetime) -> dict[str, datetime | None]:
    """As of when the newest items of a feed that is read `at` are. A withdrawal without a time is
    as of then, and no older than anything that the same feed says of the item."""
    said: dict[str, datetime | None] = {}
    undated: set[str] = set()
    for item in items:
        stated = [item.at, *(entry.updated_at for entry in item.entries), said.get(item.id)]
        said[item.id] = max((in_utc(when) for when in stated if when is not None), default=None)
        if item.gone and item.at is None:
            undated.add(item.id)
    read = in_utc(at)
    return said | {item_id: max(said[item_id] or read, read) for item_id in undated}


def drop_stale(database: sqlite3.Connection, name: str, undated: Iterable[str]) -> None:
    """Forget incoming items of which the store knows a newer version, and note those that are
    withdrawn; what is `undated` of these is as new as whatever is known.

    A record without a time counts as read, unless the item was withdrawn at a known time and was
    not listed again since.
    """
    known = _KNOWN.format(item="incoming_items.id")
    database.executemany(
        f"UPDATE incoming_items SET at = max(at, ifnull({known}, at)) WHERE id = :id",
        ({"list": name, "id": item_id} for item_id in undated),
    )
    database.execute(
        f"""CREATE TEMP TABLE stale AS SELECT id FROM incoming_items
        WHERE at < {known} OR (NOT gone AND EXISTS (SELECT 1 FROM tombstones t
          WHERE t.list = :list AND t.item = incoming_items.item
          AND (incoming_items.at <= t.at
            OR (incoming_items.at IS NULL AND t.stated AND NOT ({_LISTED})))))""",
        {"list": name},
    )
    marks = set(undated)
    rows = database.execute("SELECT id, item, at FROM incoming_items WHERE gone").fetchall()
    database.executemany(
        """INSERT INTO tombstones VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE
        SET at = max(at, excluded.at), stated = max(stated, excluded.stated)""",
        ((name, item, at, item_id not in marks) for item_id, item, at in rows),
    )
    if rows:
        _bound(database, name)
    for table in ("incoming", "incoming_items"):
        database.execute(f"DELETE FROM {table} WHERE id IN (SELECT id FROM stale)")
    database.execute("DROP TABLE stale")


def stale(database: sqlite3.Connection, name: str, item: Item) -> bool:
    """Whether the store knows a newer version of an item than this one with a time."""
    if item.at is None:
        return False
    place = {
        "list": name,
        "id": item.id,
        "item": digest_of(item.id),
        "at": time_text(item.at),
        "gone": item.gone,
    }
    (newer,) = database.execute(
        f"""SELECT ifnull(:at < {_KNOWN.format(item=":id")}, 0) OR (NOT :gone AND EXISTS (
          SELECT 1 FROM tombstones t
          WHERE t.list = :list AND t.item = :item AND :at <= t.at))""",
        place,
    ).fetchone()
    return bool(newer)


def forget(database: sqlite3.Connection, name: str) -> None:
    """Forget which items of a list were withdrawn."""
    database.execute("DELETE FROM tombstones WHERE list = ?", (name,))


def _bound(database: sqlite3.Connection, name: str) -> None:
    (kept,) = database.execute("SELECT count(*) FROM tombstones WHERE list = ?", (name,)).fetchone()
    if kept > MOST_TOMBSTONES:
        database.execute(
            """DELETE FROM tombstones WHERE list = :list AND item IN (
            SELECT item FROM tombstones WHERE list = :list ORDER BY at LIMIT :more)""",
            {"list": name, "more": kept - MOST_TOMBSTONES},
        )


_KNOWN = """(SELECT max(updated_at) FROM (
  SELECT e.updated_at FROM entries e WHERE e.list = :list AND e.id = {item}
  UNION ALL SELECT w.updated_at FROM waiting_changes w
  WHERE w.list = :list AND w.id = {item} AND NOT w.gone))"""
_LISTED = """EXISTS (SELECT 1 FROM entries e
    WHERE e.list = :list AND e.id = incoming_items.id AND e.status <> 'withdrawn')
  AND NOT EXISTS (SELECT 1 FROM waiting_changes w
    WHERE w.list = :list AND w.id = incoming_items.id AND w.gone)"""
"""Whether the item is listed, and does not wait to go."""
