"""Working out a change of one list in the scratch tables, measuring it and making it.

All of it runs inside the transaction of whoever calls, and leaves the work to SQLite: a list of
millions is never held in memory.
"""

# What is put into statements are constants of this package; values are bound.
# ruff: noqa: S608

import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from matchers.lists.entry import ListEntry, ListInfo
from matchers.lists.formats.feed import Feed, Item, newest
from matchers.lists.librarian import erasure, flags, versions
from matchers.lists.librarian.effect import bound as effect_of
from matchers.lists.librarian.effect import effect
from matchers.lists.librarian.governance import Extent
from matchers.lists.librarian.rows import row_of, time_text
from matchers.lists.librarian.schema import STATE

_ITEM_KEY = "id, algorithm, value"
_SAME = "e.list = :list AND e.id = {0}.id AND e.algorithm = {0}.algorithm AND e.value = {0}.value"
_NEW_STATE = ", ".join(f"i.{name}" for name in STATE.split(", "))
_OLD_STATE = ", ".join(f"e.{name}" for name in STATE.split(", "))
_BEFORE = (
    "CASE WHEN e.id IS NULL THEN NULL ELSE json_object("
    + ", ".join(f"'{name}', e.{name}" for name in STATE.split(", "))
    + ") END"
)
_OBSERVING = """(e.status = 'observed' AND EXISTS (SELECT 1 FROM observing o WHERE o.list = e.list
  AND o.id = e.id AND o.algorithm = e.algorithm AND o.value = e.value))"""
_STRENGTH = """(CASE {0} WHEN 'observe' THEN 1 WHEN 'review' THEN 2 WHEN 'hold' THEN 3
  WHEN 'block' THEN 4 ELSE 0 END)"""
_IN_FORCE = "status IN ('active', 'observed')"


class Counts(NamedTuple):
    """Entries that a change adds, alters and removes."""

    added: int
    changed: int
    removed: int


def work_out_feed(database: sqlite3.Connection, name: str, feed: Feed, at: datetime) -> int:
    """Fill `changes` with what a feed would make of a list; returns how many of its items are
    withheld here."""
    items = (
        feed.items
        if feed.whole
        else newest(feed.items, lambda item: versions.stale(database, name, item))
    )
    _fill_incoming(database, items, versions.times(feed.items, at))
    undated = [item.id for item in items if item.gone and item.at is None]
    if not feed.whole:
        versions.drop_stale(database, name, undated)
    database.execute("DELETE FROM changes")
    erasure.work_out_taken_out(database, name, whole=feed.whole, undated=undated)
    withheld = database.execute(
        "DELETE FROM incoming_items WHERE id IN (SELECT id FROM withheld WHERE list = ?)", (name,)
    ).rowcount
    database.execute(
        "DELETE FROM incoming WHERE id IN (SELECT id FROM withheld WHERE list = ?)", (name,)
    )
    database.execute(
        f"""UPDATE incoming AS i SET status = 'active' WHERE status = 'pending' AND EXISTS (
        SELECT 1 FROM approved e WHERE {_SAME.format("i")})""",
        {"list": name},
    )
    flags.label_incoming(database, name)
    database.execute(
        f"""INSERT INTO changes SELECT i.id, i.algorithm, i.value, {_NEW_STATE}, 0
        FROM incoming i LEFT JOIN entries e ON {_SAME.format("i")}
        WHERE e.id IS NULL OR ({_OLD_STATE}) IS NOT ({_NEW_STATE})""",
        {"list": name},
    )
    # A whole list speaks of every entry, except those of items that it could not be read on.
    spoken_of = (
        "e.id NOT IN (SELECT id FROM incoming_items WHERE NOT complete)"
        if feed.whole
        else "e.id IN (SELECT id FROM incoming_items WHERE complete)"
    )
    database.execute(
        f"""INSERT INTO changes ({_ITEM_KEY}, gone) SELECT e.id, e.algorithm, e.value, 1
        FROM entries e LEFT JOIN incoming i ON {_SAME.format("i")}
        WHERE e.list = :list AND i.id IS NULL AND {spoken_of}""",
        {"list": name},
    )
    return withheld


