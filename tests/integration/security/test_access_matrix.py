"""Every user against every topic: what it may read and write is what its access list says.

On topics of their own, which no worker reads, with a record in each.
"""

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic
from kafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailedError,
)
from kafka.structs import TopicPartition

from deploy.access import User, all_topics, users
from streams.settings import Settings, load_settings
from tests.integration.security.secured import SecuredBroker

READ_SECONDS = 5.0
"""So long must nothing come, until what has not come is taken for refused."""


@pytest.fixture(scope="module")
def matrix() -> Settings:
    flags = {"pipeline.name": "matrix", "pipeline.topic_prefix": "matrix."}
    return load_settings(None, flags, environment={}).settings


@pytest.fixture(scope="module")
def topics(secured: SecuredBroker, matrix: Settings) -> list[str]:
    secured.add_users(users(matrix))
    names = all_topics(matrix)
    admin = secured.admin()
    admin.create_topics([NewTopic(name, 1, 1) for name in names])
    admin.close()
    with closing(KafkaProducer(bootstrap_servers=secured.cluster.bootstrap)) as producer:
        for name in names:
            producer.send(name, b"{}", b"a test of access").get(30)
    return names


def test_each_user_reads_and_writes_its_own_topics_only(
    secured: SecuredBroker, matrix: Settings, topics: list[str]
) -> None:
    everybody = users(matrix)

    wanted = {
        user.name: {
            operation: {
                r.name for r in user.rules if r.resource == "topic" and operation in r.operations
            }
            for operation in ("Read", "Write")
        }
        for user in everybody
    }

    def tried(user: User) -> set[str]:
        config = secured.client(user.name)
        write_all(config, user.name, wanted[user.name]["Write"], topics)
        return read_of(config, topics)

    with ThreadPoolExecutor(6) as pool:
        read = dict(zip([u.name for u in everybody], pool.map(tried, everybody), strict=True))
    written = writers(secured, topics)
    found = {
        user.name: {
            "Read": read[user.name],
            "Write": {topic for topic in topics if user.name in written[topic]},
        }
        for user in everybody
    }
    differing = {name: found[name] for name in found if found[name] != wanted[name]}
    assert differing == {name: wanted[name] for name in differing}


def test_nobody_takes_anothers_group(
    secured: SecuredBroker, matrix: Settings, topics: list[str]
) -> None:
    config = secured.client("matrix-enforcement")
    for group in ("matrix.text-risk", "matrix.enforcement.other", "matrix.text-risk.control.w-1"):
        with (
            closing(KafkaConsumer("matrix.content.scored", group_id=group, **config)) as consumer,
            pytest.raises(GroupAuthorizationFailedError),
        ):
            polled(consumer, 15)


def test_nobody_takes_anothers_transactional_id(
    secured: SecuredBroker, matrix: Settings, topics: list[str]
) -> None:
    """Who could, would shut out the other's worker."""
    config = secured.client("matrix-enforcement")
    for id in ("matrix.text-risk-matrix.content.matched-0", "matrix.cases", "matrix.enforcement"):
        with (
            closing(KafkaProducer(**config, transactional_id=id)) as producer,
            pytest.raises(TransactionalIdAuthorizationFailedError),
        ):
            producer.init_transactions()


def read_of(config: dict[str, Any], topics: Iterable[str]) -> set[str]:
    """The topics of which a fetch is answered; of the others nothing comes, however long."""
    readable: set[str] = set()
    with closing(KafkaConsumer(**config, auto_offset_reset="earliest")) as consumer:
        consumer.assign([TopicPartition(topic, 0) for topic in topics])
        quiet = time.monotonic() + READ_SECONDS
        while time.monotonic() < quiet:
            try:
                for tp in consumer.poll(timeout_ms=200):
                    readable.add(tp.topic)
                    quiet = time.monotonic() + READ_SECONDS
            except TopicAuthorizationFailedError:
                continue
    return readable


def polled(consumer: Any, seconds: float) -> bool:
    """Whether something comes within so many seconds."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if consumer.poll(timeout_ms=200):
            return True
    return False


def write_all(config: dict[str, Any], user: str, allowed: set[str], topics: list[str]) -> None:
    """Try to write to every topic, with the user's name as key. What is refused shows in what
    stands on the topics in the end: of a topic that it may not even describe a producer hears
    nothing, and waits in vain."""
    with closing(KafkaProducer(**config, max_block_ms=30_000)) as producer:
        for topic in sorted(allowed):
            producer.send(topic, b"{}", user.encode(), partition=0).get(30)
    others = [topic for topic in topics if topic not in allowed]
    with (
        closing(KafkaProducer(**config, max_block_ms=4_000)) as producer,
        ThreadPoolExecutor(len(topics)) as pool,
    ):

        def attempt(topic: str) -> None:
            with suppress(KafkaError):
                producer.send(topic, b"{}", user.encode(), partition=0).get(10)

        list(pool.map(attempt, others))


def writers(secured: SecuredBroker, topics: list[str]) -> dict[str, set[str]]:
    """Whose records stand on each topic."""
    found: dict[str, set[str]] = {topic: set() for topic in topics}
    with closing(KafkaConsumer(bootstrap_servers=secured.cluster.bootstrap)) as consumer:
        parts = [TopicPartition(topic, 0) for topic in topics]
        consumer.assign(parts)
        consumer.seek_to_beginning()
        ends = consumer.end_offsets(parts)
        while any(consumer.position(part) < ends[part] for part in parts):
            for records in consumer.poll(timeout_ms=500).values():
                for record in records:
                    found[record.topic].add(record.key.decode())
    return found
