"""Seawall's engine with stages that only parse and write again, in its own Faust worker."""

import tempfile

import faust

from benchmarks.work import Work
from streams.engine.config import EngineConfig
from streams.engine.health import Health
from streams.engine.service import ChunkService
from streams.kafka import topics as kafka_topics
from streams.kafka.topics import stage_topics, topic_name
from streams.memory import settle_memory
from streams.metrics import Metrics
from streams.settings import Settings
from streams.state.memory import MemoryStore
from streams.worker import new_loop, run_until_ended


def run(settings: Settings, work: Work) -> None:
    """Until SIGTERM."""
    loop = new_loop()
    topics = stage_topics(settings.pipeline, settings.worker.stages)
    config = EngineConfig(
        group=settings.pipeline.name,
        input_topic=topics.input,
        dead_letter_topic=topic_name(settings.pipeline, kafka_topics.DEAD_LETTERS),
        stage="pass",
        client=settings.kafka.aiokafka_config(),
        delivery=settings.worker.delivery,
        chunk_records=settings.worker.chunk_records,
        fetch_min_bytes=settings.worker.fetch_min_bytes,
        fetch_max_wait_ms=settings.worker.wait_ms,
        partition_fetch_bytes=settings.worker.chunk_bytes,
    )
    service = ChunkService(
        config,
        work.chain,
        MemoryStore(ttl=86_400),
        Metrics(),
        Health(60),
        output_topics=work.topics,
        other_topics=(),
        prepare=_prepare,
    )
    with tempfile.TemporaryDirectory(prefix="seawall-bench-") as directory:
        app = faust.App(
            f"{settings.pipeline.name}.app",
            broker=f"kafka://{settings.kafka.bootstrap}",
            datadir=directory,
            web_enabled=False,
            autodiscover=False,
            topic_disable_leader=True,
            topic_allow_declare=False,
        )

        @app.agent(app.topic(topic_name(settings.pipeline, kafka_topics.CONTROL)))
        async def control(stream: faust.StreamT[bytes]) -> None:
            async for _ in stream:
                pass

        run_until_ended(app, loop, [service], settings.worker.shutdown_seconds)


async def _prepare() -> None:
    settle_memory()
