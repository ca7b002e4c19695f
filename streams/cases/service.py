"""The process `seawall cases build`: the desk, fed from its topics."""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import faust

from streams.audit.watch import EVERY_SECONDS
from streams.cases.desk import Desk
from streams.cases.metrics import DeskMetrics
from streams.cases.sending import ReversalTopics, send_reversals
from streams.engine.health import Health, PartitionHealth
from streams.feedback.budget import Budget, ranked, tasks
from streams.feedback.precision import precision
from streams.kafka.client import ClientConfig, KafkaError, TopicPartition
from streams.kafka.positions import Batch, PositionReader, UnknownTopic, reading

T = TypeVar("T")
log = logging.getLogger(__name__)

RETRY_SECONDS = 2.0
POLL_SECONDS = 1.0
MEASURE_SECONDS = 60.0
EXPIRE_SECONDS = 3600.0
WINDOW = timedelta(days=30)
"""Precision is of the outcomes of this time: an older list or rule may have been another."""


class DeskService(faust.Service):
    """Reads committed records from the store's own positions, and sends what follows from them.

    All work is done in one thread, one round after another; `wake` ends the wait between rounds.
    A broker that is away is waited for. A round that does not end makes it not alive.
    """

    def __init__(
        self,
        desk: Desk,
        config: ClientConfig,
        urgent: str,
        name: str,
        lists: Path | None,
        budget: int,
        metrics: DeskMetrics,
        health: Health,
        check_audit: Callable[[], object] | None = None,
    ) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        self._rounds = Rounds(desk, config, urgent, name, lists)
        self._desk = desk
        self._budget = budget
        self._metrics = metrics
        self._health = health
        self._check_audit = check_audit
        self._woken = asyncio.Event()
        self._turn = asyncio.Lock()
        self._unreadable: Counter[str] = Counter()
        self._next = {"measure": 0.0, "expire": 0.0, "audit": 0.0}

    def wake(self) -> None:
        """Look at the topics now."""
        self._woken.set()

    async def on_stop(self) -> None:
        """Let the round under way end, and give back the connection."""
        async with self._turn:
            await _in_thread(self._rounds.close)

    @faust.Service.task
    async def _work(self) -> None:
        while not self.should_stop:
            self._woken.clear()
            behind = await self._once()
            if behind is None:
                await self.sleep(RETRY_SECONDS)
                continue
            self._health.missing.discard("topics read to their end")
            if not behind:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), POLL_SECONDS)

    async def _once(self) -> int | None:
        """One round: how many offsets are left, `None` when Kafka is away."""
        async with self._turn:
            if self.should_stop:
                return 0
            under_way = PartitionHealth(time.monotonic(), behind=True)
            self._health.partitions[0] = under_way
            try:
                return await _in_thread(self._round)
            except (KafkaError, OSError, UnknownTopic) as error:
                log.warning("cases wait for Kafka: %s", str(error) or type(error).__name__)
                await _in_thread(self._rounds.close)
                return None
            finally:
                under_way.behind = False

    def _round(self) -> int:
        behind = self._rounds.once()
        self._metrics.behind.set(behind)
        self._metrics.reversals.inc(self._rounds.take_sent())
        new = self._desk.unreadable - self._unreadable
        self._unreadable = Counter(self._desk.unreadable)
        for topic, count in new.items():
            self._metrics.unreadable.labels(topic).inc(count)
        for topic, count in self._rounds.take_expired().items():
            self._metrics.expired.labels(topic).inc(count)
        now = time.monotonic()
        # What waits to be read may be an appeal about a case whose time has come, or its repeat.
        if self._rounds.caught_up and now >= self._next["expire"]:
            self._next["expire"] = now + EXPIRE_SECONDS
            self._desk.expire()
        if now >= self._next["measure"]:
            self._next["measure"] = now + MEASURE_SECONDS
            measure(self._desk, self._metrics, self._budget)
        if self._check_audit is not None and now >= self._next["audit"]:
            self._next["audit"] = now + EVERY_SECONDS
            self._check_audit()
        self._metrics.last_round.set_to_current_time()
        return behind


async def _in_thread(function: Callable[[], T]) -> T:
    """Like `asyncio.to_thread`, but one that is cancelled ends only when the thread's work does:
    whoever comes next must not use the same clients beside it."""
    work = asyncio.ensure_future(asyncio.to_thread(function))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        while not work.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([work])
        raise


