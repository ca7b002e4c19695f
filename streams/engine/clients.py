"""The part of aiokafka that the engine uses, with types.

aiokafka's own annotations are partial. These protocols name every method that the engine relies
on; the two makers below are the only places that meet the untyped classes.
"""

import asyncio
from asyncio import Future
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

from aiokafka import (
    AIOKafkaConsumer,
    AIOKafkaProducer,
    TopicPartition,
)
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streams.engine.chain import SourceRecord
from streams.engine.config import EngineConfig

MAX_POLL_INTERVAL_MS = 2**31 - 1
"""A partition may wait for a dependency for as long as it is away: the engine has its own
liveness, and must not be thrown out of its group for waiting."""


HEARTBEAT_MS = 500
"""By its next heartbeat a member hears of a rebalance, and until the last one has heard of it the
partitions of all stand still."""


class Builder(Protocol):
    """A record batch in the making."""

    def append(
        self,
        *,
        timestamp: int | None,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]],
    ) -> object | None: ...
    def close(self) -> None: ...


class Consumer(Protocol):
    """A member of the consumer group."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    def subscribe(
        self, topics: Sequence[str], *, listener: ConsumerRebalanceListener | None
    ) -> None: ...
    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int, max_records: int
    ) -> dict[TopicPartition, list[SourceRecord]]: ...
    async def committed(self, partition: TopicPartition) -> int | None: ...
    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None: ...
    async def beginning_offsets(
        self, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, int]: ...
    async def end_offsets(
        self, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, int]: ...
    async def position(self, partition: TopicPartition) -> int: ...
    def seek(self, partition: TopicPartition, offset: int) -> None: ...
    def last_poll_timestamp(self, partition: TopicPartition) -> int | None: ...
    def assignment(self) -> set[TopicPartition]: ...
    def highwater(self, partition: TopicPartition) -> int | None: ...
    def last_stable_offset(self, partition: TopicPartition) -> int | None: ...


class Producer(Protocol):
    """A producer of one partition's own."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    def create_batch(self) -> Builder: ...
    async def send_batch(self, batch: Builder, topic: str, *, partition: int) -> Future[object]: ...
    async def begin_transaction(self) -> None: ...
    async def send_offsets_to_transaction(
        self, offsets: Mapping[TopicPartition, int], group_id: str
    ) -> None: ...
    async def commit_transaction(self) -> None: ...
    async def abort_transaction(self) -> None: ...


def make_consumer(config: EngineConfig) -> Consumer:
    """A consumer that reads committed records only and commits nothing by itself. What its log
    does not have it raises: going on elsewhere would pass over records, or repeat them, untold."""
    rebalance_ms = max(config.session_timeout_ms, int(config.revoke_seconds * 2000))
    consumer = AIOKafkaConsumer(
        **config.client,
        group_id=config.group,
        group_instance_id=config.instance_id,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="none",
        fetch_min_bytes=config.fetch_min_bytes,
        fetch_max_wait_ms=config.fetch_max_wait_ms,
        max_partition_fetch_bytes=config.partition_fetch_bytes,
        session_timeout_ms=config.session_timeout_ms,
        heartbeat_interval_ms=min(max(config.session_timeout_ms // 4, 250), HEARTBEAT_MS),
        rebalance_timeout_ms=rebalance_ms,
        # Above the rebalance's, for which the answer to a JoinGroup request waits.
        request_timeout_ms=rebalance_ms + 5_000,
        max_poll_interval_ms=MAX_POLL_INTERVAL_MS,
        metadata_max_age_ms=30_000,
    )
    return cast(Consumer, consumer)


def make_producer(config: EngineConfig, tp: TopicPartition) -> Producer:
    """A producer for the outputs of one input partition, transactional when exactly-once.

    The transactional id names group and input partition, not the stages, so that going from fused
    to split does not escape the fence.
    """
    mode: dict[str, Any] = {"enable_idempotence": True}
    if config.delivery == "exactly_once":
        mode = {
            "transactional_id": f"{config.group}-{tp.topic}-{tp.partition}",
            "transaction_timeout_ms": config.transaction_timeout_ms,
        }
    producer = AIOKafkaProducer(
        **config.client,
        **mode,
        acks="all",
        linger_ms=0,
        retry_backoff_ms=20,
        # A broker that stands still keeps its connections: by aiokafka's default of 40 s.
        request_timeout_ms=config.transaction_timeout_ms,
        max_batch_size=config.output_batch_bytes,
        max_request_size=64 * 1024 * 1024,
    )
    return cast(Producer, producer)


async def cut_off(producer: Producer) -> None:
    """End a producer that does not stop, without sending what it still holds.

    aiokafka has no call for it: its `stop` flushes, and its sender waits for every answer of a
    broker that stands still, up to the request timeout for each. What was on its way may still
    arrive. Exactly once, it belongs to a transaction that nobody commits, and that the next
    producer of the same transactional id aborts; at least once, it is there again.
    """
    untyped = cast(Any, producer)
    sender = cast("asyncio.Task[None] | None", untyped._sender.sender_task)
    while sender is not None and not sender.done():
        sender.cancel()  # more than once: it first waits for its requests, then for coordinators
        await untyped.client.close()
        await asyncio.wait([sender], timeout=0.1)
    untyped._message_accumulator.fail_all(KafkaError("the producer was cut off"))
    await untyped.client.close()


async def count_partitions(config: EngineConfig, topics: Sequence[str]) -> dict[str, int]:
    """The number of partitions of each topic that exists."""
    admin = AIOKafkaAdminClient(**config.client)
    await admin.start()
    try:
        described = cast(list[dict[str, Any]], await admin.describe_topics(list(topics)))
    finally:
        await admin.close()
    return {
        str(topic["topic"]): len(topic["partitions"])
        for topic in described
        if not topic["error_code"]
    }
