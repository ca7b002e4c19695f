"""A record with a header whose name is not UTF-8, as clients in C may send: it stops nobody."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime

import msgspec
from kafka import KafkaConsumer, KafkaProducer
from kafka.structs import OffsetAndMetadata, TopicPartition

from matchers.lists.entry import ListInfo
from matchers.lists.librarian.outbox import compile_store
from matchers.lists.librarian.store import ListStore
from streams.contracts.dead_letter import DeadLetter
from streams.control.follow import ListFollower
from streams.control.list_changes import ReloadLists, send
from streams.control.lists import LiveLists
from streams.control.policy_change import PolicyChanged, newest_change, publish_change
from streams.control.policy_follow import PolicyFollower
from streams.control.requests import read_on
from streams.kafka.dead_letters import read_letters, replay
from streams.kafka.lag import group_lag
from streams.kafka.positions import reading
from streams.kafka.produce import produce_values
from streams.policy.live import LivePolicy
from streams.policy.load import default_policy
from tests.integration.lists.test_follow import control_topic


class Name(str):
    """kafka-python lays records out in Python, with str.encode()."""

    def encode(self, *_):
        return b"\xff\xfe"


def produce_among(bootstrap: str, topic: str, before: int, after: int) -> int:
    """One such record between others, all in one batch; its offset."""
    producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=2000, batch_size=900_000)
    with closing(producer):
        for number in range(before):
            producer.send(topic, b"before%d" % number, b"k", partition=0)
        bad = producer.send(topic, b"bad", b"k", partition=0, headers=[(Name("x"), b"y")])
        for number in range(after):
            producer.send(topic, b"after%d" % number, b"k", partition=0)
        producer.flush()
        return bad.get(10).offset


def values(before: int, after: int) -> Sequence[bytes]:
    return [
        *(b"before%d" % number for number in range(before)),
        b"bad",
        *(b"after%d" % number for number in range(after)),
    ]


def test_the_tools_read_it_and_what_is_behind_it(broker, prefix) -> None:
    topic = control_topic(broker.bootstrap, prefix, **{"cleanup.policy": "delete"})
    config = {"bootstrap_servers": broker.bootstrap}
    produce_among(broker.bootstrap, topic, 3, 3)
    read: list[bytes | None] = []
    assert read_on(config, topic, 0, lambda record: read.append(record.value)) == 7
    assert read == values(3, 3)

    with reading(config, [topic], lambda *_: None) as reader:
        found: list[bytes | None] = []
        while len(found) < 7:
            found += [record.value for record in reader.read().records]
    assert found == values(3, 3)

    group = f"{prefix}group"
    with closing(KafkaConsumer(bootstrap_servers=broker.bootstrap, group_id=group)) as consumer:
        consumer.assign([TopicPartition(topic, 0)])
        consumer.commit({TopicPartition(topic, 0): OffsetAndMetadata(2, "", -1)})
    [lag] = group_lag(config, {group: topic})
    assert (lag.records, lag.seconds is None) == (5, False)

    publish_change(config, topic, PolicyChanged(text="version = 'x'\n"))
    assert newest_change(config, topic) == PolicyChanged(text="version = 'x'\n")


def test_dead_letters_are_replayed_past_it(broker, prefix) -> None:
    topic = control_topic(broker.bootstrap, prefix, **{"cleanup.policy": "delete"})
    dead = control_topic(broker.bootstrap, prefix + "dead.", **{"cleanup.policy": "delete"})
    config = {"bootstrap_servers": broker.bootstrap}
    bad = produce_among(broker.bootstrap, topic, 1, 2)
    letters = [
        DeadLetter(
            topic=topic, partition=0, offset=offset, stage="read", error="not_utf8", message="m",
            at=datetime(2026, 1, 1, tzinfo=UTC), sha256="0" * 64, size=1,
        )
        for offset in range(4)
    ]  # fmt: skip
    produce_values(config, dead, [(None, msgspec.json.encode(letter)) for letter in letters])
    produce_among(broker.bootstrap, dead, 0, 0)
    done = replay(config, dead, f"{dead}.replay")
    assert done.sent == [f"{topic}/0/{offset}" for offset in range(4)]
    assert read_letters(config, dead).replayed == set(done.sent)
    copies: list = []
    read_on(config, topic, 4, copies.append)
    assert [record.value for record in copies] == values(1, 2)
    names = [name for name, _ in copies[bad].headers]
    assert names[0] == "\ufffd\ufffd", "a worker can read it now"


def test_followers_pass_it_over_and_go_on(broker, prefix, tmp_path, caplog) -> None:
    topic = control_topic(broker.bootstrap, prefix)
    config = {"bootstrap_servers": broker.bootstrap}
    send(config, topic, [(b"reload", msgspec.json.encode(ReloadLists()))])
    bad = produce_among(broker.bootstrap, topic, 0, 2)
    publish_change(config, topic, PolicyChanged(text='version = "after"\n'))
    send(config, topic, [(b"reload", msgspec.json.encode(ReloadLists()))])
    now = datetime(2026, 1, 1, tzinfo=UTC)
    path = tmp_path / "lists.snapshot"
    with ListStore.open(tmp_path / "lists.db") as store:
        store.define(ListInfo(name="one"), origin="t", at=now)
        compile_store(store, path)
    lists = LiveLists([path], clock=lambda: now)
    lists.load()
    announced: list[None] = []
    live = LivePolicy(default_policy())

    async def scenario() -> None:
        of_lists = ListFollower(lists, config, topic, lambda: announced.append(None))
        of_policy = PolicyFollower(live, config, topic)
        for follower in (of_lists, of_policy):
            await asyncio.wait_for(follower.catch_up(lambda: False), 60)
            await follower.on_stop()

    with caplog.at_level(logging.ERROR):
        asyncio.run(scenario())
    assert len(announced) >= 2
    assert live.policy.version.startswith("after+")
    assert f"offset {bad} of {topic}" in caplog.text
