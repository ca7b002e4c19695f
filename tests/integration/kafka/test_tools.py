"""Topics, lag, producing and dead letters, on a real broker."""

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from kafka.structs import OffsetAndMetadata
from kafka.structs import TopicPartition as NativePartition

from streams.cli.main import main
from streams.contracts.dead_letter import DeadLetter, DeadLetterClass
from streams.kafka import dead_letters, produce
from streams.kafka.admin import applied, apply_plan, plan_topics
from streams.kafka.client import (
    Admin,
    Consumer,
    Record,
    TopicPartition,
    admin_client,
    consumer_client,
    producer_client,
)
from streams.kafka.dead_letters import (
    REPLAYED_FROM,
    Filter,
    Replay,
    ReplayTakenOver,
    read_letters,
    replay,
)
from streams.kafka.lag import PartitionLag, group_lag
from streams.kafka.produce import produce_lines, produce_values
from streams.kafka.topics import pipeline_topics
from streams.localbroker import LocalCluster
from streams.settings import PipelineSettings, Settings


@pytest.fixture
def config(broker: LocalCluster) -> dict[str, Any]:
    return {"bootstrap_servers": broker.bootstrap, "bootstrap_timeout_ms": 10_000}


@pytest.fixture
def admin(config: dict[str, Any]) -> Iterator[Admin]:
    with closing(admin_client(config)) as client:
        yield client


@pytest.fixture
def topic(admin: Admin, prefix: str) -> str:
    """A topic of two partitions."""
    name = f"{prefix}events"
    admin.create_topics(
        {name: {"num_partitions": 2, "replication_factor": 1}}, wait_for_metadata=True
    )
    return name


def records(config: dict[str, Any], topic: str) -> list[Record]:
    with closing(consumer_client(config)) as consumer:
        return list(_read(consumer, topic))


def _read(consumer: Consumer, topic: str) -> Iterator[Record]:
    partitions = [
        TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic) or ())
    ]
    consumer.assign([NativePartition(*tp) for tp in partitions])
    ends = consumer.end_offsets([NativePartition(*tp) for tp in partitions])
    found: list[Record] = []
    deadline = time.monotonic() + 20
    while any(consumer.position(NativePartition(*tp)) < ends[tp] for tp in partitions):
        assert time.monotonic() < deadline
        for polled in consumer.poll(timeout_ms=200).values():
            found += polled
    return iter(sorted(found, key=lambda r: (r.partition, r.offset)))


