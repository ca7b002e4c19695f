"""The worker as an operator meets it: probes, exit codes, messages, and its whole job."""

import csv
import json
import socket

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from streams.kafka.topics import pipeline_topics
from streams.settings import load_settings
from tests.integration.worker.processes import toml, worker

POLICY = """
version = "test"
[[scan_basis]]
tenant = "*"
surface = "*"
jurisdiction = "*"
scans = ["hash", "url", "text"]
[[scan_basis]]
tenant = "quiet"
surface = "*"
jurisdiction = "*"
scans = ["hash"]
"""

LISTED_MD5 = "0123456789abcdef0123456789abcdef"


def settings_file(folder, bootstrap, prefix="", **sections):
    (folder / "policy.toml").write_text(POLICY)
    return toml(
        folder,
        "seawall.toml",
        {
            "kafka": {"bootstrap": bootstrap},
            "pipeline": {"partitions": 2, "topic_prefix": prefix, "name": f"{prefix}pipeline"},
            "policy": {"file": str(folder / "policy.toml")},
            **sections,
        },
    )


def create_topics(config) -> None:
    settings = load_settings(config, environment={}).settings
    admin = KafkaAdminClient(**settings.kafka.kafka_python_config())
    specs = pipeline_topics(settings)
    admin.create_topics(
        [NewTopic(t.name, t.partitions, t.replication, topic_configs=t.configs) for t in specs]
    )
    admin.close()


