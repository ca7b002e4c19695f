"""Reading the dead letters, and sending their source records again."""

from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from datetime import datetime

import msgspec
from msgspec import Struct

from streams.contracts.dead_letter import REPLAYED_FROM, DeadLetter, DeadLetterClass
from streams.contracts.refusal import DecodeFailure
from streams.kafka.client import (
    ClientConfig,
    Consumer,
    Headers,
    Producer,
    ProducerFencedError,
    Record,
    TopicPartition,
    consumer_client,
    native,
    producer_client,
)

REPLAY_CHUNK = 500
LARGEST_RECORD = 64 << 20
IDLE_POLLS = 50
POLL_MS = 200

_decoder = msgspec.json.Decoder(DeadLetter)


class Filter(Struct, frozen=True, kw_only=True):
    """Which dead letters are meant; `None` is any. `ids` are `topic/partition/offset` of their
    source records."""

    error: DeadLetterClass | None = None
    stage: str | None = None
    topic: str | None = None
    since: datetime | None = None
    ids: frozenset[str] | None = None

    def admits(self, letter: DeadLetter) -> bool:
        return (
            self.error in (None, letter.error)
            and self.stage in (None, letter.stage)
            and self.topic in (None, letter.topic)
            and (self.since is None or letter.at >= self.since)
            and (self.ids is None or letter_id(letter) in self.ids)
        )


class Letters(Struct, frozen=True, kw_only=True):
    """Dead letters in the order of their sources, and the ids of those that were replayed.
    `came_back` has, by such an id, that of the newest letter that its replay became. `unreadable`
    counts records of the topic that are not dead letters."""

    letters: list[DeadLetter]
    replayed: frozenset[str]
    came_back: dict[str, str] = {}
    unreadable: int = 0

    def counts(self) -> list[tuple[str, str, int]]:
        """Stage, error class and how many, the most frequent first."""
        counted = Counter((letter.stage, letter.error) for letter in self.letters)
        return [(stage, error, n) for (stage, error), n in counted.most_common()]


class Replay(Struct, frozen=True, kw_only=True):
    """What came of a replay, as ids. `gone` are no longer retained at their source."""

    sent: list[str]
    gone: list[str]
    already: list[str]


class ReplayTakenOver(Exception):
    """Another replay has begun, and shut this one out; `sent` records had been sent by then."""

    def __init__(self, sent: int) -> None:
        super().__init__(
            f"another replay has begun, and this one is shut out after {sent} records: the other "
            "goes on with what it wants of the rest"
        )


class ReadTimeout(Exception):
    """The brokers answered, but a topic could not be read to its end in time."""


def letter_id(letter: DeadLetter) -> str:
    """`topic/partition/offset` of the source record."""
    return f"{letter.topic}/{letter.partition}/{letter.offset}"


def read_letters(config: ClientConfig, topic: str, wanted: Filter | None = None) -> Letters:
    """Every dead letter that is on the topic now and that `wanted` admits; one for each source.

    Raises:
        KafkaError: the brokers cannot be reached, or refuse.
        ReadTimeout: no record comes although there should be more.
    """
    wanted = wanted or Filter()
    letters: dict[tuple[str, int, int], DeadLetter] = {}
    replayed: set[str] = set()
    again: dict[str, DeadLetter] = {}
    unreadable = 0
    with closing(consumer_client(_reading(config))) as consumer:
        for record in _all_records(consumer, topic):
            mark = dict(record.headers).get(REPLAYED_FROM)
            if mark is not None and record.value is None:
                replayed.add(mark.decode())
                continue
            try:
                letter = _decoder.decode(record.value or b"")
            except DecodeFailure:
                unreadable += 1
                continue
            source = letter.replayed_from
            if source is not None and (source not in again or again[source].at <= letter.at):
                again[source] = letter
            if wanted.admits(letter):
                letters[letter.topic, letter.partition, letter.offset] = letter
    ordered = [letters[source] for source in sorted(letters)]
    return Letters(
        letters=ordered,
        replayed=frozenset(replayed),
        came_back={source: letter_id(letter) for source, letter in again.items()},
        unreadable=unreadable,
    )


