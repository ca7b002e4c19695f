"""What subjects do with an event: a chain of stages, or nothing but parsing and writing again.

Peers call `Work.one` for one event; Seawall's engine gets the same `Chain`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from streams.contracts.decoding import EventDecoder
from streams.contracts.envelope import Envelope
from streams.contracts.stage import StageResult, StateKey, StateValue
from streams.contracts.values import StageName
from streams.engine.chain import (
    Chain,
    Outcome,
    Output,
    SourceRecord,
    no_cost,
    nothing_to_count,
)
from streams.kafka.topics import stage_topics
from streams.settings import Settings


class SimpleRecord(NamedTuple):
    """A source record from a peer that has no such type of its own."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class PassThrough:
    """A stage that does nothing; it bears a real one's name, for the metrics' sake."""

    name: StageName = "hash-matching"

    def keys(self, batch: Sequence[Envelope]) -> Sequence[StateKey]:
        """None."""
        return ()

    def run(self, batch: Sequence[Envelope], state: object) -> StageResult:
        """The batch as it came."""
        return StageResult(batch)


class Work:
    """A chain, with a way to put one event through it. State is kept in a plain dictionary, which
    costs a peer less than any store of its own would."""

    def __init__(self, chain: Chain, topics: Sequence[str]) -> None:
        self.chain = chain
        self.topics = tuple(topics)
        self._state: dict[StateKey, StateValue] = {}

    def one(self, record: SourceRecord) -> list[Output]:
        """The very same functions that the engine calls, for a batch of one."""
        chain = self.chain
        batch: Sequence[Envelope] = [chain.decode(record)]
        outcome = Outcome([record], [0])
        for stage in chain.stages:
            state = {
                key: self._state[key] for key in stage.keys(batch) if key in self._state
            }  # fmt: skip
            result = stage.run(batch, state)
            batch = result.batch
            for key, value in result.changes.items():
                self._state[key] = StateValue(value)
            outcome.decisions.extend(result.decisions)
            outcome.cases.extend((0, case) for case in result.cases)
        outcome.envelopes.extend(batch)
        return chain.encode(outcome)


def pass_work(settings: Settings) -> Work:
    """Parse the event, write it again."""
    output = stage_topics(settings.pipeline, settings.worker.stages).output
    decode = EventDecoder().decode
    encode = msgspec.json.Encoder().encode

    def intake(record: SourceRecord) -> Envelope:
        return Envelope(event=decode(record.value, record.headers), received_at=record.timestamp)

    def write(outcome: Outcome) -> list[Output]:
        records = outcome.records
        return [
            (output, records[place].key, encode(envelope.event), [], place)
            for place, envelope in zip(outcome.places, outcome.envelopes, strict=True)
        ]

    return Work(Chain([PassThrough()], intake, no_cost, write, nothing_to_count), [output])
