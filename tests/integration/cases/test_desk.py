"""Cases and feedback on a real broker, from events to a reversal."""

import csv
import json
import sqlite3
import subprocess
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError
from kafka.protocol.consumer import OffsetSpec

from streams.cases.app import run_once
from streams.cases.desk import Desk, DeskTopics
from streams.cases.sending import ReversalTopics, send_reversals
from streams.cases.service import Rounds
from streams.cases.store import CaseStore
from streams.contracts.codec import encode_decision
from streams.kafka import positions
from streams.kafka.topics import CASES, DECISIONS, OUTCOMES
from streams.settings import CaseSettings, FeedbackSettings, load_settings
from tests.integration.worker.processes import SEAWALL, worker
from tests.integration.worker.test_worker import LISTED_MD5, create_topics, settings_file
from tests.unit.cases.occurrences import decision, event, match

TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def configured(folder: Path, broker, prefix: str) -> Path:
    with (folder / "lists.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["algorithm", "value", "category"])
        rows.writerow(["md5", LISTED_MD5, "known"])
    (folder / "lists.toml").write_text(
        '[[list]]\nname = "hotline"\nfile = "lists.csv"\nsource_kind = "hotline"\n'
        'verified_by = "Example Trust"\ndefault_role = "block"\n'
    )
    config = settings_file(
        folder,
        broker.bootstrap,
        prefix,
        lists={"files": [str(folder / "lists.toml")]},
        cases={"store": str(folder / "cases.db")},
        audit={"file": str(folder / "audit.db")},
        worker={"http_port": 0},
    )
    create_topics(config)
    return config


def sent(bootstrap: str, topic: str, *records: tuple[bytes, bytes, list]) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    for key, value, headers in records:
        producer.send(topic, value, key, headers=headers).get(10)
    producer.close()


def committed(bootstrap: str, topic: str, count: int, seconds: float = 40.0) -> list:
    """The records of a topic, once there are so many; a little later, so that more would show."""
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        group_id=None,
    )
    found, ends = [], time.monotonic() + seconds
    while len(found) < count:
        assert time.monotonic() < ends, f"{len(found)} of {count} on {topic}"
        for records in consumer.poll(500).values():
            found += records
    for records in consumer.poll(1500).values():
        found += records
    consumer.close()
    return found


def happened(number: int) -> bytes:
    return json.dumps(
        {
            "event_id": f"e{number}",
            "tenant": "acme",
            "kind": "created",
            "occurred_at": "2026-03-01T12:00:00Z",
            "content_id": f"c{number}",
            "surface": "message",
            "conversation_id": "k1",
            "author": {"id": f"a{number}"},
            "media": [
                {
                    "media_id": "m1",
                    "media_type": "image/jpeg",
                    "hash_origin": "server",
                    "hashes": {"md5": LISTED_MD5 if number < 3 else f"{number:032x}"},
                }
            ],
        }
    ).encode()


def outcome(decision_id: str, result: str, **more) -> bytes:
    return json.dumps(
        {
            "decision_id": decision_id,
            "target": {"kind": "media", "id": "m1"},
            "outcome": result,
            "reviewed_at": "2026-03-02T12:00:00Z",
            "reviewer_role": "appeals",
            **more,
        }
    ).encode()


def seawall(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(SEAWALL), *arguments], capture_output=True, text=True, timeout=120, check=False
    )


