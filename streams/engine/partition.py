"""One assigned partition's life: its chunks, one after another, each delivered whole."""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from typing import NamedTuple, TypeVar

from aiokafka import TopicPartition
from aiokafka.errors import (
    IllegalStateError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
)

from streams.contracts.dead_letter import BadRecord
from streams.contracts.stage import DependencyUnavailable, StateKey
from streams.engine.backoff import Backoff
from streams.engine.chain import Chain, Rejected, SourceRecord
from streams.engine.chunk import ChunkWork, State
from streams.engine.clients import Consumer
from streams.engine.config import EngineConfig
from streams.engine.dead_letters import dead_letter_outputs
from streams.engine.delivery import (
    Batch,
    BatchRefused,
    DeliveryBroken,
    DeliveryFenced,
    PartitionDelivery,
)
from streams.engine.health import PartitionHealth
from streams.engine.observer import ChunkObserver, Measured
from streams.engine.reading import PartitionReader
from streams.state.store import Fenced, Partition, StateStore

log = logging.getLogger(__name__)

T = TypeVar("T")

SLOW_DELIVERY_SECONDS = 5.0
"""A delivery that takes longer waits for the broker: aiokafka tries again by itself, for ever."""
CUT_SECONDS = 10.0
"""For how long a log must end below what was read before it counts as another: longer than a broker
that was frozen believes that it still leads."""

DEFECT_WINDOW = 1000


class TooManyInternalErrors(Exception):
    """A defect hits record after record: stopping beats dead-lettering a stream."""


class LostOwnership(Exception):
    """Somebody else owns this partition now, or it was given back."""


class _Finished(NamedTuple):
    """What remains of a chunk when its stages are done: what has to be saved, sent and counted.
    Its events are gone by then, since the broker's answer takes longer than their work did."""

    last_offset: int
    last_ms: int
    changes: Mapping[StateKey, bytes | None]
    batches: Sequence[Batch]
    measured: Measured

    def split(self, conversations: int) -> "_Finished":
        """With so many conversations whose state another partition saved last."""
        return self._replace(measured=self.measured._replace(split=conversations))