class Rounds:
    """One look at the topics after another; the reader is kept between them."""

    def __init__(
        self, desk: Desk, config: ClientConfig, urgent: str, name: str, lists: Path | None
    ) -> None:
        self._desk = desk
        self._config = config
        self._to = ReversalTopics(desk.topics.decisions, urgent)
        self._name = name
        self._lists = lists
        self._open: AbstractContextManager[PositionReader] | None = None
        self._reader: PositionReader | None = None
        self._sent = 0
        self._expired: Counter[str] = Counter()
        self._goal: dict[TopicPartition, int] | None = None
        self.caught_up = False
        """Whether the last round read up to where the topics ended when it was last so. Where
        events never cease, there is always something left to read."""

    def once(self) -> int:
        """Take in what there is and send what follows; how many offsets are left to read.

        Raises `KafkaError` and `UnknownTopic`.
        """
        if self._reader is not None and self._reader.grown():
            log.warning("a topic has more partitions now: they are read, too")
            self.close()
        reader = self._reader or self._opened()
        batch = reader.read()
        if batch.records or self._moved(batch):
            positions = [(tp.topic, tp.partition, at) for tp, at in batch.positions.items()]
            self._desk.take(batch.records, positions)
        ends = reader.ends()
        if self._goal is None:
            self._goal = ends
        goal = self._goal
        self.caught_up = all(at >= goal.get(tp, 0) for tp, at in batch.positions.items())
        if self.caught_up:
            self._goal = None
            self._sent += send_reversals(
                self._config, self._desk.store, self._to, f"{self._name}.reversals"
            )
            if self._lists is not None:
                self._desk.hand_over(self._lists)
        return sum(max(0, ends[tp] - at) for tp, at in batch.positions.items())

    def take_sent(self) -> int:
        """How many reversals were sent since the last call."""
        sent, self._sent = self._sent, 0
        return sent

    def take_expired(self) -> Counter[str]:
        """By topic, how many offsets retention removed unread, found since the last call."""
        expired, self._expired = self._expired, Counter()
        return expired

    def close(self) -> None:
        """Give back the connection; the next round opens another."""
        opened, self._open, self._reader, self._goal = self._open, None, None, None
        if opened is not None:
            opened.__exit__(None, None, None)

    def _opened(self) -> PositionReader:
        # Decisions before outcomes about them, where both wait.
        topics = [self._desk.topics.decisions, self._desk.topics.cases, self._desk.topics.outcomes]
        # What retention removes while it is read must not be passed over: to open again tells it.
        config = {**self._config, "auto_offset_reset": "none"}
        self._open = reading(config, topics, self._desk.store.position)
        self._reader = reader = self._open.__enter__()
        if reader.expired or reader.anew:
            self._tell_missing(reader)
        return reader

    def _tell_missing(self, reader: PositionReader) -> None:
        for tp, count in reader.expired.items():
            log.error(
                "%s/%d: retention removed %d offsets before the desk read them: what was there is"
                " in no case",
                tp.topic,
                tp.partition,
                count,
            )
        for tp in reader.anew:
            log.error(
                "%s/%d ends before the desk's position: made anew or cut, it is read from its"
                " beginning",
                tp.topic,
                tp.partition,
            )
        begins = reader.begins()
        moved = [(tp.topic, tp.partition, begins[tp]) for tp in (*reader.expired, *reader.anew)]
        self._desk.take([], moved)  # so that it is told once
        for tp, count in reader.expired.items():
            self._expired[tp.topic] += count

    def _moved(self, batch: Batch) -> bool:
        store = self._desk.store
        return any(
            store.position(tp.topic, tp.partition) != at for tp, at in batch.positions.items()
        )


def review_budget(desk: Desk, budget: int) -> Budget:
    """The tasks that wait now, against a day's budget."""
    reviews = desk.store.reviews
    waiting = tasks(reviews.asking(), reviews.reviewed_ids(), reviews.folded_decisions())
    return ranked(waiting, budget)


def measure(desk: Desk, metrics: DeskMetrics, budget: int) -> None:
    """Bring the metrics up to what the store says."""
    reviews = desk.store.reviews
    metrics.outcomes_waiting.set(reviews.waiting_outcomes())
    metrics.proposals_waiting.set(len(reviews.proposals()))
    metrics.cases.clear()
    states = desk.store.cases(limit=1_000_000)
    for (status, priority), count in Counter((s.status, s.priority) for s in states).items():
        metrics.cases.labels(status, str(priority)).set(count)
    metrics.tasks.clear()
    line = review_budget(desk, budget)
    for word, waiting in (("within", line.within), ("below", line.below)):
        for priority, count in Counter(task.priority for task in waiting).items():
            metrics.tasks.labels(word, str(priority)).set(count)
    metrics.precision.clear()
    metrics.reviewed.clear()
    for found in precision(reviews.reviewed_since(datetime.now(UTC) - WINDOW)):
        labels = (found.kind, found.name, found.sample)
        metrics.precision.labels(*labels).set(found.share)
        metrics.reviewed.labels(*labels, "confirmed").set(found.confirmed)
        metrics.reviewed.labels(*labels, "rejected").set(found.rejected)


def add_outcome_agent(app: faust.App, topic: str, service: DeskService) -> None:
    """The agent on `review.outcomes`. Faust's driver reads records of aborted transactions too,
    and acknowledges an event whose agent failed; so the agent hears that something came, and
    `DeskService` reads it, committed, from the position that its effects are saved with."""

    async def follow(stream: Any) -> None:
        async for _ in stream:
            service.wake()

    faust_app: Any = app  # its generic annotations are partial
    faust_app.agent(
        faust_app.topic(topic, value_type=bytes, value_serializer="raw"), name="outcomes"
    )(follow)