def test_from_events_to_cases_views_and_one_reversal(broker, prefix, tmp_path: Path) -> None:
    config = configured(tmp_path, broker, prefix)
    bootstrap = broker.bootstrap
    events = [(b"k1", happened(n), [("traceparent", TRACE)]) for n in range(5)]
    with worker(tmp_path, "--config", str(config)) as process:
        process.address(seconds=180)  # decoders may have kernels to compile first
        process.until_ready()
        sent(bootstrap, f"{prefix}content.events", *events)
        decisions = committed(bootstrap, f"{prefix}enforcement.decisions", 5)
        assert process.end() == 0
    assert all(("traceparent", TRACE) in record.headers for record in decisions)
    cases = committed(bootstrap, f"{prefix}enforcement.cases", 3)
    assert all(("traceparent", TRACE) in record.headers for record in cases)
    settings = load_settings(config, environment={}).settings
    assert run_once(settings) == 1
    listed = json.loads(seawall("cases", "list", "--config", str(config), "--json").stdout)
    [case] = listed
    assert case["repeats"] == 2
    by_event = {d["event_id"]: d for d in (json.loads(record.value) for record in decisions)}
    first = by_event["e0"]
    assert first["case_id"]
    assert "case_id" not in by_event["e4"]

    outcomes = f"{prefix}review.outcomes"
    viewed = {"viewed_by": "r1", "viewed_at": "2026-03-02T11:00:00Z"}
    sent(
        bootstrap,
        outcomes,
        (b"x", outcome(first["decision_id"], "confirmed", **viewed), []),
        (b"x", b"not an outcome", []),
    )
    assert run_once(settings) == 1
    shown = json.loads(seawall("cases", "show", first["case_id"], "--config", str(config)).stdout)
    [file] = shown["document"]["files"]
    assert file["details"]["fileViewedByEsp"] is True
    assert file["matches"][0]["verified_by"] == "Example Trust"

    granted = outcome(first["decision_id"], "appeal_granted")
    sent(bootstrap, outcomes, (b"x", granted, []), (b"x", granted, []))
    for _ in range(3):
        run_once(settings)
    every = committed(bootstrap, f"{prefix}enforcement.decisions", 6)
    assert len(every) == 6
    [record] = [r for r in every if json.loads(r.value).get("kind") == "reversal"]
    reversal = json.loads(record.value)
    assert reversal["supersedes"] == first["decision_id"]
    assert dict(record.headers)["seawall-action"] == b"allow"
    assert dict(record.headers)["traceparent"] == TRACE
    verified = seawall("audit", "verify", "--config", str(config))
    assert verified.returncode == 0, verified.stdout


def test_outcomes_are_sent_by_hand_and_only_what_is_one(broker, prefix, tmp_path: Path) -> None:
    config = configured(tmp_path, broker, prefix)
    good = outcome("d1", "confirmed")
    file = tmp_path / "outcomes.jsonl"
    file.write_bytes(b"\n".join([good, b"", outcome("d2", "maybe"), b"{"]))
    done = seawall("feedback", "send", str(file), "--config", str(config))
    assert done.returncode == 1, done.stderr
    assert "1 sent" in done.stdout
    assert "line 3: no outcome: $.outcome: must be one of" in done.stderr
    assert "line 4: no outcome: is not JSON" in done.stderr
    [record] = committed(broker.bootstrap, f"{prefix}review.outcomes", 1)
    assert (record.key, record.value) == (b"d1", good)
    file.write_text(json.dumps(json.loads(good), indent=2))
    spread = seawall("feedback", "send", str(file), "--config", str(config))
    assert spread.returncode == 1
    assert "one outcome a line" in spread.stderr
    assert "jq -c . FILE" in spread.stderr


def test_the_process_acts_on_outcomes_as_they_come(broker, prefix, tmp_path: Path) -> None:
    config = configured(tmp_path, broker, prefix)
    bootstrap = broker.bootstrap
    made = decision(event(), [match()], decided_at=datetime.now(UTC))
    headers = [("seawall-action", b"block"), ("seawall-priority", b"4")]
    sent(bootstrap, f"{prefix}enforcement.decisions", (b"k1", encode_decision(made), headers))
    arguments = ("--config", str(config))
    with worker(tmp_path, *arguments, command=("cases", "build")) as process:
        process.until_ready()
        sent(
            bootstrap,
            f"{prefix}review.outcomes",
            (b"x", outcome(made.decision_id, "appeal_granted"), []),
        )
        assert len(committed(bootstrap, f"{prefix}enforcement.decisions", 2)) == 2
        ends = time.monotonic() + 20
        while "seawall_reversals_total 1.0" not in process.get("/metrics")[1]:
            assert time.monotonic() < ends
            time.sleep(0.1)
        assert process.end() == 0, process.log


