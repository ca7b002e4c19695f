"""Keeps a worker's lists current: on a control message at once, else by looking at the files."""

import asyncio
import contextlib
import logging
from collections.abc import Callable

import faust

from streams.control.lists import ListsSpoilt, LiveLists

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
"""For a snapshot that reaches this host later than the message that it is there, or that no
librarian announces. A look is a `stat` of each file."""


class ListWatch(faust.Service):
    """Reloads the lists when their files change. A reload that fails leaves the old ones; where
    those cannot be relied on any more, the worker ends, and `on_failure` hears of it before."""

    def __init__(self, lists: LiveLists, on_failure: Callable[[], None]) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        self._lists = lists
        self._on_failure = on_failure
        self._told = asyncio.Event()

    def wake(self) -> None:
        """Look now."""
        self._told.set()

    @faust.Service.task
    async def _follow(self) -> None:
        while not self.should_stop:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), LOOK_SECONDS)
            self._told.clear()
            if self.should_stop:
                return
            try:
                await self._lists.reload_if_changed()
            except ListsSpoilt as spoilt:
                log.critical("the worker stops: %s: %s", type(spoilt).__name__, spoilt)
                self._on_failure()
                raise
