"""A worker whose snapshot is written over ends, and decides nothing by what is left of it."""

import json

import pytest
from kafka import KafkaProducer

from matchers.lists.entry import ListEntry, ListInfo
from matchers.lists.snapshot import compile_snapshot
from tests.integration.worker.processes import worker
from tests.integration.worker.test_worker import (
    LISTED_MD5,
    create_topics,
    event,
    media,
    read,
    settings_file,
)


@pytest.fixture
def snapshot(tmp_path):
    path = tmp_path / "lists.snapshot"
    info = ListInfo(name="hotline", source_kind="hotline", default_role="block")
    entry = ListEntry(list="hotline", id="1", algorithm="md5", value=LISTED_MD5)
    compile_snapshot(path, {"hotline": info}, [entry])
    return path


def test_records_wait_for_a_worker_whose_snapshot_was_damaged_in_place(
    broker, prefix, tmp_path, snapshot
) -> None:
    whole = snapshot.read_bytes()
    config = settings_file(tmp_path, broker.bootstrap, prefix, lists={"files": [str(snapshot)]})
    create_topics(config)
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap)

    def send(number: int) -> None:
        body = json.dumps(event(number, media=media(md5=LISTED_MD5))).encode()
        producer.send(f"{prefix}content.events", body, key=b"k").get(10)

    folder = tmp_path / "first"
    folder.mkdir()
    with worker(folder, "--config", str(config)) as process:
        process.until_ready()
        send(0)
        read(broker.bootstrap, f"{prefix}enforcement.decisions", 1)
        with snapshot.open("r+b") as file:
            file.seek(64)
            file.write(bytes(64))
        send(1)
        assert process.wait() == 1
        assert f"{snapshot}: " in process.log
        assert f"mv {snapshot}.new {snapshot}" in process.log.splitlines()[-1]

    beside = tmp_path / "lists.snapshot.new"
    beside.write_bytes(whole)
    beside.replace(snapshot)
    folder = tmp_path / "second"
    folder.mkdir()
    with worker(folder, "--config", str(config)) as process:
        decisions = read(broker.bootstrap, f"{prefix}enforcement.decisions", 2)
        assert process.end() == 0
    said = [json.loads(record.value) for record in decisions]
    assert {decision["event_id"]: decision["action"] for decision in said} == {
        "0": "block",
        "1": "block",
    }
    assert len(said) == 2
