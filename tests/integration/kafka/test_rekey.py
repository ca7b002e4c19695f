"""`seawall rekey` on a real broker: every record once, under Seawall's key, across kills."""

import asyncio
import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewPartitions, NewTopic

from streams.localbroker import LocalBrokerUnavailable, LocalCluster

SEAWALL = Path(sys.executable).parent / "seawall"
SINCE = 1_700_000_000_000


def event(number: int, **changes) -> bytes:
    return json.dumps(
        {
            "event_id": str(number),
            "tenant": "t",
            "kind": "created",
            "occurred_at": "2026-01-01T00:00:00Z",
            "content_id": f"c{number}",
            "surface": "message",
            "author": {"id": f"a{number % 7}"},
            "conversation_id": f"v{number % 11}",
            **changes,
        }
    ).encode()


def rekey(broker, source: str, destination: str, *more: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(SEAWALL), "rekey", source, destination, "--bootstrap", broker.bootstrap, *more],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def topics(broker, prefix) -> tuple[str, str]:
    """A source of three partitions and a destination of four."""
    source, destination = f"{prefix}raw", f"{prefix}keyed"
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    admin.create_topics([NewTopic(source, 3, 1), NewTopic(destination, 4, 1)])
    admin.wait_for_topics([source, destination])
    admin.close()
    return source, destination


def send(broker, topic: str, records, **config) -> None:
    """Values with the partitions that they go to, and what else a record has."""
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap, acks="all", **config)
    if "transactional_id" in config:
        producer.init_transactions()
        producer.begin_transaction()
    for value, partition, more in records:
        producer.send(topic, value, partition=partition, **more)
    producer.flush()
    if "transactional_id" in config:
        producer.commit_transaction()
    producer.close()


def read(broker, topic: str) -> list:
    consumer = KafkaConsumer(
        bootstrap_servers=broker.bootstrap,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    partitions = [TopicPartition(topic, n) for n in sorted(consumer.partitions_for_topic(topic))]
    consumer.assign(partitions)
    ends = consumer.end_offsets(partitions)
    found = []
    deadline = time.monotonic() + 30
    while any(consumer.position(tp) < ends[tp] for tp in partitions):
        assert time.monotonic() < deadline
        for records in consumer.poll(timeout_ms=200).values():
            found += records
    consumer.close()
    return found


def test_each_record_once_and_each_conversation_on_one_partition(broker, topics) -> None:
    source, destination = topics
    good = [(event(n), n % 3, {"key": b"%d" % n, "timestamp_ms": SINCE + n}) for n in range(600)]
    headers = [("traceparent", b"00-1"), ("empty", b"")]
    alone = [
        (event(1000, conversation_id=None), 0, {"key": b"x", "headers": headers}),
        (event(1001, surface="live", author={"id": "host"}), 1, {"key": b"x"}),
        (b"{broken", 2, {"key": b"old"}),
        (None, 2, {"key": b"tombstone"}),
        (b"no key either", 1, {}),
    ]
    send(broker, source, [*good, *alone], transactional_id=f"{source}.writer")
    done = rekey(broker, source, destination, "--json")
    assert done.returncode == 1, done.stderr
    told = json.loads(done.stdout)["result"]
    assert (told["records"], told["undecodable"]) == (605, {"empty": 1, "not_json": 2})
    assert told["changed"] == 602
    found = read(broker, destination)
    assert Counter(r.value for r in found) == Counter(value for value, *_ in [*good, *alone])
    keys = {r.value: r.key for r in found}
    assert keys[alone[0][0]] == b"a6"
    assert keys[alone[1][0]] == b"host"
    assert keys[b"{broken"] == b"old"
    assert keys[None] == b"tombstone"
    assert keys[b"no key either"] is None
    assert {r.value: list(r.headers) for r in found}[alone[0][0]] == headers
    homes, order = defaultdict(set), defaultdict(list)
    for record in found:
        if record.value in {value for value, *_ in good}:
            number = int(json.loads(record.value)["event_id"])
            assert (record.key, record.timestamp) == (b"v%d" % (number % 11), SINCE + number)
            homes[record.key].add(record.partition)
            order[record.key, number % 3].append(number)
    assert len(homes) == 11
    assert all(len(partitions) == 1 for partitions in homes.values())
    assert all(numbers == sorted(numbers) for numbers in order.values())
    again = rekey(broker, source, destination)
    assert again.returncode == 0, again.stderr
    assert "0 records" in again.stdout
    assert len(read(broker, destination)) == 605


def test_what_kafka_allows_goes_on_as_it_is(broker, topics) -> None:
    source, destination = topics

    async def odd() -> None:
        async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap) as producer:
            batch = producer.create_batch()
            batch.append(timestamp=SINCE, key=None, value=None, headers=[("none", None)])
            await (await producer.send_batch(batch, source, partition=1))

    asyncio.run(odd())
    assert rekey(broker, source, destination).returncode == 1
    [record] = read(broker, destination)
    assert (record.key, record.value, record.headers) == (None, None, [("none", None)])
    assert (record.partition, record.timestamp) == (1, SINCE)


