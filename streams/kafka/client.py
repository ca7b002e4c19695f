"""kafka-python behind types: the parts of its clients that the tools use.

kafka-python ships no type information, so this is the one place that imports its clients. All of
them are synchronous; the engine does not use them.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, NotRequired, Protocol, TypedDict, TypeVar, cast

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import (
    ConfigResource,
    ConfigResourceType,
    MemberToRemove,  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]
)
from kafka.errors import KafkaError as KafkaError
from kafka.errors import ProducerFencedError as ProducerFencedError
from kafka.protocol.consumer import IsolationLevel, OffsetSpec
from kafka.structs import OffsetAndMetadata as _OffsetAndMetadata
from kafka.structs import TopicPartition as _TopicPartition

from streams.kafka.header_names import accept_any_header_name

accept_any_header_name()

T = TypeVar("T")
ClientConfig = Mapping[str, Any]
"""Keyword arguments of kafka-python's clients, `bootstrap_servers` among them."""
Headers = list[tuple[str, bytes]]


class TopicPartition(NamedTuple):
    """Equal to and usable as kafka-python's own named tuple."""

    topic: str
    partition: int


class OffsetAndTimestamp(Protocol):
    """`timestamp` in milliseconds since the epoch; -1 where there is none."""

    offset: int
    timestamp: int


class OffsetAndMetadata(Protocol):
    """A group's committed offset: the next one that it will read; and what was noted with it."""

    offset: int
    metadata: str


class BrokerDescription(TypedDict):
    """A fenced broker is known but takes no part (since Kafka 4)."""

    broker_id: int
    host: str
    port: int
    is_fenced: NotRequired[bool]


class ClusterDescription(TypedDict):
    cluster_id: str | None
    brokers: list[BrokerDescription]


class PartitionDescription(TypedDict):
    partition_index: int
    leader_id: int
    replica_nodes: list[int]
    isr_nodes: list[int]


class TopicDescription(TypedDict):
    error_code: int
    name: str
    partitions: list[PartitionDescription]


class NewTopicOptions(TypedDict):
    num_partitions: int
    replication_factor: int
    configs: NotRequired[dict[str, str]]


class Admin(Protocol):
    """`KafkaAdminClient`."""

    def describe_cluster(self) -> ClusterDescription: ...
    def list_topics(self) -> list[str]: ...
    def describe_topics(self, topics: Sequence[str] | None = None) -> list[TopicDescription]: ...
    def create_topics(
        self, new_topics: Mapping[str, NewTopicOptions], *, wait_for_metadata: bool = False
    ) -> object: ...
    def create_partitions(self, topic_partitions: Mapping[str, int]) -> object: ...
    def delete_topics(self, topics: Sequence[str]) -> object: ...
    def wait_for_topics(self, topic_names: Sequence[str], timeout_ms: int = 10_000) -> None: ...
    def describe_configs(
        self, config_resources: Sequence[object], *, config_filter: str = "modified"
    ) -> dict[str, dict[str, dict[str, dict[str, Any]]]]: ...
    def alter_configs(
        self, config_resources: Sequence[object], *, raise_on_unknown: bool = True
    ) -> dict[str, dict[str, str]]: ...
    def list_groups(self) -> list[dict[str, Any]]: ...
    def remove_group_members(
        self, group_id: str, members: Sequence[object]
    ) -> dict[str, type[KafkaError]]: ...
    def list_group_offsets(
        self, group_specs: Sequence[str]
    ) -> dict[str, dict[TopicPartition, OffsetAndMetadata]]: ...
    def list_partition_offsets(
        self, topic_partition_specs: Mapping[TopicPartition, int], isolation_level: object = ...
    ) -> dict[TopicPartition, OffsetAndTimestamp]: ...
    def close(self) -> None: ...


class RecordMetadata(Protocol):
    topic: str
    partition: int
    offset: int


class RecordFuture(Protocol):
    """What `Producer.send` returns."""

    def get(self, timeout: float | None = None) -> RecordMetadata: ...


class Producer(Protocol):
    """`KafkaProducer`."""

    def send(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        headers: Headers | None = None,
        partition: int | None = None,
    ) -> RecordFuture: ...
    def flush(self, timeout: float | None = None) -> None: ...
    def init_transactions(self) -> None: ...
    def begin_transaction(self) -> None: ...
    def send_offsets_to_transaction(
        self, offsets: Mapping[TopicPartition, object], group_metadata: object
    ) -> None: ...
    def commit_transaction(self) -> None: ...
    def abort_transaction(self) -> None: ...
    def close(self, timeout: float | None = None) -> None: ...


class Record(Protocol):
    """A consumed record; `timestamp` in milliseconds since the epoch."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class Consumer(Protocol):
    """`KafkaConsumer`, used with `assign` only."""

    def assign(self, partitions: Iterable[TopicPartition]) -> None: ...
    def seek(self, partition: TopicPartition, offset: int) -> None: ...
    def seek_to_beginning(self, *partitions: TopicPartition) -> None: ...
    def position(self, partition: TopicPartition, timeout_ms: int | None = None) -> int: ...
    def poll(
        self, timeout_ms: int = 0, max_records: int | None = None
    ) -> dict[TopicPartition, list[Record]]: ...
    def partitions_for_topic(self, topic: str) -> set[int] | None: ...
    def beginning_offsets(
        self, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, int]: ...
    def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]: ...
    def close(self, autocommit: bool = True) -> None: ...


EARLIEST: int = OffsetSpec.EARLIEST
LATEST: int = OffsetSpec.LATEST
READ_COMMITTED: object = IsolationLevel.READ_COMMITTED


def admin_client(config: ClientConfig) -> Admin:
    """Raises `KafkaError` when no broker answers within `bootstrap_timeout_ms`."""
    return cast(Admin, KafkaAdminClient(**config))


def producer_client(config: ClientConfig) -> Producer:
    """Raises `KafkaError` when no broker answers within `bootstrap_timeout_ms`."""
    return cast(Producer, KafkaProducer(**config))


def consumer_client(config: ClientConfig) -> Consumer:
    """A consumer of no group that reads committed records only."""
    settings: dict[str, Any] = {
        "group_id": None,
        "isolation_level": "read_committed",
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
    }
    return cast(Consumer, KafkaConsumer(**settings | dict(config)))


def retried(call: Callable[[], T], seconds: float = 15.0) -> T:
    """The call's answer, tried again while a broker says that it is not ready yet: just after a
    start or a change, coordinators and leaders are still being found."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return call()
        except KafkaError as error:
            if not error.retriable or time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def topic_config(name: str, configs: Mapping[str, str] | None = None) -> object:
    """A topic as `describe_configs` and `alter_configs` want it."""
    return ConfigResource(
        ConfigResourceType.TOPIC, name, dict(configs) if configs is not None else None
    )


def native(partition: TopicPartition) -> TopicPartition:
    """kafka-python's own `TopicPartition`."""
    return cast(TopicPartition, _TopicPartition(*partition))


def static_member(instance_id: str) -> object:
    """A member with a `group.instance.id` as `remove_group_members` wants it."""
    return cast(object, MemberToRemove(group_instance_id=instance_id))


def group_offset(offset: int, metadata: str = "") -> object:
    """An offset as `send_offsets_to_transaction` wants it."""
    return _OffsetAndMetadata(offset, metadata, -1)