def test_a_worker_whose_broker_is_away_lives_waits_and_ends_in_order(tmp_path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        config = settings_file(tmp_path, f"127.0.0.1:{held.getsockname()[1]}")
        with worker(tmp_path, "--config", str(config)) as process:
            assert process.get("/live")[0] == 200
            status, body = process.get("/ready")
            assert status == 503
            assert "no assignment" in body
            metrics = process.get("/metrics")[1]
            assert 'seawall_dependency_waits_total{dependency="broker"' in metrics
            assert process.end() == 0


def test_missing_topics_are_named(broker, prefix, tmp_path) -> None:
    config = settings_file(tmp_path, broker.bootstrap, prefix)
    with worker(tmp_path, "--config", str(config)) as process:
        assert process.wait() == 1
        assert f"{prefix}content.events does not exist" in process.log
        assert "seawall topics apply" in process.log


@pytest.mark.parametrize(
    ("section", "values", "message"),
    [
        ("worker", {"stages": ["text-risk", "hash-matching"]}, "contiguous"),
        ("worker", {"chunks": 5}, "unknown setting 'worker.chunks'"),
        ("policy", {"file": "nowhere.toml"}, "nowhere.toml"),
        ("media", {"uri_prefixes": ["no-scheme"]}, "media.uri_prefixes"),
        ("state", {"url": "valkey://host:x", "hmac_key": "0123456789abcdef"}, "state URL"),
    ],
)
def test_unusable_settings_end_with_code_2_and_say_which(
    tmp_path, section, values, message
) -> None:
    config = toml(tmp_path, "seawall.toml", {section: values})
    with worker(tmp_path, "--config", str(config)) as process:
        assert process.wait() == 2
        assert message in process.log
        assert "Traceback" not in process.log


def test_lists_that_cannot_be_read_are_named(tmp_path) -> None:
    config = toml(tmp_path, "seawall.toml", {"lists": {"files": ["nowhere.csv"]}})
    with worker(tmp_path, "--config", str(config)) as process:
        assert process.wait() == 2
        assert "lists.files: nowhere.csv" in process.log.splitlines()[-1]


def test_a_port_in_use_is_named(tmp_path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        config = settings_file(tmp_path, "127.0.0.1:1", worker={"http_port": port})
        with worker(tmp_path, "--config", str(config)) as process:
            assert process.wait() == 2
            assert f"worker.http_port {port}" in process.log


def event(number: int, **changes) -> dict:
    return {
        "event_id": str(number),
        "tenant": "t",
        "kind": "created",
        "occurred_at": "2026-01-01T00:00:00Z",
        "content_id": f"c{number}",
        "surface": "message",
        "author": {"id": "a", "age_band": "adult"},
        "conversation_id": f"v{number}",
        **changes,
    }


def media(**hashes) -> list[dict]:
    return [
        {
            "media_id": "m",
            "media_type": "image/jpeg",
            "hashes": hashes,
            "hash_origin": "server",
        }
    ]


def lists(folder) -> str:
    with (folder / "list.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "algorithm", "value", "category"])
        rows.writerow(["1", "md5", LISTED_MD5, "A1"])
        rows.writerow(["2", "url", "http://listed.example/gallery", "A1"])
    path = folder / "lists.toml"
    path.write_text(
        '[[list]]\nname = "hotline"\nfile = "list.csv"\nsource_kind = "hotline"\n'
        'verified_by = "the hotline"\nroles = { A1 = "block" }\n'
    )
    return str(path)


@pytest.mark.parametrize("split", [False, True], ids=["fused", "split"])
def test_events_go_in_and_decisions_come_out(broker, prefix, tmp_path, split) -> None:
    config = settings_file(tmp_path, broker.bootstrap, prefix, lists={"files": [lists(tmp_path)]})
    create_topics(config)
    events = {
        "ordinary": event(0, text="see you at the match"),
        "listed picture": event(1, media=media(md5=LISTED_MD5)),
        "listed address": event(2, urls=["http://LISTED.example:80/%67allery"]),
        "listed address, no basis": event(
            3, tenant="quiet", urls=["http://listed.example/gallery"]
        ),
        "encrypted": event(4, encrypted=True, media=media(md5=LISTED_MD5)),
    }
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap)
    for body in events.values():
        producer.send(
            f"{prefix}content.events",
            json.dumps(body).encode(),
            key=b"k",
            headers=[("traceparent", b"00-trace-01")],
        )
    producer.send(f"{prefix}content.events", b"{not json", key=b"k")
    producer.flush()

    runs = ["media-hashing,hash-matching", "text-risk", "enforcement"] if split else [None]
    folders = []
    processes = []
    try:
        for number, stages in enumerate(runs):
            folder = tmp_path / str(number)
            folder.mkdir()
            folders.append(folder)
            arguments = ["--config", str(config)] + (["--stages", stages] if stages else [])
            manager = worker(folder, *arguments)
            processes.append((manager, manager.__enter__()))
        decisions = read(broker.bootstrap, f"{prefix}enforcement.decisions", len(events))
        (letter,) = read(broker.bootstrap, f"{prefix}seawall.dead-letters", 1)
        for _, process in processes:
            assert process.end() == 0, process.log
    finally:
        for manager, _ in processes:
            manager.__exit__(None, None, None)

    by_id = {json.loads(record.value)["event_id"]: record for record in decisions}
    assert len(by_id) == len(decisions) == len(events)
    said = {name: json.loads(by_id[str(n)].value) for n, name in enumerate(events)}
    assert {name: decision["action"] for name, decision in said.items()} == {
        "ordinary": "allow",
        "listed picture": "block",
        "listed address": "block",
        "listed address, no basis": "allow",
        "encrypted": "block",
    }
    assert said["listed picture"]["report"] is True
    assert said["listed picture"]["signals"][0]["list"] == "hotline"
    assert set(said["listed address, no basis"]["scans_withheld"]) == {"url", "text", "provenance"}
    assert said["ordinary"]["scans_performed"]
    assert all("see you" not in record.value.decode() for record in decisions)
    headers = dict(by_id["1"].headers)
    assert headers["seawall-action"] == b"block"
    assert headers["traceparent"] == b"00-trace-01"
    assert json.loads(letter.value)["error"] == "not_json"


def read(bootstrap: str, topic: str, count: int):
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        consumer_timeout_ms=60_000,
    )
    records = []
    for record in consumer:
        records.append(record)
        if len(records) == count:
            break
    # What comes after them would be one too many.
    records += [r for batch in consumer.poll(timeout_ms=700).values() for r in batch]
    consumer.close()
    return records
