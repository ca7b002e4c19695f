"""The data path: a Faust service that works in chunks, a task for each assigned partition."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor

import faust
from aiokafka import TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import IllegalStateError, KafkaError

from streams import deadline
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


class WrongTopics(Exception):
    """The pipeline's topics are missing, or differ in their number of partitions."""


class ChunkService(faust.Service):
    """Consumes the input topic as a member of the group, a `PartitionTask` for each partition.

    Before anything is consumed, `output_topics` are checked to exist with the input topic's number
    of partitions, and `other_topics` to exist. `prepare` runs before the first chunk (such as
    loading lists).
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
    ) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        self._config = config
        self._chain = chain
        self._store = store
        self._metrics = metrics
        self._health = health
        self._output_topics = output_topics
        self._other_topics = [config.dead_letter_topic, *other_topics]
        self._prepare = prepare
        self._executor = ThreadPoolExecutor(config.threads, thread_name_prefix="stages")
        last = "decided" if chain.stages and chain.stages[-1].name == "enforcement" else "forwarded"
        self._observer = ChunkObserver(
            metrics, chain, config.stage, last, config.delivery == "exactly_once"
        )
        self._partition_counts: dict[str, int] = {}
        self._consumer: Consumer | None = None
        self._owned: dict[TopicPartition, tuple[PartitionTask, asyncio.Task[None]]] = {}
        self._crashing: asyncio.Future[None] | None = None

    async def on_start(self) -> None:
        """Prepare, wait for the broker, check the topics and join the group."""
        await self._prepare()
        await self._wait_for_broker()
        consumer = make_consumer(self._config)
        await consumer.start()
        self._consumer = consumer
        consumer.subscribe([self._config.input_topic], listener=_Listener(self))

    async def on_stop(self) -> None:
        """Finish running chunks, give back the partitions and every resource."""
        await self.revoke(set(self._owned))
        if self._consumer is not None:
            await self._consumer.stop()
        await self._store.close()
        self._executor.shutdown(wait=False, cancel_futures=True)

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
        self._health.joined = True
        for tp in sorted(partitions):
            health = PartitionHealth(time.monotonic())
            self._health.partitions[tp.partition] = health
            task = PartitionTask(
                self._config,
                tp,
                self._chain,
                self._consumer,
                PartitionDelivery(
                    self._config, tp, self._consumer, self._partition_counts, self._executor
                ),
                self._store,
                self._executor,
                self._observer,
                health,
            )
            running = asyncio.create_task(task.run(), name=f"partition-{tp.partition}")
            running.add_done_callback(self._crash_on_failure)
            self._owned[tp] = (task, running)
        self._metrics.partitions.labels(self._config.stage).set(len(self._owned))

    async def revoke(self, partitions: Collection[TopicPartition]) -> None:
        """Let running chunks end, within a bound; past it cancel them. Nothing of a cancelled
        chunk is committed, and its owner-to-be starts from the same place."""
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
            self._health.partitions.pop(tp.partition, None)
            for gauge in (
                self._metrics.lag_records,
                self._metrics.lag_seconds,
                self._metrics.unstable_records,
            ):
                gauge.remove(self._config.stage, str(tp.partition))
        self._metrics.partitions.labels(self._config.stage).set(len(self._owned))

    def _crash_on_failure(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        failure = task.exception()
        if failure is not None:
            log.critical("the worker stops: %s: %s", type(failure).__name__, failure)
            deadline.arm(2 * self._config.revoke_seconds, 1)
            self._crashing = asyncio.ensure_future(self.crash(failure))

    @faust.Service.task
    async def _measure_lag(self) -> None:
        stage = self._config.stage
        while not self.should_stop:
            await self.sleep(LAG_SECONDS)
            for tp, (task, _) in list(self._owned.items()):
                behind = await self._behind(tp)
                if behind is None or tp not in self._owned:
                    continue
                stable, unstable = behind
                number = str(tp.partition)
                self._metrics.lag_records.labels(stage, number).set(stable)
                self._metrics.unstable_records.labels(stage, number).set(unstable)
                self._metrics.lag_seconds.labels(stage, number).set(
                    task.lag_seconds(time.time()) if stable else 0.0
                )

    async def _behind(self, tp: TopicPartition) -> tuple[int, int] | None:
        """Stable records not yet read, and records behind an open transaction. The position moves
        past transaction markers, so that nothing but markers left counts as caught up."""
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
        return max(stable - position, 0), max(high - max(stable, position), 0)


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