def test_kills_and_a_second_process_lose_and_double_nothing(broker, topics) -> None:
    source, destination = topics
    total = 120_000
    send(broker, source, [(event(n), n % 3, {"key": b"k"}) for n in range(total)])
    command = [str(SEAWALL), "rekey", source, destination, "--follow"]
    command += ["--bootstrap", broker.bootstrap]
    kills = 0
    written = KafkaConsumer(bootstrap_servers=broker.bootstrap)
    partitions = [TopicPartition(destination, n) for n in range(4)]

    def end() -> int:
        return sum(written.end_offsets(partitions).values())

    def writes_on(before: int) -> None:
        deadline = time.monotonic() + 90
        while end() == before and time.monotonic() < deadline:
            time.sleep(0.02)

    for _ in range(2):
        before = end()
        running = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        writes_on(before)
        time.sleep(random.Random(kills).uniform(0.05, 0.2))
        running.send_signal(signal.SIGKILL)
        running.wait()
        kills += end() > before
    assert kills == 2
    before = end()
    assert before < total, "no kill came in the middle"
    first = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    writes_on(before)
    written.close()
    finished = rekey(broker, source, destination)
    assert finished.returncode == 0, finished.stderr
    send(broker, source, [(event(n), n % 3, {}) for n in range(total, total + 30)])
    _, said = first.communicate(timeout=60)
    assert first.returncode == 2
    assert "another seawall rekey" in said
    assert rekey(broker, source, destination).returncode == 0
    ids = [int(json.loads(record.value)["event_id"]) for record in read(broker, destination)]
    assert sorted(ids) == list(range(total + 30))


def test_following_sees_new_records_and_new_partitions_until_it_is_asked_to_end(
    broker, topics
) -> None:
    source, destination = topics
    where = ("--bootstrap", broker.bootstrap)
    running = subprocess.Popen(
        [str(SEAWALL), "rekey", source, destination, "--follow", "--json", *where],
        stdout=subprocess.PIPE,
    )
    send(broker, source, [(event(1), 0, {})])

    def count(wanted: int, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while len(read(broker, destination)) < wanted:
            assert time.monotonic() < deadline
            time.sleep(0.2)

    count(1, 30)
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    admin.create_partitions({source: NewPartitions(4)})
    admin.wait_for_topics([source])
    admin.close()
    send(broker, source, [(event(2), 3, {})])
    count(2, 60)
    running.send_signal(signal.SIGTERM)
    told, _ = running.communicate(timeout=30)
    assert running.returncode == 0
    assert json.loads(told)["result"]["records"] == 2


@pytest.fixture
def lone() -> Iterator[LocalCluster]:
    """A broker for this test alone, which takes it down."""
    try:
        cluster = LocalCluster(1).start()
    except LocalBrokerUnavailable as why:
        pytest.skip(str(why))
    yield cluster
    cluster.stop()


def test_following_outlives_an_outage_and_ends_in_one(lone, prefix) -> None:
    source, destination = f"{prefix}raw", f"{prefix}keyed"
    [node] = lone.nodes
    admin = KafkaAdminClient(bootstrap_servers=lone.bootstrap)
    admin.create_topics([NewTopic(source, 2, 1), NewTopic(destination, 2, 1)])
    admin.wait_for_topics([source, destination])
    admin.close()
    send(lone, source, [(event(n), n % 2, {}) for n in range(100)])
    command = [str(SEAWALL), "rekey", source, destination, "--follow"]
    running = subprocess.Popen(
        [*command, "--bootstrap", lone.bootstrap], stderr=subprocess.PIPE, text=True
    )
    ends = time.monotonic() + 90

    def written() -> set[bytes]:
        return {record.value for record in read(lone, destination)}

    while len(written()) < 100:
        assert time.monotonic() < ends
        time.sleep(0.2)
    lone.kill(node)
    time.sleep(3)
    lone.start(node)
    send(lone, source, [(event(n), n % 2, {}) for n in range(100, 200)])
    while len(written()) < 200:
        assert time.monotonic() < ends
        time.sleep(0.2)
    lone.kill(node)
    time.sleep(2)
    running.send_signal(signal.SIGTERM)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 0, said
    assert "Traceback" not in said
    once = rekey(lone, source, destination)
    assert once.returncode == 2
    assert "cannot be reached" in once.stderr


def test_topics_that_cannot_be_used_are_told(broker, topics, prefix) -> None:
    source, destination = topics
    for words, said in [
        ((source, source), "to itself"),
        ((f"{prefix}none", destination), f"no topic {prefix}none"),
        ((source, f"{prefix}none"), f"no topic {prefix}none"),
    ]:
        done = rekey(broker, *words)
        assert done.returncode == 2
        assert said in done.stderr
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    admin.create_topics([NewTopic(f"{prefix}content.events", 4, 1)])
    admin.wait_for_topics([f"{prefix}content.events"])
    named = ("--set", f"pipeline.topic_prefix={prefix}", "--set", "pipeline.partitions=8")
    done = rekey(broker, source, f"{prefix}content.events", *named)
    assert done.returncode == 2
    assert "pipeline.partitions is 8" in done.stderr
    send(broker, source, [(event(n), n % 3, {}) for n in range(9)])
    assert rekey(broker, source, destination).returncode == 0
    admin.delete_topics([destination])
    while destination in admin.list_topics():
        time.sleep(0.1)
    admin.create_topics([NewTopic(destination, 4, 1)])
    admin.wait_for_topics([destination])
    admin.close()
    anew = rekey(broker, source, destination)
    assert anew.returncode == 2
    assert "delete the group" in anew.stderr
