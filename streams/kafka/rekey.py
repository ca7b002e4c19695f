"""Writes a topic's records to another topic under Seawall's key, each of them once.

One process reads every partition. What it read goes, a batch at a time, in one Kafka transaction
with the group's offsets: whatever ends it, it goes on where it was, and who reads `read_committed`
sees each record once. The producer starts before the offsets are asked for, which ends what a
killed one left open and shuts out a second process of the same two topics.

aiokafka, and not kafka-python as in the other tools: the latter's producer refuses records that
Kafka allows, with neither key nor value, or with a header that has no value.
"""

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Protocol, cast

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    ProducerFenced,
    RecordListTooLargeError,
)
from aiokafka.partitioner import murmur2  # pyright: ignore[reportUnknownVariableType]
from msgspec import Struct

from streams.contracts.dead_letter import BadRecord
from streams.contracts.decoding import EventDecoder
from streams.contracts.event import event_key
from streams.engine.chain import SourceRecord
from streams.engine.clients import Builder, Consumer, Producer
from streams.kafka.client import Admin, ClientConfig
from streams.kafka.topics import pipeline_topics
from streams.settings import Settings

log = logging.getLogger(__name__)

BATCH_RECORDS = 2000
BATCH_BYTES = 256 << 10
LARGEST_RECORD = 64 << 20
FETCH_MIN_BYTES, FETCH_MAX_WAIT_MS = 64 << 10, 100
"""So that at low load a hundred records a second are ten transactions, not a hundred."""
POLL_MS = 500
METADATA_MS = 10_000
"""When following, partitions that the source gains are found after so long."""
TRANSACTION_MS = 15_000
STALLED_SECONDS = 60.0
STOP_SECONDS = 5.0

_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)
_murmur2 = cast(Callable[[bytes], int], murmur2)


class RekeyRefused(Exception):
    """It cannot go on; the message says what to do."""


class RekeyInterrupted(Exception):
    """Kafka is away, or refuses for now: started again, it goes on where it was."""


class RekeyPlan(Struct, frozen=True, kw_only=True):
    """Two topics that exist, and the group whose offsets say how far the source was rekeyed."""

    source: str
    destination: str
    group: str
    source_partitions: int
    destination_partitions: int


class Span(Struct, kw_only=True):
    """A source partition's offsets: where this run began, the next to be read, and where the
    partition ended at the start."""

    first: int
    next: int
    end: int
    records: int = 0


class Tally(Struct, kw_only=True):
    """What was committed. `changed` had another key before; `undecodable`, by error class, went on
    under their old one; `expired` offsets were removed by retention before they were read. `spans`
    is by source partition."""

    records: int = 0
    changed: int = 0
    undecodable: dict[str, int] = {}
    expired: int = 0
    spans: dict[int, Span] = {}


def plan_rekey(admin: Admin, settings: Settings, source: str, destination: str) -> RekeyPlan:
    """Look at the topics.

    Raises `RekeyRefused` when they are one or do not exist, or when the destination is a topic of
    the pipeline whose number of partitions is going to change, and kafka-python's `KafkaError`.
    """
    if source == destination:
        raise RekeyRefused(f"{source} cannot be rekeyed to itself: name another topic to write to")
    known = set(admin.list_topics())
    for topic in (source, destination):
        if topic not in known:
            raise RekeyRefused(
                f"there is no topic {topic}, or these credentials may not see it: for the "
                "pipeline's topics run seawall topics apply"
            )
    described = admin.describe_topics([source, destination])
    counts = {topic["name"]: len(topic["partitions"]) for topic in described}
    wanted = {spec.name: spec.partitions for spec in pipeline_topics(settings)}.get(destination)
    if wanted is not None and wanted != counts[destination]:
        raise RekeyRefused(
            f"{destination} has {counts[destination]} partitions, and pipeline.partitions is "
            f"{wanted}: make them the same first (seawall topics apply), since keys move when "
            "partitions are added"
        )
    return RekeyPlan(
        source=source,
        destination=destination,
        # No topic's name holds a colon.
        group=f"{settings.pipeline.name}.rekey.{source}:{destination}",
        source_partitions=counts[source],
        destination_partitions=counts[destination],
    )


