"""A worker with a static id that is asked to end gives its partitions away at once."""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from kafka import KafkaProducer

from tests.integration.worker.processes import WorkerProcess, worker
from tests.integration.worker.test_worker import create_topics, event, read, settings_file

PARTITIONS = 2
SESSION_MS = 300_000
"""Far longer than the test waits: partitions that come free were given away."""
MOVE_SECONDS = 60.0


def test_its_partitions_go_to_the_others_and_come_back(broker, prefix, tmp_path) -> None:
    config = settings_file(
        tmp_path, broker.bootstrap, prefix, worker={"session_timeout_ms": SESSION_MS}
    )
    create_topics(config)
    with ExitStack() as running:

        def start(name: str, number: int) -> WorkerProcess:
            folder = tmp_path / f"{name}{number}"
            folder.mkdir()
            return running.enter_context(
                worker(folder, "--config", str(config), "--instance-id", name)
            )

        with load(broker.bootstrap, f"{prefix}content.events") as sent:
            first, second = start("one", 1), start("two", 1)
            until_assigned((first, 1), (second, 1))
            assert first.end() == 0, first.log
            until_assigned((second, PARTITIONS))
            first = start("one", 2)
            until_assigned((first, 1), (second, 1))
            # One that is killed has said nothing: its place is kept for it.
            settled = metric(first, "seawall_rebalances_total")
            second.process.kill()
            second.process.wait()
            second = start("two", 2)
            until_assigned((first, 1), (second, 1))
            assert metric(first, "seawall_rebalances_total") == settled
        decisions = read(broker.bootstrap, f"{prefix}enforcement.decisions", len(sent))
    told = [json.loads(decision.value)["event_id"] for decision in decisions]
    assert sorted(told) == sorted(sent)


@contextmanager
def load(bootstrap: str, topic: str) -> Iterator[list[str]]:
    """Events to both partitions for as long as the block lasts; the ids of those acknowledged."""
    sent: list[str] = []
    ending = threading.Event()
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all")

    def send() -> None:
        while not ending.wait(0.02):
            number = len(sent)
            value = json.dumps(event(number, text="see you at the match")).encode()
            producer.send(topic, value, partition=number % PARTITIONS).get(30)
            sent.append(str(number))

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield sent
    finally:
        ending.set()
        sender.join()
        producer.close()


def metric(process: WorkerProcess, name: str) -> float:
    found = re.search(rf"^{name}\{{.*\}} (\S+)$", process.get("/metrics")[1], re.MULTILINE)
    return float(found[1]) if found else 0.0


def until_assigned(*wanted: tuple[WorkerProcess, int]) -> None:
    """Wait until each worker has so many partitions."""
    ends = time.monotonic() + MOVE_SECONDS
    while any(metric(p, "seawall_partitions_assigned") != count for p, count in wanted):
        assert time.monotonic() < ends, "\n".join(process.log for process, _ in wanted)
        time.sleep(0.1)
