"""What `seawall run` writes to: by one run at a time, and told when the disk is full."""

import fcntl
import io
import stat
import sys
from collections.abc import Generator
from contextlib import contextmanager
from os import fstat
from typing import TYPE_CHECKING, BinaryIO

from streams.cli.options import fail

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class Unwritable(Exception):
    """A write failed; the message says what, where and what to do."""


class _Named(io.FileIO):
    """A file whose failed writes name it, since Python's `OSError` of a write does not."""

    def __init__(self, option: str, target: str, file: str | int) -> None:
        named = isinstance(file, str)
        super().__init__(file, "ab" if named else "wb", closefd=named)
        self._said = f"{option} {target}"

    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise  # who reads the output has enough of it
        except OSError as bad:
            raise Unwritable(
                f"{self._said}: cannot be written any further: {bad.strerror}: not every line is "
                "in it: make room or name another file, and run it again"
            ) from bad


def open_output(option: str, target: str) -> BinaryIO:
    """The file `target`, or standard output for `-`, as `option` names it. A file is the caller's
    alone until it is closed, or the process is gone; what is in it stays until the caller empties
    it. Ends the command where it cannot be opened, or another run has it; writing and closing
    raise `Unwritable`."""
    if target == "-":
        return io.BufferedWriter(_Named(option, target, sys.stdout.fileno()))
    try:
        file = _Named(option, target, target)
    except OSError as bad:
        fail(
            f"{option} {target}: cannot be written: {bad.strerror}: name a file in a folder that"
            " is there"
        )
    if not _alone(file):
        file.close()
        fail(
            f"{option} {target}: another run is writing to it: wait for its end, or name another "
            "file"
        )
    return io.BufferedWriter(file)


@contextmanager
def telling_of_failed_writes() -> Generator[None]:
    """Ends the command when an output can take no more."""
    try:
        yield
    except Unwritable as bad:
        fail(str(bad))


def _alone(file: io.FileIO) -> bool:
    """Takes the lock of a regular file, which the kernel releases with the process (flock(2)).
    Pipes and devices may be several runs'."""
    if not stat.S_ISREG(fstat(file.fileno()).st_mode):
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass  # no locks on this file system: there a second run cannot be told
    return True
