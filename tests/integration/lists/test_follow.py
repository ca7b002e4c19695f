"""Changes of lists on a real control topic, from the store to the lists of a worker."""

import asyncio
import json
import os
import subprocess
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from matchers.lists.entry import ListInfo
from matchers.lists.formats.registry import read_feed
from matchers.lists.librarian import outbox
from matchers.lists.librarian.outbox import compile_store
from matchers.lists.librarian.store import ListStore
from matchers.lists.matcher import HashQuery
from matchers.lists.snapshot import open_snapshot
from streams.control.follow import ListFollower
from streams.control.list_changes import announce_snapshot, publish_changes, send
from streams.control.lists import LiveLists
from streams.control.policy_follow import PolicyFollower
from streams.kafka.topics import pipeline_topics
from streams.policy.live import LivePolicy
from streams.policy.load import load_policy
from streams.settings import load_settings
from tests.integration.lists.service import service
from tests.integration.worker.processes import SEAWALL, toml, worker

NOW = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = """
version = "test"
[[scan_basis]]
tenant = "*"
surface = "*"
jurisdiction = "*"
scans = ["hash"]
"""


def md5(number: int) -> str:
    return f"{number:032x}"


def take(store: ListStore, *numbers: int) -> None:
    lines = "".join(f"md5 {md5(number)}\n" for number in numbers)
    store.import_feed("a", read_feed(lines.encode(), "signals", "a"), origin="t", at=NOW)
    if store.waiting():
        store.approve("a", origin="t", at=NOW)


def matched(lists: LiveLists, count: int = 10) -> set[int]:
    queries = [HashQuery("md5", bytes.fromhex(md5(number))) for number in range(count)]
    return {n for n, found in enumerate(lists.matcher().match_hashes(queries)) if found}


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends
        await asyncio.sleep(0.05)


def in_thread(work: Callable[[], object]) -> Awaitable[object]:
    return asyncio.to_thread(work)


def control_topic(bootstrap: str, prefix: str, **configs: str) -> str:
    name = f"{prefix}seawall.control"
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics(
        [NewTopic(name, 1, 1, topic_configs={"cleanup.policy": "compact"} | configs)]
    )
    admin.close()
    return name


def unusable() -> list[tuple[bytes, bytes | None]]:
    """Records that are no message, and messages whose hash is none, or in another spelling than
    the librarian's."""
    removed = {"type": "entry_removed", "list": "a", "id": "1", "algorithm": "md5"}
    values = [{**removed, "value": value} for value in ("zz", "00", "")]
    values += [
        {"type": "entry_listed", "entry": {"list": "a", "id": "1", "algorithm": name, "value": "0"}}
        for name in ("md5", "pdq", "photodna", "minhash", "tlsh", "vpdq")
    ]
    spelled = {
        "md5": "AB" * 16,
        "url": "https://listed.example/a",
        "vpdq": f"0,100,{'0f' * 32},0.0",
        "minhash": "a text of many words that is long enough to be told from others " * 4,
        "tlsh": "T1" + "ab" * 35,
        "photodna": ",".join(["7"] * 144),
    }
    values += [
        {"type": "entry_listed", "entry": {"list": "a", "id": "1", "algorithm": n, "value": v}}
        for n, v in spelled.items()
    ]
    texts = [b"{", b"[1]", *(json.dumps(value).encode() for value in values)]
    return [(f"x{number}".encode(), text) for number, text in enumerate(texts)]


