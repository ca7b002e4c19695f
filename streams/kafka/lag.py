"""How far consumer groups are behind, in records and in seconds."""

import time
from collections.abc import Mapping, Sequence
from contextlib import closing

from msgspec import Struct

from streams.kafka.client import (
    EARLIEST,
    LATEST,
    READ_COMMITTED,
    Admin,
    ClientConfig,
    TopicPartition,
    admin_client,
    consumer_client,
    native,
    retried,
)

PROBE_SECONDS = 10.0


class PartitionLag(Struct, frozen=True, kw_only=True):
    """One partition of one group. `committed` is `None` where the group has committed nothing, so
    that it would begin at the earliest record. `end` is where committed records end now.

    `records` are unread; while there are more than one fetch holds, it counts offsets, of which
    transactions' markers take a few. `seconds` is the age of the oldest unread record, `None` if
    its first fetch did not answer in time; both are 0 where only markers follow.
    """

    group: str
    topic: str
    partition: int
    committed: int | None
    end: int
    records: int
    seconds: float | None


class _Unread(Struct):
    count: int = 0
    oldest: int | None = None
    reached_end: bool = False


def group_lag(
    config: ClientConfig, groups: Mapping[str, str | None], now: float | None = None
) -> list[PartitionLag]:
    """The lag of each group. `groups` gives the topic that a group reads, all of whose partitions
    are then reported, or `None` for those that it has committed. `now` is epoch seconds.

    Raises:
        KafkaError: the brokers cannot be reached, or refuse.
    """
    found: list[PartitionLag] = []
    with closing(admin_client(config)) as admin:
        for group, topic in groups.items():
            offsets = _committed(admin, group, topic)
            wanted = {TopicPartition(*tp): None for tp in offsets}
            ends = _offsets(admin, list(wanted), LATEST)
            begins = _offsets(admin, list(wanted), EARLIEST)
            starts = {
                tp: max(begins[tp], offset if offset is not None else begins[tp])
                for tp, offset in offsets.items()
            }
            behind = {tp: starts[tp] for tp in offsets if starts[tp] < ends[tp]}
            unread = _probe(config, behind, ends)
            at = time.time() if now is None else now
            found += [
                _lag(group, tp, offsets[tp], starts[tp], ends[tp], unread.get(tp), at)
                for tp in sorted(offsets)
            ]
    return found


def _committed(admin: Admin, group: str, topic: str | None) -> dict[TopicPartition, int | None]:
    answer = retried(lambda: admin.list_group_offsets([group])).get(group, {})
    offsets: dict[TopicPartition, int | None] = {
        TopicPartition(*tp): committed.offset
        for tp, committed in answer.items()
        if committed.offset >= 0 and (topic is None or tp.topic == topic)
    }
    if topic is not None:
        for described in admin.describe_topics([topic]):
            for partition in described["partitions"]:
                offsets.setdefault(TopicPartition(topic, partition["partition_index"]), None)
    return offsets


def _offsets(
    admin: Admin, partitions: Sequence[TopicPartition], spec: int
) -> dict[TopicPartition, int]:
    if not partitions:
        return {}
    specs = {native(tp): spec for tp in partitions}
    answer = retried(lambda: admin.list_partition_offsets(specs, isolation_level=READ_COMMITTED))
    return {TopicPartition(*tp): at.offset for tp, at in answer.items()}


def _probe(
    config: ClientConfig, starts: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
) -> dict[TopicPartition, _Unread]:
    """Read each partition from its start until a record comes or its end is reached: the markers
    that follow a transaction take offsets but are no records."""
    unread = {tp: _Unread() for tp in starts}
    if not starts:
        return unread
    deadline = time.monotonic() + PROBE_SECONDS
    with closing(consumer_client(config)) as consumer:
        consumer.assign([native(tp) for tp in starts])
        for tp, offset in starts.items():
            consumer.seek(native(tp), offset)
        open_partitions = set(starts)
        while open_partitions and time.monotonic() < deadline:
            for tp, records in consumer.poll(timeout_ms=200).items():
                probe = unread[TopicPartition(*tp)]
                fresh = [record for record in records if record.offset < ends[TopicPartition(*tp)]]
                probe.count += len(fresh)
                if fresh and probe.oldest is None:
                    probe.oldest = fresh[0].timestamp
            for tp in list(open_partitions):
                unread[tp].reached_end = consumer.position(native(tp)) >= ends[tp]
                if unread[tp].reached_end or unread[tp].oldest is not None:
                    open_partitions.remove(tp)
    return unread


def _lag(
    group: str,
    tp: TopicPartition,
    committed: int | None,
    start: int,
    end: int,
    unread: _Unread | None,
    now: float,
) -> PartitionLag:
    records, seconds = 0, 0.0
    if unread is not None:
        records = unread.count if unread.reached_end else end - start
        if records:
            oldest = unread.oldest
            seconds = max(0.0, now - oldest / 1000) if oldest is not None else None
    return PartitionLag(
        group=group,
        topic=tp.topic,
        partition=tp.partition,
        committed=committed,
        end=end,
        records=records,
        seconds=seconds,
    )
