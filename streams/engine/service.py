"""The data path: a Faust service that works in chunks, a task for each assigned partition."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor

import faust
from aiokafka import TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import ConsumerStoppedError, IllegalStateError, KafkaError

from streams.engine.backoff import Backoff
from streams.engine.chain import Chain
from streams.engine.clients import Consumer, count_partitions, make_consumer
from streams.engine.config import EngineConfig
from streams.engine.delivery import PartitionDelivery
from streams.engine.health import Health, PartitionHealth
from streams.engine.observer import ChunkObserver
from streams.engine.partition import PartitionTask
from streams.metrics import Metrics
from streams.state.store import StateStore

log = logging.getLogger(__name__)

LAG_SECONDS = 1.0
LAG_STALE_SECONDS = 3
FETCH_SILENT_SECONDS = 5
FETCH_STALE_SECONDS = 60


class WrongTopics(Exception):
    """The pipeline's topics are missing, or differ in their number of partitions."""


class FetchingStopped(Exception):
    """The consumer fetches no more: only a new one can."""


class ChunkService(faust.Service):
    """Consumes the input topic as a member of the group, a `PartitionTask` for each partition.

    Before anything is consumed, `output_topics` are checked to exist with the input topic's number
    of partitions, and `other_topics` to exist. `prepare` runs first (such as loading lists);
    `on_partitions`, told the number of the input topic's partitions, and `catch_up` when the topics
    have been found to be there, before the first chunk; `on_failure`
    when the service is about to stop because something failed; `leave`, when it was asked to end
    and is done, gives up the place of a static member, which closing its consumer does not.
    """

    def __init__(
        self,
        config: EngineConfig,
        chain: Chain,
        store: StateStore,
        metrics: Metrics,
        health: Health,
        output_topics: Sequence[str],
        other_topics: Sequence[str],
        prepare: Callable[[], Awaitable[None]],
        on_failure: Callable[[], None] = lambda: None,
        catch_up: Callable[[], Awaitable[None]] | None = None,
        on_partitions: Callable[[int], None] = lambda _: None,
        leave: Callable[[], None] | None = None,
    ) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        self._config = config
        self._chain = chain
        self._store = store
        self._metrics = metrics
        self.health = health
        self._output_topics = output_topics
        self._other_topics = [config.dead_letter_topic, *other_topics]
        self._prepare = prepare
        self._on_failure = on_failure
        self._catch_up = catch_up
        self._on_partitions = on_partitions
        self._leave = leave
        self._executor = ThreadPoolExecutor(config.threads, thread_name_prefix="stages")
        # One more than there are threads: it works while another waits for its state.
        self._turns = asyncio.Semaphore(config.threads + 1)
        last = "decided" if chain.stages and chain.stages[-1].name == "enforcement" else "forwarded"
        self._observer = ChunkObserver(
            metrics, chain, config.stage, last, config.delivery == "exactly_once"
        )
        self._partition_counts: dict[str, int] = {}
        self._consumer: Consumer | None = None
        self._owned: dict[TopicPartition, tuple[PartitionTask, asyncio.Task[None]]] = {}
        self._crashing: asyncio.Future[None] | None = None
        self._silence = contextlib.ExitStack()
        self._silent = False
        self._answers_since: float | None = None

    async def on_start(self) -> None:
        """Prepare, wait for the broker, check the topics and join the group."""
        await self._prepare()
        await self._wait_for_broker()
        self._on_partitions(self._partition_counts[self._config.input_topic])
        if self._catch_up is not None:
            await self._catch_up()
        consumer = make_consumer(self._config)
        await consumer.start()
        self._consumer = consumer
        consumer.subscribe([self._config.input_topic], listener=_Listener(self))

    async def on_stop(self) -> None:
        """Finish running chunks, give back the partitions and every resource.

        A static member whose worker failed keeps its place: what a defect took down once it would
        take down with the next owner, and its supervisor starts it again."""
        await self.revoke(set(self._owned))
        if self._consumer is not None:
            await self._consumer.stop()
        await self._store.close()
        self._executor.shutdown(wait=False, cancel_futures=True)
        failed = self._crashing is not None or self.crashed
        if self._consumer is not None and self._leave is not None and not failed:
            await asyncio.to_thread(self._leave)

    async def _wait_for_broker(self) -> None:
        topics = [
            self._config.input_topic,
            *self._other_topics,
            *self._output_topics,
        ]
        backoff = Backoff(cap=5.0)
        while True:
            try:
                self._partition_counts = await count_partitions(self._config, topics)
                break
            except (KafkaError, OSError) as error:
                log.warning("waiting for the broker: %s", error)
                self._observer.waited("broker")
                with self._observer.waiting("broker"):
                    await self.sleep(backoff.next())
            if self.should_stop:
                raise asyncio.CancelledError  # asked to end before it had begun
        check_topics(
            self._config.input_topic,
            self._output_topics,
            self._other_topics,
            self._partition_counts,
        )

    def assign(self, partitions: Collection[TopicPartition]) -> None:
        """Begin with newly assigned partitions; returns at once, since heartbeats wait for it."""
        if self._consumer is None or self.should_stop:
            return  # a rebalance that ends while the worker does
        self.health.joined = True
        known = self._partition_counts[self._config.input_topic]
        if any(tp.partition >= known for tp in partitions):
            self._end(
                WrongTopics(
                    f"{self._config.input_topic} has grown beyond {known} partitions: run "
                    "`seawall topics apply`, so that its results keep their partition"
                )
            )
            return
        for tp in sorted(partitions):
            health = PartitionHealth(time.monotonic())
            self.health.partitions[tp.partition] = health
            task = PartitionTask(
                self._config,
                tp,
                self._chain,
                self._consumer,
                PartitionDelivery(self._config, tp, self._consumer, self._partition_counts),
                self._store,
                self._executor,
                self._turns,
                self._observer,
                health,
            )
            running = asyncio.create_task(task.run(), name=f"partition-{tp.partition}")
            running.add_done_callback(self._crash_on_failure)
            self._owned[tp] = (task, running)
        self._metrics.partitions.labels(self._config.stage).set(len(self._owned))
        if self.health.ready().ok:
            log.info(
                "ready: in group %s, with %d of %d partitions of %s",
                self._config.group, len(self._owned), known, self._config.input_topic,
            )  # fmt: skip

    async def revoke(self, partitions: Collection[TopicPartition]) -> None:
        """Let running chunks end, within a bound; past it cancel them. Nothing of a cancelled
        chunk is committed, and its owner-to-be starts from the same place."""
        self.health.joined = False
        ending = {tp: self._owned.pop(tp) for tp in partitions if tp in self._owned}
        if not ending:
            return
        self._metrics.rebalances.labels(self._config.stage).inc()
        for task, _ in ending.values():
            task.close()
        running = [task for _, task in ending.values()]
        _, late = await asyncio.wait(running, timeout=self._config.revoke_seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)
        for tp in ending:
            self.health.partitions.pop(tp.partition, None)
            for gauge in (
                self._metrics.lag_records,
                self._metrics.lag_seconds,
                self._metrics.unstable_records,
            ):
                gauge.remove(self._config.stage, str(tp.partition))
        self._metrics.partitions.labels(self._config.stage).set(len(self._owned))

    def _crash_on_failure(self, task: asyncio.Task[None]) -> None:
        failure = None if task.cancelled() else task.exception()
        if failure is not None:
            self._end(failure)

    def _end(self, failure: BaseException) -> None:
        """Stop the worker, within a bound."""
        if self._crashing is None:
            log.critical("the worker stops: %s: %s", type(failure).__name__, failure)
            self._on_failure()
            self._crashing = asyncio.ensure_future(self.crash(failure))

    @faust.Service.task
    async def _watch(self) -> None:
        """Measure lag; notice what aiokafka tells only to who asks."""
        while not self.should_stop:
            await self.sleep(LAG_SECONDS)
            if self._consumer is None:
                continue
            self._note_silence(self._consumer)
            try:
                await self._check_group(self._consumer)
                await self._check_fetching(self._consumer)
            except ConsumerStoppedError:
                return  # by `on_stop`: no failure
            except (KafkaError, FetchingStopped) as error:
                self._end(error)
                return
            ends = await self._stable_ends(self._consumer)
            for tp, (task, _) in list(self._owned.items()):
                await self._measure(tp, task, ends.get(tp, 0))

    async def _check_group(self, consumer: Consumer) -> None:
        """Raises what the group coordinator has to say. aiokafka hands an error to the next
        getmany() and does nothing until then; without a partition nobody would call it."""
        nobodys = TopicPartition(self._config.input_topic, -1)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(consumer.getmany(nobodys, timeout_ms=0, max_records=1), 1.0)

    async def _check_fetching(self, consumer: Consumer) -> None:
        """Raises FetchingStopped when nothing has been fetched for long although the broker is
        there: a fetcher that has died looks like an idle topic. After an outage the time counts
        from the broker's first answer, for fetching needs a while to begin again."""
        unfetched = self._unfetched(consumer, FETCH_STALE_SECONDS)
        if not unfetched:
            self._answers_since = None
            return
        tp, now = unfetched[0], time.monotonic()
        try:
            await count_partitions(self._config, [tp.topic])
        except (KafkaError, OSError):
            self._answers_since = None
            return
        if self._answers_since is None:
            self._answers_since = now
        elif now - self._answers_since >= FETCH_STALE_SECONDS:
            raise FetchingStopped(
                f"nothing was fetched from {tp.topic} {tp.partition} for {FETCH_STALE_SECONDS} s, "
                "though the broker answers"
            )

    def _note_silence(self, consumer: Consumer) -> None:
        """Say that a broker is away whose partitions are idle: they ask all the time, and no
        partition's task has anything to wait with."""
        silent = bool(self._unfetched(consumer, FETCH_SILENT_SECONDS))
        if silent != self._silent:
            self._silent = silent
            self._silence.close()
            if silent:
                self._observer.waited("broker")
                self._silence.enter_context(self._observer.waiting("broker"))

    def _unfetched(self, consumer: Consumer, seconds: float) -> list[TopicPartition]:
        """Partitions with nothing in hand that wait for nothing else, and have had no answer for so
        long, not even that there is nothing new."""
        stale_ms = (time.time() - seconds) * 1000
        found: list[TopicPartition] = []
        for tp, (task, _) in self._owned.items():
            try:
                fetched_ms = consumer.last_poll_timestamp(tp)
            except (AssertionError, IllegalStateError):
                continue  # taken away in this moment
            if fetched_ms and fetched_ms < stale_ms and not (task.held or task.waits):
                found.append(tp)
        return found

    async def _stable_ends(self, consumer: Consumer) -> dict[TopicPartition, int]:
        """The stable ends of partitions that have read nothing for a while because they wait with
        records in hand: of what has come since, aiokafka knows nothing, for it asks only when it
        has room. Empty where the broker does not answer at once."""
        stale_ms = (time.time() - LAG_STALE_SECONDS) * 1000
        asked: list[TopicPartition] = []
        for tp, (task, _) in self._owned.items():
            with contextlib.suppress(AssertionError, IllegalStateError):  # taken away just now
                if task.held and (consumer.last_poll_timestamp(tp) or 0) < stale_ms:
                    asked.append(tp)
        if not asked:
            return {}
        try:
            return await asyncio.wait_for(consumer.end_offsets(asked), LAG_SECONDS)
        except (TimeoutError, KafkaError):
            return {}

    async def _measure(self, tp: TopicPartition, task: PartitionTask, stable_end: int) -> None:
        behind = await self._behind(tp, stable_end)
        if behind is None or tp not in self._owned:
            return
        stage, number = self._config.stage, str(tp.partition)
        unread, unstable = behind
        self._metrics.lag_records.labels(stage, number).set(unread + task.held)
        self._metrics.unstable_records.labels(stage, number).set(unstable)
        self._metrics.lag_seconds.labels(stage, number).set(task.lag_seconds(unread, time.time()))

    async def _behind(self, tp: TopicPartition, stable_end: int) -> tuple[int, int] | None:
        """Stable records not yet read, and records behind an open transaction. The position moves
        past transaction markers, so that nothing but markers left counts as caught up. `stable_end`
        is what the broker said, 0 where it was not asked."""
        consumer = self._consumer
        if consumer is None:
            return None
        try:
            stable, high = consumer.last_stable_offset(tp), consumer.highwater(tp)
            if stable is None or high is None or stable < 0:
                return None
            position = await consumer.position(tp)
        except (AssertionError, IllegalStateError):
            return None  # taken away in this moment
        unread = max(stable, stable_end) - position
        return max(unread, 0), max(high - max(stable, position), 0)


class _Listener(ConsumerRebalanceListener):
    def __init__(self, service: ChunkService) -> None:
        self._service = service

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        await self._service.revoke(revoked)

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        self._service.assign(assigned)


def check_topics(
    source: str, outputs: Sequence[str], others: Sequence[str], counts: dict[str, int]
) -> None:
    """Raises WrongTopics when a topic is missing or an output's partitions differ from the
    source's: a conversation's order is kept by giving results their source's partition."""
    wrong = [f"{t} does not exist" for t in (source, *outputs, *others) if t not in counts]
    wrong += [
        f"{topic} has {counts[topic]} partitions, but {source} has {counts[source]}"
        for topic in outputs
        if topic in counts and source in counts and counts[topic] != counts[source]
    ]
    if wrong:
        raise WrongTopics("; ".join(wrong) + ". Run `seawall topics apply`.")
