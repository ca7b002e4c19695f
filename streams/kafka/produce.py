"""Sending events to a topic: JSON lines, keyed as the pipeline wants them, or prebuilt values."""

from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Any

import msgspec
from msgspec import Struct

from streams.contracts.dead_letter import BadRecord
from streams.contracts.decoding import MAX_EVENT_BYTES, EventDecoder
from streams.contracts.event import event_key
from streams.contracts.lone_surrogates import read_json
from streams.contracts.refusal import DecodeFailure
from streams.kafka.client import ClientConfig, Producer, RecordFuture, producer_client

MAX_ERRORS_SHOWN = 20
UNSENT_BOUND = 20_000
UNSENT_BYTES = 64 << 20
"""Lines and bytes that wait for their acknowledgements: kafka-python's producer has no bound of its
own, and a broker that stands still would have the whole file in memory."""
REPORT_EVERY = 500


class _Author(Struct):
    id: str


class _Keyed(Struct):
    """The part of an event that its key is made of, read from a line by itself."""

    content_id: str
    author: _Author
    conversation_id: str | None = None
    surface: str = ""


class LineError(Struct, frozen=True, kw_only=True):
    """`line` counts from 1; `why` holds none of the line's content."""

    line: int
    why: str


class Produced(Struct, kw_only=True):
    """`sent` were acknowledged by all in-sync replicas. `refused` lines have no key and were left
    out; `errors` holds the first of those and of the brokers' refusals (`failed`)."""

    sent: int = 0
    refused: int = 0
    failed: int = 0
    errors: list[LineError] = []
    partitions: dict[int, int] = {}


_keyed = msgspec.json.Decoder(_Keyed)


def line_key(line: bytes) -> bytes:
    """The key of an event in JSON: its conversation (not on a live surface), else its author, else
    itself.

    Raises `ValueError` that says what is wrong, without the line's content.
    """
    try:
        event = read_json(_keyed.decode, line)
    except DecodeFailure as bad:
        raise ValueError(f"not an event: {_without_content(bad)}") from bad
    return event_key(event)


def mapped_key(decoder: EventDecoder) -> Callable[[bytes], bytes]:
    """As `line_key`, for lines that `decoder` reads through its mapping, as workers do."""

    def key(line: bytes) -> bytes:
        try:
            return event_key(decoder.decode(line))
        except BadRecord as bad:
            where = f" - at `{bad.field}`" if bad.field else ""
            raise ValueError(f"not an event: {bad.message}{where}") from bad

    return key


def produce_lines(
    config: ClientConfig,
    topic: str,
    lines: Iterable[bytes],
    *,
    key_of: Callable[[bytes], bytes] = line_key,
    as_is: bool = False,
    max_bytes: int = MAX_EVENT_BYTES,
    progress: Callable[[int], object] = lambda lines: None,
) -> Produced:
    """Send each line that is not blank, with acks=all, to the partition that Kafka's default
    partitioner (murmur2) gives its key, which `key_of` finds, or raises `ValueError` of a line that
    is not what the topic takes. With `as_is`, such lines go too, unkeyed.
    Lines longer than `max_bytes` are refused.
    `progress` is told now and then how many lines were read since the last time.

    Raises `KafkaError` when the brokers or the topic cannot be reached.
    """
    done = Produced()
    waiting: list[tuple[int, RecordFuture]] = []
    with closing(producer_client(_writing(config))) as producer:
        number = unsent = 0
        for number, raw in enumerate(lines, 1):
            line = raw.strip()
            if number % REPORT_EVERY == 0:
                progress(REPORT_EVERY)
            if not line:
                continue
            key: bytes | None = None
            try:
                key = key_of(line)
            except ValueError as bad:
                if not as_is:
                    done.refused += 1
                    _note(done, number, str(bad))
                    continue
            if len(line) > max_bytes:
                # Not sent at all: after a record that the broker refuses for its size, an
                # idempotent producer's next ones are refused too.
                done.refused += 1
                _note(done, number, f"{len(line)} bytes, more than an event may have ({max_bytes})")
                continue
            waiting.append((number, producer.send(topic, line, key)))
            unsent += len(line)
            if len(waiting) >= UNSENT_BOUND or unsent >= UNSENT_BYTES:
                _settle(producer, waiting, done)
                unsent = 0
        _settle(producer, waiting, done)
        progress(number % REPORT_EVERY)
    return done


def produce_values(
    config: ClientConfig, topic: str, records: Iterable[tuple[bytes | None, bytes]]
) -> int:
    """Send prebuilt keys and values with acks=all, and return how many; for tests and benches.

    Raises `KafkaError` if any was not acknowledged.
    """
    waiting: list[RecordFuture] = []
    with closing(producer_client(_writing(config))) as producer:
        waiting = [producer.send(topic, value, key) for key, value in records]
        producer.flush()
        for future in waiting:
            future.get(timeout=0)
    return len(waiting)


def _writing(config: ClientConfig) -> dict[str, Any]:
    return {
        **config,
        "acks": "all",
        "linger_ms": 20,
        "batch_size": 512 * 1024,
        "max_request_size": 64 << 20,
    }


def _settle(producer: Producer, waiting: list[tuple[int, RecordFuture]], done: Produced) -> None:
    producer.flush()
    for number, future in waiting:
        try:
            partition = future.get(timeout=60).partition
        except Exception as bad:
            done.failed += 1
            _note(done, number, f"{type(bad).__name__}: {bad}")
        else:
            done.sent += 1
            done.partitions[partition] = done.partitions.get(partition, 0) + 1
    waiting.clear()


def _note(done: Produced, line: int, why: str) -> None:
    if len(done.errors) < MAX_ERRORS_SHOWN:
        done.errors.append(LineError(line=line, why=why))


def _without_content(bad: Exception) -> str:
    return "not UTF-8" if isinstance(bad, UnicodeDecodeError) else str(bad)
