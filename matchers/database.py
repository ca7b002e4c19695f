"""SQLite files that hold what is sensitive: opened by their owner alone, written all or nothing."""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Generator
from pathlib import Path

BUSY_SECONDS = 30
"""How long a connection waits for another one's transaction."""


def open_private(
    path: Path,
    prepare: Callable[[sqlite3.Connection, Path], None],
    unusable: type[Exception],
    kind: str,
    *,
    check_same_thread: bool = True,
) -> sqlite3.Connection:
    """Open a database, made new where there is none, readable by its owner alone.

    `prepare` makes or checks its tables, and may raise `unusable` itself, as this does, naming the
    file and that it is no `kind`. Without `check_same_thread` the caller sees to it that one
    thread at a time uses the connection.
    """
    try:
        # Only where there is none: to close a file is to give up the locks that other connections
        # of this process have on it (POSIX), and who opens it next would take away their log.
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        database = sqlite3.connect(
            path,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=check_same_thread,
        )
    except (OSError, sqlite3.Error) as error:
        raise unusable(f"{path}: cannot be opened: {error}") from error
    try:
        prepare(database, path)
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        database.close()
        raise unusable(f"{path}: not {kind}: {error}") from error
    except unusable:
        database.close()
        raise
    return database


@contextlib.contextmanager
def transaction(
    database: sqlite3.Connection, begin: str = "BEGIN IMMEDIATE", *, keep: bool = True
) -> Generator[None]:
    """A transaction, which holds the write lock from its beginning unless `begin` says otherwise.
    Without `keep`, as after an exception, nothing of it stays."""
    database.execute(begin)
    try:
        yield
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT" if keep else "ROLLBACK")