def run(broker: LocalCluster, *words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main([*words, "--bootstrap", broker.bootstrap])
    return int(ended.value.code or 0)


# topics


def test_topics_are_made_once_and_then_as_they_must_be(admin: Admin, prefix: str) -> None:
    settings = Settings(pipeline=PipelineSettings(topic_prefix=prefix, partitions=3))
    specs = pipeline_topics(settings)
    plans = plan_topics(admin, specs)
    assert {plan.state for plan in plans} == {"missing"}
    apply_plan(admin, plans)
    assert {plan.state for plan in applied(admin, specs)} == {"same"}
    apply_plan(admin, plan_topics(admin, specs))
    assert {plan.state for plan in plan_topics(admin, specs)} == {"same"}


def test_what_differs_is_set_right_where_it_can_be(admin: Admin, prefix: str) -> None:
    small = pipeline_topics(Settings(pipeline=PipelineSettings(topic_prefix=prefix, partitions=2)))
    apply_plan(admin, plan_topics(admin, small))
    large = pipeline_topics(Settings(pipeline=PipelineSettings(topic_prefix=prefix, partitions=4)))
    changed = [
        msgspec.structs.replace(s, configs=s.configs | {"retention.ms": "1000"}) for s in large
    ]
    apply_plan(admin, plan_topics(admin, changed))
    assert {plan.state for plan in applied(admin, changed)} == {"same"}
    plans = plan_topics(admin, small)
    left = {d.what for plan in plans for d in plan.differences}
    assert left == {"partitions"}
    apply_plan(admin, plans)
    after = plan_topics(admin, small)
    assert {len(t["partitions"]) for t in admin.describe_topics([small[0].name])} == {4}
    assert all(d.remedy for plan in after for d in plan.differences)
    replicated = [msgspec.structs.replace(spec, replication=2) for spec in large]
    [difference] = plan_topics(admin, replicated)[0].differences
    assert difference.what == "replication"
    assert "reassign" in difference.remedy


def test_exit_codes_of_topics(
    broker: LocalCluster, prefix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    named = ("--set", f"pipeline.topic_prefix={prefix}")
    assert run(broker, "topics", "check", *named) == 1
    assert "wanted" not in capsys.readouterr().out, "nothing differs: no columns for how"
    assert run(broker, "topics", "apply", *named) == 0
    assert "wanted" not in capsys.readouterr().out
    more = (*named, "--set", "pipeline.partitions=17")
    assert run(broker, "topics", "check", *more) == 1
    assert "wanted" in capsys.readouterr().out
    assert run(broker, "topics", "check", "--json", *named) == 0
    assert {row["now"] for row in json.loads(capsys.readouterr().out)} == {"same"}
    with pytest.raises(SystemExit) as ended:
        main(["topics", "check", "--bootstrap", "127.0.0.1:1"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "127.0.0.1:1" in said
    assert "default" not in said


# lag


def lag_of(config: dict[str, Any], group: str, topic: str) -> dict[int, PartitionLag]:
    return {lag.partition: lag for lag in group_lag(config, {group: topic})}


def test_markers_of_transactions_are_no_lag(config: dict[str, Any], topic: str) -> None:
    group = f"{topic}.group"
    writer = producer_client({**config, "transactional_id": f"{topic}.writer", "acks": "all"})
    reader = producer_client({**config, "transactional_id": f"{topic}.reader", "acks": "all"})

    def write(count: int) -> None:
        for number in range(count):
            writer.send(topic, b"%d" % number, partition=0)
        writer.flush()

    def commit(offset: int) -> None:
        reader.begin_transaction()
        offsets = {NativePartition(topic, 0): OffsetAndMetadata(offset)}
        reader.send_offsets_to_transaction(offsets, group)  # pyright: ignore
        reader.commit_transaction()

    with closing(writer), closing(reader):
        writer.init_transactions()
        reader.init_transactions()
        assert lag_of(config, group, topic)[0].records == 0
        writer.begin_transaction()
        write(5)
        writer.commit_transaction()
        behind = lag_of(config, group, topic)
        assert (behind[0].committed, behind[0].records) == (None, 5)
        assert behind[0].seconds is not None
        assert (behind[1].committed, behind[1].records, behind[1].seconds) == (None, 0, 0)
        commit(5)
        caught_up = lag_of(config, group, topic)[0]
        assert caught_up.end == 6, "the commit's marker takes an offset"
        assert (caught_up.committed, caught_up.records, caught_up.seconds) == (5, 0, 0)
        writer.begin_transaction()
        write(3)
        writer.abort_transaction()
        assert lag_of(config, group, topic)[0].records == 0, "aborted records are no lag"
        writer.begin_transaction()
        write(2)
        assert lag_of(config, group, topic)[0].records == 0, "nor are those of an open transaction"
        writer.commit_transaction()
        assert lag_of(config, group, topic)[0].records == 2
        commit(5)
        assert [x.partition for x in group_lag(config, {group: None})] == [0]


def test_seconds_are_the_age_of_the_oldest_unread_record(
    config: dict[str, Any], topic: str
) -> None:
    produce_values(config, topic, [(b"k", b"v")] * 20_000)
    [written] = {r.partition for r in records(config, topic)}
    now = time.time()
    lag = {x.partition: x for x in group_lag(config, {"none": topic}, now=now + 100)}
    assert lag[written].records == 20_000
    assert lag[written].seconds == pytest.approx(100, abs=30)
    assert lag[1 - written].records == 0


def test_lag_command(broker: LocalCluster, topic: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(broker, "lag", "--json", "--set", f"pipeline.name={topic}") == 0
    assert json.loads(capsys.readouterr().out) == []


# produce


def event(**fields: object) -> bytes:
    return json.dumps({"content_id": "c", "author": {"id": "a"}, **fields}).encode()


def test_lines_are_keyed_and_a_keys_lines_stay_together(config: dict[str, Any], topic: str) -> None:
    lines = [event(conversation_id=f"v{i % 7}", content_id=f"c{i}") for i in range(200)]
    done = produce_lines(config, topic, [*lines, b"", b"\n", event(), b"{broken"])
    assert (done.sent, done.refused, done.failed) == (201, 1, 0)
    assert [error.line for error in done.errors] == [204]
    assert "broken" not in done.errors[0].why
    found = records(config, topic)
    assert sum(done.partitions.values()) == len(found) == 201
    homes: dict[bytes, set[int]] = {}
    for record in found:
        assert record.key is not None
        homes.setdefault(record.key, set()).add(record.partition)
    assert set(homes) == {*(b"v%d" % i for i in range(7)), b"a"}
    assert all(len(partitions) == 1 for partitions in homes.values())


def test_produce_command(
    broker: LocalCluster,
    config: dict[str, Any],
    topic: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\n".join([event(), b"[]", event()]) + b"\n")
    assert run(broker, "produce", topic, str(file)) == 1
    said = capsys.readouterr()
    assert "2 sent" in said.out
    assert "line 2" in said.err
    assert run(broker, "produce", topic, str(file), "--as-is") == 0
    assert [r.value for r in records(config, topic)].count(b"[]") == 1
    assert run(broker, "produce", topic, str(tmp_path / "none")) == 2
    capsys.readouterr()
    assert run(broker, "produce", f"{topic}.nosuch", str(file)) == 2
    assert "seawall topics apply" in capsys.readouterr().err


MAPPING = """
[fields]
event_id = "id"
tenant = { value = "example" }
kind = { value = "created" }
occurred_at = { from = "ms", unit = "epoch_ms" }
content_id = "id"
surface = { value = "message" }
conversation_id = "room"
author.id = "by.uid"
"""


def test_produce_reads_the_key_through_the_mapping(
    broker: LocalCluster,
    config: dict[str, Any],
    topic: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    mapping, settings, file = (tmp_path / n for n in ("ours.toml", "seawall.toml", "ours.jsonl"))
    mapping.write_text(MAPPING)
    settings.write_text(f"[worker]\nmapping = {json.dumps(str(mapping))}\n")
    line = b'{"id": 1,  "ms": 1, "by": {"uid": 2}, "room": 7}'
    file.write_bytes(line + b"\n" + b'{"id": 1, "ms": 1, "by": {}}\n')
    for words in (["--mapping", str(mapping)], ["--config", str(settings)]):
        assert run(broker, "produce", topic, str(file), *words) == 1
        said = capsys.readouterr()
        assert "1 sent" in said.out
        assert "line 2: not an event: " in said.err
        assert "by.uid" in said.err
        assert f"through {mapping}" in said.err
        assert "--as-is" in said.err
    assert [(r.key, r.value) for r in records(config, topic)] == [(b"7", line)] * 2
    assert run(broker, "produce", topic, str(file)) == 1
    said = capsys.readouterr().err
    assert "--mapping FILE, or worker.mapping" in said
    assert "--as-is" in said
    mapping.write_text("[fields]\nauther = 'x'")
    assert run(broker, "produce", topic, str(file), "--mapping", str(mapping)) == 2
    assert "fields.auther" in capsys.readouterr().err


# dead letters


@pytest.fixture
def dead(admin: Admin, prefix: str) -> str:
    name = f"{prefix}seawall.dead-letters"
    admin.create_topics(
        {name: {"num_partitions": 2, "replication_factor": 1}}, wait_for_metadata=True
    )
    return name


def test_lines_wait_for_those_before_them(
    config: dict[str, Any], topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However large the file, what is not acknowledged yet is bounded by bytes."""
    monkeypatch.setattr(produce, "UNSENT_BYTES", 10_000)
    line = b'{"content_id": "c", "author": {"id": "a"}, "text": "' + b"x" * 900 + b'"}'

    def lines() -> Iterator[bytes]:
        with closing(consumer_client(config)) as consumer:
            partitions = [NativePartition(topic, p) for p in range(2)]
            for number in range(60):
                if number % 20 == 15:
                    acknowledged = sum(consumer.end_offsets(partitions).values())
                    assert number - acknowledged <= 11
                yield line

    assert produce_lines(config, topic, lines()).sent == 60


def letter(
    topic: str,
    partition: int,
    offset: int,
    error: DeadLetterClass = "internal_error",
    replayed_from: str | None = None,
) -> bytes:
    return msgspec.json.encode(
        DeadLetter(
            topic=topic,
            partition=partition,
            offset=offset,
            stage="hash-matching",
            error=error,
            message="why",
            at=datetime.now(UTC),
            sha256=hashlib.sha256(b"").hexdigest(),
            size=0,
            replayed_from=replayed_from,
        )
    )


def test_replay_keeps_key_partition_and_order_and_is_done_once(
    config: dict[str, Any], topic: str, dead: str
) -> None:
    produce_values(config, topic, [(b"key%d" % (i % 5), b"value%d" % i) for i in range(50)])
    originals = records(config, topic)
    lost = originals[::3]
    letters = [(None, letter(r.topic, r.partition, r.offset)) for r in reversed(lost)]
    letters += [letters[0], (None, b"{not a letter")]
    letters += [(None, letter(topic, 0, 10_000)), (None, letter("no-such-topic", 0, 0))]
    produce_values(config, dead, letters)
    found = read_letters(config, dead)
    assert len(found.letters) == len(lost) + 2, "a letter that is there twice counts once"
    assert found.unreadable == 1

    first = replay(config, dead, f"{dead}.replay")
    assert first.sent == [f"{r.topic}/{r.partition}/{r.offset}" for r in lost]
    assert sorted(first.gone) == sorted([f"{topic}/0/10000", "no-such-topic/0/0"])
    again = records(config, topic)
    copies = [r for r in again if REPLAYED_FROM in dict(r.headers)]
    assert [(r.partition, r.key, r.value) for r in copies] == [
        (r.partition, r.key, r.value) for r in lost
    ]
    assert [dict(r.headers)[REPLAYED_FROM].decode() for r in copies] == first.sent

    second = replay(config, dead, f"{dead}.replay")
    assert (second.sent, len(second.already)) == ([], len(lost))
    forced = replay(
        config, dead, f"{dead}.replay", Filter(ids=frozenset(first.sent[:2])), again=True
    )
    assert forced.sent == first.sent[:2]
    assert len(read_letters(config, dead).letters) == len(lost) + 2


def test_a_second_replay_shuts_out_the_first_and_sends_nothing_twice(
    config: dict[str, Any], topic: str, dead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second begins when the first has sent two chunks of its five."""
    produce_values(config, topic, [(b"k", b"value%d" % i) for i in range(50)])
    originals = records(config, topic)
    letters = [(None, letter(r.topic, r.partition, r.offset)) for r in originals]
    produce_values(config, dead, letters)
    monkeypatch.setattr(dead_letters, "REPLAY_CHUNK", 10)
    others: list[Replay] = []
    send = dead_letters._send
    chunks = 0

    def interrupted(*arguments: Any) -> None:
        nonlocal chunks
        chunks += 1
        if chunks == 3:
            others.append(replay(config, dead, f"{dead}.replay"))
        send(*arguments)

    monkeypatch.setattr(dead_letters, "_send", interrupted)
    with pytest.raises(ReplayTakenOver, match="another replay has begun"):
        replay(config, dead, f"{dead}.replay")
    [other] = others
    assert (len(other.sent), len(other.already)) == (30, 20)
    copies = [r for r in records(config, topic) if REPLAYED_FROM in dict(r.headers)]
    assert len(copies) == len({dict(r.headers)[REPLAYED_FROM] for r in copies}) == 50


def test_records_that_are_no_longer_retained_are_named(
    config: dict[str, Any], admin: Admin, topic: str, dead: str
) -> None:
    produce_values(config, topic, [(b"k", b"v%d" % i) for i in range(10)])
    partition = records(config, topic)[0].partition
    produce_values(config, dead, [(None, letter(topic, partition, o)) for o in (2, 7)])
    admin.delete_records({NativePartition(topic, partition): 5})  # pyright: ignore
    done = replay(config, dead, f"{dead}.replay")
    assert (done.sent, done.gone) == ([f"{topic}/{partition}/7"], [f"{topic}/{partition}/2"])


def test_dlq_commands(
    broker: LocalCluster,
    config: dict[str, Any],
    topic: str,
    dead: str,
    prefix: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    named = ("--set", f"pipeline.topic_prefix={prefix}")
    produce_values(config, topic, [(b"k", b"v%d" % i) for i in range(4)])
    partition = records(config, topic)[0].partition
    errors: list[DeadLetterClass] = ["not_json", "internal_error", "internal_error"]
    produce_values(
        config, dead, [(None, letter(topic, partition, i, e)) for i, e in enumerate(errors)]
    )
    capsys.readouterr()
    assert run(broker, "dlq", "list", "--json", *named) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["total"] == 3
    assert {(c["class"], c["count"]) for c in listed["counts"]} == {
        ("internal_error", 2),
        ("not_json", 1),
    }
    assert run(broker, "dlq", "list", "--class", "not_json", "--since", "1h", *named) == 0
    assert "1 dead letters" in capsys.readouterr().out
    assert run(broker, "dlq", "list", "--class", "wrong", *named) == 2
    assert run(broker, "dlq", "show", f"{topic}/{partition}/0", *named) == 0
    assert '"not_json"' in capsys.readouterr().out
    assert run(broker, "dlq", "show", f"{topic}/{partition}/9", *named) == 1
    assert run(broker, "dlq", "replay", *named) == 2
    assert run(broker, "dlq", "replay", "--class", "internal_error", *named) == 0
    assert "2 replayed" in capsys.readouterr().out
    assert run(broker, "dlq", "list", *named) == 0
    assert "3 dead letters, 2 of them replayed" in capsys.readouterr().out
    assert run(broker, "dlq", "replay", "--all", "--json", *named) == 0
    done = json.loads(capsys.readouterr().out)
    assert (len(done["sent"]), len(done["already"])) == (1, 2)
    assert run(broker, "dlq", "show", f"{topic}/{partition}/1", *named) == 0
    assert "came_back_as" not in json.loads(capsys.readouterr().out)
    source = f"{topic}/{partition}/1"
    produce_values(
        config, dead, [(None, letter(topic, partition, n, replayed_from=source)) for n in (5, 6)]
    )
    assert run(broker, "dlq", "show", source, *named) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["replayed"], shown["came_back_as"]) == (True, f"{topic}/{partition}/6")
    assert run(broker, "dlq", "show", f"{topic}/{partition}/6", *named) == 0
    assert json.loads(capsys.readouterr().out)["replayed_from"] == source
    assert run(broker, "dlq", "replay", "other/0/0", f"{topic}/{partition}/0", *named) == 1
    said = capsys.readouterr()
    assert "other/0/0: no such dead letter" in said.err
    assert f"{topic}/{partition}/0" not in said.err
    assert "1 not found" in said.out
