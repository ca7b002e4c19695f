"""Follows changes of the policy on the control topic, from its beginning."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import faust
from aiokafka.errors import ConsumerStoppedError, KafkaError

from streams.contracts.refusal import DecodeFailure
from streams.control.policy_change import PolicyChanged, read_change
from streams.control.topic import TopicFollower
from streams.policy.live import LivePolicy


class _Found(NamedTuple):
    """A change and where it stood on the control topic."""

    offset: int
    change: PolicyChanged


class PolicyFollower(TopicFollower):
    """Reads the control topic's one partition and hands the newest change of the policy to
    `LivePolicy`. Of other records only the key is looked at.

    A broker that is away is waited for, with the policy as it is.
    """

    def __init__(self, live: LivePolicy, client: Mapping[str, Any], topic: str) -> None:
        super().__init__(client, topic, "the policy")
        self._live = live

    async def _catch_up(self, ending: Callable[[], bool]) -> None:
        end: int | None = None
        newest: _Found | None = None
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
            records = await self._records(consumer)
        newest: _Found | None = None
        for record in records:
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
