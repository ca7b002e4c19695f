"""The librarian's database: its tables, and how it is opened."""

# What is put into statements are constants of this package; values are bound.
# ruff: noqa: S608

import sqlite3
from pathlib import Path

from matchers.database import open_private

VERSION = 3
_APPLICATION = 0x5EA11157
"""Says in the file's header whose database it is."""

KEY = "list, id, algorithm, value"
STATE = "category, role, labels, status, updated_at, provenance"
FILE_MARK = "file:"
"""Begins the checkpoint of a list that comes from a file; what follows names the file's bytes and
how they were read."""

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

# Since version 2.
_GOVERNANCE = """
-- Until when perceptual entries are only observed, from when they first came.
CREATE TABLE observing (
  list TEXT NOT NULL, id TEXT NOT NULL, algorithm TEXT NOT NULL, value TEXT NOT NULL,
  until TEXT NOT NULL,
  PRIMARY KEY (list, id, algorithm, value)
) WITHOUT ROWID;
-- Entries near to a benign hash, and to which, or of too low a quality: they wait for approval.
CREATE TABLE guarded (
  list TEXT NOT NULL, id TEXT NOT NULL, algorithm TEXT NOT NULL, value TEXT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (list, id, algorithm, value)
) WITHOUT ROWID;
-- Items that matched too much of what people sent; `cleared` by a person, they are not flagged
-- again.
CREATE TABLE flagged (
  list TEXT NOT NULL, id TEXT NOT NULL, algorithm TEXT NOT NULL, at TEXT NOT NULL,
  origin TEXT NOT NULL, matches INTEGER NOT NULL, looked_at INTEGER NOT NULL,
  cleared INTEGER NOT NULL,
  PRIMARY KEY (list, id, algorithm)
) WITHOUT ROWID;
-- Entries that reviewers would add; `decided` is accepted or rejected, by whom and when.
CREATE TABLE proposals (
  number INTEGER PRIMARY KEY AUTOINCREMENT, list TEXT NOT NULL, id TEXT NOT NULL,
  algorithm TEXT NOT NULL, value TEXT NOT NULL, entry TEXT NOT NULL, why TEXT NOT NULL,
  origin TEXT NOT NULL, at TEXT NOT NULL, decided TEXT, decided_by TEXT, decided_at TEXT
);
CREATE INDEX proposals_by_entry ON proposals (list, id, algorithm, value);
-- Up to which offset the control topic was read for what workers ask.
CREATE TABLE heard (one INTEGER PRIMARY KEY CHECK (one = 1), next_offset INTEGER NOT NULL);
INSERT INTO heard VALUES (1, 0);
CREATE INDEX entries_held ON entries (list) WHERE status = 'pending';
CREATE INDEX entries_observed ON entries (list) WHERE status = 'observed';
-- Entries that victims' sources removed, and in which revision, until they are erased.
CREATE TABLE withdrawn (
  list TEXT NOT NULL, id TEXT NOT NULL, algorithm TEXT NOT NULL, value TEXT NOT NULL,
  revision INTEGER NOT NULL,
  PRIMARY KEY (list, id, algorithm, value)
) WITHOUT ROWID;
-- Whether changes up to a revision count as published that are only in a snapshot to come.
CREATE TABLE due (one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER NOT NULL);
-- The revision that the newest snapshot holds.
CREATE TABLE compiled (one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER NOT NULL);
INSERT INTO compiled VALUES (1, 0);
-- When each list was last brought up to its source.
CREATE TABLE synced (list TEXT PRIMARY KEY, at TEXT NOT NULL) WITHOUT ROWID;
"""

# Since version 3.
_VERSIONS = """
-- Which items a source of changes withdrew, and as of when: an older record brings none back. The
-- item is a digest of its id, which can be the very hash that was withdrawn. `stated` by the
-- source, or as of when it was read.
CREATE TABLE tombstones (
  list TEXT NOT NULL, item BLOB NOT NULL, at TEXT NOT NULL, stated INTEGER NOT NULL,
  PRIMARY KEY (list, item)
) WITHOUT ROWID;
"""

# What a change would make of a list, while it is worked out: `gone` rows are removed.
_SCRATCH = """
CREATE TEMP TABLE incoming (
  id TEXT NOT NULL, algorithm TEXT NOT NULL, value TEXT NOT NULL,
  category TEXT NOT NULL, role TEXT, labels TEXT NOT NULL, status TEXT NOT NULL,
  updated_at TEXT, provenance TEXT NOT NULL,
  PRIMARY KEY (id, algorithm, value)
) WITHOUT ROWID;
CREATE TEMP TABLE incoming_items (
  id TEXT PRIMARY KEY, complete INTEGER NOT NULL, gone INTEGER NOT NULL, at TEXT, item BLOB NOT NULL
) WITHOUT ROWID;
CREATE TEMP TABLE changes (
  id TEXT NOT NULL, algorithm TEXT NOT NULL, value TEXT NOT NULL,
  category TEXT, role TEXT, labels TEXT, status TEXT, updated_at TEXT, provenance TEXT,
  gone INTEGER NOT NULL,
  PRIMARY KEY (id, algorithm, value)
) WITHOUT ROWID;
"""


class UnusableStore(Exception):
    """The file is no store of lists, or of a version that is not known here."""


def connect(path: Path, *, create: bool = True) -> sqlite3.Connection:
    """Open the store, made new where there is none (unless without `create`), readable by its owner
    alone: a list of hashes is itself sensitive.

    Raises `UnusableStore`, naming the file.
    """
    return open_private(path, _prepare, UnusableStore, "a store of lists", create=create)


def connect_in_memory() -> sqlite3.Connection:
    """A new store that is nowhere on disk and ends with its connection."""
    database = sqlite3.connect(":memory:", isolation_level=None)
    _prepare(database, Path(":memory:"))
    return database


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not tables:
        # Before there is anything in it: rows of a hundred bytes and more want larger pages.
        database.execute("PRAGMA page_size = 8192")
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(
            f"BEGIN IMMEDIATE; {_TABLES} {_GOVERNANCE} {_VERSIONS}"
            f"PRAGMA application_id = {_APPLICATION};"
            f"PRAGMA user_version = {VERSION}; COMMIT;"
        )
    (application,) = database.execute("PRAGMA application_id").fetchone()
    if application != _APPLICATION:
        raise UnusableStore(f"{path}: another program's database")
    # What is erased shall be gone from the file, too.
    database.execute("PRAGMA secure_delete = ON")
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version in (1, 2):
        added = _VERSIONS if version == 2 else _GOVERNANCE + _VERSIONS
        database.executescript(f"BEGIN IMMEDIATE; {added} PRAGMA user_version = {VERSION}; COMMIT;")
        version = VERSION
    if version != VERSION:
        raise UnusableStore(f"{path}: version {version} of the store; known here is {VERSION}")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("PRAGMA cache_size = -65536")
    database.executescript(_SCRATCH)
