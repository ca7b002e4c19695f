"""One assigned partition's life: its chunks, one after another, each delivered whole."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from typing import TypeVar

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError, KafkaConnectionError, KafkaError

from streams.contracts.dead_letter import BadRecord
from streams.contracts.stage import DependencyUnavailable, StateKey, StateValue
from streams.engine.backoff import Backoff
from streams.engine.chain import Chain, Outcome, Output, SourceRecord
from streams.engine.chunk import decode_chunk, encode_chunk, run_chunk, state_keys
from streams.engine.clients import Consumer
from streams.engine.config import EngineConfig
from streams.engine.dead_letters import dead_letter_outputs
from streams.engine.delivery import (
    Delivery,
    DeliveryBroken,
    DeliveryFenced,
    OutputTooLarge,
)
from streams.engine.health import PartitionHealth
from streams.engine.observer import ChunkObserver
from streams.state.store import Fenced, Partition, StateStore

log = logging.getLogger(__name__)

T = TypeVar("T")


class TooManyInternalErrors(Exception):
    """A defect hits record after record: stopping beats dead-lettering a stream."""


class LostOwnership(Exception):
    """Somebody else owns this partition now."""


class PartitionTask:
    """Runs from assignment to revocation.

    The order is the promise: start the producer (which fences the owner before), claim the state,
    and only then ask where the group's committed offset is, since an earlier answer can be stale.
    Any failure of the producer leads back to that start with the same records in hand; those that
    turn out to be committed are dropped.
    """

    def __init__(
        self,
        config: EngineConfig,
        tp: TopicPartition,
        chain: Chain,
        consumer: Consumer,
        delivery: Delivery,
        store: StateStore,
        executor: Executor,
        observer: ChunkObserver,
        health: PartitionHealth,
    ) -> None:
        self._config = config
        self._tp = tp
        self._chain = chain
        self._consumer = consumer
        self._delivery = delivery
        self._store = store
        self._owner = Partition(config.group, tp.topic, tp.partition)
        self._executor = executor
        self._observer = observer
        self._health = health
        self._closing = asyncio.Event()
        self._closed = asyncio.ensure_future(self._closing.wait())
        self._oldest_ms: int | None = None
        self._next = 0
        self._fence = 0
        self._recent_internal: list[int] = []

    def close(self) -> None:
        """Ask the task to end after its running chunk."""
        self._closing.set()

    def lag_seconds(self, now: float) -> float:
        """Age of the oldest record in hand or, between chunks, of the last one committed."""
        return max(now - self._oldest_ms / 1000, 0.0) if self._oldest_ms is not None else 0.0

    async def run(self) -> None:
        """Work until closed. Raises what the worker cannot go on from."""
        try:
            await self._begin()
            while not self._closing.is_set():
                records = await self._fetch()
                if records:
                    await self._see_through(records)
        except LostOwnership as lost:
            log.warning("partition %d: %s", self._tp.partition, lost)
        finally:
            self._closed.cancel()
            await asyncio.shield(self._delivery.stop())

    async def _begin(self) -> None:
        await self._patiently("broker", self._start_delivery)
        self._fence = await self._patiently("state", lambda: self._store.claim(self._owner))
        committed = await self._patiently("broker", lambda: self._consumer.committed(self._tp))
        first = await self._patiently("broker", self._first_offset)
        if committed is not None and first > committed:
            lost = first - committed
            log.critical(
                "partition %d: retention removed up to %d records before they were read",
                self._tp.partition, lost,
            )  # fmt: skip
            self._observer.expired(lost)
        self._next = committed or 0

    async def _start_delivery(self) -> None:
        await self._delivery.stop()
        await self._delivery.start()

    async def _first_offset(self) -> int:
        return (await self._consumer.beginning_offsets([self._tp]))[self._tp]

    async def _fetch(self) -> Sequence[SourceRecord]:
        """The next records of this partition, without those that are committed already."""
        # Not waited for alone: during a rebalance getmany() waits for the new assignment, which
        # waits for this task to end.
        getting = asyncio.ensure_future(
            self._consumer.getmany(self._tp, timeout_ms=500, max_records=self._config.chunk_records)
        )
        await asyncio.wait([getting, self._closed], return_when=asyncio.FIRST_COMPLETED)
        if not getting.done():
            getting.cancel()
            await asyncio.wait([getting])
        if getting.cancelled():
            return ()
        records = getting.result().get(self._tp, [])
        if not records:
            self._health.behind = False
            return ()
        self._health.behind = True
        if records[0].offset < self._next:
            records = [record for record in records if record.offset >= self._next]
        return records

    async def _see_through(self, records: Sequence[SourceRecord]) -> None:
        """Try until these records are committed, by us or, as it turns out, already."""
        too_large: dict[int, str] = {}
        backoff = Backoff()
        with self._observer.in_flight():
            while records and not self._closing.is_set():
                try:
                    await self._once(records, too_large)
                    self._health.progressed_at = time.monotonic()
                    return
                except OutputTooLarge as refused:
                    too_large[records[refused.place].offset] = refused.topic
                except (DeliveryFenced, Fenced) as fenced:
                    self._observer.transaction("fenced")
                    await self._await_revocation(str(fenced))
                    await self._begin()
                except DeliveryBroken as broken:
                    self._observer.transaction("aborted")
                    log.warning(
                        "partition %d: delivery broke (%s); starting its producer again",
                        self._tp.partition, broken,
                    )  # fmt: skip
                    await self._wait("broker", backoff)
                    await self._begin()
                records = [record for record in records if record.offset >= self._next]

    async def _once(self, records: Sequence[SourceRecord], too_large: dict[int, str]) -> None:
        self._oldest_ms = records[0].timestamp
        outcome, outputs = await self._work(records, too_large)
        last = records[-1].offset
        if outcome.changes:
            await self._patiently(
                "state",
                lambda: self._store.save(
                    self._owner, self._fence, self._next, last + 1, outcome.changes
                ),
            )
        started = time.perf_counter()
        await self._delivery.deliver(outputs, last + 1)
        self._next = last + 1
        self._oldest_ms = records[-1].timestamp
        self._observer.committed(outcome, time.perf_counter() - started)

    async def _work(
        self, records: Sequence[SourceRecord], too_large: dict[int, str]
    ) -> tuple[Outcome, list[Output]]:
        """Decode, run and encode; waits, decoding anew, while a dependency is away."""
        backoff = Backoff()
        while True:
            try:
                outcome, keys = await self._in_thread(self._decode, records, too_large)
                state: dict[StateKey, StateValue] = {}
                if keys:
                    state = await self._store.load(self._owner, self._next, keys)
                outputs = await self._in_thread(self._run, outcome, state)
            except DependencyUnavailable as away:
                log.warning("partition %d waits: %s", self._tp.partition, away)
                await self._wait(away.dependency, backoff)
                continue
            self._health.waiting_for = None
            self._stop_if_defective(outcome)
            return outcome, outputs

    def _decode(
        self, records: Sequence[SourceRecord], too_large: dict[int, str]
    ) -> tuple[Outcome, list[StateKey]]:
        outcome = decode_chunk(self._chain, records)
        for position in range(len(outcome.places) - 1, -1, -1) if too_large else ():
            topic = too_large.get(records[outcome.places[position]].offset)
            if topic is not None:
                message = f"the result is larger than {topic} allows"
                outcome.drop(position, BadRecord("output_too_large", message))
        return outcome, state_keys(self._chain, outcome)

    def _run(self, outcome: Outcome, state: dict[StateKey, StateValue]) -> list[Output]:
        run_chunk(self._chain, outcome, state)
        outputs = encode_chunk(self._chain, outcome)
        if outcome.rejected:
            outputs += dead_letter_outputs(self._config, self._tp.partition, outcome, time.time())
        return outputs

    def _stop_if_defective(self, outcome: Outcome) -> None:
        """Stop the worker when internal errors repeat: more than the limit in 1,000 records."""
        failed = sum(1 for r in outcome.rejected if r.error.error == "internal_error")
        if not failed:
            return
        size = len(outcome.records)
        self._recent_internal = [*self._recent_internal[-(1000 // max(size, 1)) :], failed]
        if sum(self._recent_internal) > self._config.internal_error_limit:
            raise TooManyInternalErrors(
                f"partition {self._tp.partition}: {sum(self._recent_internal)} internal errors "
                f"among the last 1,000 records or so, the latest in {self._config.stage} near "
                f"offset {outcome.records[-1].offset}. This is a defect of a stage, not of the "
                "input. Nothing of this chunk was committed: mend the stage (see the tracebacks "
                "above), or raise worker.internal_error_limit to dead-letter these records."
            )

    async def _await_revocation(self, why: str) -> None:
        """Wait for the rebalance that a new owner implies. When none comes within the session's
        time, this worker is still the owner (its transaction had timed out): go on."""
        log.warning("partition %d: fenced (%s)", self._tp.partition, why)
        seconds = self._config.session_timeout_ms / 1000 * 1.5
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            return
        raise LostOwnership("another worker has taken it")

    async def _patiently(self, dependency: str, action: Callable[[], Awaitable[T]]) -> T:
        """Do it, waiting with backoff while the dependency is away."""
        backoff = Backoff()
        while True:
            try:
                result = await action()
            except DependencyUnavailable as away:
                log.warning("partition %d waits: %s", self._tp.partition, away)
                await self._wait(away.dependency, backoff)
            except (KafkaConnectionError, IllegalStateError) as error:
                log.warning("partition %d waits: %s", self._tp.partition, error)
                await self._wait(dependency, backoff)
            except KafkaError as error:
                if not error.retriable:
                    raise
                await self._wait(dependency, backoff)
            else:
                self._health.waiting_for = None
                return result

    async def _wait(self, dependency: str, backoff: Backoff) -> None:
        self._health.waiting_for = dependency
        with self._observer.waiting(dependency):
            try:
                await asyncio.wait_for(self._closing.wait(), backoff.next())
            except TimeoutError:
                return
        raise LostOwnership(f"given back while waiting for {dependency}")

    async def _in_thread(self, function: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(
            self._executor, function, *arguments
        )
