"""Produces the input and keeps count of what the broker has acknowledged."""

import asyncio
import itertools
import time
from collections.abc import Iterator

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from tests.faults.events import Made
from tests.faults.timeline import Timeline

BATCH = 100


class Load:
    """Sends records with acks=all, in batches of one partition, in order within it.

    A batch that was not acknowledged is sent again: its records may then stand twice in the input,
    which the verification counts from the input itself. `acknowledged` counts records that must
    be there.
    """

    def __init__(self, bootstrap: str, topic: str, partitions: int) -> None:
        self._bootstrap = bootstrap
        self.topic = topic
        self._partitions = partitions
        self.acknowledged = 0
        self.acknowledgements = [Timeline() for _ in range(partitions)]
        self.resent = 0
        self.done = False

    async def send(self, records: Iterator[Made], rate: float | None = None) -> None:
        """Send them all; `rate` is in records a second, without it as fast as it goes."""
        queues: list[asyncio.Queue[list[Made] | None]] = [
            asyncio.Queue(20) for _ in range(self._partitions)
        ]
        async with asyncio.TaskGroup() as group:
            for partition, queue in enumerate(queues):
                group.create_task(self._send_partition(partition, queue))
            await self._deal(records, rate, queues)
            for queue in queues:
                await queue.put(None)
        self.done = True

    async def _deal(
        self,
        records: Iterator[Made],
        rate: float | None,
        queues: list[asyncio.Queue[list[Made] | None]],
    ) -> None:
        started, dealt = time.monotonic(), 0
        # A paced load sends what a tenth of a second brings; a burst, whole batches.
        size = max(1, int(rate / 10)) if rate else BATCH * self._partitions
        while step := list(itertools.islice(records, size)):
            for partition, queue in enumerate(queues):
                mine = [made for made in step if made.partition == partition]
                for first in range(0, len(mine), BATCH):
                    await queue.put(mine[first : first + BATCH])
            dealt += len(step)
            ahead = dealt / rate - (time.monotonic() - started) if rate else 0.0
            await asyncio.sleep(max(ahead, 0))

    async def _send_partition(
        self, partition: int, queue: asyncio.Queue[list[Made] | None]
    ) -> None:
        producer = await self._producer()
        try:
            while batch := await queue.get():
                while not await self._sent(producer, partition, batch):
                    self.resent += len(batch)
                    await self._stop(producer)
                    producer = await self._producer()
                self.acknowledged += len(batch)
                self.acknowledgements[partition].add(len(batch))
        finally:
            await self._stop(producer)

    async def _sent(self, producer: AIOKafkaProducer, partition: int, batch: list[Made]) -> bool:
        try:
            futures = []
            builder = None
            for made in batch:
                if builder is None or not builder.append(
                    timestamp=None, key=made.key, value=made.value, headers=made.headers
                ):
                    if builder is not None:
                        futures.append(await self._post(producer, builder, partition))
                    builder = producer.create_batch()
                    builder.append(
                        timestamp=None, key=made.key, value=made.value, headers=made.headers
                    )
            if builder is not None:
                futures.append(await self._post(producer, builder, partition))
            await asyncio.gather(*futures)
        except KafkaError:
            return False
        return True

    async def _post(self, producer, builder, partition: int) -> asyncio.Future[object]:
        builder.close()
        return await producer.send_batch(builder, self.topic, partition=partition)

    async def _producer(self) -> AIOKafkaProducer:
        while True:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._bootstrap,
                acks="all",
                enable_idempotence=True,
                max_batch_size=1_000_000,
                max_request_size=50_000_000,
                request_timeout_ms=15_000,
            )
            try:
                await producer.start()
            except KafkaError:
                await self._stop(producer)
                await asyncio.sleep(0.3)
            else:
                return producer

    async def _stop(self, producer: AIOKafkaProducer) -> None:
        try:
            await asyncio.wait_for(producer.stop(), 10)
        except (KafkaError, TimeoutError):
            return
