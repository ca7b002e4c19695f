"""The case store's tables, and how it is opened."""

import sqlite3
from pathlib import Path

from matchers.database import open_private

VERSION = 2
_APPLICATION = 0x5EA0CA5E

_TABLES = """
CREATE TABLE meta (store_id TEXT NOT NULL) STRICT;
INSERT INTO meta VALUES (lower(hex(randomblob(16))));
-- `opened_at` and all other times are milliseconds since the epoch. A case that is folded into
-- another has no state of its own.
CREATE TABLE cases (
  case_id TEXT PRIMARY KEY, tenant TEXT NOT NULL, decision_id TEXT NOT NULL,
  fold_key TEXT NOT NULL, folded_into TEXT, priority INTEGER NOT NULL, report INTEGER NOT NULL,
  opened_at INTEGER NOT NULL, jurisdiction TEXT, opening BLOB NOT NULL,
  closed INTEGER NOT NULL DEFAULT 0, reversed INTEGER NOT NULL DEFAULT 0,
  submitted_at INTEGER, submitted_by TEXT, report_id INTEGER, file_ids TEXT,
  held_at INTEGER, held_by TEXT, hold_reason TEXT
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
-- keeps how far they were sent: a number is never given twice.
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


class UnusableCases(Exception):
    """The file is no case store, or of a version that is not known here; the message names it."""


def connect(path: Path) -> sqlite3.Connection:
    """Open the store, made new where there is none, readable by its owner alone.

    Raises `UnusableCases`.
    """
    # The desk's rounds use it in one thread after another.
    return open_private(path, _prepare, UnusableCases, "a case store", check_same_thread=False)


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not tables:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(
            f"BEGIN IMMEDIATE; {_TABLES} PRAGMA application_id = {_APPLICATION};"
            f"PRAGMA user_version = {VERSION}; COMMIT;"
        )
    (application,) = database.execute("PRAGMA application_id").fetchone()
    if application != _APPLICATION:
        raise UnusableCases(f"{path}: another program's database")
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version != VERSION:
        raise UnusableCases(f"{path}: version {version} of the store; known here is {VERSION}")
    database.execute("PRAGMA synchronous = FULL")
    # What is deleted for good must not stay readable in the file.
    database.execute("PRAGMA secure_delete = ON")