async def rekey(
    config: ClientConfig,
    plan: RekeyPlan,
    decoder: EventDecoder,
    tally: Tally,
    ending: threading.Event,
    *,
    follow: bool,
    progress: Callable[[], object] = lambda: None,
) -> bool:
    """Write records until everything is written that the source held at the start (with `follow`
    for ever), which is true, or until `ending` is set, which is false. `tally` counts, and is added
    to when called again.

    Value, headers and time go on as they are, and so does the key of a record that `decoder`
    refuses. Records of one source partition and one key keep their order. `config` is for
    aiokafka's clients; `progress` is called after each batch.

    Raises `RekeyRefused` and `RekeyInterrupted`.
    """
    producer, consumer = _producer(config, plan), _consumer(config, plan)
    try:
        await producer.start()
        await consumer.start()
        await _begin(consumer, plan, tally)
        progress()
        read_at = time.monotonic()
        while not ending.is_set():
            if not follow and await _caught_up(consumer, plan, tally):
                return True
            found = await consumer.getmany(timeout_ms=POLL_MS, max_records=BATCH_RECORDS)
            if any(found.values()):
                write = _write(producer, plan, decoder, found, tally)
                await asyncio.wait_for(write, STALLED_SECONDS)
                progress()
                read_at = time.monotonic()
            elif follow and len(consumer.partitions_for_topic(plan.source) or ()) > len(
                tally.spans
            ):
                raise RekeyInterrupted(f"{plan.source} has more partitions now: looking again")
            elif not follow and time.monotonic() - read_at > STALLED_SECONDS:
                raise RekeyInterrupted(
                    f"nothing came from {plan.source} for {STALLED_SECONDS:.0f} s, though it is "
                    "not at its end: the broker is away, or a producer's transaction hangs"
                )
        return False
    except ProducerFenced as error:
        raise RekeyRefused(
            f"another seawall rekey from {plan.source} to {plan.destination} has started, and goes "
            "on in this one's place"
        ) from error
    except _TOO_LARGE as error:
        raise RekeyRefused(
            f"{plan.destination} takes no record as large as one of {plan.source}: raise its "
            "max.message.bytes to the source's; nothing of this batch was written"
        ) from error
    except UnicodeDecodeError as error:
        raise RekeyRefused(
            f"a record of {plan.source} has a header whose name is not UTF-8, which the Kafka "
            "client cannot read"
        ) from error
    except (KafkaError, OSError, TimeoutError) as error:
        raise RekeyInterrupted(f"{type(error).__name__}: {error}") from error
    finally:
        for client in (consumer, producer):
            await _stop(client)


class _Source(Consumer, Protocol):
    """A consumer with the offsets of a group that has no members."""

    def assign(self, partitions: Sequence[TopicPartition]) -> None: ...
    def partitions_for_topic(self, topic: str) -> set[int] | None: ...
    async def end_offsets(
        self, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, int]: ...


def _producer(config: ClientConfig, plan: RekeyPlan) -> Producer:
    producer = AIOKafkaProducer(
        **config,
        transactional_id=plan.group,
        transaction_timeout_ms=TRANSACTION_MS,
        acks="all",
        linger_ms=0,
        retry_backoff_ms=20,
        max_batch_size=BATCH_BYTES,
        max_request_size=LARGEST_RECORD,
    )
    return cast(Producer, producer)


def _consumer(config: ClientConfig, plan: RekeyPlan) -> _Source:
    consumer = AIOKafkaConsumer(
        **config,
        group_id=plan.group,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="none",  # what retention took is told, not skipped
        fetch_min_bytes=FETCH_MIN_BYTES,
        fetch_max_wait_ms=FETCH_MAX_WAIT_MS,
        metadata_max_age_ms=METADATA_MS,
    )
    return cast(_Source, consumer)