def _fill_incoming(
    database: sqlite3.Connection, items: list[Item], times: Mapping[str, datetime | None]
) -> None:
    database.execute("DELETE FROM incoming")
    database.execute("DELETE FROM incoming_items")
    database.executemany(
        """INSERT INTO incoming_items VALUES (?, ?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET complete = complete AND excluded.complete""",
        (
            (
                item.id,
                item.complete,
                item.gone,
                time_text(when) if (when := times[item.id]) is not None else None,
                versions.digest_of(item.id),
            )
            for item in items
        ),
    )
    database.executemany(
        "INSERT OR REPLACE INTO incoming VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (row_of(entry) for item in items for entry in item.entries),
    )


def work_out_entries(database: sqlite3.Connection, name: str, entries: Iterable[ListEntry]) -> None:
    """Fill `changes` with these entries of a list, beside all that it holds."""
    database.execute("DELETE FROM changes")
    database.executemany(
        "INSERT OR REPLACE INTO changes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
        (row_of(entry) for entry in entries),
    )
    drop_unchanged(database, name)


def drop_unchanged(database: sqlite3.Connection, name: str) -> None:
    """Take out of `changes` what the list holds in that very state, or does not hold anyway."""
    drop_same(database, name)
    database.execute(
        f"""DELETE FROM changes AS i
        WHERE i.gone AND NOT EXISTS (SELECT 1 FROM entries e WHERE {_SAME.format("i")})""",
        {"list": name},
    )


def drop_same(database: sqlite3.Connection, name: str) -> None:
    """Take out of `changes` what the list holds in that very state. What it does not hold anyway
    stays: its source may withdraw it."""
    database.execute(
        f"""DELETE FROM changes AS i WHERE EXISTS (SELECT 1 FROM entries e
          WHERE {_SAME.format("i")} AND NOT i.gone AND ({_OLD_STATE}) IS ({_NEW_STATE}))""",
        {"list": name},
    )


def work_out_removal(database: sqlite3.Connection, name: str, ids: Iterable[str]) -> None:
    """Fill `changes` with the removal of items."""
    database.execute("DELETE FROM changes")
    database.executemany(
        f"""INSERT OR IGNORE INTO changes ({_ITEM_KEY}, gone)
        SELECT id, algorithm, value, 1 FROM entries WHERE list = ? AND id = ?""",
        ((name, item_id) for item_id in ids),
    )


def work_out_approval(database: sqlite3.Connection, name: str, item_id: str) -> None:
    """Fill `changes` with the coming into force of what of an item is held, observed for a time
    or flagged."""
    database.execute("DELETE FROM changes")
    database.execute(
        f"""INSERT INTO changes SELECT {_ITEM_KEY}, category, role, labels,
        CASE WHEN status = 'pending' OR {_OBSERVING} THEN 'active' ELSE status END,
        updated_at, provenance, 0 FROM entries e
        WHERE list = :list AND id = :id AND (status = 'pending' OR {_OBSERVING} OR EXISTS (
          SELECT 1 FROM flagged f WHERE f.list = e.list AND f.id = e.id
          AND f.algorithm = e.algorithm AND NOT f.cleared))""",
        {"list": name, "id": item_id},
    )
    flags.clear(database, name, item_id)


def work_out_waiting(database: sqlite3.Connection, name: str) -> None:
    """Fill `changes` with the change of a list that waits."""
    database.execute("DELETE FROM changes")
    database.execute(
        f"""INSERT INTO changes SELECT {_ITEM_KEY}, {STATE}, gone FROM waiting_changes
        WHERE list = :list
        AND (gone OR id NOT IN (SELECT id FROM withheld WHERE list = :list))""",
        {"list": name},
    )


