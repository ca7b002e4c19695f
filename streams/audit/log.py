"""`AuditLog`: who did what, in a file to which one can only add.

Each row holds the hash of the row before it, so that a row that was changed, removed or put in
between no longer fits. Nobody who can write the file is kept from making a whole new chain: keep
the newest hash (`AuditLog.head`, `seawall audit verify` prints it) where they cannot write, and
compare.
"""

import hashlib
import itertools
import sqlite3
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import msgspec

from matchers.database import is_locked, open_private, transaction, why_unusable
from streams.contracts.refusal import DecodeFailure

AuditKind = Literal["list", "policy", "feedback", "approval", "export", "case"]
GENESIS = "0" * 64
"""Stands for the row before the first."""
PIECE = 2_000
"""Rows that one statement reads, some 10 ms: the file is not locked between two."""

_APPLICATION = 0x5EA1A0D1
_KIND = "an audit log"
_LAST = 2**63 - 1
"""The highest number that SQLite gives a row."""
_COLUMNS = "seq, at, kind, actor, what, previous, hash"
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
    """The file is no audit log, or cannot be read or written; the message names it and says why."""


class NoAudit(UnusableAudit):
    """There is no file, or nothing in it."""


class AuditLog:
    """The log. Several processes may append to one file; a row is on disk when `append` returns.

    What is appended must hold no content: ids, names, counts and digests only.
    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        """Open the log, made new where there is none, readable by its owner alone. Without
        `create` nothing is made: whoever checks a log must not bring one about.

        Raises `UnusableAudit`; without `create`, `NoAudit` where there is none. So does whatever
        reads or writes it, when the file is damaged, locked for long, or not to be written.
        """
        self._path = path
        if not create:
            _require(path)
        self._database = open_private(
            path,
            _prepare if create else _check,
            UnusableAudit,
            _KIND,
            check_same_thread=False,  # used by one thread at a time
            create=create,
        )

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
        with self._named(), transaction(self._database):
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
        with self._named():
            yield from self._rows(since)

    def having(self, name: str) -> Iterator[dict[str, Any]]:
        """`what` of the rows that have this field in it, newest first."""
        with self._named():
            for _, written in self._read(
                "SELECT seq, what FROM audit WHERE seq >= 1 AND seq < ?", _LAST, "DESC"
            ):
                what = msgspec.json.decode(str(written), type=dict[str, Any])
                if name in what:
                    yield what

    def knows(self, head: str, rows: int) -> bool:
        """Whether one of the first `rows` rows has this hash."""
        with self._named():
            found = self._database.execute(
                "SELECT 1 FROM audit WHERE seq BETWEEN 1 AND ? AND hash = ? LIMIT 1",
                (rows, head),
            ).fetchone()
        return found is not None

    def verify(self, known: Verified | None = None, limit: int | None = None) -> Verified:
        """Check every row against its hash and the one before, that none is gone, and that none
        stands before the first, where a hash that somebody kept could be put.

        After `known`, what an earlier check found, only the rows that follow, and that the last of
        those it knew is still the same. With `limit` at most so many rows: then whether some are
        gone from the end is not asked. Raises `UnusableAudit` only where the file is locked.
        """
        count, head = (known.rows, known.head) if known else (0, GENESIS)
        try:
            if count and (stands := self._hash_of(count)) != head:
                why = "gone; it was there" if stands is None else "another than"
                return Verified(count, head, Fault(count, f"{why} at an earlier check"))
            (before,) = self._database.execute(
                "SELECT CAST(min(seq) AS INTEGER) FROM audit WHERE seq < 1"
            ).fetchone()
            if before is not None:
                return Verified(count, head, Fault(before, "put before the first row"))
            # Asked first: others append meanwhile.
            newest = self._database.execute(
                "SELECT coalesce(CAST(seq AS INTEGER), 0) FROM sqlite_sequence WHERE name = 'audit'"
            ).fetchone()
            for entry in itertools.islice(self._rows(count), limit):
                fault = _fault(entry, count + 1, head)
                if fault is not None:
                    return Verified(count, head, fault)
                count, head = entry.seq, entry.hash
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            if is_locked(error):
                raise UnusableAudit(why_unusable(self._path, error, _KIND)) from error
            return Verified(count, head, Fault(count + 1, f"cannot be read: {error}"))
        if limit is None and newest is not None and newest[0] > count:
            return Verified(count, head, Fault(count + 1, f"gone; there were {newest[0]} rows"))
        return Verified(count, head, None)

    def _hash_of(self, seq: int) -> object:
        row = self._database.execute("SELECT hash FROM audit WHERE seq = ?", (seq,)).fetchone()
        return row[0] if row else None

    def _rows(self, since: int) -> Iterator[AuditEntry]:
        after = f"SELECT {_COLUMNS} FROM audit WHERE seq > ?"  # noqa: S608 - a constant
        return map(AuditEntry._make, self._read(after, since, "ASC"))

    def _read(
        self, select: str, start: int, order: Literal["ASC", "DESC"]
    ) -> Iterator[tuple[Any, ...]]:
        """Rows from `start` on, the first column their number. Each statement has ended before its
        rows are given out: as long as one is read from, nobody can append."""
        select = f"{select} ORDER BY seq {order} LIMIT {PIECE}"
        while True:
            rows: list[tuple[Any, ...]] = []
            failed: Exception | None = None
            with closing(self._database.execute(select, (start,))) as cursor:
                try:
                    for row in cursor:
                        rows.append(row)  # noqa: PERF402 - those before one that fails are kept
                except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
                    failed = error
            yield from rows
            if failed is not None:
                raise failed
            if len(rows) < PIECE:
                return
            last = rows[-1][0]
            if not isinstance(last, int) or (last > start) != (order == "ASC") or last == start:
                raise sqlite3.DatabaseError("its rows are not in order")
            start = last

    @contextmanager
    def _named(self) -> Generator[None]:
        """Errors of SQLite, and of what cannot be decoded, in words that name the file."""
        try:
            yield
        except (sqlite3.DatabaseError, *DecodeFailure) as error:
            raise UnusableAudit(why_unusable(self._path, error, _KIND)) from error


def _require(path: Path) -> None:
    try:
        found = path.is_file()
    except OSError as error:
        raise UnusableAudit(f"{path}: cannot be opened: {error.strerror}") from error
    if not found:
        raise NoAudit(f"{path}: there is no such file")


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not tables:
        database.executescript(_TABLES)
    _check(database, path)


def _check(database: sqlite3.Connection, path: Path) -> None:
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not tables:
        raise NoAudit(f"{path}: empty: there is no audit log in it")
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
