"""The librarian's database: its tables, and how it is opened."""

# What is put into statements are constants of this package; values are bound.
# ruff: noqa: S608

import os
import sqlite3
from pathlib import Path

VERSION = 1
_APPLICATION = 0x5EA11157
"""Says in the file's header whose database it is."""

KEY = "list, id, algorithm, value"
STATE = "category, role, labels, status, updated_at, provenance"

_TABLES = f"""
CREATE TABLE lists (
  name TEXT PRIMARY KEY, info TEXT NOT NULL, revision INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE entries (
  list TEXT NOT NULL, id TEXT NOT NULL, algorithm TEXT NOT NULL, value TEXT NOT NULL,
  category TEXT NOT NULL, role TEXT, labels TEXT NOT NULL, status TEXT NOT NULL,
  updated_at TEXT, provenance TEXT NOT NULL,
  PRIMARY KEY ({KEY})
) WITHOUT ROWID;
CREATE TABLE revisions (
  revision INTEGER PRIMARY KEY AUTOINCREMENT, list TEXT NOT NULL, at TEXT NOT NULL,
  kind TEXT NOT NULL, origin TEXT NOT NULL,
  added INTEGER NOT NULL, changed INTEGER NOT NULL, removed INTEGER NOT NULL
);
-- What an entry was before a revision changed it; null when it was not there.
CREATE TABLE history (
  list TEXT NOT NULL, id TEXT NOT NULL, algorithm TEXT NOT NULL, value TEXT NOT NULL,
  revision INTEGER NOT NULL, before TEXT,
  PRIMARY KEY ({KEY}, revision)
) WITHOUT ROWID;
CREATE INDEX history_by_revision ON history (revision);
-- A change that waits for approval, at most one for a list.
CREATE TABLE waiting (
  list TEXT PRIMARY KEY, at TEXT NOT NULL, origin TEXT NOT NULL, reasons TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE waiting_changes (
  list TEXT NOT NULL, id TEXT NOT NULL, algorithm TEXT NOT NULL, value TEXT NOT NULL,
  category TEXT, role TEXT, labels TEXT, status TEXT, updated_at TEXT, provenance TEXT,
  gone INTEGER NOT NULL,
  PRIMARY KEY ({KEY})
) WITHOUT ROWID;
-- Held hashes that somebody approved: they act, whenever they are imported again.
CREATE TABLE approved (
  list TEXT NOT NULL, id TEXT NOT NULL, algorithm TEXT NOT NULL, value TEXT NOT NULL,
  at TEXT NOT NULL, origin TEXT NOT NULL,
  PRIMARY KEY ({KEY})
) WITHOUT ROWID;
-- Items that somebody removed here: imports do not bring them back.
CREATE TABLE withheld (
  list TEXT NOT NULL, id TEXT NOT NULL, at TEXT NOT NULL, origin TEXT NOT NULL,
  PRIMARY KEY (list, id)
) WITHOUT ROWID;
-- How far each list's source has been read, and the pages of a window that is not drained.
CREATE TABLE sync (
  list TEXT PRIMARY KEY, checkpoint TEXT, window TEXT, page TEXT
) WITHOUT ROWID;
CREATE TABLE sync_pages (
  list TEXT NOT NULL, number INTEGER NOT NULL, page TEXT NOT NULL, feed BLOB NOT NULL,
  PRIMARY KEY (list, number)
);
-- Up to which revision changes are on the control topic, and the offset after them.
CREATE TABLE published (
  one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER NOT NULL, next_offset INTEGER NOT NULL
);
INSERT INTO published VALUES (1, 0, 0);
"""

# What a change would make of a list, while it is worked out: `gone` rows are removed.
_SCRATCH = """
CREATE TEMP TABLE incoming (
  id TEXT NOT NULL, algorithm TEXT NOT NULL, value TEXT NOT NULL,
  category TEXT NOT NULL, role TEXT, labels TEXT NOT NULL, status TEXT NOT NULL,
  updated_at TEXT, provenance TEXT NOT NULL,
  PRIMARY KEY (id, algorithm, value)
) WITHOUT ROWID;
CREATE TEMP TABLE incoming_items (id TEXT PRIMARY KEY, complete INTEGER NOT NULL) WITHOUT ROWID;
CREATE TEMP TABLE changes (
  id TEXT NOT NULL, algorithm TEXT NOT NULL, value TEXT NOT NULL,
  category TEXT, role TEXT, labels TEXT, status TEXT, updated_at TEXT, provenance TEXT,
  gone INTEGER NOT NULL,
  PRIMARY KEY (id, algorithm, value)
) WITHOUT ROWID;
"""


class UnusableStore(Exception):
    """The file is no store of lists, or of a version that is not known here."""


def connect(path: Path) -> sqlite3.Connection:
    """Open the store, made new where there is none, readable by its owner alone: a list of
    hashes is itself sensitive.

    Raises `UnusableStore`, naming the file.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        database = sqlite3.connect(path, timeout=30, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        raise UnusableStore(f"{path}: cannot be opened: {error}") from error
    try:
        _prepare(database, path)
    except sqlite3.DatabaseError as error:
        database.close()
        raise UnusableStore(f"{path}: not a store of lists: {error}") from error
    except UnusableStore:
        database.close()
        raise
    return database


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not tables:
        # Before there is anything in it: rows of a hundred bytes and more want larger pages.
        database.execute("PRAGMA page_size = 8192")
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(
            f"BEGIN IMMEDIATE; {_TABLES} PRAGMA application_id = {_APPLICATION};"
            f"PRAGMA user_version = {VERSION}; COMMIT;"
        )
    (application,) = database.execute("PRAGMA application_id").fetchone()
    if application != _APPLICATION:
        raise UnusableStore(f"{path}: another program's database")
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version != VERSION:
        raise UnusableStore(f"{path}: version {version} of the store; known here is {VERSION}")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("PRAGMA cache_size = -65536")
    database.executescript(_SCRATCH)