def test_a_worker_follows_from_the_snapshots_offset(
    broker, prefix, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    topic = control_topic(broker.bootstrap, prefix)
    config = {"bootstrap_servers": [broker.bootstrap]}
    first, second = tmp_path / "first.snapshot", tmp_path / "second.snapshot"
    path = tmp_path / "lists.snapshot"
    with ListStore.open(tmp_path / "lists.db") as store:
        store.define(ListInfo(name="a"), origin="t", at=NOW)
        take(store, 1)
        assert compile_store(store, first).version.endswith("+0")
        assert publish_changes(config, topic, store).messages == 2
        take(store, 1, 2)
        assert publish_changes(config, topic, store).messages == 1
        assert publish_changes(config, topic, store).messages == 0
        assert compile_store(store, second).version.endswith("+3")
        path.write_bytes(first.read_bytes())

    async def follow() -> None:
        lists = LiveLists([path], clock=lambda: datetime.now(UTC))
        await in_thread(lists.load)
        assert matched(lists) == {1}
        told: list[int] = []
        follower = ListFollower(
            lists, {"bootstrap_servers": broker.bootstrap}, topic, lambda: told.append(1)
        )
        await follower.catch_up(lambda: False)
        assert matched(lists) == {1, 2}
        assert lists.matcher().version.endswith("+3")
        await follower.start()
        try:
            # In a thread of its own, as another process would.
            def change(*numbers: int) -> None:
                with ListStore.open(tmp_path / "lists.db") as store:
                    take(store, *numbers)
                    publish_changes(config, topic, store)

            await in_thread(lambda: change(2, 3))
            await until(lambda: matched(lists) == {2, 3})
            # A reload of an older snapshot loses nothing; neither does one of a newer.
            await in_thread(lists.load)
            assert matched(lists) == {2, 3}
            second.replace(path)
            await in_thread(lists.load)
            assert matched(lists) == {2, 3}
            await in_thread(lambda: change(3, 4))
            await until(lambda: matched(lists) == {3, 4})
            # What cannot be read is said, and changes nothing; an announcement is heard.
            await in_thread(lambda: send(config, topic, unusable()))
            await in_thread(lambda: announce_snapshot(config, topic, "v"))
            await until(lambda: bool(told))
            assert matched(lists) == {3, 4}
        finally:
            await follower.stop()

    asyncio.run(follow())
    unread = [record.message for record in caplog.records if "cannot be read" in record.message]
    assert len(unread) == len(unusable())
    assert all(topic in message for message in unread)


def test_followers_that_are_asked_to_end_do_not_fail_by_it(broker, prefix, tmp_path: Path) -> None:
    topic = control_topic(broker.bootstrap, prefix)
    path = tmp_path / "lists.snapshot"
    with ListStore.open(tmp_path / "lists.db") as store:
        store.define(ListInfo(name="a"), origin="t", at=NOW)
        compile_store(store, path)
    client = {"bootstrap_servers": broker.bootstrap}

    async def follow(after: float) -> None:
        lists = LiveLists([path], clock=lambda: datetime.now(UTC))
        await in_thread(lists.load)
        followers = (
            ListFollower(lists, client, topic, lambda: None),
            PolicyFollower(LivePolicy(load_policy(None)), client, topic),
        )
        for follower in followers:
            await follower.start()
        catching_up = [
            asyncio.create_task(follower.catch_up(lambda: False)) for follower in followers
        ]
        await asyncio.sleep(after)
        for follower in followers:
            await follower.stop()
        await asyncio.gather(*catching_up)
        assert [follower.crash_reason for follower in followers] == [None, None]

    for tenths in range(8):
        asyncio.run(follow(tenths / 10))


def event(number: int, listed: int) -> bytes:
    return json.dumps(
        {
            "event_id": f"e{number}",
            "tenant": "t",
            "kind": "created",
            "occurred_at": "2026-01-01T00:00:00Z",
            "content_id": f"c{number}",
            "surface": "post",
            "author": {"id": "u1"},
            "media": [
                {
                    "media_id": "m1",
                    "media_type": "image",
                    "hashes": {"md5": md5(listed)},
                    "hash_origin": "server",
                }
            ],
        }
    ).encode()


@pytest.mark.parametrize("bulk", [False, True])
def test_a_running_worker_decides_by_a_change(broker, prefix, tmp_path: Path, bulk) -> None:
    (tmp_path / "policy.toml").write_text(POLICY)
    store_path, path = tmp_path / "lists.db", tmp_path / "lists.snapshot"
    config = toml(
        tmp_path,
        "seawall.toml",
        {
            "kafka": {"bootstrap": broker.bootstrap},
            "pipeline": {"partitions": 1, "topic_prefix": prefix, "name": f"{prefix}p"},
            "policy": {"file": str(tmp_path / "policy.toml")},
            "lists": {"files": [str(path)]},
        },
    )
    settings = load_settings(config, environment={}).settings
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    admin.create_topics(
        [
            NewTopic(t.name, t.partitions, t.replication, topic_configs=t.configs)
            for t in pipeline_topics(settings)
        ]
    )
    admin.close()
    with ListStore.open(store_path) as store:
        store.define(ListInfo(name="a", default_role="block"), origin="t", at=NOW)
        take(store, 1)
        compile_store(store, path)
    decisions = KafkaConsumer(
        f"{prefix}enforcement.decisions",
        bootstrap_servers=broker.bootstrap,
        auto_offset_reset="earliest",
        consumer_timeout_ms=500,
        isolation_level="read_committed",
    )
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap)
    with worker(tmp_path, "--config", str(config)) as process:
        process.until_ready()
        with ListStore.open(store_path) as store:
            if bulk:
                take(store, *range(1, outbox.MAX_CHANGES + 50))
                compile_store(store, path)
            else:
                take(store, 1, 2)
                publish_changes(
                    {"bootstrap_servers": [broker.bootstrap]}, f"{prefix}seawall.control", store
                )
        ends, number, found = time.monotonic() + 40, 0, False
        while not found:
            assert time.monotonic() < ends, process.log
            number += 1
            producer.send(f"{prefix}content.events", event(number, 2), b"u1")
            producer.flush()
            for record in decisions:
                decision = json.loads(record.value)
                if decision["action"] == "block":
                    assert [s["entry"] for s in decision["signals"]] == [md5(2)]
                    found = True
        assert process.end() == 0, process.log
    producer.close()
    decisions.close()


