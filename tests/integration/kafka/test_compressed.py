"""Topics whose records clients or the broker compress, with each codec that Kafka knows."""

import asyncio
from contextlib import closing

import pytest
from aiokafka import AIOKafkaProducer
from kafka import KafkaConsumer
from kafka.structs import OffsetAndMetadata, TopicPartition

from streams.kafka.lag import group_lag
from streams.kafka.positions import reading
from tests.integration.lists.test_follow import control_topic

VALUES = [b"%d" % number + b"see you at practice " * 2000 for number in range(60)]
"""2.4 MB in one batch."""


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_the_tools_read_what_is_compressed(broker, prefix, codec) -> None:
    config = {"bootstrap_servers": broker.bootstrap}
    topic = control_topic(broker.bootstrap, prefix, **{"cleanup.policy": "delete"})

    async def produce() -> None:
        producer = AIOKafkaProducer(**config, compression_type=codec, max_batch_size=4 << 20)
        await producer.start()
        batch = producer.create_batch()
        for value in VALUES:
            assert batch.append(key=b"k", value=value, timestamp=None) is not None
        await (await producer.send_batch(batch, topic, partition=0))
        await producer.stop()

    asyncio.run(produce())
    with reading(config, [topic], lambda *_: None) as reader:
        found: list[bytes | None] = []
        while len(found) < len(VALUES):
            found += [record.value for record in reader.read().records]
    assert found == VALUES

    group = f"{prefix}group"
    with closing(KafkaConsumer(**config, group_id=group)) as consumer:
        consumer.assign([TopicPartition(topic, 0)])
        consumer.commit({TopicPartition(topic, 0): OffsetAndMetadata(20, "", -1)})
    [lag] = group_lag(config, {group: topic})
    assert (lag.records, lag.seconds is None) == (40, False)
