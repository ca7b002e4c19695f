"""A canary's round: probes out to the pipeline, decisions back, each within a bound."""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import NamedTuple

import msgspec

from streams.canary.probes import Probe, ProbeName, fault
from streams.contracts.decision import Decision
from streams.contracts.decoding import PROBE_HEADER
from streams.contracts.event import event_key
from streams.kafka.client import (
    ClientConfig,
    Consumer,
    Producer,
    TopicPartition,
    consumer_client,
    native,
    producer_client,
)

_HEADERS = [(PROBE_HEADER, b"1")]
"""So that the probes are read in a pipeline with a mapping too."""
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Decision).decode


class WrongTopics(Exception):
    """A topic is missing, or too small; the message says which, and what to do."""


class Answer(NamedTuple):
    """What became of a probe: `seconds` until its decision was there (`None`: it never was), and
    what is wrong with it."""

    probe: ProbeName
    seconds: float | None
    fault: str | None

    @property
    def result(self) -> str:
        """`found`, `wrong` or `missing`."""
        if self.seconds is None:
            return "missing"
        return "found" if self.fault is None else "wrong"


class Canary:
    """Sends probes to `source` and looks for their decisions on `decisions`.

    Results stand in their source's partition, so that of the decisions only those partitions are
    read to which a probe went, from where they ended before it.
    """

    def __init__(self, config: ClientConfig, source: str, decisions: str) -> None:
        self._source = source
        self._decisions = decisions
        self._producer: Producer = producer_client({**config, "acks": "all"})
        self._consumer: Consumer = consumer_client(config)

    def close(self) -> None:
        """Give back the connections."""
        with closing(self._producer), closing(self._consumer):
            pass

    def round(
        self,
        probes: Sequence[Probe],
        within: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> list[Answer]:
        """Send and wait, for `within` seconds at most. Raises `KafkaError` when a broker is away:
        then nothing is known of the pipeline; and `WrongTopics`."""
        parts = self._parts()
        ends = self._consumer.end_offsets(parts)
        began = clock()
        sent = [
            (probe, self._producer.send(self._source, _encode(event), event_key(event), _HEADERS))
            for probe in probes
            for event in (probe.event,)
        ]
        self._producer.flush()
        waiting = {probe.decision_id.encode(): probe for probe, _ in sent}
        read = {
            native(TopicPartition(self._decisions, future.get(timeout=within).partition))
            for _, future in sent
        }
        if not read <= ends.keys():
            raise WrongTopics(
                f"{self._decisions} has fewer partitions than {self._source}: "
                "run seawall topics apply"
            )
        self._consumer.assign(read)
        for part in read:
            self._consumer.seek(part, ends[part])
        answers: list[Answer] = []
        while waiting and clock() - began < within:
            for records in self._consumer.poll(timeout_ms=200).values():
                for record in records:
                    answer = _answer(record.value or b"", waiting, clock() - began)
                    answers += [answer] if answer is not None else []
        late = f"no decision within {within:.0f} s: see seawall lag and seawall dlq list"
        return [*answers, *(Answer(probe.name, None, late) for probe in waiting.values())]

    def _parts(self) -> list[TopicPartition]:
        """The partitions of the decisions. Raises `WrongTopics`."""
        there = {
            topic: self._consumer.partitions_for_topic(topic)
            for topic in (self._source, self._decisions)
        }
        if missing := [topic for topic, numbers in there.items() if not numbers]:
            raise WrongTopics(f"there is no topic {', '.join(missing)}: run seawall topics apply")
        numbers = sorted(there[self._decisions] or ())
        return [native(TopicPartition(self._decisions, number)) for number in numbers]


def _answer(value: bytes, waiting: dict[bytes, Probe], seconds: float) -> Answer | None:
    """The answer that a decision is to one of the probes that are `waiting`, which it leaves."""
    for id, probe in waiting.items():
        if id in value:
            del waiting[id]
            return Answer(probe.name, seconds, fault(probe, _decode(value)))
    return None
