"""Follows changes of the policy on the control topic, from its beginning."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import faust
from aiokafka.errors import ConsumerStoppedError, KafkaError
from msgspec import UNSET

from streams.control.policy_change import PolicyChanged, UnreadChange, read_change
from streams.control.topic import TopicFollower
from streams.policy.live import LivePolicy

log = logging.getLogger(__name__)


class _Change(NamedTuple):
    """A change and where it stood on the control topic."""

    offset: int
    change: PolicyChanged


class _Unread(NamedTuple):
    """A change that cannot be read, and where it stood."""

    offset: int
    change: UnreadChange


class _News(NamedTuple):
    """The newest change that can be read, and the newest behind it that cannot."""

    change: _Change | None = None
    unread: _Unread | None = None

    def then(self, later: "_News") -> "_News":
        if later.change is not None:
            return later
        return _News(self.change, later.unread or self.unread)

    @property
    def newest(self) -> _Change | _Unread | None:
        return self.unread or self.change


class PolicyFollower(TopicFollower):
    """Reads the control topic's one partition and hands the newest change of the policy to
    `LivePolicy`. Of other records only the key is looked at.

    A worker that starts when the newest cannot be used takes the one before it, as those have that
    ran all along. Where it can use neither, it waits for one that it can: its own policy is not
    what the others judge by.

    A broker that is away is waited for, with the policy as it is.
    """

    def __init__(self, live: LivePolicy, client: Mapping[str, Any], topic: str) -> None:
        super().__init__(client, topic, "the policy")
        self._live = live

    async def _catch_up(self, ending: Callable[[], bool]) -> None:
        end: int | None = None
        news = _News()
        while not ending():
            try:
                if end is None:
                    end = await self._end()
                if end is None:
                    return
                async with self._turn:
                    consumer = await self._ready()
                if await consumer.position(self._partition) >= end:
                    break
                news = news.then(await self._read())
            except ConsumerStoppedError:
                return  # by `on_stop`
            except (KafkaError, OSError) as error:
                await self._wait(error)
        while not ending() and not await self._begin(news):
            log.error(
                "no work is taken: neither the newest policy on the control topic nor the one "
                "before it can be used here (%s). Upgrade this worker, or apply a policy that it "
                "can use (seawall policy apply, or rollback)",
                self._live.refused,
            )
            later = _News()
            while later.newest is None:
                read = await self._next(ending)
                if read is None:
                    return
                later = read
            news = news.then(later)

    @faust.Service.task
    async def _follow(self) -> None:
        while (news := await self._next(lambda: self.should_stop)) is not None:
            if news.newest is not None:
                await asyncio.to_thread(self._take_any, news)

    async def _next(self, ending: Callable[[], bool]) -> _News | None:
        """What there is to read; `None` at the end."""
        while not ending():
            try:
                return await self._read()
            except ConsumerStoppedError:
                return None  # by `on_stop`
            except (KafkaError, OSError) as error:
                await self._wait(error)
        return None

    async def _read(self) -> _News:
        """What there is to read. What cannot be read is refused at once."""
        async with self._turn:
            consumer = await self._ready()
            records = await self._records(consumer)
        news = _News()
        for record in records:
            change = read_change(record.key, record.value)
            if isinstance(change, UnreadChange):
                self._live.refuse(f"{self._source(record.offset)}: {change.why}")
                news = news.then(_News(unread=_Unread(record.offset, change)))
            elif change is not None:
                if record.value is None:
                    log.warning(
                        "the policy was deleted from the control topic at %s: until a newer one "
                        "comes, workers use their own",
                        self._source(record.offset),
                    )
                news = news.then(_News(_Change(record.offset, change)))
        return news

    async def _begin(self, news: _News) -> bool:
        """Take the newest policy, or the one before it; whether one of them, or that there is none,
        could be used."""
        if news.newest is None:
            return True
        return await asyncio.to_thread(self._take_any, news)

    def _take_any(self, news: _News) -> bool:
        live = self._live
        if news.unread is not None:
            offset, unread = news.unread
            before = unread.previous
            if before is not UNSET and live.stay_with(before, f"before {self._source(offset)}"):
                return True
        if news.change is None:
            return False
        offset, change = news.change
        source = self._source(offset)
        take = live.take if news.unread is None else live.stay_with
        if take(change.text, source):
            return True
        # Those who had the one before stayed with it.
        before = change.previous
        return before is not UNSET and live.stay_with(before, f"before {source}")

    def _source(self, offset: int) -> str:
        return f"{self._partition.topic}@{offset}"
