"""The librarian does not wait for ever for a broker that goes away while it reads."""

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kafka import KafkaProducer

from matchers.lists.entry import ListInfo
from matchers.lists.librarian import outbox
from matchers.lists.librarian.flags import Suspicion
from matchers.lists.librarian.store import ListStore, Outcome
from streams.control import requests
from streams.control.requests import EntrySuspected, hear_requests, request_record
from streams.kafka.client import KafkaError
from streams.localbroker import LocalBrokerUnavailable, LocalCluster
from tests.integration.lists.test_follow import control_topic


def test_a_broker_that_goes_away_meanwhile_is_an_error(
    tmp_path: Path, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "STUCK_SECONDS", 2.0)
    cluster = LocalCluster(1)
    try:
        cluster.start()
    except LocalBrokerUnavailable as why:
        pytest.skip(str(why))

    class Store(ListStore):
        def flag(self, suspicion: Suspicion, *, origin: str, at: datetime) -> Outcome:
            cluster.stop()
            return super().flag(suspicion, origin=origin, at=at)

    with ExitStack() as stack:
        stack.callback(cluster.stop)
        store = stack.enter_context(Store.open(tmp_path / "lists.db"))
        bootstrap = cluster.bootstrap
        topic = control_topic(bootstrap, prefix)
        producer = KafkaProducer(bootstrap_servers=bootstrap)
        key, value = request_record(
            EntrySuspected(list="a", id="1", algorithm="pdq", matches=1, looked_at=1)
        )
        producer.send(topic, value, key, partition=0)
        producer.flush()
        for number in range(60):  # several answers of a broker
            producer.send(topic, b"{" + b" " * 100_000, b"%d" % number, partition=0)
        producer.close()
        store.define(ListInfo(name="a"), origin="t", at=datetime(2026, 1, 1, tzinfo=UTC))
        with pytest.raises(KafkaError, match="cannot be read on from offset"):
            hear_requests({"bootstrap_servers": bootstrap}, topic, store)
        with store.reading() as database:
            assert outbox.heard(database) == 0
