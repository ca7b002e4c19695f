"""The librarian's rounds: fetch lists from their sources, publish what changed, compile snapshots
and tell the workers, again and again.

Three things go on beside each other, so that none waits for another: sources are fetched in a
thread, snapshots are compiled in a process of low priority, and what changed is published within a
second, whoever changed it: a source, a person at `seawall lists`, a worker's request.
"""

import contextlib
import multiprocessing
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from matchers.lists.librarian import erasure, outbox
from matchers.lists.librarian.outbox import Compiled, compile_store
from matchers.lists.librarian.proposals import proposals
from matchers.lists.librarian.store import ListStore
from streams.audit.watch import EVERY_SECONDS
from streams.control.list_changes import announce_snapshot, publish_changes
from streams.control.requests import hear_requests
from streams.control.restored import Ahead, find_ahead
from streams.kafka.client import ClientConfig, KafkaError
from streams.metrics import LibrarianMetrics

TICK_SECONDS = 1.0
HEAR_SECONDS = 5.0
RELEASE_SECONDS = 60.0
MEASURE_SECONDS = 10.0
COMPILE_NICENESS = 19
"""Compiling takes a core for seconds to minutes, which workers need more."""
COMPILE_AFTER_ROUNDS = 12
"""A snapshot is compiled anew every so many publications, so that workers that start have few
changes to catch up on, and those that run hold few beside it."""
ERASE_SECONDS = 3600.0
"""What a victim withdrew is erased once a snapshot is without it; so long until one is compiled."""


@dataclass(frozen=True)
class Desk:
    """Where the librarian works. `fetch` brings every list up to its source, with a store of its
    own, and says whether one failed; `check_audit` looks whether the audit log still holds."""

    store: Path
    snapshot: Path
    client: ClientConfig
    topic: str
    fetch: Callable[[ListStore], bool]
    say: Callable[[str], None]
    complain: Callable[[str], None]
    metrics: LibrarianMetrics
    check_audit: Callable[[], object] | None = None


