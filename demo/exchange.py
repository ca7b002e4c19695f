"""Sends the demo's records to Kafka, and reads what comes out."""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from demo.expectations import Outcome, Place, Sent
from streams.contracts.case_record import CaseOpening
from streams.contracts.dead_letter import DeadLetter
from streams.contracts.decision import Decision
from streams.contracts.outcome import ReviewOutcome
from streams.kafka import topics
from streams.kafka.client import (
    Consumer,
    Producer,
    RecordFuture,
    TopicPartition,
    consumer_client,
    native,
    producer_client,
)
from streams.kafka.lag import group_lag
from streams.settings import Settings

LARGEST = 8 << 20
QUIET_SECONDS = 60.0
"""Without any output for this long, the pipeline is taken to be stuck."""

_decision = msgspec.json.Decoder(Decision)
_case = msgspec.json.Decoder(CaseOpening)
_dead_letter = msgspec.json.Decoder(DeadLetter)

Progress = Callable[[int], object]
"""Told how many more are done."""


def send(
    settings: Settings, records: Sequence[Sent], progress: Progress, per_second: float | None = None
) -> list[tuple[Sent, Place]]:
    """Send the records in order, all at once or at a steady pace, and return where the broker put
    each. Raises `KafkaError` if one was not acknowledged."""
    topic = topics.topic_name(settings.pipeline, topics.first_topic(settings.pipeline))
    config = settings.kafka.kafka_python_config() | {
        "acks": "all",
        "linger_ms": 5,
        "max_request_size": LARGEST,
    }
    with closing(producer_client(config)) as producer:
        return _send(producer, topic, records, progress, per_second)


def _send(
    producer: Producer,
    topic: str,
    records: Sequence[Sent],
    progress: Progress,
    per_second: float | None,
) -> list[tuple[Sent, Place]]:
    started = time.monotonic()
    waiting: list[RecordFuture] = []
    for number, record in enumerate(records):
        if per_second is not None:
            time.sleep(max(0.0, started + number / per_second - time.monotonic()))
        headers = list(record.headers) or None
        waiting.append(producer.send(topic, record.value, record.key, headers))
        progress(1)
    producer.flush()
    metadata = [future.get(timeout=0) for future in waiting]
    return [
        (record, Place(put.partition, put.offset))
        for record, put in zip(records, metadata, strict=True)
    ]


def send_outcomes(settings: Settings, outcomes: Sequence[ReviewOutcome]) -> None:
    """Write what people found to `review.outcomes`, keyed by decision, as a review tool does.
    Returns when all are acknowledged; raises `KafkaError` if one was not."""
    topic = topics.topic_name(settings.pipeline, topics.OUTCOMES)
    config = settings.kafka.kafka_python_config() | {"acks": "all"}
    with closing(producer_client(config)) as producer:
        waiting = [
            producer.send(topic, msgspec.json.encode(each), each.decision_id.encode())
            for each in outcomes
        ]
        producer.flush()
        for future in waiting:
            future.get(timeout=0)


class Reader:
    """Reads decisions, urgent decisions, dead letters and cases from their topics' beginnings,
    committed records only."""

    def __init__(self, settings: Settings, still_runs: Callable[[], None]) -> None:
        self._settings = settings
        self._still_runs = still_runs
        pipeline = settings.pipeline
        self._decisions = topics.topic_name(pipeline, topics.DECISIONS)
        self._urgent = topics.topic_name(pipeline, topics.URGENT)
        self._dead = topics.topic_name(pipeline, topics.DEAD_LETTERS)
        self._cases = topics.topic_name(pipeline, topics.CASES)
        names = (self._decisions, self._urgent, self._dead, self._cases)
        self._consumer: Consumer = consumer_client(settings.kafka.kafka_python_config())
        self._partitions = [
            TopicPartition(topic, number)
            for topic in names
            for number in range(pipeline.partitions)
        ]
        self._consumer.assign([native(tp) for tp in self._partitions])
        self.values: dict[str, list[bytes]] = {name: [] for name in names}

    def close(self) -> None:
        """Give back the connections."""
        self._consumer.close()

    def read_until(self, records: int, progress: Progress) -> bool:
        """Read until `records` have become a decision or a dead letter; false when nothing comes
        any more. Raises `DemoFailed` when the worker has ended."""
        heard = time.monotonic()
        while self.finished < records:
            before = self.finished
            self._poll(100)
            if self.finished > before:
                heard = time.monotonic()
                progress(self.finished - before)
            elif time.monotonic() - heard > QUIET_SECONDS:
                return False
            self._still_runs()
        return True

    def read_rest(self) -> None:
        """Read all that is there once the worker's group has committed all its input, so that
        nothing that came twice is missed."""
        group = f"{self._settings.pipeline.name}.{self._settings.worker.stages[0]}"
        source = topics.stage_topics(self._settings.pipeline, self._settings.worker.stages).input
        deadline = time.monotonic() + QUIET_SECONDS
        while any(
            lag.records
            for lag in group_lag(self._settings.kafka.kafka_python_config(), {group: source})
        ):
            if time.monotonic() > deadline:
                break
        self._read_to_ends(deadline)

    def read_reversals(self, wanted: int) -> list[Decision]:
        """The decisions that came after those that were read, once there are `wanted` or none
        comes any more, and all others that are there by then."""
        before = len(self.values[self._decisions])
        deadline = time.monotonic() + QUIET_SECONDS
        while len(self.values[self._decisions]) < before + wanted:
            if time.monotonic() > deadline:
                break
            self._poll(100)
        self._read_to_ends(deadline)
        return [_decision.decode(value) for value in self.values[self._decisions][before:]]

    def save_decisions(self, path: Path) -> None:
        """Write the decisions read so far, one a line."""
        path.write_bytes(b"".join(value + b"\n" for value in self.values[self._decisions]))

    def _read_to_ends(self, deadline: float) -> None:
        targets = [native(tp) for tp in self._partitions]
        ends = self._consumer.end_offsets(targets)
        while any(self._consumer.position(tp) < ends[tp] for tp in targets):
            if time.monotonic() > deadline:
                break
            self._poll(50)

    @property
    def finished(self) -> int:
        """Records decided or dead-lettered so far."""
        return len(self.values[self._decisions]) + len(self.values[self._dead])

    def outcome(self) -> Outcome:
        """What was read."""
        return Outcome(
            [_decision.decode(value) for value in self.values[self._decisions]],
            [_decision.decode(value) for value in self.values[self._urgent]],
            [_dead_letter.decode(value) for value in self.values[self._dead]],
            [_case.decode(value) for value in self.values[self._cases]],
            b"\n".join(value for values in self.values.values() for value in values),
        )

    def _poll(self, timeout_ms: int) -> None:
        for tp, records in self._consumer.poll(timeout_ms=timeout_ms).items():
            self.values[tp.topic] += [record.value or b"" for record in records]