def replay(
    config: ClientConfig,
    dead_letter_topic: str,
    transactional_id: str,
    wanted: Filter | None = None,
    *,
    again: bool = False,
) -> Replay:
    """Read the source records of dead letters and send them to their topic again, with their key,
    headers and partition, in the order of topic, partition and offset.

    Each chunk of records is sent in one transaction with marks on the dead-letter topic, so that a
    second replay (unless `again`) sends none twice, even if the first one was killed, or is still
    at work: it is shut out before the marks are read.

    Raises `ReplayTakenOver` when another replay has begun since; else errors as for `read_letters`.
    """
    settings = {"transactional_id": transactional_id, "acks": "all"}
    settings |= {"max_request_size": LARGEST_RECORD}
    sent: list[str] = []
    gone: list[str] = []
    with closing(producer_client({**config, **settings})) as producer:
        producer.init_transactions()
        found = read_letters(config, dead_letter_topic, wanted)
        already = [
            letter_id(x) for x in found.letters if letter_id(x) in found.replayed and not again
        ]
        done = set(already)
        todo = [letter for letter in found.letters if letter_id(letter) not in done]
        if todo:
            with closing(consumer_client(_reading(config))) as consumer:
                sources = _source_records(consumer, todo, gone)
                for chunk in _chunks(sources, REPLAY_CHUNK):
                    try:
                        _send(producer, dead_letter_topic, chunk)
                    except ProducerFencedError as error:
                        raise ReplayTakenOver(len(sent)) from error
                    sent += [_id(record) for record in chunk]
    return Replay(sent=sent, gone=gone, already=already)


def _send(producer: Producer, dead_letter_topic: str, chunk: Sequence[Record]) -> None:
    """In one transaction, with marks."""
    producer.begin_transaction()
    try:
        futures = [
            future
            for record in chunk
            for future in (
                producer.send(
                    record.topic, record.value, record.key, _marked(record), record.partition
                ),
                producer.send(
                    dead_letter_topic,
                    None,
                    _id(record).encode(),
                    [(REPLAYED_FROM, _id(record).encode())],
                ),
            )
        ]
        producer.flush()
        for future in futures:
            future.get(timeout=0)
    except ProducerFencedError:
        raise  # there is nothing left to abort
    except BaseException:
        producer.abort_transaction()
        raise
    producer.commit_transaction()


def _source_records(
    consumer: Consumer, letters: Sequence[DeadLetter], gone: list[str]
) -> Generator[Record]:
    """The letters' records in the letters' order; ids that cannot be had are put in `gone`."""
    begins: dict[TopicPartition, int] = {}
    for letter in letters:
        tp = TopicPartition(letter.topic, letter.partition)
        if tp not in begins:
            partitions = consumer.partitions_for_topic(tp.topic) or set()
            if tp.partition not in partitions:
                begins[tp] = -1
            else:
                consumer.assign([native(tp)])
                begins[tp] = consumer.beginning_offsets([native(tp)])[tp]
        record = None
        if 0 <= begins[tp] <= letter.offset:
            record = _record_at(consumer, tp, letter.offset)
        if record is None:
            gone.append(letter_id(letter))
        else:
            yield record


def _record_at(consumer: Consumer, tp: TopicPartition, offset: int) -> Record | None:
    """The record, `None` if the log holds none there (compacted, or cut off just now)."""
    if consumer.position(native(tp)) != offset:
        consumer.seek(native(tp), offset)
    for _ in range(IDLE_POLLS):
        records = consumer.poll(timeout_ms=POLL_MS, max_records=1).get(tp, [])
        if records:
            return records[0] if records[0].offset == offset else None
        if consumer.position(native(tp)) > offset:
            return None
    raise ReadTimeout(f"{tp.topic}/{tp.partition}/{offset} was not read in time")


def _all_records(consumer: Consumer, topic: str) -> Generator[Record]:
    """Every committed record that is on the topic now; those of a partition in order."""
    partitions = [TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic) or ()]
    if not partitions:
        return
    consumer.assign([native(tp) for tp in partitions])
    ends = consumer.end_offsets([native(tp) for tp in partitions])
    consumer.seek_to_beginning(*(native(tp) for tp in partitions))
    idle = 0
    while any(consumer.position(native(tp)) < ends[tp] for tp in partitions):
        polled = consumer.poll(timeout_ms=POLL_MS)
        idle = 0 if polled else idle + 1
        if idle > IDLE_POLLS:
            raise ReadTimeout(f"{topic} was not read to its end in time")
        for tp, records in polled.items():
            yield from (record for record in records if record.offset < ends[tp])


def _reading(config: ClientConfig) -> dict[str, object]:
    return {**config, "max_partition_fetch_bytes": 4 << 20, "max_poll_records": 2000}


def _id(record: Record) -> str:
    return f"{record.topic}/{record.partition}/{record.offset}"


def _marked(record: Record) -> Headers:
    kept = [header for header in record.headers if header[0] != REPLAYED_FROM]
    return [*kept, (REPLAYED_FROM, _id(record).encode())]


def _chunks(records: Iterable[Record], size: int) -> Generator[list[Record]]:
    chunk: list[Record] = []
    for record in records:
        chunk.append(record)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