def test_the_librarian_fetches_publishes_and_compiles(broker, prefix, tmp_path: Path) -> None:
    topic = control_topic(broker.bootstrap, prefix)
    catalogue, snapshot = tmp_path / "lists.toml", tmp_path / "lists.snapshot"
    with service() as server:
        server.answer = lambda path, query: (200, b"http://listed.example/a\n")
        catalogue.write_text(
            f'[[list]]\nname = "u"\nformat = "urls"\n[list.source]\nurl = "{server.url}"\n'
            '[[list]]\nname = "away"\nformat = "urls"\n[list.source]\nurl = "http://127.0.0.1:9/"\n'
        )
        done = subprocess.run(
            [
                *(str(SEAWALL), "librarian", str(catalogue), "--once"),
                *("--store", str(tmp_path / "lists.db"), "--snapshot", str(snapshot)),
                *("--bootstrap", broker.bootstrap),
            ],
            env=os.environ | {"SEAWALL_PIPELINE_TOPIC_PREFIX": prefix},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert done.returncode == 1, "one source is away"
    assert "u: revision" in done.stdout
    assert "away: failed" in done.stdout
    assert "3 changes published" in done.stdout
    matcher = open_snapshot(snapshot, loaded_at=NOW)
    assert matcher.version.endswith("+3")
    assert matcher.match_urls(["https://listed.example/a"])[0]
    read = KafkaConsumer(
        topic,
        bootstrap_servers=broker.bootstrap,
        auto_offset_reset="earliest",
        consumer_timeout_ms=3000,
    )
    types = sorted(json.loads(record.value)["type"] for record in read)
    assert types == ["entry_listed", "list_defined", "list_defined", "reload_lists"]
    read.close()
