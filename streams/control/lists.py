"""The lists of a running worker: loaded once, replaced whole when they change."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from threading import Lock

from matchers.lists.csv_format import UnreadableList
from matchers.lists.loader import LoadedFile, files_of, load_matcher
from matchers.lists.matcher import ListMatcher, Radii
from streams.contracts.stage import DependencyUnavailable
from streams.control.list_changes import ChangeLog, Offset

log = logging.getLogger(__name__)

Fingerprint = tuple[tuple[str, int, int], ...]
"""Path, modification time in nanoseconds and size of every file."""


class ListsSpoilt(Exception):
    """The snapshot in use was written over where it lies, and holds nothing usable now: what is
    in memory is the same pages. The message says which, why, and what to do."""


class LiveLists:
    """Holds the matcher in use. Stages ask for it by calling `matcher`, once a batch.

    A reload reads and indexes beside the old matcher, which serves until the new one is whole and
    stays if anything fails, unless its snapshot was written over. `on_loaded` hears of every
    matcher taken into use, `on_failed` of every reload that failed; both are called in the thread
    that loaded.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        clock: Callable[[], datetime],
        radii: Radii | None = None,
        on_loaded: Callable[[ListMatcher], None] | None = None,
        on_failed: Callable[[str], None] | None = None,
    ) -> None:
        self._paths = tuple(paths)
        self._clock = clock
        self._radii = radii
        self._on_loaded = on_loaded
        self._on_failed = on_failed
        self._loading = Lock()
        self._seen: Fingerprint = ()
        self._current: ListMatcher | None = None
        self._changes = ChangeLog()
        self.failure: str | None = None
        """Why the last load failed; `None` after one that did not."""

    @property
    def loaded(self) -> bool:
        """Whether there is a matcher to use: part of readiness."""
        return self._current is not None

    def matcher(self) -> ListMatcher:
        """The matcher in use. Raises `RuntimeError` before the first load."""
        if self._current is None:
            raise RuntimeError("the lists have not been loaded yet")
        return self._current

    def load(self) -> ListMatcher:
        """Read the lists and take them into use; blocks, so call it outside the event loop.

        Raises `UnreadableList`, with the matcher before it still in use.
        """
        with self._loading:
            # Taken before reading: a file that changes meanwhile is read again next time.
            seen = _fingerprint(self._paths)
            spoilt = self._spoilt
            try:
                matcher = self._read()
            except UnreadableList as error:
                self.failure = str(error)
                self._seen = seen
                if self._on_failed is not None:
                    self._on_failed(self.failure)
                raise
            self.failure = None
            self._seen = seen
            self._changes.start(matcher.version)
            if self._changes.position is not None:
                # What has been followed since stays in force from the first look-up on.
                matcher = self._changes.applied(matcher, 0, self._clock())
            self._current = matcher
        if spoilt:
            log.warning(
                "%s was written over while it was in use; what it holds now is whole, and in use. "
                "A worker can die of that: %s",
                self._paths[0],
                _by_rename(self._paths[0]),
            )
        log.info("lists %s in use, %d entries", matcher.version, matcher.entries)
        if self._on_loaded is not None:
            self._on_loaded(matcher)
        return matcher

    async def reload(self) -> bool:
        """Load in a thread; false, with a log line, when that failed and the old ones stay. Raises
        `ListsSpoilt` when those cannot be relied on any more."""
        try:
            await asyncio.to_thread(self.load)
        except UnreadableList as error:
            if self._spoilt:
                raise ListsSpoilt(
                    f"{error}. It was written over while it was in use, and with it the lists in "
                    "memory: nothing is decided by them any more, and records wait. To put it "
                    f"right, {_by_rename(self._paths[0])}; then start the worker again"
                ) from error
            log.error("lists not reloaded, the ones before stay in use: %s", error)
            return False
        return True

    async def reload_if_changed(self) -> bool:
        """Reload when a file is newer than at the last load, good or bad: for a timer."""
        seen = await asyncio.to_thread(_fingerprint, self._paths)
        if seen == self._seen and not self._spoilt:
            return False
        return await self.reload()

    def guard(self) -> Callable[[], None]:
        """For `Chain.guard`. Both it and what it gives raise `DependencyUnavailable` when the
        snapshot in use was written over, until a reload has settled what to do. Three system calls
        a chunk, some µs together; a file's time of change moves before its content does."""
        before = self._current

        def check() -> None:
            if self._spoilt or (before is not None and before.written_over):
                raise DependencyUnavailable(
                    "lists", f"{self._paths[0]} was written over while it was in use"
                )

        check()
        return check

    @property
    def _spoilt(self) -> bool:
        return self._current is not None and self._current.written_over

    @property
    def position(self) -> int | None:
        """The offset on the control topic to read changes from; `None` when the lists in use
        follow none, since they are files or a snapshot that no librarian compiled."""
        return self._changes.position

    def follow(self, read: Sequence[Offset], begin: int, position: int) -> None:
        """Take what was read from the control topic, from `begin` up to `position`, into use; not
        when other lists came into use meanwhile, which want to be read on from elsewhere. Blocks,
        so call it outside the event loop."""
        with self._loading:
            if self._changes.position != begin:
                return
            since = self._changes.add(read, position)
            matcher = self._changes.applied(self.matcher(), since, self._clock())
            self._current = matcher
        if self._on_loaded is not None:
            self._on_loaded(matcher)

    def _read(self) -> ListMatcher:
        matcher = load_matcher(
            self._paths, loaded_at=self._clock(), radii=self._radii, on_read=_tell_rejected
        )
        matcher.warm_up()
        return matcher


def _tell_rejected(file: LoadedFile) -> None:
    for rows, what in ((file.rejected, "left out"), (file.held, "held until approved")):
        if rows:
            line, reason = rows[0]
            log.warning(
                "list %s: %d rows %s, the first in line %d: %s",
                file.info.name,
                len(rows),
                what,
                line,
                reason,
            )


def _by_rename(path: Path) -> str:
    return f"write a new one beside it and rename it, `cp NEW {path}.new && mv {path}.new {path}`"


def _fingerprint(paths: Iterable[Path]) -> Fingerprint:
    """What to compare to see a change. An unreadable or absent file counts as size -1."""
    try:
        files = files_of(paths)
    except UnreadableList:
        files = list(paths)
    found: list[tuple[str, int, int]] = []
    for file in files:
        try:
            status = file.stat()
        except OSError:
            found.append((str(file), 0, -1))
        else:
            found.append((str(file), status.st_mtime_ns, status.st_size))
    return tuple(found)
