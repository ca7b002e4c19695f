"""Room for what is worked on beside a file. A process that is killed leaves it behind; who works
there next clears it away: it holds what lists hold."""

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from tempfile import TemporaryDirectory

from matchers.indexes.flat_file import lock

_PREFIX = ".compiling-"


@contextmanager
def scratch_beside(path: Path) -> Generator[Path]:
    """A directory beside `path` while the block lasts, after those of dead processes are removed,
    and what they had begun to write to `path`."""
    _clear(path)
    with TemporaryDirectory(prefix=_PREFIX, dir=path.parent) as name:
        held = os.open(name, os.O_RDONLY)
        try:
            lock(held)
            yield Path(name)
        finally:
            os.close(held)


@contextmanager
def turn_beside(path: Path) -> Generator[None]:
    """While the block lasts, others who want a turn at a file beside `path` wait for theirs. Where
    the file system has no locks, nobody waits."""
    held = os.open(path.parent, os.O_RDONLY)
    try:
        lock(held, wait=True)
        yield
    finally:
        os.close(held)


def _clear(path: Path) -> None:
    left = path.parent.glob(f"{_PREFIX}*"), path.parent.glob(f".{escape(path.name)}.*.partial")
    for leftover in (*left[0], *left[1]):
        try:
            held = os.open(leftover, os.O_RDONLY)
        except (FileNotFoundError, PermissionError):
            continue  # whoever worked there is done, or it is another user's
        try:
            if not lock(held):
                continue
            if leftover.is_dir():
                shutil.rmtree(leftover)
            else:
                leftover.unlink(missing_ok=True)
        finally:
            os.close(held)
