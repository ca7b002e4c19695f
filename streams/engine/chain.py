"""What a worker's chain of stages is, and what becomes of a chunk that goes through it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from streams.contracts.dead_letter import BadRecord
from streams.contracts.decision import Decision
from streams.contracts.envelope import Envelope
from streams.contracts.stage import CaseRecord, Stage, StateKey

Headers = Sequence[tuple[str, bytes]]


class SourceRecord(Protocol):
    """A record of the input topic: aiokafka's ConsumerRecord, or a line of a file."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


Output = tuple[str, bytes | None, bytes, list[tuple[str, bytes]], int]
"""A record to produce: topic, key, value, headers, and its source record's place in the chunk. A
plain tuple, because one is made for every event."""


class Rejected(NamedTuple):
    """A record of the chunk that becomes a dead letter, and the stage that could not take it."""

    place: int
    error: BadRecord
    stage: str
    attempts: int = 1


@dataclass
class Outcome:
    """What became of a chunk, before delivery.

    Every record's place is in `places` (with its envelope at the same position, and its decision
    where the chain ends with enforcement) or in `rejected`, never in both and never in neither.
    `cases` come with the place of the record that they are about. `unreadable` are keys whose
    stored value could not be read.
    """

    records: Sequence[SourceRecord]
    places: list[int] = field(default_factory=list[int])
    envelopes: list[Envelope] = field(default_factory=list[Envelope])
    decisions: list[Decision] = field(default_factory=list[Decision])
    cases: list[tuple[int, CaseRecord]] = field(default_factory=list[tuple[int, CaseRecord]])
    rejected: list[Rejected] = field(default_factory=list[Rejected])
    changes: dict[StateKey, bytes | None] = field(default_factory=dict[StateKey, "bytes | None"])
    stage_seconds: dict[str, float] = field(default_factory=dict[str, float])
    internal_errors: dict[str, int] = field(default_factory=dict[str, int])
    unreadable: set[StateKey] = field(default_factory=set[StateKey])


def _nothing() -> None:
    pass


def unguarded() -> Callable[[], None]:
    """For chains whose stages rely on nothing that can be spoilt under them."""
    return _nothing


class Chain(NamedTuple):
    """A worker's run of stages with what stands before and behind it.

    `decode` turns a record into an envelope or raises `BadRecord`; `cost` says how much slow work
    an envelope may bring at the worst (such as files to decode), in milliseconds; `encode`
    turns an outcome into the records to produce (dead letters excepted); `observe` reads what is
    to be counted of an outcome, in the stages' thread, and gives what counts it, which is called in
    the event loop once the outcome is committed. `guard` is called before a chunk's first stage,
    and what it gives after the last one: what either raises keeps all of the chunk's results from
    being delivered.
    """

    stages: Sequence[Stage]
    decode: Callable[[SourceRecord], Envelope]
    cost: Callable[[Envelope], int]
    encode: Callable[[Outcome], list[Output]]
    observe: Callable[[Outcome], Callable[[], None]]
    guard: Callable[[], Callable[[], None]] = unguarded


def no_cost(_: Envelope) -> int:
    """For chains without slow work."""
    return 0


def nothing_to_count(_: Outcome) -> Callable[[], None]:
    """For chains whose outcomes nobody counts."""
    return _nothing
