"""An engine in this process, on a real broker, with stages of the test's own."""

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams.boundary import event_intake, hop_output
from streams.contracts.decoding import EventDecoder
from streams.contracts.stage import Stage, StageResult
from streams.engine.chain import Chain, no_cost, nothing_to_count
from streams.engine.config import EngineConfig
from streams.engine.health import Health
from streams.engine.service import ChunkService
from streams.metrics import Metrics
from streams.state.memory import MemoryStore
from streams.state.store import StateStore


class PassOn:
    """A stage that hands everything on."""

    name = "hash-matching"

    def keys(self, batch):
        return ()

    def run(self, batch, state):
        return StageResult(batch)


def event(number: int, **changes) -> dict:
    """A valid event whose id is its number."""
    return {
        "event_id": str(number),
        "tenant": "t",
        "kind": "created",
        "occurred_at": "2026-01-01T00:00:00Z",
        "content_id": f"c{number}",
        "surface": "message",
        "author": {"id": f"a{number % 7}"},
        "conversation_id": f"v{number % 5}",
        "text": "see you at the match",
        **changes,
    }


def encoded(number: int, **changes) -> bytes:
    return json.dumps(event(number, **changes)).encode()


@dataclass
class Rig:
    """Topics of a test's own, and the engines that it starts over them."""

    bootstrap: str
    prefix: str
    partitions: int = 2
    topic_configs: dict[str, dict[str, str]] = field(default_factory=dict)
    metrics: Metrics = field(default_factory=Metrics)
    store: StateStore = field(default_factory=lambda: MemoryStore(ttl=3600))

    @property
    def source(self) -> str:
        return self.prefix + "content.events"

    @property
    def sink(self) -> str:
        return self.prefix + "content.matched"

    @property
    def dead(self) -> str:
        return self.prefix + "seawall.dead-letters"

    async def create_topics(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            await admin.create_topics(
                [
                    NewTopic(
                        name,
                        1 if name == self.dead else self.partitions,
                        1,
                        topic_configs=self.topic_configs.get(name, {}),
                    )
                    for name in (self.source, self.sink, self.dead)
                ]
            )
        finally:
            await admin.close()

    def config(self, **changes) -> EngineConfig:
        return EngineConfig(
            **{
                "group": self.prefix + "group",
                "input_topic": self.source,
                "dead_letter_topic": self.dead,
                "stage": "hash-matching",
                "client": {"bootstrap_servers": self.bootstrap},
                "session_timeout_ms": 6000,
                "fetch_min_bytes": 1,
                **changes,
            }
        )

    def service(
        self, stage: Stage | None = None, max_bytes=1_000_000, leave=None, **changes
    ) -> ChunkService:
        chain = Chain(
            [stage or PassOn()],
            event_intake(
                EventDecoder(max_bytes=max_bytes), lambda event, at: (event, ()), time.time
            ),
            no_cost,
            hop_output(self.sink),
            nothing_to_count,
        )

        async def nothing() -> None:
            return None

        return ChunkService(
            self.config(**changes),
            chain,
            self.store,
            self.metrics,
            Health(stall_seconds=60),
            [self.sink],
            [],
            nothing,
            leave=leave,
        )

    @asynccontextmanager
    async def running(self, stage: Stage | None = None, **changes):
        service = self.service(stage, **changes)
        await service.start()
        try:
            yield service
        finally:
            await service.stop()

    async def produce(
        self, values: Sequence[bytes], partition: int | None = None, acks="all"
    ) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=self.bootstrap, acks=acks, max_request_size=50_000_000
        )
        await producer.start()
        try:
            for number, value in enumerate(values):
                target = number % self.partitions if partition is None else partition
                await producer.send(self.source, value, partition=target)
            await producer.flush()
        finally:
            await producer.stop()

    async def read(self, topic: str, count: int, seconds: float = 30.0, settle: float = 0.5):
        """At least `count` committed records, and what else comes within `settle` after them."""
        partitions = [
            TopicPartition(topic, n) for n in range(1 if topic == self.dead else self.partitions)
        ]
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            max_partition_fetch_bytes=10_000_000,
        )
        await consumer.start()
        consumer.assign(partitions)
        records = []
        ends = time.monotonic() + seconds
        settles = None
        try:
            while time.monotonic() < (settles or ends):
                got = await consumer.getmany(timeout_ms=100)
                for batch in got.values():
                    records.extend(batch)
                if len(records) >= count and settles is None:
                    settles = time.monotonic() + settle
        finally:
            await consumer.stop()
        assert len(records) >= count, f"{len(records)} of {count} records on {topic}"
        return records

    def value(self, name: str, **labels) -> float:
        """A metric's value now; 0 when it has not been touched."""
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


def ids(records) -> list[str]:
    return [json.loads(record.value)["event"]["event_id"] for record in records]


async def until(condition, seconds: float = 30.0) -> None:
    """Wait for a condition that must come true."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not come true in time"
        await asyncio.sleep(0.02)