def test_a_crash_between_sending_and_noting_sends_nothing_twice(
    broker, prefix, tmp_path: Path
) -> None:
    config = configured(tmp_path, broker, prefix)
    settings = load_settings(config, environment={}).settings
    client = settings.kafka.kafka_python_config()
    to = ReversalTopics(f"{prefix}enforcement.decisions", f"{prefix}enforcement.urgent")
    name = f"{prefix}reversals"
    with CaseStore.open(tmp_path / "c.db") as store:
        urgent = decision(event(), [match()], priority=0)
        calm = decision(event("e2"), [match()])
        with store.writing():
            store.reviews.put_out(urgent, b"k", None)
            store.reviews.put_out(calm, b"k", None)

        def crash(_: int) -> None:
            raise RuntimeError

        note, store.reviews.set_sent = store.reviews.set_sent, crash
        with pytest.raises(RuntimeError):
            send_reversals(client, store, to, name)
        store.reviews.set_sent = note
        assert len(store.reviews.outgoing()) == 2
        with store.writing():
            store.reviews.put_out(decision(event("e3"), [match()]), b"k", None)
        noted: list[int] = []

        def crash_again(up_to: int) -> None:
            noted.append(up_to)
            if len(noted) > 1:
                raise RuntimeError
            note(up_to)

        store.reviews.set_sent = crash_again
        with pytest.raises(RuntimeError):
            send_reversals(client, store, to, name)
        assert noted == [2, 3]
        store.reviews.set_sent = note
        with store.writing():
            store.reviews.put_out(decision(event("e4"), [match()]), b"k", None)
        assert send_reversals(client, store, to, name) == 1
        assert send_reversals(client, store, to, name) == 0
    assert len(committed(broker.bootstrap, to.decisions, 4)) == 4
    assert len(committed(broker.bootstrap, to.urgent, 1)) == 1


def test_a_copy_of_the_store_that_was_put_back_sends_what_it_then_puts_out(
    broker, prefix, tmp_path: Path
) -> None:
    """It gives numbers that were sent to decisions that were not."""
    config = configured(tmp_path, broker, prefix)
    client = load_settings(config, environment={}).settings.kafka.kafka_python_config()
    to = ReversalTopics(f"{prefix}enforcement.decisions", f"{prefix}enforcement.urgent")
    made = [decision(event(f"e{n}"), [match()]) for n in range(6)]

    def sent_of(name: str, *numbers: int) -> int:
        with CaseStore.open(tmp_path / name) as store:
            with store.writing():
                for number in numbers:
                    store.reviews.put_out(made[number], b"k", None)
            return send_reversals(client, store, to, f"{prefix}reversals")

    def found() -> list[int]:
        ids = [each.decision_id for each in made]
        every = committed(broker.bootstrap, to.decisions, 1)
        return sorted(ids.index(json.loads(record.value)["decision_id"]) for record in every)

    assert sent_of("c.db", 0) == 1
    with (
        closing(sqlite3.connect(tmp_path / "c.db")) as store,
        closing(sqlite3.connect(tmp_path / "copy.db")) as copy,
    ):
        store.backup(copy)
    assert sent_of("c.db", 1) == 1
    assert sent_of("c.db", 2) == 1
    # Under the number that 1 had, and then 2 again under its own.
    assert sent_of("copy.db", 3) == 1
    assert sent_of("copy.db", 2) == 1
    assert sent_of("copy.db", 4, 5) == 2
    assert sent_of("copy.db") == 0
    assert found() == [0, 1, 2, 2, 3, 4, 5]


