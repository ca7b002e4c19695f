"""Follows changes of lists on the control topic, from the offset that the snapshot in use names."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

import faust
import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streams.control.agent import ControlMessage, ReloadLists
from streams.control.list_changes import Offset
from streams.control.lists import LiveLists

log = logging.getLogger(__name__)

MAX_READ = 5_000
POLL_MS = 500
RETRY_SECONDS = 2.0

_decoder = msgspec.json.Decoder(ControlMessage)


class _Record(Protocol):
    offset: int
    value: bytes | None


class _Consumer(Protocol):
    """The part of aiokafka's consumer that is used, of no group."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    def assign(self, partitions: list[TopicPartition]) -> None: ...
    def seek(self, partition: TopicPartition, offset: int) -> None: ...
    async def topics(self) -> set[str]: ...
    async def position(self, partition: TopicPartition) -> int: ...
    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]: ...
    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int, max_records: int
    ) -> dict[TopicPartition, list[_Record]]: ...


class ListFollower(faust.Service):
    """Reads the control topic's one partition and hands changes of lists to `LiveLists`.

    A broker that is away is waited for, with the lists as they are.
    """

    def __init__(self, lists: LiveLists, client: Mapping[str, Any], topic: str) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        self._lists = lists
        self._client = client
        self._partition = TopicPartition(topic, 0)
        self._consumer: _Consumer | None = None
        self._at: int | None = None
        self._turn = asyncio.Lock()

    async def catch_up(self, ending: Callable[[], bool]) -> None:
        """Take every change that is on the topic now into use, before a worker takes up work;
        gives up when it is `ending`, and for want of the topic, which the worker checks next."""
        end: int | None = None
        while not ending() and (at := self._lists.position) is not None:
            try:
                if end is None:
                    consumer = await self._ready()
                    if self._partition.topic not in await consumer.topics():
                        return
                    end = (await consumer.end_offsets([self._partition]))[self._partition]
                if at >= end:
                    return
                await self._step()
            except (KafkaError, OSError) as error:
                await self._wait(error)

    async def on_stop(self) -> None:
        """Give back the connection."""
        if self._consumer is not None:
            await self._consumer.stop()

    @faust.Service.task
    async def _follow(self) -> None:
        while not self.should_stop:
            if self._lists.position is None:
                await self.sleep(1.0)
                continue
            try:
                await self._step()
            except (KafkaError, OSError) as error:
                await self._wait(error)

    async def _step(self) -> None:
        """Read what there is, wherever the lists in use want to read on."""
        async with self._turn:
            consumer, position = await self._ready(), self._lists.position
            if position is None:
                return
            if position != self._at:
                consumer.seek(self._partition, position)
            got = await consumer.getmany(self._partition, timeout_ms=POLL_MS, max_records=MAX_READ)
            records = got.get(self._partition, [])
            # Past markers and compacted records, and back to the beginning of a topic made anew.
            self._at = await consumer.position(self._partition)
            if self._at == position or self._lists.position != position:
                return
            changes = [change for record in records if (change := _change(record)) is not None]
            await asyncio.to_thread(self._lists.follow, changes, self._at)

    async def _ready(self) -> _Consumer:
        if self._consumer is None:
            consumer = cast(
                _Consumer,
                AIOKafkaConsumer(
                    **self._client,
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
            consumer.assign([self._partition])
            self._consumer = consumer
        return self._consumer

    async def _wait(self, error: Exception) -> None:
        log.warning("changes of lists cannot be read, trying again: %s", error)
        await self.sleep(RETRY_SECONDS)


def _change(record: _Record) -> Offset | None:
    """The change of a record; `None` for other messages, and what cannot be read."""
    if record.value is None:
        return None
    try:
        message = _decoder.decode(record.value)
    except msgspec.DecodeError:
        # The control agent reads it too, and says so.
        return None
    return None if isinstance(message, ReloadLists) else Offset(record.offset, message)
