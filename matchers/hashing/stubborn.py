"""Tells a store that is away from one file that alone cannot be had."""

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

TRIES = 4
SECONDS = 30.0
REMEMBERED = 10_000


class StubbornFiles:
    """Counts failures by file, and successes by store.

    A store that is away is waited for; but one file that fails again and again while its store
    gives others would hold up everything behind it. It is given up after `TRIES` failures over at
    least `SECONDS`, when its store has given another file since the first. Thread-safe; remembers
    the latest `REMEMBERED` files that failed.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._failures: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._given: dict[str, float] = {}

    def succeeded(self, store: str, file: str) -> None:
        """The store gave the file."""
        with self._lock:
            self._given[store] = self._clock()
            self._failures.pop(file, None)

    def failed(self, store: str, file: str) -> bool:
        """The file could not be had; whether to give it up."""
        now = self._clock()
        with self._lock:
            first, tries = self._failures.pop(file, (now, 0))
            self._failures[file] = (first, tries + 1)
            if len(self._failures) > REMEMBERED:
                self._failures.popitem(last=False)
            alone = self._given.get(store, -1.0) > first
            return alone and tries + 1 >= TRIES and now - first >= SECONDS