def test_what_retention_removed_before_it_was_read_is_told_once(
    broker, prefix, tmp_path: Path, caplog
) -> None:
    config = configured(tmp_path, broker, prefix)
    settings = load_settings(config, environment={}).settings
    topics = DeskTopics(*(f"{prefix}{name}" for name in (DECISIONS, CASES, OUTCOMES)))
    partition = TopicPartition(topics.outcomes, 0)
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)

    def lose(count: int) -> None:
        for _ in range(count):
            producer.send(partition.topic, b"{}", partition=0).get(10)
        [end] = admin.list_partition_offsets({partition: OffsetSpec.LATEST}).values()
        admin.delete_records({partition: end.offset})

    def several(rounds: Rounds) -> None:
        for _ in range(20):
            rounds.once()

    producer = KafkaProducer(bootstrap_servers=broker.bootstrap)
    with CaseStore.open(tmp_path / "c.db") as store:
        store.set_position(partition.topic, 0, 0)
        desk = Desk(store, topics, lambda: datetime.now(UTC), CaseSettings(), FeedbackSettings())
        client = settings.kafka.kafka_python_config()
        rounds = Rounds(desk, client, "urgent", f"{prefix}desk", None)
        lose(3)
        while rounds.once():
            pass
        assert rounds.take_expired() == {partition.topic: 3}
        assert "retention removed 3 offsets" in caplog.text
        rounds.close()
        rounds.once()
        assert rounds.take_expired() == {}
        lose(2)  # while it reads
        with pytest.raises(KafkaError):
            several(rounds)
        rounds.close()
        rounds.once()
        assert sum(rounds.take_expired().values()) == 2
        store.set_position(partition.topic, 0, 1_000)
        rounds.close()
        rounds.once()
        assert "made anew or cut" in caplog.text
        assert store.position(partition.topic, 0) == 5
        rounds.close()
    admin.close()
    producer.close()


def test_partitions_that_are_added_are_read_and_what_they_lost_is_told(
    broker, prefix, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(positions, "METADATA_MS", 500)
    config = configured(tmp_path, broker, prefix)
    client = load_settings(config, environment={}).settings.kafka.kafka_python_config()
    topics = DeskTopics(*(f"{prefix}{name}" for name in (DECISIONS, CASES, OUTCOMES)))
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap, metadata_max_age_ms=500)

    def added(*, lost: int = 0) -> int:
        """The number of another partition of all three topics, with three records."""
        [topic] = admin.describe_topics([topics.outcomes])
        number = len(topic["partitions"])
        admin.create_partitions(dict.fromkeys(topics, number + 1))
        ends = time.monotonic() + 20
        while number not in producer.partitions_for(topics.outcomes):
            assert time.monotonic() < ends
            time.sleep(0.1)
        for _ in range(3):
            producer.send(topics.outcomes, b"{}", partition=number).get(10)
        if lost:
            admin.delete_records({TopicPartition(topics.outcomes, number): lost})
        return number

    with CaseStore.open(tmp_path / "c.db") as store:
        desk = Desk(store, topics, lambda: datetime.now(UTC), CaseSettings(), FeedbackSettings())
        rounds = Rounds(desk, client, "urgent", f"{prefix}desk", None)
        rounds.once()
        number, ends = added(), time.monotonic() + 20
        while store.position(topics.outcomes, number) != 3:
            assert time.monotonic() < ends, "a desk that runs does not read it"
            rounds.once()
        assert rounds.take_expired() == {}
        rounds.close()
        number = added(lost=2)
        rounds.once()
        assert rounds.take_expired() == {topics.outcomes: 2}
        rounds.close()
        rounds.once()
        assert rounds.take_expired() == {}, "told once"
        rounds.close()
    with CaseStore.open(tmp_path / "new.db") as store:
        desk = Desk(store, topics, lambda: datetime.now(UTC), CaseSettings(), FeedbackSettings())
        rounds = Rounds(desk, client, "urgent", f"{prefix}desk", None)
        rounds.once()
        assert rounds.take_expired() == {}, "a new desk begins with what there is"
        rounds.close()
    admin.close()
    producer.close()
