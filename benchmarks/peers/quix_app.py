"""A quixstreams application, its defaults, values as bytes; at least once."""

import tempfile
from typing import Any

from quixstreams import Application
from quixstreams.models.serializers.simple_types import BytesSerializer

from benchmarks.work import SimpleRecord, Work
from streams.engine.chain import Output
from streams.kafka.topics import stage_topics
from streams.settings import Settings


class _OutputSerializer(BytesSerializer):
    def __call__(self, value: Output, *_: Any, **__: Any) -> bytes:
        return value[2]


def run(settings: Settings, work: Work) -> None:
    """Until SIGTERM."""
    topics = stage_topics(settings.pipeline, settings.worker.stages)
    with tempfile.TemporaryDirectory(prefix="seawall-bench-") as directory:
        app = Application(
            broker_address=settings.kafka.bootstrap,
            consumer_group=settings.pipeline.name,
            auto_offset_reset="earliest",
            auto_create_topics=False,
            state_dir=directory,
            loglevel="WARNING",
        )
        source = app.topic(topics.input, value_deserializer="bytes")
        outputs = {
            name: app.topic(name, value_serializer=_OutputSerializer(), key_serializer="bytes")
            for name in work.topics
        }

        def process(value: bytes, key: Any, timestamp: int, headers: Any) -> list[Output]:
            return work.one(SimpleRecord(0, timestamp, key, value, headers or []))

        def headers_of(output: Output, *_: Any) -> list[tuple[str, bytes]]:
            return output[3]

        frame = app.dataframe(source).apply(process, metadata=True, expand=True)
        frame = frame.set_headers(headers_of)
        frame.to_topic(lambda output, *_: outputs[output[0]], key=lambda output: output[1])
        app.run()