def work_out_rollback(database: sqlite3.Connection, name: str, revision: int) -> None:
    """Fill `changes` with what takes a list back to what it was just after a revision, but for what
    victims took back since."""
    database.execute("DELETE FROM changes")
    state = ", ".join(f"json_extract(h.before, '$.{column}')" for column in STATE.split(", "))
    database.execute(
        f"""INSERT INTO changes SELECT h.id, h.algorithm, h.value, {state}, h.before IS NULL
        FROM history h WHERE h.list = :list AND h.revision = (
          SELECT min(revision) FROM history f WHERE f.list = :list AND f.revision > :revision
          AND f.id = h.id AND f.algorithm = h.algorithm AND f.value = h.value)
        AND (h.before IS NULL OR NOT EXISTS (SELECT 1 FROM withdrawn w WHERE w.list = :list
          AND w.id = h.id AND w.algorithm = h.algorithm AND w.value = h.value))""",
        {"list": name, "revision": revision},
    )
    drop_unchanged(database, name)


def withhold_again(database: sqlite3.Connection, name: str, revision: int) -> None:
    """After the change of a rollback to `revision`, withhold again what that took out and a person
    had removed by then: what last happened to the item before, apart from rollbacks and changes of
    it, was not that it came, but that somebody removed it."""
    database.execute(
        """INSERT OR IGNORE INTO withheld SELECT :list, id, at, origin FROM (
          SELECT h.id, max(h.revision) AS revision FROM history h JOIN revisions r USING (revision)
          WHERE h.list = :list AND h.revision <= :revision
          AND (r.kind = 'remove' OR (h.before IS NULL AND r.kind <> 'rollback'))
          AND h.id IN (SELECT id FROM changes WHERE gone) GROUP BY h.id)
        JOIN revisions USING (revision) WHERE kind = 'remove'
        AND id NOT IN (SELECT id FROM entries WHERE list = :list)""",
        {"list": name, "revision": revision},
    )


def merge_waiting(database: sqlite3.Connection, name: str, feed: Feed) -> None:
    """Lay the worked-out change over the one that waits, and fill `changes` with both."""
    if feed.whole:
        database.execute("DELETE FROM waiting_changes WHERE list = ?", (name,))
    else:
        database.execute(
            """DELETE FROM waiting_changes WHERE list = ? AND id IN (
            SELECT id FROM incoming_items WHERE complete)""",
            (name,),
        )
    put_by(database, name)
    work_out_waiting(database, name)


def put_by(database: sqlite3.Connection, name: str) -> None:
    """Keep the worked-out change among those that wait."""
    database.execute(
        f"""INSERT OR REPLACE INTO waiting_changes
        SELECT ?, {_ITEM_KEY}, {STATE}, gone FROM changes""",
        (name,),
    )


def forget_waiting(database: sqlite3.Connection, name: str) -> None:
    """Drop a list's waiting change."""
    database.execute("DELETE FROM waiting WHERE list = ?", (name,))
    database.execute("DELETE FROM waiting_changes WHERE list = ?", (name,))


def only_withdrawals(database: sqlite3.Connection, name: str, *, whole: bool) -> None:
    """Leave in `changes` what its source says is withdrawn, and the rest to `take_up_rest`. What a
    `whole` list no longer names can as well have been lost on the way: it is not withdrawn."""
    withdrawn = f"""coalesce((i.gone AND NOT :whole) OR (i.status = 'withdrawn' AND (
      EXISTS (SELECT 1 FROM entries e WHERE {_SAME.format("i")})
      OR EXISTS (SELECT 1 FROM history e WHERE {_SAME.format("i")}))), 0)"""
    values = {"list": name, "whole": whole}
    database.execute(
        f"CREATE TEMP TABLE rest AS SELECT * FROM changes i WHERE NOT {withdrawn}", values
    )
    database.execute(f"DELETE FROM changes WHERE ({_ITEM_KEY}) IN (SELECT {_ITEM_KEY} FROM rest)")


