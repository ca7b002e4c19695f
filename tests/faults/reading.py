"""Reading topics as a `read_committed` consumer sees them: while a run goes on, and after it."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from tests.faults.timeline import Timeline

Record = Any
"""aiokafka's ConsumerRecord."""


def _consumer(bootstrap: str) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=12_000_000,
        fetch_max_wait_ms=100,
        metadata_max_age_ms=5_000,
        request_timeout_ms=10_000,
    )


class Tail:
    """Follows topics while a run goes on: how many records were seen, and when.

    `arrivals` are those of each partition of the first topic.
    """

    def __init__(self, bootstrap: str, topics: dict[str, int]) -> None:
        self._bootstrap = bootstrap
        self._partitions = [
            TopicPartition(t, n) for t, count in topics.items() for n in range(count)
        ]
        self._first = next(iter(topics))
        self.seen = 0
        self.arrivals: dict[int, Timeline] = defaultdict(Timeline)

    async def follow(self) -> None:
        """Until cancelled."""
        consumer = _consumer(self._bootstrap)
        await consumer.start()
        try:
            consumer.assign(self._partitions)
            while True:
                for tp, records in (await consumer.getmany(timeout_ms=200)).items():
                    self.seen += len(records)
                    if tp.topic == self._first:
                        self.arrivals[tp.partition].add(len(records))
        finally:
            await consumer.stop()


async def read_all(
    bootstrap: str, topic: str, partitions: int, take: Callable[[Record], None]
) -> None:
    """Every committed record from the topic's beginning to its end now, in partition order.

    Raises:
        TimeoutError: the end is not reached: a transaction was left open.
    """
    consumer = _consumer(bootstrap)
    await consumer.start()
    try:
        tps = [TopicPartition(topic, n) for n in range(partitions)]
        consumer.assign(tps)
        ends = await _patiently(lambda: consumer.end_offsets(tps))
        starts = await _patiently(lambda: consumer.beginning_offsets(tps))
        left = {tp for tp in tps if ends[tp] > starts[tp]}
        progressed = time.monotonic()
        while left:
            batches = await consumer.getmany(timeout_ms=200)
            for records in batches.values():
                for record in records:
                    take(record)
            for tp in list(left):
                if await consumer.position(tp) >= ends[tp]:
                    left.discard(tp)
            if batches:
                progressed = time.monotonic()
            elif time.monotonic() - progressed > 60:
                stuck = ", ".join(f"{tp.topic}/{tp.partition}" for tp in sorted(left))
                raise TimeoutError(f"the end of {stuck} is not reached: an open transaction?")
    finally:
        await consumer.stop()


async def _patiently(ask: Callable[[], Any]) -> Any:
    for _ in range(30):
        try:
            return await ask()
        except KafkaError:
            await asyncio.sleep(1)
    return await ask()
