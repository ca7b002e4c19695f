"""Reading the control topic: its one partition, by a consumer of no group."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

import faust
from aiokafka import AIOKafkaConsumer, TopicPartition

log = logging.getLogger(__name__)

POLL_MS = 500
RETRY_SECONDS = 2.0


class ControlRecord(Protocol):
    """A record of the control topic."""

    offset: int
    key: bytes | None
    value: bytes | None


class ControlConsumer(Protocol):
    """The part of aiokafka's consumer that is used."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    def assign(self, partitions: list[TopicPartition]) -> None: ...
    def seek(self, partition: TopicPartition, offset: int) -> None: ...
    async def topics(self) -> set[str]: ...
    async def position(self, partition: TopicPartition) -> int: ...
    def highwater(self, partition: TopicPartition) -> int | None: ...
    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]: ...
    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int, max_records: int
    ) -> dict[TopicPartition, list[ControlRecord]]: ...


async def _open_consumer(client: Mapping[str, Any], partition: TopicPartition) -> ControlConsumer:
    """A started consumer that reads committed records from the topic's beginning, until it is told
    to seek. Raises aiokafka's errors while no broker answers."""
    consumer = cast(
        ControlConsumer,
        AIOKafkaConsumer(
            **client,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        ),
    )
    try:
        await consumer.start()
    except BaseException:
        await consumer.stop()
        raise
    consumer.assign([partition])
    return consumer


class TopicFollower(faust.Service):
    """What followers of the control topic share: one consumer, which `_turn` keeps to one reader
    at a time, and how they begin, wait and end. `what` names in the log what is followed."""

    def __init__(self, client: Mapping[str, Any], topic: str, what: str) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        self._client = client
        self._partition = TopicPartition(topic, 0)
        self._what = what
        self._consumer: ControlConsumer | None = None
        self._turn = asyncio.Lock()

    async def catch_up(self, ending: Callable[[], bool]) -> None:
        """Take what is on the topic now into use, before a worker takes up work; gives up when it
        or this service is ending, and for want of the topic, which the worker checks next."""
        # A consumer that is stopped while it is asked for something may never answer.
        await self.wait(self._catch_up(ending))  # pyright: ignore[reportUnknownMemberType]

    async def on_stop(self) -> None:
        """Give back the connection."""
        if self._consumer is not None:
            await self._consumer.stop()

    async def _catch_up(self, ending: Callable[[], bool]) -> None:
        raise NotImplementedError

    async def _ready(self) -> ControlConsumer:
        """Within `_turn`, lest two be opened."""
        if self._consumer is None:
            self._consumer = await _open_consumer(self._client, self._partition)
        return self._consumer

    async def _end(self) -> int | None:
        """The topic's end as of now; `None` where there is no topic."""
        async with self._turn:
            consumer = await self._ready()
        if self._partition.topic not in await consumer.topics():
            return None
        return (await consumer.end_offsets([self._partition]))[self._partition]

    async def _wait(self, error: Exception) -> None:
        log.warning("changes of %s cannot be read, trying again: %s", self._what, error)
        await self.sleep(RETRY_SECONDS)
