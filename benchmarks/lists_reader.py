"""The independent reader of the lists benchmark: when each decision came, and what probes found.

`python -m benchmarks.lists_reader BOOTSTRAP TOPIC FILE` prints `ready`, then a JSON line each time
that a probe's decisions begin or cease to name a list entry, until a line on its standard input
says how many events were sent, and all (or none for 10 s) have come. It saves microseconds when
due and when received to FILE.
"""

import asyncio
import json
import sys
import time
from typing import Any

import msgspec
import numpy as np
import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.pipeline_events import PARTITIONS

QUIET_SECONDS = 10.0


class _Decided(msgspec.Struct):
    event_id: str
    signals: list[msgspec.Raw] = []
    lists_version: str = ""


_decode = msgspec.json.Decoder(_Decided).decode


async def _follow(bootstrap: str, topic: str, file: str) -> None:
    consumer: Any = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        check_crcs=False,
        fetch_max_wait_ms=500,
    )
    await consumer.start()
    partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    consumer.assign(partitions)
    await consumer.seek_to_end(*partitions)
    for partition in partitions:
        await consumer.position(partition)
    expected: list[int] = []
    asyncio.get_running_loop().add_reader(
        sys.stdin.fileno(), lambda: expected.append(int(sys.stdin.readline()))
    )
    print("ready", flush=True)
    ids: list[str] = []
    received: list[int] = []
    matched: dict[str, bool] = {}
    last = time.monotonic()
    while True:
        found = await consumer.getmany(timeout_ms=200)
        now = time.time_ns() // 1000
        for records in found.values():
            for record in records:
                decided = _decode(record.value)
                ids.append(decided.event_id)
                received.append(now)
                if decided.event_id[16] == "P":
                    number, does = decided.event_id[17], bool(decided.signals)
                    if matched.setdefault(number, False) != does:
                        matched[number] = does
                        told = {"probe": int(number), "matched": does, "at": now / 1e6}
                        print(json.dumps(told | {"lists": decided.lists_version}), flush=True)
            last = time.monotonic()
        if expected and (len(ids) >= expected[0] or time.monotonic() - last > QUIET_SECONDS):
            break
    await consumer.stop()
    due = np.array([int(event_id[:16]) for event_id in ids], dtype=np.int64)
    np.savez(file, due=due, received=np.array(received), distinct=np.unique(np.array(ids)).size)


if __name__ == "__main__":
    uvloop.run(_follow(*sys.argv[1:]))
