"""SQLite files that hold what is sensitive: opened by their owner alone, written all or nothing."""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Generator
from pathlib import Path

BUSY_SECONDS = 30
"""How long a connection waits for another one's transaction."""

_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


def open_private(
    path: Path,
    prepare: Callable[[sqlite3.Connection, Path], None],
    unusable: type[Exception],
    kind: str,
    *,
    check_same_thread: bool = True,
    create: bool = True,
) -> sqlite3.Connection:
    """Open a database, made new where there is none, readable by its owner alone.

    `prepare` makes or checks its tables, and may raise `unusable` itself, as this does, naming the
    file and that it is no `kind`. Without `check_same_thread` the caller sees to it that one
    thread at a time uses the connection. Without `create` no file is made.
    """
    try:
        # Only where there is none: to close a file is to give up the locks that other connections
        # of this process have on it (POSIX), and who opens it next would take away their log.
        if create:
            with contextlib.suppress(FileExistsError):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        database = sqlite3.connect(
            path if create else f"{path.absolute().as_uri()}?mode=rw",
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=check_same_thread,
            uri=not create,
        )
    except (OSError, sqlite3.Error) as error:
        raise unusable(f"{path}: cannot be opened: {error}") from error
    try:
        prepare(database, path)
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        database.close()
        raise unusable(why_unusable(path, error, kind)) from error
    except unusable:
        database.close()
        raise
    return database


def is_locked(error: Exception) -> bool:
    """Whether SQLite failed for want of a lock that another connection has: the file is sound."""
    return _primary_code(error) in _LOCKED


def why_unusable(path: Path, error: Exception, kind: str) -> str:
    """What is wrong with a file that is to be `kind`, and what to do, where SQLite or a decoder of
    what is in it failed. Codes are those of SQLite's "Result and Error Codes"."""
    code = _primary_code(error)
    if code in _LOCKED:
        return (
            f"{path}: another process has had it locked for {BUSY_SECONDS} s: try again when that "
            "has ended its work"
        )
    if code == sqlite3.SQLITE_READONLY:
        return (
            f"{path}: cannot be written: {error}: the file and its folder must be writable by "
            "whoever runs this"
        )
    if code == sqlite3.SQLITE_CANTOPEN:
        return (
            f"{path}: cannot be opened: {error}: the file must be readable, and its folder "
            "writable, by whoever runs this"
        )
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL):
        return f"{path}: cannot be read or written: {error}"
    if code == sqlite3.SQLITE_NOTADB:
        return f"{path}: not {kind}: {error}"
    if code == sqlite3.SQLITE_CORRUPT or not isinstance(error, sqlite3.Error):
        return f"{path}: not {kind} any more: it is damaged ({error}): take it back from a copy"
    return f"{path}: not {kind}, or damaged: {error}"


def _primary_code(error: Exception) -> int | None:
    """Without the upper bits, which refine it."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


@contextlib.contextmanager
def transaction(
    database: sqlite3.Connection, begin: str = "BEGIN IMMEDIATE", *, keep: bool = True
) -> Generator[None]:
    """A transaction, which holds the write lock from its beginning unless `begin` says otherwise.
    Without `keep`, as after an exception, nothing of it stays."""
    database.execute(begin)
    try:
        yield
        # Within: a COMMIT that finds the file locked leaves the transaction open.
        database.execute("COMMIT" if keep else "ROLLBACK")
    except BaseException:
        if database.in_transaction:  # SQLite ends it itself after some errors
            database.execute("ROLLBACK")
        raise
