"""From a chunk's outputs to the broker: in one transaction, or at least once."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    InvalidTransactionTimeout,
    MessageSizeTooLargeError,
    ProducerFenced,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from streams.engine.chain import Output
from streams.engine.clients import Builder, Consumer, Producer, cut_off, make_producer
from streams.engine.config import EngineConfig
from streams.exits import NotUsable

log = logging.getLogger(__name__)

STOP_SECONDS = 5.0
"""How long a producer may take to give back its sockets, and then to be cut off."""

_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)
_NOT_ALLOWED = (
    TopicAuthorizationFailedError,
    GroupAuthorizationFailedError,
    ClusterAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)


class BatchRefused(Exception):
    """The broker found a batch too large. Nothing was committed, and the delivery has to be
    started again: the refused batch has used up sequence numbers. `places` are those of the
    sources of the batch's records: when it is one, that record alone is too large."""

    def __init__(self, places: Sequence[int], topic: str) -> None:
        super().__init__(f"a batch for {topic} is larger than the topic allows")
        self.places = places
        self.topic = topic


class DeliveryFenced(Exception):
    """Another owner of the partition has started: nothing of this chunk was committed."""


class DeliveryBroken(Exception):
    """The producer cannot be used further; whether the chunk was committed is not known."""


class NotAllowed(Exception):
    """The broker denies what this worker must do: waiting would not help."""


class StuckProducer(Exception):
    """A producer could not be stopped in time: the process must end, lest it write later."""


class Batch(NamedTuple):
    """Records for one topic and partition, laid out as they are sent."""

    topic: str
    partition: int
    builder: Builder
    places: list[int]


def _build_batches(
    producer: Producer,
    outputs: Sequence[Output],
    partition: int,
    partitions: dict[str, int],
    alone: bool,
) -> list[Batch]:
    """Lay outputs into record batches by topic, each output in its source's partition.

    Topics of a pipeline have the same number of partitions; one that has another (the dead
    letters) takes the number modulo its own. With `alone`, every record gets a batch of its own.
    """
    now_ms = time.time_ns() // 1_000_000
    batches: list[Batch] = []
    open_batches: dict[str, Batch] = {}
    for topic, key, value, headers, place in outputs:
        batch = open_batches.get(topic)
        if batch is not None:
            appended = batch.builder.append(timestamp=now_ms, key=key, value=value, headers=headers)
            if appended is not None:
                batch.places.append(place)
                continue
        target = partition % partitions[topic] if topic in partitions else partition
        batch = Batch(topic, target, producer.create_batch(), [place])
        batch.builder.append(timestamp=now_ms, key=key, value=value, headers=headers)
        batches.append(batch)
        if not alone:
            open_batches[topic] = batch
    for batch in batches:
        batch.builder.close()
    return batches


