"""The bare loop: `getmany`, parse, write again, `send_batch`, commit; at least once, on uvloop.

What Python can do at best with aiokafka when nothing is promised beyond at least once.
"""

import asyncio
import signal
from collections.abc import Mapping
from typing import Any

import msgspec
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from streams.contracts.event import ContentEvent
from streams.kafka.topics import stage_topics
from streams.settings import Settings

CHUNK_RECORDS = 1000


def run(settings: Settings) -> None:
    """Until SIGTERM."""
    uvloop.run(_run(settings))


async def _run(settings: Settings) -> None:
    topics = stage_topics(settings.pipeline, settings.worker.stages)
    client = settings.kafka.aiokafka_config()
    consumer = AIOKafkaConsumer(
        topics.input,
        **client,
        group_id=settings.pipeline.name,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        max_partition_fetch_bytes=settings.worker.chunk_bytes,
    )
    producer = AIOKafkaProducer(
        **client, acks="all", linger_ms=0, max_batch_size=900_000, max_request_size=64 << 20
    )
    await consumer.start()
    await producer.start()
    working = asyncio.ensure_future(_work(consumer, producer, topics.output))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, working.cancel)
    try:
        await working
    except asyncio.CancelledError:
        pass
    finally:
        await producer.stop()
        await consumer.stop()


async def _work(consumer: Any, producer: Any, output: str) -> None:
    decode = msgspec.json.Decoder(ContentEvent).decode
    encode = msgspec.json.Encoder().encode
    while True:
        chunks: Mapping[TopicPartition, list[Any]] = await consumer.getmany(
            timeout_ms=500, max_records=CHUNK_RECORDS
        )
        for tp, records in chunks.items():
            batches = [producer.create_batch()]
            for record in records:
                value = encode(decode(record.value))
                while (
                    batches[-1].append(key=record.key, value=value, timestamp=None, headers=[])
                    is None
                ):
                    batches.append(producer.create_batch())
            sent = [
                await producer.send_batch(batch, output, partition=tp.partition)
                for batch in batches
            ]
            await asyncio.gather(*sent)
            await consumer.commit({tp: records[-1].offset + 1})
