"""A change of the policy on a real control topic, in a running worker."""

import json
import subprocess
import time
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from streams.audit.log import AuditLog
from streams.control.policy_change import KEY, newest_change
from streams.kafka.client import KafkaError
from streams.kafka.topics import pipeline_topics
from streams.settings import load_settings
from tests.integration.worker.processes import SEAWALL, toml, worker

OWN = 'version = "own"\n'
RULE = """
version = "{version}"
[[scan_basis]]
scans = ["hash"]
[[rules]]
id = "{version}"
owner = "o"
ground = "g"
on = "user_report"
action = "{action}"
[[tests]]
name = "a report"
event = {{ kind = "user_report" }}
expect = {{ action = "{action}" }}
"""


def report(number: int) -> bytes:
    return json.dumps(
        {
            "event_id": f"e{number}",
            "tenant": "t",
            "kind": "user_report",
            "occurred_at": "2026-01-01T00:00:00Z",
            "content_id": f"c{number}",
            "surface": "post",
            "author": {"id": "u1"},
        }
    ).encode()


def test_without_the_control_topic_it_says_so(broker, prefix) -> None:
    with pytest.raises(KafkaError, match="run seawall topics apply"):
        newest_change({"bootstrap_servers": [broker.bootstrap]}, f"{prefix}seawall.control")


def test_apply_refuse_and_roll_back(broker, prefix, tmp_path: Path) -> None:
    files = {name: tmp_path / f"{name}.toml" for name in ("own", "one", "two", "wrong", "failing")}
    files["own"].write_text(OWN)
    files["one"].write_text(RULE.format(version="one", action="label"))
    files["two"].write_text(RULE.format(version="two", action="hold"))
    files["wrong"].write_text(RULE.format(version="wrong", action="explode"))
    failing = RULE.format(version="failing", action="hold")
    files["failing"].write_text(failing.replace('{ action = "hold" }', '{ action = "label" }'))
    config = toml(
        tmp_path,
        "seawall.toml",
        {
            "kafka": {"bootstrap": broker.bootstrap},
            "pipeline": {"partitions": 1, "topic_prefix": prefix, "name": f"{prefix}p"},
            "policy": {"file": str(files["own"])},
            "audit": {"file": str(tmp_path / "audit.db")},
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
    control = f"{prefix}seawall.control"
    decisions = KafkaConsumer(
        f"{prefix}enforcement.decisions",
        bootstrap_servers=broker.bootstrap,
        auto_offset_reset="earliest",
        consumer_timeout_ms=500,
        isolation_level="read_committed",
    )
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap)
    sent = 0

    def seawall(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(SEAWALL), "policy", *arguments, "--config", str(config)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)

    def until_decided_by(version: str, action: str) -> None:
        nonlocal sent
        ends = time.monotonic() + 40
        while time.monotonic() < ends:
            sent += 1
            producer.send(f"{prefix}content.events", report(sent), b"u1")
            producer.flush()
            for record in decisions:
                made = json.loads(record.value)
                if made["policy_version"].startswith(f"{version}+"):
                    assert made["action"] == action
                    return
        raise AssertionError(f"no decision by {version}")

    nothing = seawall("rollback")
    assert nothing.returncode == 1
    assert "no policy has come" in nothing.stderr
    with worker(tmp_path, "--config", str(config)) as process:
        process.until_ready()
        until_decided_by("own", "review")
        done = seawall("apply", str(files["one"]))
        assert done.returncode == 0, done.stderr
        assert "policy one+" in done.stdout
        until_decided_by("one", "label")
        assert "in force already" in seawall("apply", str(files["one"])).stdout
        for name, why in (("wrong", "wrong.toml:10"), ("failing", "a report: action is hold")):
            refused = seawall("apply", str(files[name]))
            assert refused.returncode == 1
            assert why in refused.stderr
        # Whoever writes to the topic by hand: the worker says no, and goes on.
        text = files["wrong"].read_text()
        producer.send(control, json.dumps({"type": "policy_changed", "text": text}).encode(), KEY)
        producer.send(control, b"{", KEY)
        producer.flush()
        ends = time.monotonic() + 40
        while (
            'seawall_policy_changes_total{result="refused"} 2.0' not in process.get("/metrics")[1]
        ):
            assert time.monotonic() < ends, process.log
            time.sleep(0.2)
        assert "policy not taken, one+" in process.log
        until_decided_by("one", "label")
        assert seawall("apply", str(files["two"])).returncode == 0
        until_decided_by("two", "hold")
        assert 'seawall_policy_info{version="two+' in process.get("/metrics")[1]
        assert process.end() == 0
    # A worker that starts later decides by the same policy from its first event on.
    change = newest_change({"bootstrap_servers": [broker.bootstrap]}, control)
    assert change is not None
    assert change.text == files["two"].read_text()
    with worker(tmp_path, "--config", str(config)) as process:
        process.until_ready()
        sent += 1
        producer.send(f"{prefix}content.events", report(sent), b"u1")
        producer.flush()
        made, ends = [], time.monotonic() + 40
        while not made:
            assert time.monotonic() < ends, process.log
            made = [json.loads(record.value) for record in decisions]
        assert {each["policy_version"][:4] for each in made} == {"two+"}
        assert seawall("rollback", "--to-files").returncode == 0
        until_decided_by("own", "review")
        assert seawall("rollback").returncode == 0
        until_decided_by("two", "hold")
        assert process.end() == 0
    producer.close()
    decisions.close()
    with AuditLog(tmp_path / "audit.db") as log:
        assert log.verify().fault is None
        rows = [json.loads(row.what) for row in log.entries()]
    changes = [(row["change"], row.get("version", "")[:3]) for row in rows]
    assert changes == [
        *[("applying", "one"), ("applied", "one"), ("refused", ""), ("refused", "")],
        *[("applying", "two"), ("applied", "two"), ("applying", "own"), ("applied", "own")],
        *[("applying", "two"), ("applied", "two")],
    ]
    assert "explode" in rows[2]["why"]
