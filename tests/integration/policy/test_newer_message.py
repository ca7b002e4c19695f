"""A real worker on a control topic whose newest policy it cannot read, as of a newer version."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from streams.control.policy_change import KEY
from streams.kafka.topics import pipeline_topics
from streams.settings import load_settings
from tests.integration.worker.processes import SEAWALL, WorkerProcess, toml, worker


def newer(**more: Any) -> bytes:
    said = {"type": "policy_changed", "schema_version": 2, "text": {"signed": "x"}}
    return json.dumps(said | more).encode()


def status(process: WorkerProcess) -> dict[str, Any]:
    return json.loads(process.get("/status")[1])


def until_refused(process: WorkerProcess, refused: str | None) -> dict[str, Any]:
    ends = time.monotonic() + 40
    while True:
        said = status(process)
        found = said["policy_refused"]
        if found is None if refused is None else refused in str(found):
            return said
        assert time.monotonic() < ends, process.log
        time.sleep(0.1)


def test_it_never_judges_by_its_own_instead(broker, prefix, tmp_path: Path) -> None:
    own, one = tmp_path / "own.toml", tmp_path / "one.toml"
    own.write_text('version = "own"\n')
    one.write_text('version = "one"\n')
    config = toml(
        tmp_path,
        "seawall.toml",
        {
            "kafka": {"bootstrap": broker.bootstrap},
            "pipeline": {"partitions": 1, "topic_prefix": prefix, "name": f"{prefix}p"},
            "policy": {"file": str(own)},
        },
    )
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    admin.create_topics(
        [
            NewTopic(t.name, t.partitions, t.replication, topic_configs=t.configs)
            for t in pipeline_topics(load_settings(config, environment={}).settings)
        ]
    )
    admin.close()
    control = f"{prefix}seawall.control"
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap)

    def send(value: bytes) -> int:
        return producer.send(control, value, KEY, partition=0).get(10).offset

    def seawall(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(SEAWALL), "policy", *arguments, "--config", str(config)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)

    at = send(newer())
    with worker(tmp_path, "--config", str(config)) as process:
        until_refused(process, f"{control}@{at}")
        code, why = process.get("/ready")
        assert code == 503
        assert "policy taken" in why
        assert process.get("/live")[0] == 200
        assert process.end() == 0
    with worker(tmp_path, "--config", str(config)) as process:
        until_refused(process, f"{control}@{at}")
        back = seawall("rollback")
        assert back.returncode == 1
        assert "which policy was before" in back.stderr
        assert seawall("apply", str(one)).returncode == 0
        process.until_ready()
        assert until_refused(process, None)["policy"].startswith("one+")
        at = send(newer(previous=one.read_text()))
        assert until_refused(process, f"{control}@{at}")["policy"].startswith("one+")
        assert process.end() == 0
    with worker(tmp_path, "--config", str(config)) as process:
        process.until_ready()
        assert until_refused(process, f"{control}@{at}")["policy"].startswith("one+")
        back = seawall("rollback")
        assert back.returncode == 0, back.stderr
        assert "policy one+" in back.stdout
        assert until_refused(process, None)["policy"].startswith("one+")
        # Deleted: each worker's own again, also without a restart.
        producer.send(control, None, KEY, partition=0).get(10)
        ends = time.monotonic() + 40
        while not status(process)["policy"].startswith("own+"):
            assert time.monotonic() < ends, process.log
            time.sleep(0.1)
        nothing = seawall("rollback")
        assert nothing.returncode == 1
        assert "no policy has come" in nothing.stderr
        assert process.end() == 0
    producer.close()
