"""Watches a Valkey for what would make it forget: evictions."""

import logging
from collections.abc import Callable

import faust

from streams.contracts.stage import DependencyUnavailable
from streams.state.valkey import ValkeyStore

log = logging.getLogger(__name__)

SECONDS = 15.0


class EvictionWatch(faust.Service):
    """Asks the store now and then how many keys it has evicted, and tells `count`. While it is away
    or may not be asked, the number stays as it was: that it is away, chunks tell."""

    def __init__(self, store: ValkeyStore, count: Callable[[int], None]) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        self._store = store
        self._count = count
        self._told = False

    @faust.Service.task
    async def _watch(self) -> None:
        while not self.should_stop:
            try:
                self._count(await self._store.evicted())
            except DependencyUnavailable as away:
                if not self._told:
                    self._told = True
                    log.warning("the state store's evictions cannot be watched: %s", away)
            await self.sleep(SECONDS)
