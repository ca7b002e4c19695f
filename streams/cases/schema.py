"""The case store's tables, and how it is opened."""

import sqlite3
from pathlib import Path

from matchers.database import open_private, transaction, why_unusable

VERSION = 3
KIND = "a case store"
_APPLICATION = 0x5EA0CA5E

_TABLES = """
CREATE TABLE meta (store_id TEXT NOT NULL) STRICT;
INSERT INTO meta VALUES (lower(hex(randomblob(16))));
-- `opened_at` and all other times are milliseconds since the epoch. A case that is folded into
-- another has no state of its own. Before `came_at` nobody was shown it.
CREATE TABLE cases (
  case_id TEXT PRIMARY KEY, tenant TEXT NOT NULL, decision_id TEXT NOT NULL,
  fold_key TEXT NOT NULL, folded_into TEXT, priority INTEGER NOT NULL, report INTEGER NOT NULL,
  opened_at INTEGER NOT NULL, jurisdiction TEXT, opening BLOB NOT NULL,
  closed INTEGER NOT NULL DEFAULT 0, reversed INTEGER NOT NULL DEFAULT 0,
  submitted_at INTEGER, submitted_by TEXT, report_id INTEGER, file_ids TEXT,
  came_at INTEGER NOT NULL DEFAULT 0
) STRICT;
-- Of one thing there may be a great many cases; those that are not folded are few.
CREATE INDEX cases_by_fold ON cases (fold_key) WHERE folded_into IS NULL;
CREATE INDEX cases_by_fold_target ON cases (folded_into);
CREATE INDEX cases_by_decision ON cases (decision_id);
-- What was decided, where people may have to look at it.
CREATE TABLE decisions (
  decision_id TEXT PRIMARY KEY, at INTEGER NOT NULL, key BLOB, traceparent BLOB,
  value BLOB NOT NULL,
  task INTEGER NOT NULL -- whether it asks for a person
) STRICT;
CREATE INDEX decisions_that_ask ON decisions (decision_id) WHERE task;
CREATE INDEX decisions_by_time ON decisions (at);
CREATE TABLE outcomes (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, decision_id TEXT NOT NULL, target_kind TEXT NOT NULL,
  target_id TEXT NOT NULL, outcome TEXT NOT NULL, reviewed_at INTEGER NOT NULL,
  value BLOB NOT NULL, handled INTEGER NOT NULL DEFAULT 0,
  UNIQUE (decision_id, target_kind, target_id, outcome, reviewed_at)
) STRICT;
CREATE INDEX outcomes_unhandled ON outcomes (decision_id) WHERE NOT handled;
-- Entries of lists that outcomes ask for; once the librarian has them, as long as the decision.
CREATE TABLE proposals (
  proposal_id TEXT PRIMARY KEY, decision_id TEXT NOT NULL, at INTEGER NOT NULL,
  value BLOB NOT NULL, handed INTEGER NOT NULL DEFAULT 0
) STRICT;
-- Decisions to send, in order; once sent, kept as long as the decision that they supersede. Kafka
-- keeps how far they were sent: a number is never given twice, but by a copy that was put back.
CREATE TABLE outbox (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, decision_id TEXT NOT NULL UNIQUE,
  supersedes TEXT, key BLOB, traceparent BLOB, value BLOB NOT NULL,
  sent INTEGER NOT NULL DEFAULT 0
) STRICT;
-- Up to where each topic has been read.
CREATE TABLE positions (
  topic TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL,
  PRIMARY KEY (topic, partition)
) STRICT;
CREATE TABLE exports (
  case_id TEXT NOT NULL, at INTEGER NOT NULL, actor TEXT NOT NULL, format TEXT NOT NULL,
  sha256 TEXT NOT NULL
) STRICT;
"""

# Since version 3.
_HOLDS = """
CREATE TABLE holds (
  case_id TEXT NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL, actor TEXT NOT NULL,
  PRIMARY KEY (case_id, reason)
) STRICT;
"""
_FROM_2 = (
    _HOLDS,
    "INSERT INTO holds SELECT case_id, hold_reason, held_at, held_by FROM cases"
    " WHERE held_at IS NOT NULL",
    "ALTER TABLE cases DROP COLUMN held_at",
    "ALTER TABLE cases DROP COLUMN held_by",
    "ALTER TABLE cases DROP COLUMN hold_reason",
    "ALTER TABLE cases ADD COLUMN came_at INTEGER NOT NULL DEFAULT 0",
    "UPDATE cases SET came_at = opened_at",
    f"PRAGMA user_version = {VERSION}",
)


class UnusableCases(Exception):
    """The file is no case store, of a version that is not known here, damaged, or cannot be read or
    written; the message names it."""


def unusable_cases(path: Path, error: Exception) -> UnusableCases:
    """What to say of the store where SQLite, or a decoder of what is in it, failed."""
    return UnusableCases(why_unusable(path, error, KIND))


def connect(path: Path, *, create: bool = True) -> sqlite3.Connection:
    """Open the store, made new where there is none and brought up to this version, readable by its
    owner alone. Without `create` nothing is made or brought up.

    Raises `UnusableCases`.
    """
    return open_private(
        path,
        _prepare if create else _check,
        UnusableCases,
        KIND,
        check_same_thread=False,  # the desk's rounds use it in one thread after another
        create=create,
    )


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not tables:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(
            f"BEGIN IMMEDIATE; {_TABLES} {_HOLDS} PRAGMA application_id = {_APPLICATION};"
            f"PRAGMA user_version = {VERSION}; COMMIT;"
        )
    elif _version(database) == (_APPLICATION, 2):
        with transaction(database):
            if _version(database) == (_APPLICATION, 2):  # nobody else did meanwhile
                for statement in _FROM_2:
                    database.execute(statement)
    _check(database, path)


def _version(database: sqlite3.Connection) -> tuple[int, int]:
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (version,) = database.execute("PRAGMA user_version").fetchone()
    return application, version


def _check(database: sqlite3.Connection, path: Path) -> None:
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not tables:
        raise UnusableCases(f"{path}: empty: seawall cases build makes a case store")
    application, version = _version(database)
    if application != _APPLICATION:
        raise UnusableCases(f"{path}: another program's database")
    if version == 2:
        raise UnusableCases(
            f"{path}: version 2 of the store; seawall cases build brings it up to {VERSION}"
        )
    if version != VERSION:
        raise UnusableCases(f"{path}: version {version} of the store; known here is {VERSION}")
    database.execute("PRAGMA synchronous = FULL")
    # What is deleted for good must not stay readable in the file.
    database.execute("PRAGMA secure_delete = ON")
