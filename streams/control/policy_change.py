"""Changes of the policy on `seawall.control`: one key, so that the topic keeps the newest."""

import time
from contextlib import closing, suppress
from typing import Literal

import msgspec
from msgspec import Struct

from streams.contracts.refusal import DecodeFailure
from streams.control.list_changes import send
from streams.kafka.client import (
    ClientConfig,
    KafkaError,
    TopicPartition,
    consumer_client,
    native,
)

KEY = b"policy"
STUCK_SECONDS = 30.0


class PolicyChanged(Struct, frozen=True, kw_only=True, tag_field="type", tag="policy_changed"):
    """The policy is now the file with the text `text`; `previous` is the one before, for a
    rollback. `None` stands for each worker's own, from its settings."""

    schema_version: Literal[1] = 1
    text: str | None
    previous: str | None = None


_decoder = msgspec.json.Decoder(PolicyChanged)


def read_change(key: bytes | None, value: bytes | None) -> PolicyChanged | None:
    """The change that a record of the control topic holds; `None` for other records, which are
    told by their key. Raises one of `DecodeFailure`."""
    return _decoder.decode(value) if key == KEY and value is not None else None


def publish_change(config: ClientConfig, topic: str, change: PolicyChanged) -> int:
    """Write a change, acknowledged by all in-sync replicas; its offset. Raises `KafkaError`."""
    return send(config, topic, [(KEY, msgspec.json.encode(change))]) - 1


def newest_change(config: ClientConfig, topic: str) -> PolicyChanged | None:
    """The change that is in force, `None` where there was none. Raises `KafkaError`."""
    with closing(consumer_client(config)) as consumer:
        partition = native(TopicPartition(topic, 0))
        if not consumer.partitions_for_topic(topic):
            raise KafkaError(f"there is no topic {topic}; run seawall topics apply")
        consumer.assign([partition])
        consumer.seek_to_beginning(partition)
        end = consumer.end_offsets([partition])[partition]
        found: PolicyChanged | None = None
        since = time.monotonic()
        while consumer.position(partition) < end:
            for record in consumer.poll(timeout_ms=500).get(partition, ()):
                since = time.monotonic()
                # The workers refuse what cannot be read, and say so.
                with suppress(*DecodeFailure):
                    found = read_change(record.key, record.value) or found
            if time.monotonic() - since > STUCK_SECONDS:
                raise KafkaError(f"{topic} cannot be read to its end")
        return found