def take_up_rest(database: sqlite3.Connection, name: str) -> None:
    """After what `only_withdrawals` left was made: fill `changes` with the rest, and let none of
    what was made wait."""
    database.execute(
        f"""DELETE FROM waiting_changes WHERE list = ?
        AND ({_ITEM_KEY}) IN (SELECT {_ITEM_KEY} FROM changes)""",
        (name,),
    )
    database.execute("DELETE FROM changes")
    database.execute("INSERT INTO changes SELECT * FROM rest")
    database.execute("DROP TABLE rest")


def extent(database: sqlite3.Connection, info: ListInfo) -> Extent:
    """How far the worked-out change reaches."""
    (in_force,) = database.execute(
        f"SELECT count(*) FROM entries WHERE list = ? AND {_IN_FORCE}", (info.name,)
    ).fetchone()
    added, removed = database.execute(
        f"""WITH effects AS (SELECT CASE WHEN NOT i.gone THEN {effect("i")} END AS after,
          {effect("e")} AS before FROM changes i LEFT JOIN entries e ON {_SAME.format("i")}),
        strengths AS (SELECT after IS 'allow' AS allows, before IS 'allow' AS allowed,
          {_STRENGTH.format("after")} AS after, {_STRENGTH.format("before")} AS before FROM effects)
        SELECT total(after > before OR allows > allowed), total(after < before OR allows < allowed)
        FROM strengths""",
        effect_of(info),
    ).fetchone()
    return Extent(in_force, int(added), int(removed), *erasure.taken_out(database, info.name))


def count(database: sqlite3.Connection, name: str) -> Counts:
    """Entries in the worked-out change; removals of what is not there do not count."""
    added, changed, removed = database.execute(
        f"""SELECT total(NOT i.gone AND e.id IS NULL), total(NOT i.gone AND e.id IS NOT NULL),
        total(i.gone AND e.id IS NOT NULL)
        FROM changes i LEFT JOIN entries e ON {_SAME.format("i")}""",
        {"list": name},
    ).fetchone()
    return Counts(int(added), int(changed), int(removed))


def make(
    database: sqlite3.Connection, name: str, kind: str, origin: str, at: datetime
) -> tuple[int, Counts] | None:
    """Make the worked-out change; the new revision, or `None` when there is nothing to change.
    Whatever it was worked out from, flags stay as people left them."""
    if flags.label_changes(database, name):
        drop_same(database, name)
    counts = count(database, name)
    if not any(counts):
        # What is withdrawn can be out already: nobody needs it longer than that is known.
        (newest_revision,) = database.execute("SELECT max(revision) FROM revisions").fetchone()
        erasure.note_withdrawn(database, name, newest_revision or 0, kind)
        return None
    revision = new_revision(database, name, kind, origin, at, counts)
    database.execute(
        f"""INSERT INTO history SELECT :list, i.id, i.algorithm, i.value, :revision, {_BEFORE}
        FROM changes i LEFT JOIN entries e ON {_SAME.format("i")}
        WHERE NOT i.gone OR e.id IS NOT NULL""",
        {"list": name, "revision": revision},
    )
    erasure.note_withdrawn(database, name, revision, kind)
    database.execute(
        """DELETE FROM entries AS e WHERE list = :list AND (id, algorithm, value) IN (
        SELECT id, algorithm, value FROM changes WHERE gone)""",
        {"list": name},
    )
    database.execute(
        f"""INSERT OR REPLACE INTO entries SELECT ?, {_ITEM_KEY}, {STATE}
        FROM changes WHERE NOT gone""",
        (name,),
    )
    return revision, counts


def new_revision(
    database: sqlite3.Connection, name: str, kind: str, origin: str, at: datetime, counts: Counts
) -> int:
    """Write down that a list changes."""
    done = database.execute(
        """INSERT INTO revisions (list, at, kind, origin, added, changed, removed)
        VALUES (?, ?, ?, ?, ?, ?, ?)""",
        (name, time_text(at), kind, origin, *counts),
    )
    return int(done.lastrowid or 0)
