"""The load of the lists benchmark: ordinary events at a steady rate, with probes among them.

`python -m benchmarks.lists_load BOOTSTRAP TOPIC RATE PROBES` sends `RATE` events/s of the mixed
workload and, 20 times a second, one event for each of the comma-separated MD5 digests in `PROBES`,
until a line comes on its standard input; it then prints how many events it sent.

An event's id begins with the time at which it was due, in microseconds since the epoch, so that a
generator that is late counts its own lateness; a probe's goes on with `P` and its number.
"""

import asyncio
import itertools
import sys
import time
from datetime import UTC, datetime
from typing import Any

import msgspec
import uvloop
from aiokafka import AIOKafkaProducer

from benchmarks.pipeline_events import ID_MARK, Made, events, partition_of
from streams.contracts.event import Author, ContentEvent, Media, MediaHashes, event_key

TICK = 0.005
PROBE_TICKS = 10
DISTINCT = 40_000
"""Ordinary events, sent again and again."""


def probe(number: int, md5: str) -> Made:
    """An event that asks whether a digest is listed; each probe keeps to one partition."""
    event = ContentEvent(
        event_id=ID_MARK,
        tenant="benchmark",
        kind="created",
        occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
        content_id=f"probe-{number}",
        surface="post",
        author=Author(id=f"prober-{number}"),
        media=[
            Media(
                media_id="m",
                media_type="image/jpeg",
                hashes=MediaHashes(md5=md5),
                hash_origin="server",
            )
        ],
        jurisdiction="DE",
    )
    key = event_key(event)
    return Made(partition_of(key), key, msgspec.json.encode(event))


async def _run(bootstrap: str, topic: str, rate: str, probes: str) -> None:
    ordinary = itertools.cycle(list(itertools.islice(events("mixed", seed=3), DISTINCT)))
    asking = [probe(number, md5) for number, md5 in enumerate(probes.split(","))]
    producer: Any = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks=1, linger_ms=0, max_batch_size=900_000
    )
    await producer.start()
    ending = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), ending.set)
    started, sent, total = time.time(), 0, 0
    for tick in itertools.count(1):
        if ending.is_set():
            break
        due = started + tick * TICK
        if (wait := due - time.time()) > 0:
            await asyncio.sleep(wait)
        due_us = int(due * 1e6)
        batches: dict[int, Any] = {}

        def add(made: Made, event_id: str, due_us: int, batches: dict[int, Any]) -> None:
            batch = batches.get(made.partition)
            if batch is None:
                batch = batches[made.partition] = producer.create_batch()
            batch.append(key=made.key, value=made.with_id(event_id), timestamp=due_us // 1000)

        target = round(float(rate) * tick * TICK)
        for number in range(sent, target):
            add(next(ordinary), f"{due_us:016d}{number % 10**8:08d}", due_us, batches)
        total += target - sent
        sent = target
        if tick % PROBE_TICKS == 0:
            for number, made in enumerate(asking):
                add(made, f"{due_us:016d}P{number}{tick % 10**6:06d}", due_us, batches)
            total += len(asking)
        for partition, batch in batches.items():
            await producer.send_batch(batch, topic, partition=partition)
    await producer.stop()
    print(total, flush=True)


if __name__ == "__main__":
    uvloop.run(_run(*sys.argv[1:]))
