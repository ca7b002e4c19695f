"""Follows changes of the policy on the control topic, from its beginning."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import faust
from aiokafka import TopicPartition
from aiokafka.errors import ConsumerStoppedError, KafkaError

from streams.contracts.refusal import DecodeFailure
from streams.control.policy_change import PolicyChanged, read_change
from streams.control.topic import ControlConsumer, open_consumer
from streams.policy.live import LivePolicy

log = logging.getLogger(__name__)

MAX_READ = 5_000
POLL_MS = 500
RETRY_SECONDS = 2.0


class _Found(NamedTuple):
    """A change and where it stood on the control topic."""

    offset: int
    change: PolicyChanged


class PolicyFollower(faust.Service):
    """Reads the control topic's one partition and hands the newest change of the policy to
    `LivePolicy`. Of other records only the key is looked at.

    A broker that is away is waited for, with the policy as it is.
    """

    def __init__(self, live: LivePolicy, client: Mapping[str, Any], topic: str) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        self._live = live
        self._client = client
        self._partition = TopicPartition(topic, 0)
        self._consumer: ControlConsumer | None = None
        self._turn = asyncio.Lock()

    async def catch_up(self, ending: Callable[[], bool]) -> None:
        """Take the newest change that is on the topic now into use, before a worker takes up work;
        gives up when it or this service is
        ending, and for want of the topic, which the worker checks next."""
        # A consumer that is stopped while it is asked for something may never answer.
        await self.wait(self._catch_up(ending))  # pyright: ignore[reportUnknownMemberType]

    async def _catch_up(self, ending: Callable[[], bool]) -> None:
        end: int | None = None
        newest: _Found | None = None
        while not ending():
            try:
                async with self._turn:
                    consumer = await self._ready()
                if end is None:
                    if self._partition.topic not in await consumer.topics():
                        return
                    end = (await consumer.end_offsets([self._partition]))[self._partition]
                if await consumer.position(self._partition) >= end:
                    break
                newest = await self._read() or newest
            except ConsumerStoppedError:
                return  # by `on_stop`
            except (KafkaError, OSError) as error:
                await self._wait(error)
        if newest is not None and not await self._take(newest.offset, newest.change.text):
            # Those who ran all along stayed with the one before.
            await asyncio.to_thread(
                self._live.stay_with, newest.change.previous, self._source(newest.offset)
            )

    async def on_stop(self) -> None:
        """Give back the connection."""
        if self._consumer is not None:
            await self._consumer.stop()

    @faust.Service.task
    async def _follow(self) -> None:
        while not self.should_stop:
            try:
                newest = await self._read()
            except ConsumerStoppedError:
                return  # by `on_stop`
            except (KafkaError, OSError) as error:
                await self._wait(error)
                continue
            if newest is not None:
                await self._take(newest.offset, newest.change.text)

    async def _read(self) -> _Found | None:
        """The newest change of what there is to read."""
        async with self._turn:
            consumer = await self._ready()
            got = await consumer.getmany(self._partition, timeout_ms=POLL_MS, max_records=MAX_READ)
        newest: _Found | None = None
        for record in got.get(self._partition, []):
            try:
                change = read_change(record.key, record.value)
            except DecodeFailure as error:
                self._live.refuse(f"offset {record.offset}: {error}")
                continue
            if change is not None:
                newest = _Found(record.offset, change)
        return newest

    async def _take(self, offset: int, text: str | None) -> bool:
        return await asyncio.to_thread(self._live.take, text, self._source(offset))

    def _source(self, offset: int) -> str:
        return f"{self._partition.topic}@{offset}"

    async def _ready(self) -> ControlConsumer:
        if self._consumer is None:
            self._consumer = await open_consumer(self._client, self._partition)
        return self._consumer

    async def _wait(self, error: Exception) -> None:
        log.warning("changes of the policy cannot be read, trying again: %s", error)
        await self.sleep(RETRY_SECONDS)
