"""The store stays usable while it is published, and a bad record stops nobody who reads."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from matchers.lists.entry import ListEntry, ListInfo
from matchers.lists.formats.feed import Feed, Item
from matchers.lists.librarian import outbox
from matchers.lists.librarian.outbox import compile_store
from matchers.lists.librarian.store import ListStore
from streams.control import list_changes
from streams.control.follow import ListFollower
from streams.control.list_changes import Sent, publish_changes
from streams.control.lists import LiveLists
from streams.control.policy_change import PolicyChanged, newest_change, publish_change
from streams.control.policy_follow import PolicyFollower
from streams.control.requests import EntrySuspected, hear_requests, request_record
from streams.policy.live import LivePolicy
from streams.policy.load import load_policy
from tests.integration.lists.test_follow import NOW, POLICY, control_topic, matched, md5, take


def on_topic(bootstrap: str, topic: str) -> dict[bytes, dict | None]:
    """The newest message of each key."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, group_id=None)
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    end, found = consumer.end_offsets([partition])[partition], {}
    while consumer.position(partition) < end:
        for record in consumer.poll(500).get(partition, []):
            found[record.key] = record.value and json.loads(record.value)
    consumer.close()
    return found


def listed(bootstrap: str, topic: str) -> set[str]:
    messages = on_topic(bootstrap, topic).values()
    return {m["entry"]["value"] for m in messages if m and m["type"] == "entry_listed"}


@pytest.mark.parametrize("published", [False, True], ids=["written to", "published by another"])
def test_others_write_to_the_store_while_changes_are_sent(
    broker, prefix, tmp_path: Path, monkeypatch, published: bool
) -> None:
    topic = control_topic(broker.bootstrap, prefix)
    config = {"bootstrap_servers": [broker.bootstrap]}
    send = list_changes.send
    meanwhile = []

    def interrupted(*arguments):
        if not meanwhile:
            meanwhile.append(True)
            with ListStore.open(tmp_path / "lists.db") as other:
                take(other, 2, 3)  # 1 is no longer listed
                if published:
                    assert publish_changes(config, topic, other).messages > 0
        return send(*arguments)

    monkeypatch.setattr(list_changes, "send", interrupted)
    with ListStore.open(tmp_path / "lists.db") as store:
        store.define(ListInfo(name="a"), origin="t", at=NOW)
        take(store, 1, 2)
        publish_changes(config, topic, store)
        if not published:
            assert listed(broker.bootstrap, topic) == {md5(1), md5(2)}
            assert publish_changes(config, topic, store).messages == 2
        assert publish_changes(config, topic, store).messages == 0
    assert meanwhile
    assert listed(broker.bootstrap, topic) == {md5(2), md5(3)}


def test_one_large_entry_keeps_no_other_change_from_the_workers(
    broker, prefix, tmp_path: Path
) -> None:
    topic = control_topic(broker.bootstrap, prefix, **{"max.message.bytes": "20000"})
    config = {"bootstrap_servers": [broker.bootstrap]}
    path = tmp_path / "lists.snapshot"
    lists = LiveLists([path], clock=lambda: NOW)
    with ListStore.open(tmp_path / "lists.db") as store:
        store.define(ListInfo(name="a"), origin="t", at=NOW)
        take(store, 1)
        # More than any topic takes; then more than this one does, after one that it takes.
        for size, why in ((3_000_000, "very large, such as"), (100_000, f"{topic} takes no")):
            large = ListEntry(
                list="a", id="large", algorithm="md5", value=md5(2), labels=("x" * size,)
            )
            store.import_feed(
                "a",
                Feed(items=[Item(id="large", entries=(large,))], rejected=[], held=[], whole=False),
                origin="t",
                at=NOW,
            )
            if store.waiting():
                store.approve("a", origin="t", at=NOW)
            sent = publish_changes(config, topic, store)
            assert why in (sent.too_much or "")
            assert "'large' of list 'a'" in (sent.too_much or "")
            with store.reading() as database:
                assert outbox.due(database)
            compile_store(store, path)
            assert publish_changes(config, topic, store) == Sent(0, 0)
            lists.load()
            assert matched(lists) == {1, 2}
        take(store, 1, 3)  # small, and without the large one
        assert publish_changes(config, topic, store).messages == 2
    follower = ListFollower(lists, {"bootstrap_servers": broker.bootstrap}, topic, lambda: None)

    async def follow() -> None:
        await follower.catch_up(lambda: False)
        await follower.stop()

    asyncio.run(follow())
    assert matched(lists) == {1, 3}


def test_what_is_withdrawn_and_listed_again_while_it_is_erased_stays(
    broker, prefix, tmp_path: Path, monkeypatch
) -> None:
    topic = control_topic(broker.bootstrap, prefix)
    config = {"bootstrap_servers": [broker.bootstrap]}
    send = list_changes.send
    with ListStore.open(tmp_path / "lists.db") as store:
        store.define(ListInfo(name="a", source_kind="victim"), origin="t", at=NOW)
        take(store, 1, 2)
        publish_changes(config, topic, store)
        take(store, 2)
        publish_changes(config, topic, store)
        compile_store(store, tmp_path / "lists.snapshot")

        def interrupted(*arguments):
            with ListStore.open(tmp_path / "lists.db") as other:
                take(other, 1, 2)
            return send(*arguments)

        monkeypatch.setattr(list_changes, "send", interrupted)
        publish_changes(config, topic, store)
        monkeypatch.setattr(list_changes, "send", send)
        assert publish_changes(config, topic, store).messages == 1
    assert listed(broker.bootstrap, topic) == {md5(1), md5(2)}


def test_a_record_that_is_nested_too_deeply_stops_no_reader(broker, prefix, tmp_path: Path) -> None:
    topic = control_topic(broker.bootstrap, prefix)
    config = {"bootstrap_servers": [broker.bootstrap]}
    deep = b'{"type":"policy_changed","more":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap)
    for key in (b"entry/x", b"policy"):
        producer.send(topic, deep, key, partition=0).get(10)
    suspected = EntrySuspected(list="a", id=md5(1), algorithm="md5", matches=9, looked_at=10)
    key, value = request_record(suspected)
    producer.send(topic, value, key, partition=0).get(10)
    producer.close()
    snapshot = tmp_path / "lists.snapshot"
    with ListStore.open(tmp_path / "lists.db") as store:
        store.define(ListInfo(name="a"), origin="t", at=NOW)
        compile_store(store, snapshot)
        take(store, 1)
        assert hear_requests(config, topic, store).flagged == [suspected]
        publish_changes(config, topic, store)
    publish_change(config, topic, PolicyChanged(text=POLICY))
    found = newest_change(config, topic)
    assert found is not None
    assert found.text == POLICY

    async def follow() -> None:
        lists = LiveLists([snapshot], clock=lambda: datetime.now(UTC))
        await asyncio.to_thread(lists.load)
        live = LivePolicy(load_policy(None))
        client = {"bootstrap_servers": broker.bootstrap}
        followers = (
            ListFollower(lists, client, topic, lambda: None),
            PolicyFollower(live, client, topic),
        )
        for follower in followers:
            await follower.catch_up(lambda: False)
            await follower.stop()
        assert matched(lists) == {1}
        assert live.policy.version.startswith("test")

    asyncio.run(follow())