class Librarian:
    """Works at a desk. `store` is the connection of the thread that runs it."""

    def __init__(self, desk: Desk, store: ListStore) -> None:
        self._desk = desk
        self._store = store
        self._rounds = 0
        self._messages = 0
        self._wanted = not desk.snapshot.exists()
        self._compiling: Future[Compiled] | None = None
        self._compiled_at = time.monotonic()
        self._done_at: dict[str, float] = {}
        self._log_holds_erased = True
        """Perhaps: by whoever was killed before."""
        self._up_to_date = False
        """Whether the store knows all that workers were told: it can be an older copy."""
        self._ahead: Ahead | None = None
        self._looked_at: tuple[outbox.Published, int] | None = None
        self._synced: set[str] = set()

    def once(self) -> bool:
        """One round of everything; whether something failed."""
        failed = self._desk.fetch(self._store)
        failed |= not self._attempt()
        if self._compiling is not None:
            wait([self._compiling])
            failed |= not self._attempt()
        return failed or not self._up_to_date

    def run(self, ending: threading.Event, every: float) -> None:
        """Until `ending`: fetch every so many seconds, and the rest as it is needed."""
        threading.Thread(target=self._fetch, args=(ending, every), daemon=True).start()
        while not ending.is_set():
            self._attempt()
            ending.wait(TICK_SECONDS)
        if self._compiling is not None:
            wait([self._compiling])

    def _fetch(self, ending: threading.Event, every: float) -> None:
        """Round after round, whatever becomes of one: lists that nobody fetches any more would
        look like lists of which nothing changes."""
        while not ending.is_set():
            try:
                with ListStore.open(self._desk.store) as store:
                    self._desk.fetch(store)
            except Exception as error:
                self._desk.metrics.rounds_failed.inc()
                self._desk.complain(
                    "fetching ended early, tried again in the next round: "
                    f"{type(error).__name__}: {error}"
                )
            ending.wait(every)

    def _attempt(self) -> bool:
        """One round of publishing. A broker, a disk or another who writes can keep it from being
        done: that is said, and it is tried again in the next."""
        try:
            self._tick(time.monotonic())
        except (KafkaError, OSError, sqlite3.OperationalError, BrokenExecutor) as error:
            self._desk.complain(f"not published: {error or type(error).__name__}")
            return False
        return True

    def _tick(self, now: float) -> None:
        if self._is_time("hear", HEAR_SECONDS, now):
            self._hear()
        if self._is_time("release", RELEASE_SECONDS, now):
            for outcome in self._store.release(datetime.now(UTC)):
                self._desk.say(f"{outcome.list}: {outcome.changed} entries were observed, and act")
        if self._is_time("measure", MEASURE_SECONDS, now):
            self._measure()
        if self._desk.check_audit and self._is_time("audit", EVERY_SECONDS, now):
            self._desk.check_audit()
        if self._up_to_date or self._catches_up():
            self._publish()
        self._take_compiled(now)
        self._compile(now)

    def _is_time(self, what: str, seconds: float, now: float) -> bool:
        if now - self._done_at.get(what, float("-inf")) < seconds:
            return False
        self._done_at[what] = now
        return True

    def _hear(self) -> None:
        heard = hear_requests(self._desk.client, self._desk.topic, self._store)
        for item in heard.flagged:
            self._desk.say(
                f"{item.list}/{item.id}: flagged, its {item.algorithm} matched {item.matches} of "
                f"{item.looked_at} media items"
            )
        if heard.proposed:
            self._desk.say(f"{heard.proposed} proposals came in")
        for why in heard.refused:
            self._desk.complain(f"a request is refused: {why}")

    def _catches_up(self) -> bool:
        """Look, from the start on and whenever something changed, whether the store knows all that
        workers were told."""
        with self._store.reading() as database:
            now = outbox.published(database), self._store.revision()
        if now == self._looked_at:
            return False
        before = self._ahead
        self._ahead = find_ahead(self._desk.client, self._desk.topic, self._store)
        self._looked_at = now
        self._up_to_date = self._ahead is None
        if self._ahead is not None:
            self._desk.complain(f"not published: {self._ahead}")
        elif before is not None:
            self._desk.say("the store knows all that workers were told, and is published again")
        return self._up_to_date

    def _publish(self) -> None:
        if self._log_holds_erased:
            self._log_holds_erased = not self._store.clear_log()
        with self._store.reading() as database:
            if not outbox.unpublished(database) and not erasure.erasable(database):
                return
        sent = publish_changes(self._desk.client, self._desk.topic, self._store)
        self._rounds += bool(sent.messages)
        self._messages += sent.messages
        if sent.messages:
            self._desk.say(f"{sent.messages} changes published")
        if sent.erased:
            self._desk.say(f"{sent.erased} withdrawn entries erased")
            self._log_holds_erased = True
        if sent.too_much:
            self._desk.say(f"{sent.too_much}: compiling")
        if sent.topic_anew:
            self._desk.say(f"{self._desk.topic} was made anew: compiling")
            self._wanted = True

    def _take_compiled(self, now: float) -> None:
        """Tell the workers of a snapshot that has become whole."""
        if self._compiling is None or not self._compiling.done():
            return
        done, self._compiling = self._compiling, None
        self._wanted = True  # unless all of what follows is done
        compiled = done.result()
        self._desk.say(f"compiled lists {compiled.version}")
        self._desk.metrics.set_snapshot(compiled.version, time.time(), now - self._compiled_at)
        announce_snapshot(self._desk.client, self._desk.topic, compiled.version)
        self._wanted = False

    def _compile(self, now: float) -> None:
        """Begin a snapshot if one is wanted and none is being made. Where workers were given one of
        a newer store, this one's would take away what only that one had."""
        if self._compiling is not None or (self._ahead is not None and self._ahead.snapshot):
            return
        with self._store.reading() as database:
            old = now - self._compiled_at >= ERASE_SECONDS
            wanted = (
                self._wanted
                or outbox.due(database)
                or self._rounds >= COMPILE_AFTER_ROUNDS
                or self._messages >= outbox.MAX_CHANGES
                or (old and erasure.withdrawn(database))
            )
        if wanted:
            self._wanted, self._rounds, self._messages = False, 0, 0
            self._compiled_at = now
            # A process for each: what compiling takes is given back.
            pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _give_way)
            self._compiling = pool.submit(_compile_file, self._desk.store, self._desk.snapshot)
            pool.shutdown(wait=False)

    def _measure(self) -> None:
        store, metrics = self._store, self._desk.metrics
        with store.reading() as database:
            ahead = 0 if self._ahead is None else self._ahead.count
            metrics.unpublished.set(outbox.unpublished(database) + ahead)
            metrics.control_offset.set(outbox.published(database).next_offset)
        waiting = {change.list for change in store.waiting()}
        flagged = [flag.list for flag in store.flags()]
        proposed = [proposal.entry.list for proposal in proposals(store)]
        for name in store.infos():
            metrics.changes_waiting.labels(name).set(name in waiting)
            metrics.entries_held.labels(name).set(store.count_held(name))
            metrics.entries_flagged.labels(name).set(flagged.count(name))
            metrics.proposals_waiting.labels(name).set(proposed.count(name))
        synced = store.synced()
        for name in self._synced - synced.keys():  # it has no source any more, which could fail
            metrics.last_sync.remove(name)
        self._synced = set(synced)
        for name, at in synced.items():
            metrics.last_sync.labels(name).set(at.timestamp())


def _give_way() -> None:
    with contextlib.suppress(OSError):
        os.nice(COMPILE_NICENESS)


def _compile_file(store: Path, snapshot: Path) -> Compiled:
    with ListStore.open(store) as opened:
        return compile_store(opened, snapshot)