class PartitionDelivery:
    """Delivers the chunks of one input partition, over a producer of the partition's own.

    Exactly once: outputs and offset in one transaction. At least once: the offset is committed
    after every output is acknowledged by all in-sync replicas.
    """

    def __init__(
        self,
        config: EngineConfig,
        tp: TopicPartition,
        consumer: Consumer,
        partitions: dict[str, int],
    ) -> None:
        self._config = config
        self._tp = tp
        self._consumer = consumer
        self._partitions = partitions
        self._producer: Producer | None = None
        self._transactional = config.delivery == "exactly_once"

    async def start(self) -> None:
        """Start the producer, which fences the one before it. Raises NotAllowed, and NotUsable
        where the broker allows no transaction of this length."""
        producer = make_producer(self._config, self._tp)
        try:
            await producer.start()
        except _NOT_ALLOWED as error:
            await _stop(producer)
            raise NotAllowed(_denied(error)) from error
        except InvalidTransactionTimeout as error:
            await _stop(producer)
            raise NotUsable(
                "the brokers' transaction.max.timeout.ms is too low for exactly_once: set it to "
                f"at least {self._config.transaction_timeout_ms}"
            ) from error
        except BaseException:
            await _stop(producer)
            raise
        self._producer = producer

    async def confirm(self, offset: int) -> None:
        """Commit an offset that is committed already: proof that nobody has started since this
        delivery did. Raises DeliveryFenced or DeliveryBroken."""
        if self._transactional:
            await self._attempt(self._started(), [], offset)

    async def move(self, offset: int) -> None:
        """Commit an offset to read on from, with nothing delivered. Raises as `confirm`."""
        await self._attempt(self._started(), [], offset)

    def lay_out(self, outputs: Sequence[Output], alone: bool = False) -> list[Batch]:
        """The outputs as they are sent, for one `deliver`. May be called in another thread.

        `alone` gives each record a batch of its own, so that the broker says which one it refuses.
        Raises DeliveryBroken.
        """
        return _build_batches(self._started(), outputs, self._tp.partition, self._partitions, alone)

    async def deliver(self, batches: Sequence[Batch], next_offset: int) -> None:
        """Produce the batches and commit `next_offset`, both or (exactly-once) neither.

        Raises BatchRefused, DeliveryFenced, DeliveryBroken or NotAllowed; after each of them the
        delivery has to be started again, and what was to be sent laid out anew.
        """
        await self._attempt(self._started(), batches, next_offset)

    async def stop(self) -> None:
        """End without committing what is unfinished. Raises StuckProducer."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await _stop(producer)

    def _started(self) -> Producer:
        if self._producer is None:
            raise DeliveryBroken("the producer has not started")
        return self._producer

    async def _attempt(
        self, producer: Producer, batches: Sequence[Batch], next_offset: int
    ) -> None:
        offsets = {self._tp: next_offset}
        try:
            if self._transactional:
                await producer.begin_transaction()
                await _produce(
                    producer,
                    batches,
                    lambda: producer.send_offsets_to_transaction(offsets, self._config.group),
                )
                await producer.commit_transaction()
            else:
                await _produce(producer, batches)
                await self._consumer.commit(offsets)
        except (BatchRefused, asyncio.CancelledError):
            raise
        except ProducerFenced as error:
            raise DeliveryFenced(str(error)) from error
        except _NOT_ALLOWED as error:
            raise NotAllowed(_denied(error)) from error
        except Exception as error:
            raise DeliveryBroken(f"{type(error).__name__}: {error}") from error


async def _produce(
    producer: Producer,
    batches: Sequence[Batch],
    meanwhile: Callable[[], Awaitable[None]] | None = None,
) -> None:
    sent = [
        await producer.send_batch(batch.builder, batch.topic, partition=batch.partition)
        for batch in batches
    ]
    # Every future is awaited, whatever fails first: the commit does not check them.
    others = [meanwhile()] if meanwhile is not None else []
    results = await asyncio.gather(*sent, *others, return_exceptions=True)
    for batch, result in zip(batches, results, strict=False):
        if isinstance(result, _TOO_LARGE):
            raise BatchRefused(batch.places, batch.topic) from result
    for result in results:
        if isinstance(result, BaseException):
            raise result


def _denied(error: Exception) -> str:
    return (
        f"the broker denies this worker what it must do ({type(error).__name__}: {error}): "
        "grant its user the pipeline's ACLs"
    )


async def _stop(producer: Producer) -> None:
    try:
        await asyncio.wait_for(producer.stop(), STOP_SECONDS)
    except TimeoutError:
        # A broker stands still: the others go on, and so must this worker.
        try:
            await asyncio.wait_for(cut_off(producer), STOP_SECONDS)
        except Exception as error:
            raise StuckProducer("a producer did not stop in time") from error
        log.warning("a producer that did not stop within %.0f s was cut off", STOP_SECONDS)
    except Exception as error:
        # aiokafka raises here again what its sender had died of, which deliver() has reported.
        log.debug("producer ended with %s", type(error).__name__)
