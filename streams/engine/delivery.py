"""From a chunk's outputs to the broker: in one transaction, or at least once."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Sequence
from concurrent.futures import Executor
from typing import NamedTuple, Protocol

from aiokafka import TopicPartition
from aiokafka.errors import (
    MessageSizeTooLargeError,
    ProducerFenced,
    RecordListTooLargeError,
)

from streams.engine.chain import Output
from streams.engine.clients import Builder, Consumer, Producer, make_producer
from streams.engine.config import EngineConfig

log = logging.getLogger(__name__)

STOP_SECONDS = 5.0
"""How long a producer may take to give back its sockets."""


class OutputTooLarge(Exception):
    """The broker refuses this record alone for its size. `place` is its source's in the chunk."""

    def __init__(self, place: int, topic: str) -> None:
        super().__init__(f"a record for {topic} is larger than the topic allows")
        self.place = place
        self.topic = topic


class DeliveryFenced(Exception):
    """Another owner of the partition has started: nothing of this chunk was committed."""


class DeliveryBroken(Exception):
    """The producer cannot be used further; whether the chunk was committed is not known."""


class StuckProducer(Exception):
    """A producer could not be stopped in time: the process must end, lest it write later."""


class _Batch(NamedTuple):
    topic: str
    partition: int
    builder: Builder
    outputs: list[Output]


class _Refused(Exception):
    """The broker found this batch too large."""

    def __init__(self, batch: _Batch) -> None:
        super().__init__(batch.topic)
        self._batch = batch

    def raise_if_alone(self) -> None:
        if len(self._batch.outputs) == 1:
            raise OutputTooLarge(self._batch.outputs[0].place, self._batch.topic) from self


class Delivery(Protocol):
    """Delivers the chunks of one input partition."""

    async def start(self) -> None:
        """Become the owner; fences the one before."""
        ...

    async def deliver(self, outputs: Sequence[Output], next_offset: int) -> None:
        """Produce the outputs and commit `next_offset`, both or neither.

        Raises OutputTooLarge (nothing was committed; the delivery remains usable),
        DeliveryFenced or DeliveryBroken.
        """
        ...

    async def stop(self) -> None:
        """End without committing what is unfinished. Raises StuckProducer."""
        ...


def build_batches(
    producer: Producer,
    outputs: Sequence[Output],
    partition: int,
    partitions: dict[str, int],
    alone: bool = False,
) -> list[_Batch]:
    """Lay outputs into record batches by topic, each output in its source's partition.

    Topics of a pipeline have the same number of partitions; one that has fewer (the dead letters)
    takes the number modulo its own. With `alone`, every record gets a batch of its own.
    """
    now_ms = time.time_ns() // 1_000_000
    batches: list[_Batch] = []
    open_batches: dict[str, _Batch] = {}
    for output in outputs:
        topic = output.topic
        batch = open_batches.get(topic)
        if batch is not None:
            appended = batch.builder.append(
                timestamp=now_ms, key=output.key, value=output.value, headers=output.headers
            )
            if appended is not None:
                batch.outputs.append(output)
                continue
        target = partition % partitions[topic] if topic in partitions else partition
        batch = _Batch(topic, target, producer.create_batch(), [output])
        batch.builder.append(
            timestamp=now_ms, key=output.key, value=output.value, headers=output.headers
        )
        batches.append(batch)
        if not alone:
            open_batches[topic] = batch
    for batch in batches:
        batch.builder.close()
    return batches


class PartitionDelivery:
    """Both modes, over a producer of the partition's own.

    Exactly once: outputs and offset in one transaction. At least once: the offset is committed
    after every output is acknowledged by all in-sync replicas.
    """

    def __init__(
        self,
        config: EngineConfig,
        tp: TopicPartition,
        consumer: Consumer,
        partitions: dict[str, int],
        executor: Executor,
    ) -> None:
        self._config = config
        self._executor = executor
        self._tp = tp
        self._consumer = consumer
        self._partitions = partitions
        self._producer: Producer | None = None
        self._transactional = config.delivery == "exactly_once"

    async def start(self) -> None:
        """Start the producer, which fences the one before it."""
        producer = make_producer(self._config, self._tp)
        try:
            await producer.start()
        except BaseException:
            await _stop(producer)
            raise
        self._producer = producer

    async def deliver(self, outputs: Sequence[Output], next_offset: int) -> None:
        """See `Delivery.deliver`."""
        producer = self._producer
        if producer is None:
            raise DeliveryBroken("the producer has not started")
        try:
            try:
                await self._attempt(producer, await self._lay(producer, outputs), next_offset)
            except _Refused as refused:
                await self._give_up_transaction(producer)
                refused.raise_if_alone()
                # One of several is too large: send each by itself, so that the broker names it.
                batches = await self._lay(producer, outputs, alone=True)
                await self._attempt(producer, batches, next_offset)
        except _Refused as refused:
            await self._give_up_transaction(producer)
            refused.raise_if_alone()
            raise DeliveryBroken("the broker refused a batch of one record") from refused

    async def stop(self) -> None:
        """See `Delivery.stop`."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await _stop(producer)

    async def _lay(
        self, producer: Producer, outputs: Sequence[Output], alone: bool = False
    ) -> list[_Batch]:
        return await asyncio.get_running_loop().run_in_executor(
            self._executor,
            build_batches,
            producer, outputs, self._tp.partition, self._partitions, alone,
        )  # fmt: skip

    async def _attempt(self, producer: Producer, batches: list[_Batch], next_offset: int) -> None:
        offsets = {self._tp: next_offset}
        try:
            if self._transactional:
                await producer.begin_transaction()
                await self._produce(
                    producer,
                    batches,
                    producer.send_offsets_to_transaction(offsets, self._config.group),
                )
                await producer.commit_transaction()
            else:
                await self._produce(producer, batches)
                await self._consumer.commit(offsets)
        except (_Refused, asyncio.CancelledError):
            raise
        except ProducerFenced as error:
            raise DeliveryFenced(str(error)) from error
        except Exception as error:
            raise DeliveryBroken(f"{type(error).__name__}: {error}") from error

    async def _produce(
        self, producer: Producer, batches: list[_Batch], *more: Awaitable[None]
    ) -> None:
        sent = [
            await producer.send_batch(batch.builder, batch.topic, partition=batch.partition)
            for batch in batches
        ]
        # Every future is awaited, whatever fails first: the commit does not check them.
        results = await asyncio.gather(*sent, *more, return_exceptions=True)
        for batch, result in zip(batches, results, strict=False):
            if isinstance(result, MessageSizeTooLargeError | RecordListTooLargeError):
                raise _Refused(batch)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _give_up_transaction(self, producer: Producer) -> None:
        if self._transactional:
            try:
                await asyncio.wait_for(producer.abort_transaction(), STOP_SECONDS)
            except Exception as error:
                raise DeliveryBroken(f"abort failed: {type(error).__name__}") from error


async def _stop(producer: Producer) -> None:
    try:
        await asyncio.wait_for(producer.stop(), STOP_SECONDS)
    except TimeoutError as error:
        raise StuckProducer("a producer did not stop in time") from error
    except Exception as error:
        # aiokafka re-raises here what its sender had died of, which deliver() has reported.
        log.debug("producer ended with %s", type(error).__name__)
