"""`AuditLog`: who did what, in a file to which one can only add.

Each row holds the hash of the row before it, so that a row that was changed, removed or put in
between no longer fits. Nobody who can write the file is kept from making a whole new chain: keep
the newest hash (`AuditLog.head`, `seawall audit verify` prints it) where they cannot write, and
compare.
"""

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import msgspec

from matchers.database import open_private, transaction

AuditKind = Literal["list", "policy", "feedback", "approval", "export", "case"]
GENESIS = "0" * 64
"""Stands for the row before the first."""

_APPLICATION = 0x5EA1A0D1
_TABLES = f"""
BEGIN IMMEDIATE;
CREATE TABLE audit (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, kind TEXT NOT NULL,
  actor TEXT NOT NULL, what TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL
) STRICT;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
  BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_is_not_shortened BEFORE DELETE ON audit
  BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
PRAGMA application_id = {_APPLICATION};
COMMIT;
"""


class AuditEntry(NamedTuple):
    """A row. `what` is JSON; `at` is RFC 3339 in UTC; hashes are SHA-256 in hexadecimal."""

    seq: int
    at: str
    kind: str
    actor: str
    what: str
    previous: str
    hash: str


class Fault(NamedTuple):
    """The first row at which the chain does not hold, and why. Of a file whose rows cannot be read
    on, `seq` is the row after the last good one."""

    seq: int
    why: str


class Verified(NamedTuple):
    """What a check found; `head` is the hash of the last row that held."""

    rows: int
    head: str
    fault: Fault | None


class UnusableAudit(Exception):
    """The file is no audit log, or cannot be opened; the message names it."""


class AuditLog:
    """The log. Several processes may append to one file; a row is on disk when `append` returns.

    What is appended must hold no content: ids, names, counts and digests only.
    """

    def __init__(self, path: Path) -> None:
        """Open the log, made new where there is none, readable by its owner alone.

        Raises `UnusableAudit`.
        """
        self._database = open_private(
            path, _prepare, UnusableAudit, "an audit log", check_same_thread=False
        )  # used by one thread at a time

    def close(self) -> None:
        """Give back the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def append(
        self, kind: AuditKind, actor: str, what: Mapping[str, Any], at: datetime | None = None
    ) -> AuditEntry:
        """Add a row; `at` is now when it is not given."""
        when = (at or datetime.now(UTC)).astimezone(UTC).isoformat()
        words = msgspec.json.encode(what, order="deterministic").decode()
        with transaction(self._database):
            last = self._database.execute(
                "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1"
            ).fetchone()
            seq, previous = (last[0] + 1, last[1]) if last else (1, GENESIS)
            entry = AuditEntry(seq, when, kind, actor, words, previous, "")
            entry = entry._replace(hash=row_hash(entry))
            self._database.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?)", entry)
        return entry

    def entries(self, since: int = 0) -> Iterator[AuditEntry]:
        """The rows after number `since`, in order."""
        rows = self._database.execute("SELECT * FROM audit WHERE seq > ? ORDER BY seq", (since,))
        return map(AuditEntry._make, rows)

    def having(self, name: str) -> Iterator[dict[str, Any]]:
        """`what` of the rows that have this field in it, newest first."""
        rows = self._database.execute("SELECT what FROM audit ORDER BY seq DESC")
        found = (msgspec.json.decode(row[0], type=dict[str, Any]) for row in rows)
        return (what for what in found if name in what)

    def verify(self) -> Verified:
        """Check every row against its hash and the one before, and that none is gone."""
        count, head = 0, GENESIS
        try:
            for entry in self.entries():
                fault = _fault(entry, count + 1, head)
                if fault is not None:
                    return Verified(count, head, fault)
                count, head = entry.seq, entry.hash
            newest = self._database.execute(
                "SELECT seq FROM sqlite_sequence WHERE name = 'audit'"
            ).fetchone()
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            return Verified(count, head, Fault(count + 1, f"cannot be read: {error}"))
        if newest is not None and newest[0] != count:
            return Verified(count, head, Fault(count + 1, f"gone; there were {newest[0]} rows"))
        return Verified(count, head, None)


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not tables:
        database.executescript(_TABLES)
    (application,) = database.execute("PRAGMA application_id").fetchone()
    if application != _APPLICATION:
        raise UnusableAudit(f"{path}: another program's database")
    database.execute("PRAGMA synchronous = FULL")


def row_hash(entry: AuditEntry) -> str:
    """SHA-256 over all of a row but its own hash, as a JSON array."""
    return hashlib.sha256(msgspec.json.encode(list(entry[:-1]))).hexdigest()


def _fault(entry: AuditEntry, expected: int, previous: str) -> Fault | None:
    if entry.seq != expected:
        return Fault(expected, f"gone, or its number was changed to {entry.seq}")
    if set(map(type, entry[1:])) != {str}:
        return Fault(expected, "a column is no text any more")
    if row_hash(entry) != entry.hash:
        return Fault(expected, "what it says is not what was written")
    if entry.previous != previous:
        return Fault(expected, "it does not follow the row before it")
    return None
