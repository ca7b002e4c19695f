"""Files that commands write: whole under their name, or not at all."""

import os
import secrets
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def whole_file(path: Path) -> Generator[IO[str]]:
    """A text file (UTF-8, line ends as written) that takes the place of `path` when the block ends
    well. Before, and after an error in the block, there is what was there. Its owner and their
    group alone can read it, unless there was a file with other permissions.

    A pipe or a device is written to as it is. Raises `OSError`.
    """
    if path.exists() and not path.is_file():
        with path.open("w", encoding="utf-8", newline="") as file:
            yield file
        return
    place = path.resolve()  # what a link leads to is written, not the link
    # A process's number is another's too, in another container.
    partial = place.with_name(f".{place.name}.{secrets.token_hex(8)}.partial")
    try:
        descriptor = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o640)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        if place.exists():
            shutil.copymode(place, partial)
        partial.replace(place)
    finally:
        partial.unlink(missing_ok=True)
