"""Changes of the policy on `seawall.control`: one key, so that the topic keeps the newest."""

import time
from contextlib import closing
from typing import Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from streams.contracts.refusal import DecodeFailure, refuse
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
    previous: str | UnsetType | None = UNSET


class UnreadChange(Struct, frozen=True):
    """A record with the policy's key that this version of Seawall cannot read, and why.

    `previous` is what it says of the policy before it, `UNSET` where it cannot be found: whatever
    a later version adds, that field is there for those who cannot use the newest."""

    why: str
    previous: str | UnsetType | None = UNSET


class _Previous(Struct):
    previous: str | UnsetType | None = UNSET


_decoder = msgspec.json.Decoder(PolicyChanged)
_previous_decoder = msgspec.json.Decoder(_Previous)


def read_change(key: bytes | None, value: bytes | None) -> PolicyChanged | UnreadChange | None:
    """The change that a record of the control topic holds; `None` for other records, which are
    told by their key. One without a value, which removes the key, is a change back to each
    worker's own: what those find that start when it has been compacted away."""
    if key != KEY:
        return None
    if value is None:
        return PolicyChanged(text=None)
    try:
        return _decoder.decode(value)
    except DecodeFailure as error:
        bad = refuse(error, PolicyChanged, value)
    why = f"{bad.field or '$'}: {bad.message}"
    try:
        return UnreadChange(why, _previous_decoder.decode(value).previous)
    except DecodeFailure:
        return UnreadChange(why)


def publish_change(config: ClientConfig, topic: str, change: PolicyChanged) -> int:
    """Write a change, acknowledged by all in-sync replicas; its offset. Raises `KafkaError`."""
    return send(config, topic, [(KEY, msgspec.json.encode(change))]) - 1


def newest_change(config: ClientConfig, topic: str) -> PolicyChanged | UnreadChange | None:
    """The newest change, `None` where there was none or it was deleted. What cannot be read is
    that too, with the policy before it where that is known. Raises `KafkaError`."""
    with closing(consumer_client(config)) as consumer:
        partition = native(TopicPartition(topic, 0))
        if not consumer.partitions_for_topic(topic):
            raise KafkaError(f"there is no topic {topic}; run seawall topics apply")
        consumer.assign([partition])
        consumer.seek_to_beginning(partition)
        end = consumer.end_offsets([partition])[partition]
        found: PolicyChanged | UnreadChange | None = None
        since = time.monotonic()
        while consumer.position(partition) < end:
            for record in consumer.poll(timeout_ms=500).get(partition, ()):
                since = time.monotonic()
                found = _after(found, record.key, record.value)
            if time.monotonic() - since > STUCK_SECONDS:
                raise KafkaError(f"{topic} cannot be read to its end")
        return found


def _after(
    found: PolicyChanged | UnreadChange | None, key: bytes | None, value: bytes | None
) -> PolicyChanged | UnreadChange | None:
    """The newest change once a record was read that comes after `found`."""
    if key == KEY and value is None:
        return None
    change = read_change(key, value)
    if not isinstance(change, UnreadChange) or change.previous is not UNSET or found is None:
        return change or found
    before = found.text if isinstance(found, PolicyChanged) else found.previous
    return UnreadChange(change.why, before)
