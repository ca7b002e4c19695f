"""What a worker's partitions and chunks share: time in its threads, and memory."""

import asyncio
import threading
import time
from random import Random

import pytest
from aiokafka import AIOKafkaProducer

from streams.contracts.stage import StageResult, StateKey
from tests.integration.engine.rig import PassOn, Rig, encoded, ids, until


class Slow(PassOn):
    """A stage with two steps, as text risk has; the first is the slow one. `open` are chunks that
    have begun and not ended."""

    def __init__(self) -> None:
        self.begun = self.ended = self.most = 0
        self.go = threading.Event()

    def keys(self, batch):
        self.begun += 1
        self.most = max(self.most, self.begun - self.ended)
        self.go.wait(30)
        time.sleep(0.05)
        return [StateKey("conversation", e.event.conversation_id) for e in batch]

    def run(self, batch, state):
        self.ended += 1
        return StageResult(batch, {})


@pytest.mark.parametrize("threads", [1, 2])
def test_a_chunk_that_has_begun_ends_before_all_others_begin(broker, prefix, threads) -> None:
    async def scenario() -> None:
        rig = Rig(broker.bootstrap, prefix, partitions=8)
        await rig.create_topics()
        await rig.produce([encoded(n, conversation_id=f"v{n}") for n in range(160)])
        slow = Slow()
        async with rig.running(slow, threads=threads, chunk_records=10) as service:
            health = service.health
            queued = 8 - threads - 1
            await until(lambda: sum(p.queued for p in health.partitions.values()) == queued)
            later = time.monotonic() + health.stall_seconds + 1
            stuck = health.alive(later).why
            assert len(stuck) == threads + 1, "those that wait for their turn are not stuck"
            slow.go.set()
            records = await rig.read(rig.sink, 160)
        assert sorted(map(int, ids(records))) == list(range(160))
        assert slow.most <= threads + 1

    asyncio.run(scenario())


class Weighed(PassOn):
    """A stage that notes how long its chunks' texts are."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def run(self, batch, state):
        self.sizes.append(sum(len(e.event.text or "") for e in batch))
        return super().run(batch, state)


async def send_compressed(rig: Rig, values: list[bytes]) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=rig.bootstrap, compression_type="gzip", max_request_size=50_000_000
    )
    await producer.start()
    try:
        sent = [await producer.send(rig.source, value, partition=0) for value in values]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


def test_a_chunk_is_bounded_as_decompressed(broker, prefix) -> None:
    """Repeated text is a thousandth of itself on the wire: a fetch says nothing of its size."""
    most, random = 1_000_000, Random(5)
    lengths = [random.choice((10, 1_000, 90_000)) for _ in range(400)]

    async def scenario() -> None:
        rig = Rig(broker.bootstrap, prefix, partitions=1)
        await rig.create_topics()
        await send_compressed(rig, [encoded(n, text="a" * size) for n, size in enumerate(lengths)])
        weighed = Weighed()
        async with rig.running(weighed, chunk_bytes=most):
            records = await rig.read(rig.sink, len(lengths))
        assert list(map(int, ids(records))) == list(range(len(lengths)))
        assert sum(weighed.sizes) == sum(lengths)
        assert max(weighed.sizes) <= most

    asyncio.run(scenario())


def test_a_record_that_alone_is_larger_than_a_chunk_is_one(broker, prefix) -> None:
    async def scenario() -> None:
        rig = Rig(broker.bootstrap, prefix, partitions=1)
        await rig.create_topics()
        await send_compressed(rig, [encoded(n, text="a" * 50_000) for n in range(5)])
        weighed = Weighed()
        async with rig.running(weighed, chunk_bytes=1_000):
            records = await rig.read(rig.sink, 5)
        assert list(map(int, ids(records))) == list(range(5))
        assert weighed.sizes == [50_000] * 5

    asyncio.run(scenario())
