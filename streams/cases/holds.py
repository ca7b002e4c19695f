"""Legal holds: each stands until it is released by itself."""

import sqlite3
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

LATEST = 253_402_300_799_999
"""The end of the year 9999, in milliseconds since the epoch."""


class Hold(NamedTuple):
    """A hold on a case: who put it there, when, and why."""

    at: datetime
    by: str
    reason: str


STANDING = """(SELECT json_group_array(json_array(h.at, h.actor, h.reason)) FROM holds AS h
    WHERE h.case_id = cases.case_id)"""
"""The holds of a row of `cases`, as a column for `holds_of`."""


def holds_of(column: str) -> tuple[Hold, ...]:
    """The holds in a column `STANDING`, oldest first."""
    rows = msgspec.json.decode(column, type=list[tuple[int, str, str]])
    return tuple(Hold(time_of(at), by, reason) for at, by, reason in sorted(rows))


def put_on(database: sqlite3.Connection, case_id: str, hold: tuple[int, str, str]) -> bool:
    """Add a hold (milliseconds, by whom, reason); whether none stood for that reason."""
    at, by, reason = hold
    return bool(
        database.execute(
            "INSERT OR IGNORE INTO holds (case_id, reason, at, actor) VALUES (?, ?, ?, ?)",
            (case_id, reason, at, by),
        ).rowcount
    )


def lift(database: sqlite3.Connection, case_id: str, reason: str) -> None:
    """Remove the hold for that reason."""
    database.execute("DELETE FROM holds WHERE case_id = ? AND reason = ?", (case_id, reason))


def copy_holds(database: sqlite3.Connection, case_id: str, to: str) -> None:
    """What was held as part of one case stays held as another."""
    database.execute(
        "INSERT OR IGNORE INTO holds (case_id, reason, at, actor)"
        " SELECT ?, reason, at, actor FROM holds WHERE case_id = ?",
        (to, case_id),
    )


def time_of(ms: int) -> datetime:
    """A time of the store, in UTC; what lies beyond the calendar is its end."""
    return datetime.fromtimestamp(max(0, min(ms, LATEST)) / 1000, UTC)
