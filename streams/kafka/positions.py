"""Reading topics from positions that the reader keeps, together with what it made of them."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from streams.kafka.client import (
    ClientConfig,
    Consumer,
    Record,
    TopicPartition,
    consumer_client,
    native,
)

POLL_MS = 500
MAX_RECORDS = 500
METADATA_MS = 10_000
"""Partitions that a topic gains are found after so long."""


class UnknownTopic(Exception):
    """A topic that does not exist; the message says what to do."""

    def __init__(self, topic: str) -> None:
        super().__init__(f"there is no topic {topic}: run seawall topics apply")


class Batch(NamedTuple):
    """Committed records in the order of their partitions, and for every partition the position
    after them: past transactions' markers, too."""

    records: list[Record]
    positions: dict[TopicPartition, int]


class PositionReader:
    """Reads whole topics with `read_committed`, of no group: whoever reads saves `positions` in
    one transaction with what it made of `records`, and then has each record's effect once.

    `position(topic, partition)` says where to begin; `None` is the earliest that is retained. A
    position that a topic no longer has is where it begins now: `expired` counts by partition the
    offsets that retention removed unread, `anew` names partitions that end before their position,
    since their topic was made anew or cut. A partition without a position beside others that have
    one was added since, and ought to be read from its first offset.
    """

    def __init__(
        self,
        consumer: Consumer,
        topics: Sequence[str],
        position: Callable[[str, int], int | None],
    ) -> None:
        self._consumer = consumer
        self._partitions: list[TopicPartition] = []
        for topic in topics:
            numbers = sorted(consumer.partitions_for_topic(topic) or ())
            if not numbers:
                raise UnknownTopic(topic)
            self._partitions += [TopicPartition(topic, number) for number in numbers]
        consumer.assign([native(tp) for tp in self._partitions])
        begins = consumer.beginning_offsets([native(tp) for tp in self._partitions])
        ends = consumer.end_offsets([native(tp) for tp in self._partitions])
        self.expired: dict[TopicPartition, int] = {}
        self.anew: list[TopicPartition] = []
        positions = {tp: position(tp.topic, tp.partition) for tp in self._partitions}
        read_before = {tp.topic for tp, wanted in positions.items() if wanted is not None}
        for tp, wanted in positions.items():
            if wanted is None:
                wanted = 0 if tp.topic in read_before else begins[tp]
            if wanted > ends[tp]:
                self.anew.append(tp)
                wanted = begins[tp]
            elif wanted < begins[tp]:
                self.expired[tp] = begins[tp] - wanted
                wanted = begins[tp]
            consumer.seek(native(tp), wanted)

    @property
    def partitions(self) -> list[TopicPartition]:
        """What is read."""
        return self._partitions

    def read(self) -> Batch:
        """What there is, waiting for it for at most half a second."""
        polled = self._consumer.poll(timeout_ms=POLL_MS, max_records=MAX_RECORDS)
        records = [record for tp in self._partitions for record in polled.get(tp, [])]
        return Batch(records, {tp: self._at(tp) for tp in self._partitions})

    def grown(self) -> bool:
        """Whether a topic has partitions that are not read: whoever opens again reads them, too.
        The consumer itself looks every `METADATA_MS`."""
        read = set(self._partitions)
        return any(
            TopicPartition(topic, number) not in read
            for topic in {tp.topic for tp in read}
            for number in self._consumer.partitions_for_topic(topic) or ()
        )

    def begins(self) -> dict[TopicPartition, int]:
        """Where what is retained begins now."""
        return self._consumer.beginning_offsets([native(tp) for tp in self._partitions])

    def ends(self) -> dict[TopicPartition, int]:
        """Where committed records end now."""
        return self._consumer.end_offsets([native(tp) for tp in self._partitions])

    def _at(self, tp: TopicPartition) -> int:
        return self._consumer.position(native(tp))


@contextmanager
def reading(
    config: ClientConfig, topics: Sequence[str], position: Callable[[str, int], int | None]
) -> Generator[PositionReader]:
    """A reader with a consumer of its own.

    Raises `UnknownTopic`, and `KafkaError` when the brokers cannot be reached, or refuse.
    """
    settings = {"max_partition_fetch_bytes": 4 << 20, "metadata_max_age_ms": METADATA_MS}
    consumer = consumer_client({**config, **settings})
    try:
        yield PositionReader(consumer, topics, position)
    finally:
        consumer.close()
