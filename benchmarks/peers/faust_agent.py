"""A stock Faust agent: one event at a time, Faust's defaults, values as raw bytes."""

import sys
import tempfile

import faust

from benchmarks.work import SimpleRecord, Work
from streams.kafka.topics import stage_topics
from streams.settings import Settings


def run(settings: Settings, work: Work) -> None:
    """Until SIGTERM. Everything is Faust's default but for what a program cannot do without: raw
    bytes (the stages decode for themselves), no web port, a directory for its files."""
    topics = stage_topics(settings.pipeline, settings.worker.stages)
    with tempfile.TemporaryDirectory(prefix="seawall-bench-") as directory:
        app = faust.App(
            settings.pipeline.name,
            broker=f"kafka://{settings.kafka.bootstrap}",
            datadir=directory,
            web_enabled=False,
            autodiscover=False,
            topic_partitions=settings.pipeline.partitions,
        )
        source = app.topic(topics.input, key_type=bytes, value_type=bytes, value_serializer="raw")
        outputs = {
            name: app.topic(name, key_type=bytes, value_type=bytes, value_serializer="raw")
            for name in work.topics
        }

        @app.agent(source)
        async def process(stream: faust.StreamT[bytes]) -> None:
            async for event in stream.events():
                message = event.message
                record = SimpleRecord(
                    message.offset,
                    int(message.timestamp * 1000),
                    message.key,
                    message.value,
                    list(message.headers or ()),
                )
                for topic, key, value, headers, _ in work.one(record):
                    await outputs[topic].send(key=key, value=value, headers=headers)

        sys.argv = [sys.argv[0], "worker", "--without-web", "-l", "warn"]
        app.main()
