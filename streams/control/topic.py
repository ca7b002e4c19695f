"""Reading the control topic: its one partition, by a consumer of no group."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

import faust
from aiokafka import AIOKafkaConsumer, TopicPartition

log = logging.getLogger(__name__)

POLL_MS = 500
MAX_READ = 500
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
        self._limit = MAX_READ

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

    async def _records(self, consumer: ControlConsumer) -> list[ControlRecord]:
        """What there is to read, within `_turn`. A record that aiokafka cannot parse, since a
        header's name is not UTF-8, is passed over, and so are those behind it in its batch."""
        position = await consumer.position(self._partition)
        try:
            got = await consumer.getmany(
                self._partition, timeout_ms=POLL_MS, max_records=self._limit
            )
        except UnicodeDecodeError:
            # Those before it were lost with it: read again, first one, then two, then four.
            if self._limit == 1:
                log.error(
                    "the message at offset %d of %s cannot be read, and is passed over: a header's"
                    " name is not UTF-8", position, self._partition.topic,
                )  # fmt: skip
                position += 1
            self._limit = 1
            consumer.seek(self._partition, position)
            return []
        records = got.get(self._partition, [])
        if records:
            self._limit = min(2 * self._limit, MAX_READ)
        return records

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