class PartitionTask:
    """Runs from assignment to revocation.

    The order is the promise: start the producer (which fences the owner before), claim the state,
    and only then ask where the group's committed offset is, since an earlier answer can be stale;
    then commit that same offset once more, which proves that nobody has started in between. Any
    failure of the producer leads back to that start with the same records in hand; those that
    turn out to be committed are dropped.
    """

    def __init__(
        self,
        config: EngineConfig,
        tp: TopicPartition,
        chain: Chain,
        consumer: Consumer,
        delivery: PartitionDelivery,
        store: StateStore,
        executor: Executor,
        turns: asyncio.Semaphore,
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
        self._turns = turns
        self._observer = observer
        self._health = health
        self._closing = asyncio.Event()
        self._closed = asyncio.ensure_future(self._closing.wait())
        self._reader = PartitionReader(consumer, tp, config.chunk_records, config.chunk_bytes)
        self._next = 0
        self._gone: int | None = None  # what is committed, of a log that is no more
        self._fence = 0
        self._caught_up_at = time.time()
        self._last_done_ms: int | None = None
        self._defects: deque[tuple[int, int]] = deque()
        self._waiting = contextlib.ExitStack()

    def close(self) -> None:
        """Ask the task to end after its running chunk."""
        self._closing.set()

    @property
    def held(self) -> int:
        """Records read and not yet committed."""
        return self._reader.held

    @property
    def waits(self) -> bool:
        """Whether it waits for something that is away, and asks for no records meanwhile."""
        return self._health.waiting_for is not None

    def lag_seconds(self, unread: int, now: float) -> float:
        """Age of the oldest record that is not committed: exact for one in hand; for one not yet
        read, at most that of the last one done, or the time since there was nothing to do."""
        if not unread and not self.held:
            self._caught_up_at = now
            return 0.0
        if self._reader.oldest_ms is not None:
            since = self._reader.oldest_ms / 1000
        else:
            since = max(self._caught_up_at, (self._last_done_ms or 0) / 1000)
        return max(now - since, 0.0)

    async def run(self) -> None:
        """Work until closed. Raises what the worker cannot go on from."""
        try:
            await self._begin()
            while not self._closing.is_set():
                records = await self._reader.read(self._closed)
                if records:
                    self._health.has_records(time.monotonic())
                    await self._see_through()
                elif self._reader.nowhere is not None:
                    await self._find_place(self._reader.nowhere)
                else:
                    self._health.behind = False
        except LostOwnership as lost:
            log.info("partition %d: %s", self._tp.partition, lost)
        finally:
            self._closed.cancel()
            self._wait_over()
            await asyncio.shield(self._delivery.stop())

    async def _begin(self) -> None:
        while True:
            if self._tp not in self._consumer.assignment():
                raise LostOwnership("no longer assigned")
            await self._patiently("broker", self._start_delivery)
            self._fence = await self._patiently("state", lambda: self._store.claim(self._owner))
            committed = await self._patiently("broker", lambda: self._consumer.committed(self._tp))
            first = await self._patiently("broker", self._first_offset)
            # Only this one: whoever had the partition meanwhile may have committed in the new log.
            moving = committed is not None and committed == self._gone
            if moving:
                committed = None
            start = first if committed is None else committed
            try:
                await self._with_broker(
                    self._delivery.move(start) if moving else self._delivery.confirm(start)
                )
                break
            except DeliveryFenced as fenced:
                await self._await_revocation(str(fenced))
            except DeliveryBroken as broken:
                log.warning("partition %d: starting again (%s)", self._tp.partition, broken)
                await self._wait("broker", Backoff())
        self._next = start
        if self._gone is not None:
            self._gone = None
            self._reader.start_at(start)
        elif first > start and not self._reader.held:
            self._expired(first - start)
            self._reader.begin_at(first)
        else:
            self._reader.begin_at(start)

    async def _start_delivery(self) -> None:
        await self._delivery.stop()
        await self._delivery.start()

    async def _first_offset(self) -> int:
        return (await self._consumer.beginning_offsets([self._tp]))[self._tp]

    async def _last_offset(self) -> int:
        return (await self._consumer.end_offsets([self._tp]))[self._tp]

    async def _find_place(self, nowhere: int) -> None:
        """Go on where the log begins now, after all that was in hand is done: a broker said that
        it has nothing from `nowhere` on. Retention removes below only; what ends below and stays
        so is another log, or a cut one. A broker that wakes and believes that it still leads ends
        below for a moment: to believe it would decide everything again."""
        backoff = Backoff()
        below_since: float | None = None
        while True:
            first = await self._patiently("broker", self._first_offset)
            here = max(nowhere, self._reader.position)
            if first > nowhere:
                if first > here:
                    self._expired(first - here)
                self._reader.start_at(max(first, here))
                return
            there = await self._patiently("broker", self._last_offset) >= nowhere
            below_since = below_since or time.monotonic()
            if not there and time.monotonic() - below_since >= CUT_SECONDS:
                break
            await self._wait("broker", backoff)
            if there:
                log.warning("partition %d reads on at %d", self._tp.partition, here)
                self._wait_over()
                self._reader.start_at(here)
                return
        self._wait_over()
        log.critical(
            "%s %d ended before offset %d, up to which it was read: made anew or cut, it is read"
            " from its beginning, offset %d",
            self._tp.topic,
            self._tp.partition,
            nowhere,
            first,
        )
        self._gone = self._next
        await self._begin()

    def _expired(self, records: int) -> None:
        log.critical(
            "partition %d: retention removed up to %d records before they were read",
            self._tp.partition,
            records,
        )
        self._observer.expired(records)

    async def _see_through(self) -> None:
        """Try until the records in hand are committed, by us or, as it turns out, already."""
        refused: dict[int, Rejected] = {}
        slim: set[int] = set()
        alone = False
        backoff = Backoff()
        unconfirmed: _Finished | None = None
        with self._observer.in_flight():
            while self._reader.held and not self._closing.is_set():
                records = await self._reader.read(self._closed)
                try:
                    unconfirmed = await self._work(
                        records, {**self._reader.excluded, **refused}, slim, alone
                    )
                    await self._commit(unconfirmed)
                    unconfirmed, alone = None, False
                    backoff.reset()
                    continue
                except BatchRefused as refusal:
                    alone = True
                    if len(refusal.places) == 1:
                        offset = records[refusal.places[0]].offset
                        self._exclude(offset, refusal.topic, refused, slim)
                    await self._begin()
                except (DeliveryFenced, Fenced) as fenced:
                    self._observer.transaction("fenced")
                    await self._await_revocation(str(fenced))
                    await self._begin()
                except DeliveryBroken as broken:
                    log.warning(
                        "partition %d: delivery broke (%s); starting its producer again",
                        self._tp.partition,
                        broken,
                    )
                    await self._wait("broker", backoff)
                    await self._begin()
                if unconfirmed is not None and self._next > unconfirmed.last_offset:
                    self._observer.committed(unconfirmed.measured, 0.0)  # the answer alone was lost
                else:
                    self._observer.transaction("aborted")
                unconfirmed = None

    def _exclude(
        self, offset: int, topic: str, refused: dict[int, Rejected], slim: set[int]
    ) -> None:
        """What to do with a record whose result alone is larger than its topic allows."""
        if topic != self._config.dead_letter_topic:
            error = BadRecord("output_too_large", f"the result is larger than {topic} allows")
            last = self._chain.stages[-1].name if self._chain.stages else "encode"
            refused[offset] = Rejected(0, error, last)
        elif offset not in slim:
            slim.add(offset)
        else:
            raise DeadLettersRefused(
                f"{topic} refuses even a dead letter without payload and key "
                f"(partition {self._tp.partition}, offset {offset}): raise its max.message.bytes"
            )

    async def _commit(self, chunk: _Finished) -> None:
        done = chunk.last_offset + 1
        if chunk.changes:
            await self._patiently(
                "state",
                lambda: self._store.save(self._owner, self._fence, self._next, done, chunk.changes),
            )
        started = time.perf_counter()
        await self._with_broker(self._delivery.deliver(chunk.batches, done))
        self._next = done
        self._last_done_ms = chunk.last_ms
        self._reader.begin_at(done)
        self._health.progressed_at = time.monotonic()
        self._observer.committed(chunk.measured, time.perf_counter() - started)

    async def _work(
        self,
        records: Sequence[SourceRecord],
        excluded: dict[int, Rejected],
        slim: set[int],
        alone: bool,
    ) -> _Finished:
        """Decode, run and encode; waits, starting anew, while a dependency is away."""
        backoff = Backoff()
        while True:
            work = ChunkWork(self._chain, records, excluded, self._config.chunk_cost)
            moved: set[StateKey] = set()
            try:
                async with self._turn():
                    done = await self._in_thread(self._advance, work, slim, alone)
                    while not isinstance(done, _Finished):
                        state = await self._store.load(self._owner, self._next, done)
                        moved.update(key for key, value in state.items() if value.moved)
                        done = await self._in_thread(self._advance, work, slim, alone, state)
            except DependencyUnavailable as away:
                log.warning("partition %d waits: %s", self._tp.partition, away)
                await self._wait(away.dependency, backoff)
                continue
            self._wait_over()
            self._stop_if_defective(done)
            return done.split(len(moved)) if moved else done

    def _advance(
        self, work: ChunkWork, slim: set[int], alone: bool, state: State | None = None
    ) -> list[StateKey] | _Finished:
        """In the stages' thread: the keys that the chunk needs next, or what it came to."""
        keys = work.advance(state)
        if keys is not None:
            return keys
        outcome, outputs = work.result()
        if outcome.rejected:
            outputs += dead_letter_outputs(
                self._config, self._tp.partition, outcome, time.time(), slim
            )
        batches = self._delivery.lay_out(outputs, alone)
        last = outcome.records[-1]
        measured = self._observer.measure(outcome)
        return _Finished(last.offset, last.timestamp, outcome.changes, batches, measured)

    def _stop_if_defective(self, chunk: _Finished) -> None:
        """Stop the worker when internal errors repeat: more than the limit in 1,000 records."""
        measured = chunk.measured
        failed = sum(1 for r in measured.rejected if r.error.error == "internal_error")
        self._defects.append((measured.records, failed))
        while sum(size for size, _ in self._defects) - self._defects[0][0] >= DEFECT_WINDOW:
            self._defects.popleft()
        recent = sum(failures for _, failures in self._defects)
        if failed and recent > self._config.internal_error_limit:
            raise TooManyInternalErrors(
                f"partition {self._tp.partition}: {recent} internal errors among the last "
                f"{sum(size for size, _ in self._defects)} records, the latest in "
                f"{self._config.stage} up to offset {chunk.last_offset}. This is a defect "
                "of a stage, not of the input. Nothing of this chunk was committed: mend the stage "
                "(see the tracebacks above), or raise worker.internal_error_limit to dead-letter "
                "these records."
            )

    async def _await_revocation(self, why: str) -> None:
        """Wait for the rebalance that a new owner implies. A worker that has been replaced learns
        of it by a heartbeat, within the session's time. When none comes, it is still the owner
        (its transaction had timed out): go on."""
        log.warning("partition %d: fenced (%s)%s", self._tp.partition, why, self._namesake())
        seconds = self._config.session_timeout_ms / 1000 / 2 + 1
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            return
        raise LostOwnership("another worker has taken it")

    def _namesake(self) -> str:
        """What else may be behind a fence: two workers of one static id take partitions from each
        other without end, and the broker tells neither."""
        name = self._config.instance_id
        if name is None:
            return ""
        return f". If this comes again and again, another worker runs with instance_id {name!r} too"

    async def _with_broker(self, action: Awaitable[T]) -> T:
        """Await something that aiokafka tries again without end, and say so when it takes long."""
        acting = asyncio.ensure_future(action)
        try:
            done, _ = await asyncio.wait([acting], timeout=SLOW_DELIVERY_SECONDS)
            if not done:
                self._waits_for("broker")
                await asyncio.wait([acting])
                self._wait_over()
            return acting.result()
        finally:
            if not acting.done():
                acting.cancel()
                await asyncio.wait([acting])

    async def _patiently(self, dependency: str, action: Callable[[], Awaitable[T]]) -> T:
        """Do it, waiting with backoff while the dependency is away."""
        backoff = Backoff()
        while True:
            try:
                result = await action()
            except DependencyUnavailable as away:
                log.warning("partition %d waits: %s", self._tp.partition, away)
                await self._wait(away.dependency, backoff)
            except (KafkaConnectionError, KafkaTimeoutError, IllegalStateError) as error:
                log.warning("partition %d waits: %s", self._tp.partition, error)
                await self._wait(dependency, backoff)
            except KafkaError as error:
                if not error.retriable:
                    raise
                await self._wait(dependency, backoff)
            else:
                self._wait_over()
                return result

    async def _wait(self, dependency: str, backoff: Backoff) -> None:
        self._waits_for(dependency)
        try:
            await asyncio.wait_for(self._closing.wait(), backoff.next())
        except TimeoutError:
            return
        raise LostOwnership(f"given back while waiting for {dependency}")

    def _waits_for(self, dependency: str) -> None:
        """The partition waits from the first try that fails until one succeeds: tries count, each
        of which may take as long as a time-out."""
        self._observer.waited(dependency)
        if self._health.waiting_for != dependency:
            self._wait_over()
            self._health.waiting_for = dependency
            self._waiting.enter_context(self._observer.waiting(dependency))

    def _wait_over(self) -> None:
        self._health.waiting_for = None
        self._waiting.close()

    @asynccontextmanager
    async def _turn(self) -> AsyncGenerator[None]:
        """A chunk that has begun ends before many others begin: the slow work of all partitions
        together may take longer than a stuck worker is given, and none would have committed."""
        if self._turns.locked():
            self._health.queued = True
        try:
            await self._turns.acquire()
        finally:
            if self._health.queued:
                self._health.queued = False
                self._health.progressed_at = time.monotonic()
        try:
            if self._closing.is_set():
                raise LostOwnership("given back before its turn")
            yield
        finally:
            self._turns.release()

    async def _in_thread(self, function: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(
            self._executor, function, *arguments
        )


class DeadLettersRefused(Exception):
    """The dead-letter topic takes no letter at all: going on would lose a record."""
