"""What a worker shows, to whom: bound where configured, counts and versions only."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from kafka import KafkaProducer

from matchers.lists.entry import ListInfo
from matchers.lists.snapshot import compile_snapshot
from streams.localbroker import LocalCluster
from tests.integration.security.conftest import START_SECONDS
from tests.integration.worker.processes import WorkerProcess, worker
from tests.integration.worker.test_worker import create_topics, settings_file

WORDS = {
    "text": "zebra-crossing-words",
    "author": "account-of-somebody",
    "conversation": "conversation-of-somebody",
    "media": "file-of-somebody.png",
    "url": "http://somebody.example/path-of-somebody",
}


@pytest.fixture
def busy(broker: LocalCluster, prefix: str, tmp_path: Path) -> Iterator[WorkerProcess]:
    """A worker that has decided an event, and refused another."""
    config = settings_file(tmp_path, broker.bootstrap, prefix)
    create_topics(config)
    event = {
        "event_id": "event-of-somebody",
        "tenant": "example",
        "kind": "created",
        "occurred_at": "2026-05-01T12:00:00Z",
        "content_id": "content-of-somebody",
        "surface": "message",
        "author": {"id": WORDS["author"]},
        "conversation_id": WORDS["conversation"],
        "text": WORDS["text"],
        "urls": [WORDS["url"]],
        "media": [{"media_id": WORDS["media"], "media_type": "image/png", "hashes": {}}],
    }
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap, acks="all")
    for value in (json.dumps(event), json.dumps(event | {"kind": WORDS["text"]}), WORDS["text"]):
        producer.send(f"{prefix}content.events", value.encode(), b"k").get(30)
    producer.close()
    with worker(tmp_path, "--config", str(config)) as process:
        process.address(START_SECONDS)
        process.until_ready(START_SECONDS)
        yield process


def test_nothing_of_an_event_is_shown_or_logged(busy: WorkerProcess) -> None:
    pages = {}
    for _ in range(200):
        pages = {path: busy.get(path)[1] for path in ("/", "/status", "/metrics", "/live")}
        if "seawall_dead_letters_total{" in pages["/metrics"]:
            break
    assert "seawall_events_in_total" in pages["/metrics"]
    for path, page in {**pages, "the log": busy.log}.items():
        for word in (*WORDS.values(), "of-somebody"):
            assert word not in page, f"{path} shows {word}"


def test_it_listens_on_loopback_unless_told_otherwise(busy: WorkerProcess) -> None:
    listening = {
        connection.laddr.ip
        for connection in psutil.Process(busy.process.pid).net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


def test_it_listens_where_it_is_told(broker: LocalCluster, prefix: str, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.2", 0))
        port = free.getsockname()[1]
    section = {"http_host": "127.0.0.2", "http_port": port}
    config = settings_file(tmp_path, broker.bootstrap, prefix, worker=section)
    create_topics(config)
    with worker(tmp_path, "--config", str(config)) as process:
        assert process.address(START_SECONDS) == f"http://127.0.0.2:{port}"
        process.until_ready(START_SECONDS)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()


def test_a_snapshot_is_not_for_everybody(tmp_path: Path) -> None:
    path = tmp_path / "lists.snapshot"
    compile_snapshot(path, {"own": ListInfo(name="own", source_kind="own")}, [])
    assert path.stat().st_mode & 0o007 == 0
