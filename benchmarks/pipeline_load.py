"""The load generator: a backlog in one go, or a steady rate from a process of its own.

`python -m benchmarks.pipeline_load BOOTSTRAP TOPIC WORKLOAD RATE WARM_UP MEASURED` first sends a
trickle; at a line on its standard input it goes on at RATE events/s for WARM_UP and then MEASURED
seconds, and prints one JSON object: how many events it sent in each part, and how late it was.

An event's id begins with the time at which it was due, in microseconds since the epoch. A
generator that falls behind sends late, but counts from when it should have sent, so that a
slow system cannot slow its own measurement down ("coordinated omission").
"""

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Iterable
from typing import Any

import uvloop
from aiokafka import AIOKafkaProducer

from benchmarks.pipeline_events import Made, Workload, events

TICK = 0.005
TRICKLE = 200.0
BATCH_RECORDS = 500


def backlog(workload: Workload, count: int) -> list[Made]:
    """The first `count` events of the workload."""
    return list(itertools.islice(events(workload), count))


async def preload(bootstrap: str, topic: str, made: Iterable[Made]) -> None:
    """Write events as fast as it goes; their ids are their numbers."""
    producer: Any = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks=1, max_batch_size=900_000, max_request_size=64 << 20
    )
    await producer.start()
    batches: dict[int, Any] = {}
    sent: list[Any] = []

    async def send(partition: int) -> None:
        sent.append(await producer.send_batch(batches.pop(partition), topic, partition=partition))

    for number, event in enumerate(made):
        batch = batches.get(event.partition)
        if batch is None:
            batch = batches[event.partition] = producer.create_batch()
        batch.append(key=event.key, value=event.with_id(f"{number:024d}"), timestamp=None)
        if batch.record_count() >= BATCH_RECORDS:
            await send(event.partition)
    for partition in list(batches):
        await send(partition)
    await asyncio.gather(*sent)
    await producer.stop()


class _Pace:
    """Sends events of a workload, round robin over the partitions, each tick in one batch a
    partition."""

    def __init__(self, producer: Any, topic: str, made: list[Made]) -> None:
        self._producer = producer
        self._topic = topic
        self._next = itertools.cycle(made)
        self._number = 0
        self.late = 0.0

    async def run(self, rate: float, seconds: float, ended: asyncio.Event | None = None) -> int:
        """Send at `rate` for `seconds` or until `ended`; the number sent."""
        start = time.time()
        sent = 0
        tick = 0
        while tick * TICK < seconds and not (ended is not None and ended.is_set()):
            tick += 1
            due = start + tick * TICK
            wait = due - time.time()
            if wait > 0:
                await asyncio.sleep(wait)
            self.late = max(self.late, time.time() - due)
            target = round(rate * tick * TICK)
            await self._send(target - sent, int(due * 1e6))
            sent = target
        return sent

    async def _send(self, count: int, due_us: int) -> None:
        batches: dict[int, Any] = {}
        for _ in range(count):
            made = next(self._next)
            self._number += 1
            batch = batches.get(made.partition)
            if batch is None:
                batch = batches[made.partition] = self._producer.create_batch()
            value = made.with_id(f"{due_us:016d}{self._number % 10**8:08d}")
            batch.append(key=made.key, value=value, timestamp=due_us // 1000)
        for partition, batch in batches.items():
            await self._producer.send_batch(batch, self._topic, partition=partition)


async def _paced(
    bootstrap: str, topic: str, workload: Workload, rate: float, warm_up: float, measured: float
) -> None:
    made = list(itertools.islice(events(workload, seed=2), 40_000))
    producer: Any = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks=1, linger_ms=0, max_batch_size=900_000
    )
    await producer.start()
    pace = _Pace(producer, topic, made)
    go = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), go.set)
    trickled = await pace.run(TRICKLE, 120, go)
    asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
    warmed = await pace.run(rate, warm_up)
    pace.late = 0.0
    since = int(time.time() * 1e6)
    sent = await pace.run(rate, measured)
    await producer.stop()
    print(
        json.dumps(
            {"before": trickled + warmed, "measured": sent, "since_us": since, "late": pace.late}
        )
    )


def main(arguments: list[str]) -> None:
    """See the module."""
    bootstrap, topic, workload, rate, warm_up, measured = arguments
    uvloop.run(
        _paced(bootstrap, topic, workload, float(rate), float(warm_up), float(measured))  # type: ignore[arg-type]
    )


if __name__ == "__main__":
    main(sys.argv[1:])
