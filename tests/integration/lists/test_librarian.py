"""A running librarian: what anybody changes or asks for reaches the workers by itself."""

import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, KafkaProducer

from matchers.lists.entry import FLAGGED, ListEntry
from matchers.lists.formats.registry import read_feed
from matchers.lists.librarian import outbox
from matchers.lists.librarian.proposals import accept, proposals
from matchers.lists.librarian.store import ListStore
from streams.control.requests import EntryProposed, EntrySuspected, Request, request_record
from tests.integration.lists.test_follow import control_topic, md5
from tests.integration.worker.processes import SEAWALL

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PDQ = "5a01" * 16


def until(condition: Callable[[], bool], log: Path, seconds: float = 60.0) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, log.read_text()
        time.sleep(0.1)


def is_listed(message: dict[str, Any]) -> bool:
    return message["type"] == "entry_listed"


def test_changes_requests_and_snapshots_go_out_by_themselves(
    broker: Any, prefix: str, tmp_path: Path
) -> None:
    topic = control_topic(broker.bootstrap, prefix)
    catalogue, snapshot = tmp_path / "lists.toml", tmp_path / "lists.snapshot"
    catalogue.write_text('[[list]]\nname = "a"\nverified_by = "Someone"\n')
    log = tmp_path / "librarian.log"
    told: list[dict[str, Any]] = []
    read = KafkaConsumer(
        topic,
        bootstrap_servers=broker.bootstrap,
        auto_offset_reset="earliest",
        consumer_timeout_ms=200,
    )
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap)

    def heard(matching: Callable[[dict[str, Any]], bool]) -> Callable[[], bool]:
        def look() -> bool:
            told.extend(json.loads(record.value) for record in read if record.value)
            return any(map(matching, told))

        return look

    def ask(request: Request) -> None:
        key, value = request_record(request)
        producer.send(topic, value, key, partition=0)
        producer.flush()

    with (
        log.open("w") as file,
        subprocess.Popen(
            [
                *(str(SEAWALL), "librarian", str(catalogue), "--bootstrap", broker.bootstrap),
                *("--store", str(tmp_path / "lists.db"), "--snapshot", str(snapshot)),
                *("--every", "3600", "--http-port", "0"),
            ],
            env=os.environ | {"SEAWALL_PIPELINE_TOPIC_PREFIX": prefix},
            stdout=file,
            stderr=file,
        ) as process,
    ):
        try:
            until(heard(lambda message: message["type"] == "reload_lists"), log)
            assert snapshot.exists(), "it stands there before anybody is told"
            with ListStore.open(tmp_path / "lists.db") as store:
                few = f"pdq {PDQ}\nmd5 {md5(1)}\n".encode()
                store.import_feed("a", read_feed(few, "signals", "a"), origin="t", at=NOW)
                listed = (PDQ, md5(1))
                until(heard(lambda m: is_listed(m) and m["entry"]["value"] in listed), log)

                ask(EntrySuspected(list="a", id=PDQ, algorithm="pdq", matches=100, looked_at=5000))
                until(
                    heard(lambda m: is_listed(m) and FLAGGED in m["entry"].get("labels", ())), log
                )
                assert [flag.id for flag in store.flags()] == [PDQ]

                entry = ListEntry(list="a", id="x", algorithm="md5", value=md5(2))
                ask(EntryProposed(entry=entry, why="reviewed", origin="case 1"))
                until(lambda: bool(proposals(store)), log)
                accept(store, proposals(store)[0].number, origin="someone", at=NOW)
                until(heard(lambda m: is_listed(m) and m["entry"]["id"] == "x"), log)

                told.clear()
                many = "".join(f"md5 {md5(n)}\n" for n in range(outbox.MAX_CHANGES + 10))
                store.import_feed("a", read_feed(many.encode(), "signals", "a"), origin="t", at=NOW)
                store.approve("a", origin="t", at=NOW)
                until(heard(lambda message: message["type"] == "reload_lists"), log)
                assert not any(map(is_listed, told)), log.read_text()
            address = re.search(r"metrics at (\S+)", log.read_text())
            assert address is not None
            with urllib.request.urlopen(address[1], timeout=10) as answer:
                text = answer.read().decode()
            assert 'seawall_list_flagged_entries{list="a"}' in text
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0, log.read_text()
        finally:
            process.kill()
            read.close()
            producer.close()
