"""Proposals: entries that reviewers found and that a person may accept into a list.

Nothing that is proposed acts: `accept` makes it an entry, as an import would, with all that
governs imports. What was decided stays, so that a repeat of a proposal changes nothing.
"""


# ruff: noqa: S608

import sqlite3
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from matchers.lists.bounds import within_bounds
from matchers.lists.degenerate import degenerate
from matchers.lists.entry import ListEntry, normal_value
from matchers.lists.fields import described
from matchers.lists.librarian import changes
from matchers.lists.librarian.outbox import NAMED
from matchers.lists.librarian.rows import time_text
from matchers.lists.librarian.store import ListStore, Outcome, Refused

_COLUMNS = "number, entry, why, origin, at, decided, decided_by, decided_at"


class Proposal(NamedTuple):
    """An entry that somebody proposes, and why. Times are ISO 8601 in UTC. `decided` is `accepted`
    or `rejected`, or `None` while it waits."""

    number: int
    entry: ListEntry
    why: str
    origin: str
    at: str
    decided: str | None
    decided_by: str | None
    decided_at: str | None


def propose(store: ListStore, entry: ListEntry, why: str, *, origin: str, at: datetime) -> int:
    """Propose an entry for a list of the store; the proposal's number.

    `origin` says by whom or what. The same entry (list, id, algorithm and value) proposed again
    keeps its number, whatever was decided. Its labels and provenance, `why` and `origin` are cut as
    those of an import.

    Raises `Refused` for a list that is not known, for a value that is none of its algorithm, and
    for what no import would take (`within_bounds`).
    """
    try:
        value = normal_value(entry.algorithm, entry.value)
        entry = within_bounds(msgspec.structs.replace(entry, value=value))
    except ValueError as error:
        raise Refused(f"entry {entry.id[:NAMED]!r} cannot be proposed: {error}") from None
    if entry.list not in store.infos():
        known = ", ".join(store.infos()) or "-"
        raise Refused(f"there is no list {entry.list[:NAMED]!r}; known are {known}")
    why, origin = (described((), words).provenance for words in (why, origin))
    key = (entry.list, entry.id, entry.algorithm, entry.value)
    with store.writing() as database:
        known = database.execute(
            """SELECT number FROM proposals
            WHERE list = ? AND id = ? AND algorithm = ? AND value = ?""",
            key,
        ).fetchone()
        if known is not None:
            return int(known[0])
        done = database.execute(
            """INSERT INTO proposals (list, id, algorithm, value, entry, why, origin, at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
            (*key, msgspec.json.encode(entry).decode(), why, origin, time_text(at)),
        )
        return int(done.lastrowid or 0)


def proposals(
    store: ListStore, name: str | None = None, *, decided: bool = False
) -> list[Proposal]:
    """The proposals for a list, or for all, that wait, oldest first; or those `decided`."""
    with store.reading() as database:
        rows = database.execute(
            f"""SELECT {_COLUMNS} FROM proposals WHERE (:list IS NULL OR list = :list)
            AND (decided IS NOT NULL) = :decided ORDER BY number""",
            {"list": name, "decided": decided},
        ).fetchall()
    return [_proposal(row) for row in rows]


def accept(store: ListStore, number: int, *, origin: str, at: datetime) -> Outcome:
    """Make a proposal an entry of its list: a revision. As in an import, a perceptual hash may be
    only observed at first, and one that is degenerate or near to a benign one is held; whoever
    removed the item here before is overruled.

    Raises `Refused` when no such proposal waits.
    """
    with store.writing() as database:
        entry = _decide(database, number, "accepted", origin, at)
        if degenerate(entry.algorithm, entry.value) is not None:
            entry = msgspec.structs.replace(entry, status="pending")
        database.execute("DELETE FROM withheld WHERE list = ? AND id = ?", (entry.list, entry.id))
        changes.work_out_entries(database, entry.list, [entry])
        return store.make_restrained(entry.list, "accept", origin, at)


def reject(store: ListStore, number: int, *, origin: str, at: datetime) -> Proposal:
    """Drop a proposal. Raises `Refused` when no such proposal waits."""
    with store.writing() as database:
        _decide(database, number, "rejected", origin, at)
        row = database.execute(
            f"SELECT {_COLUMNS} FROM proposals WHERE number = ?", (number,)
        ).fetchone()
    return _proposal(row)


def _decide(
    database: sqlite3.Connection, number: int, decided: str, origin: str, at: datetime
) -> ListEntry:
    row = database.execute(
        "SELECT entry, decided FROM proposals WHERE number = ?", (number,)
    ).fetchone()
    if row is None:
        raise Refused(f"there is no proposal {number}")
    if row[1] is not None:
        raise Refused(f"proposal {number} was {row[1]} before")
    database.execute(
        "UPDATE proposals SET decided = ?, decided_by = ?, decided_at = ? WHERE number = ?",
        (decided, origin, time_text(at), number),
    )
    return msgspec.json.decode(row[0], type=ListEntry)


def _proposal(row: tuple[Any, ...]) -> Proposal:
    number, entry, *rest = row
    return Proposal(number, msgspec.json.decode(entry, type=ListEntry), *rest)
