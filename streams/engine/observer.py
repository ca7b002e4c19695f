"""What the engine counts, once a chunk."""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.contracts.envelope import Envelope
from streams.contracts.event import ContentEvent
from streams.engine.chain import Chain, Outcome, Rejected
from streams.metrics import Metrics

_seconds = datetime.timestamp


class _Times(NamedTuple):
    """When events of one kind (origin, content) came and were sent: seconds since the epoch."""

    kind: tuple[str, str]
    received: NDArray[np.float64]
    occurred: NDArray[np.float64]


class Measured(NamedTuple):
    """What is to be counted of a chunk once it is committed. `add` is the chain's own part.
    `split` are conversations whose state another partition saved last; `unreadable` are keys whose
    stored value could not be read."""

    records: int
    envelopes: int
    rejected: Sequence[Rejected]
    stage_seconds: Mapping[str, float]
    internal_errors: Mapping[str, int]
    ahead: int
    times: Sequence[_Times]
    add: Callable[[], None]
    split: int = 0
    unreadable: int = 0


class ChunkObserver:
    """Holds the metrics' children for one worker; `stage` labels the worker's run of stages."""

    def __init__(
        self, metrics: Metrics, chain: Chain, stage: str, last: str, transactional: bool
    ) -> None:
        self._metrics = metrics
        self._chain = chain
        self._stage = stage
        self._transactional = transactional
        self._events_in = metrics.events_in.labels(stage)
        self._out = metrics.events_out.labels(stage, last)
        self._dead = metrics.events_out.labels(stage, "dead_lettered")
        self._size = metrics.batch_size.labels(stage)
        self._commit = metrics.commit.labels(stage)
        self._in_flight = metrics.in_flight.labels(stage)
        self._last = metrics.last_finished.labels(stage)
        self._future = metrics.clock_skew.labels(stage)
        self._transactions = {
            result: metrics.transactions.labels(stage, result)
            for result in ("committed", "aborted", "fenced")
        }
        self._processing = {s.name: metrics.processing.labels(s.name) for s in chain.stages}
        self._expired = metrics.expired_records.labels(stage)
        self._split = metrics.split_conversations.labels(stage)
        self._unreadable = metrics.state_unreadable.labels(stage)
        # There from the start, so that the first one is an increase.
        for name in self._processing:
            metrics.internal_errors.labels(name)
        for dependency in ("broker", "state"):
            metrics.dependency_waiting.labels(stage, dependency)
        metrics.rebalances.labels(stage)
        metrics.partitions.labels(stage)

    @contextmanager
    def in_flight(self) -> Generator[None]:
        """While a chunk is being worked on."""
        self._in_flight.inc()
        try:
            yield
        finally:
            self._in_flight.dec()

    @contextmanager
    def waiting(self, dependency: str) -> Generator[None]:
        """While a partition waits for a dependency, tries included."""
        gauge = self._metrics.dependency_waiting.labels(self._stage, dependency)
        gauge.inc()
        try:
            yield
        finally:
            gauge.dec()

    def waited(self, dependency: str) -> None:
        """Count one wait between two tries."""
        self._metrics.dependency_waits.labels(self._stage, dependency).inc()

    def transaction(self, result: str) -> None:
        """Count an unfinished transaction: aborted or fenced."""
        self._transactions[result].inc()

    def expired(self, records: int) -> None:
        """Count records that retention took."""
        self._expired.inc(records)

    def measure(self, outcome: Outcome) -> Measured:
        """Take from an outcome what is to be counted, in the stages' thread and as soon as it is
        there: when the broker has answered, thousands of other events have driven this chunk's
        out of the processor's caches."""
        ahead, times = _times(outcome.envelopes)
        return Measured(
            len(outcome.records),
            len(outcome.envelopes),
            outcome.rejected,
            outcome.stage_seconds,
            outcome.internal_errors,
            ahead,
            times,
            self._chain.observe(outcome),
            unreadable=len(outcome.unreadable),
        )

    def committed(self, measured: Measured, commit_seconds: float) -> None:
        """Count a chunk that is committed."""
        now = time.time()
        self._events_in.inc(measured.records)
        self._size.observe(measured.records)
        self._commit.observe(commit_seconds)
        self._last.set(now)
        if self._transactional:
            self._transactions["committed"].inc()
        for stage, seconds in measured.stage_seconds.items():
            self._processing[stage].observe(seconds)
        for stage, errors in measured.internal_errors.items():
            self._metrics.internal_errors.labels(stage).inc(errors)
        if measured.split:
            self._split.inc(measured.split)
        if measured.unreadable:
            self._unreadable.inc(measured.unreadable)
        if measured.rejected:
            self._dead.inc(len(measured.rejected))
            for rejected in measured.rejected:
                self._metrics.dead_letters.labels(rejected.stage, rejected.error.error).inc()
        if measured.envelopes:
            self._out.inc(measured.envelopes)
        if measured.ahead:
            self._future.inc(measured.ahead)
        for kind, received, occurred in measured.times:
            labels = (self._stage, *kind)
            self._metrics.latency_since_received.observe(labels, np.maximum(now - received, 0))
            self._metrics.latency_since_occurred.observe(labels, np.maximum(now - occurred, 0))
        measured.add()


def _times(envelopes: Sequence[Envelope]) -> tuple[int, list[_Times]]:
    """How many events say that they will happen more than a minute after they came, and the times
    of all by kind; none is later than when the event came."""
    if not envelopes:
        return 0, []
    events = [envelope.event for envelope in envelopes]
    received = np.array([e.received_at for e in envelopes], dtype=np.float64) / 1000
    occurred = np.array([_seconds(event.occurred_at) for event in events])
    ahead = int((occurred > received + 60).sum())
    np.minimum(occurred, received, out=occurred)
    kinds = [(event.origin, _content(event) if event.media else "text") for event in events]
    distinct = set(kinds)
    if len(distinct) == 1:
        return ahead, [_Times(kinds[0], received, occurred)]
    masks = {kind: np.array([k == kind for k in kinds]) for kind in distinct}
    return ahead, [_Times(kind, received[mask], occurred[mask]) for kind, mask in masks.items()]


def _content(event: ContentEvent) -> str:
    """`media` where a file was read for the event, which may take long; `text` otherwise, hashes
    that came with it included."""
    return "media" if any(m.hash_origin == "server" for m in event.media) else "text"