async def _begin(consumer: _Source, plan: RekeyPlan, tally: Tally) -> None:
    """Go to where the group is, in each partition."""
    partitions = _partitions(plan.source, plan.source_partitions)
    begins = await consumer.beginning_offsets(partitions)
    ends = await consumer.end_offsets(partitions)
    committed = {tp: await consumer.committed(tp) for tp in partitions}
    anew = f"was made anew: to rekey it from its beginning, delete the group {plan.group}"
    if any(offset is not None for offset in committed.values()):
        written = _partitions(plan.destination, plan.destination_partitions)
        if not any((await consumer.end_offsets(written)).values()):
            raise RekeyRefused(
                f"{plan.destination} is empty, but {plan.source} was rekeyed to it before: it "
                + anew
            )
    consumer.assign(partitions)
    for tp in partitions:
        span = tally.spans.get(tp.partition)
        wanted = committed[tp]
        if wanted is not None and wanted > ends[tp]:
            raise RekeyRefused(
                f"{tp.topic}/{tp.partition} ends at {ends[tp]}, and was rekeyed up to {wanted}: it "
                + anew
            )
        at = max(begins[tp], wanted or 0)
        if wanted is not None or span is not None:
            tally.expired += max(0, begins[tp] - max(wanted or 0, span.next if span else 0))
        if span is None:
            tally.spans[tp.partition] = Span(first=at, next=at, end=ends[tp])
        else:
            span.next = at
        consumer.seek(tp, at)


async def _caught_up(consumer: _Source, plan: RekeyPlan, tally: Tally) -> bool:
    """Whether only transactions' markers are left, past which the position moves by itself."""
    for tp in _partitions(plan.source, plan.source_partitions):
        if await consumer.position(tp) < tally.spans[tp.partition].end:
            return False
    return True


async def _write(
    producer: Producer,
    plan: RekeyPlan,
    decoder: EventDecoder,
    found: Mapping[TopicPartition, Sequence[SourceRecord]],
    tally: Tally,
) -> None:
    batches: list[tuple[int, Builder]] = []
    filling: dict[int, Builder] = {}
    undecodable: Counter[str] = Counter()
    changed = 0
    for tp, records in found.items():
        for record in records:
            key = record.key
            try:
                key = event_key(decoder.decode(record.value, record.headers))
            except BadRecord as bad:
                undecodable[bad.error] += 1
            changed += key != record.key
            # Without a key, those of one source partition stay together.
            home = tp.partition if key is None else _hash(key)
            home %= plan.destination_partitions
            if home in filling and _append(filling[home], key, record):
                continue
            filling[home] = producer.create_batch()
            batches.append((home, filling[home]))
            _append(filling[home], key, record)
    offsets = {tp: records[-1].offset + 1 for tp, records in found.items() if records}
    await producer.begin_transaction()
    sent = [
        await producer.send_batch(builder, plan.destination, partition=home)
        for home, builder in batches
    ]
    moved = producer.send_offsets_to_transaction(offsets, plan.group)
    # Every future is awaited, whatever fails first: the commit does not check them.
    for result in await asyncio.gather(*sent, moved, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
    await producer.commit_transaction()
    for tp, records in found.items():
        span = tally.spans[tp.partition]
        span.next = offsets.get(tp, span.next)
        span.records += len(records)
        tally.records += len(records)
    tally.changed += changed
    for error, count in undecodable.items():
        tally.undecodable[error] = tally.undecodable.get(error, 0) + count


def _append(builder: Builder, key: bytes | None, record: SourceRecord) -> bool:
    """Whether it fits: the first record of a batch always does."""
    appended = builder.append(
        timestamp=record.timestamp, key=key, value=record.value, headers=list(record.headers)
    )
    return appended is not None


@lru_cache(maxsize=1 << 16)
def _hash(key: bytes) -> int:
    """As Kafka's default partitioner has it, and so whoever else writes to the destination."""
    return _murmur2(key) & 0x7FFFFFFF


def _partitions(topic: str, count: int) -> list[TopicPartition]:
    return [TopicPartition(topic, number) for number in range(count)]


async def _stop(client: Producer | _Source) -> None:
    """In a task of its own, since aiokafka's consumer ends as if cancelled while it waits for a
    broker that is away. What is left open the next producer to start shuts out."""
    stopping = asyncio.ensure_future(client.stop())
    done, late = await asyncio.wait([stopping], timeout=STOP_SECONDS)
    for task in late:
        task.cancel()
    if late or any(task.cancelled() or task.exception() for task in done):
        log.debug("a client did not end by itself")
