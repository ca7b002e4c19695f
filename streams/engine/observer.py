"""What the engine counts, once a chunk."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime

import numpy as np

from streams.contracts.event import ContentEvent
from streams.engine.chain import Chain, Outcome
from streams.metrics import Metrics

_seconds = datetime.timestamp


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

    def committed(self, outcome: Outcome, commit_seconds: float) -> None:
        """Count a chunk whose outcome is committed."""
        now = time.time()
        self._events_in.inc(len(outcome.records))
        self._size.observe(len(outcome.records))
        self._commit.observe(commit_seconds)
        self._last.set(now)
        if self._transactional:
            self._transactions["committed"].inc()
        for stage, seconds in outcome.stage_seconds.items():
            self._processing[stage].observe(seconds)
        for stage, errors in outcome.internal_errors.items():
            self._metrics.internal_errors.labels(stage).inc(errors)
        if outcome.rejected:
            self._dead.inc(len(outcome.rejected))
            for rejected in outcome.rejected:
                self._metrics.dead_letters.labels(rejected.stage, rejected.error.error).inc()
        if outcome.envelopes:
            self._out.inc(len(outcome.envelopes))
            self._latency(outcome, now)
            self._chain.observe(outcome)

    def _latency(self, outcome: Outcome, now: float) -> None:
        envelopes = outcome.envelopes
        received = np.array([e.received_at for e in envelopes], dtype=np.float64) / 1000
        occurred = np.array([_seconds(e.event.occurred_at) for e in envelopes])
        ahead = int((occurred > received + 60).sum())
        if ahead:
            self._future.inc(ahead)
        np.minimum(occurred, received, out=occurred)
        kinds = [(e.event.origin, _content(e.event)) for e in envelopes]
        distinct = set(kinds)
        for kind in distinct:
            mine = slice(None) if len(distinct) == 1 else np.array([k == kind for k in kinds])
            labels = (self._stage, *kind)
            self._metrics.latency_since_received.observe(
                labels, np.maximum(now - received[mine], 0)
            )
            self._metrics.latency_since_occurred.observe(
                labels, np.maximum(now - occurred[mine], 0)
            )


def _content(event: ContentEvent) -> str:
    """`media` where a file was read for the event, which may take long; `text` otherwise, hashes
    that came with it included."""
    if event.media and any(media.hash_origin == "server" for media in event.media):
        return "media"
    return "text"
