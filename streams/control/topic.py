"""Reading the control topic: its one partition, by a consumer of no group."""

from collections.abc import Mapping
from typing import Any, Protocol, cast

from aiokafka import AIOKafkaConsumer, TopicPartition


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


async def open_consumer(client: Mapping[str, Any], partition: TopicPartition) -> ControlConsumer:
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
