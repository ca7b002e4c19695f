"""The independent reader of a subject's output: it counts what came out, and when.

Reads committed records only, of no group. `python -m benchmarks.pipeline_reader BOOTSTRAP TOPIC
FILE` prints `ready`, reads what comes from then on until a line on its standard input says how
many events were sent and all of them (or none for 10 s) have come, and saves an array of
(microseconds when due, microseconds when received) to FILE.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import numpy as np
import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.pipeline_events import PARTITIONS

QUIET_SECONDS = 10.0


class _Identified(msgspec.Struct):
    event_id: str


_decode = msgspec.json.Decoder(_Identified).decode


class Output(NamedTuple):
    """`times_ms`: the broker's append time of each record, sorted. `distinct`: event ids."""

    times_ms: np.ndarray[Any, Any]
    distinct: int


async def read_output(bootstrap: str, topic: str, start: dict[int, int]) -> Output:
    """Everything committed in a topic from the offsets of `start` to its end as of now."""
    consumer = _consumer(bootstrap)
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        for tp in partitions:
            consumer.seek(tp, start[tp.partition])
        times: list[int] = []
        ids: list[str] = []
        left = [tp for tp in partitions if start[tp.partition] < ends[tp]]
        while left:
            for records in (await consumer.getmany(*left, timeout_ms=200)).values():
                times += [record.timestamp for record in records]
                ids += [_decode(record.value).event_id for record in records]
            left = [tp for tp in left if await consumer.position(tp) < ends[tp]]
        return Output(np.sort(np.array(times, dtype=np.int64)), len(set(ids)))
    finally:
        await consumer.stop()


def _consumer(bootstrap: str) -> Any:
    return AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        check_crcs=False,
        fetch_max_wait_ms=500,
    )


class Followed(NamedTuple):
    """Event ids, which begin with when they were due in microseconds, and when they came."""

    ids: list[str]
    received: list[int]

    def save(self, file: str) -> None:
        """For the process that started this one."""
        due = np.array([int(event_id[:16]) for event_id in self.ids], dtype=np.int64)
        received = np.array(self.received, dtype=np.int64)
        np.savez(file, due=due, received=received, distinct=np.unique(np.array(self.ids)).size)


async def follow(bootstrap: str, topic: str, decide: Callable[[bytes, int], str]) -> Followed:
    """What is committed to a topic from now on, until a line on standard input has said how many
    events were sent, and all of them, or none for 10 s, have come. Prints `ready` when it reads.
    `decide` gives the event id of a record's value, received at a time in microseconds."""
    consumer = _consumer(bootstrap)
    await consumer.start()
    partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    consumer.assign(partitions)
    await consumer.seek_to_end(*partitions)
    for tp in partitions:
        await consumer.position(tp)
    expected: list[int] = []
    asyncio.get_running_loop().add_reader(
        sys.stdin.fileno(), lambda: expected.append(int(sys.stdin.readline()))
    )
    print("ready", flush=True)
    ids: list[str] = []
    received: list[int] = []
    last = time.monotonic()
    while True:
        found = await consumer.getmany(timeout_ms=200)
        now = time.time_ns() // 1000
        for records in found.values():
            for record in records:
                ids.append(decide(record.value, now))
                received.append(now)
            last = time.monotonic()
        if expected and (len(ids) >= expected[0] or time.monotonic() - last > QUIET_SECONDS):
            break
    await consumer.stop()
    return Followed(ids, received)


async def _main(bootstrap: str, topic: str, file: str) -> None:
    (await follow(bootstrap, topic, lambda value, _: _decode(value).event_id)).save(file)


if __name__ == "__main__":
    uvloop.run(_main(*sys.argv[1:]))
