"""`seawall archive` against a real broker: committed records only, each once."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.structs import TopicPartition

SEAWALL = Path(sys.executable).parent / "seawall"


def run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(SEAWALL), "archive", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def offsets(folder: Path, topic: str) -> list[tuple[str, int]]:
    return [
        (path.parent.name, json.loads(line)["offset"])
        for path in sorted(folder.glob(f"{topic}/*/*.jsonl"))
        for line in path.read_bytes().splitlines()
    ]


def values(folder: Path, topic: str) -> set[int]:
    return {
        json.loads(line)["value"]["n"]
        for path in folder.glob(f"{topic}/*/*.jsonl")
        for line in path.read_bytes().splitlines()
    }


def test_committed_records_are_archived_once_across_kills(broker, prefix, tmp_path: Path) -> None:
    topic = f"{prefix}enforcement.decisions"
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    admin.create_topics([NewTopic(topic, 2, 1)])
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap, transactional_id=f"{prefix}t")
    producer.init_transactions()

    def send(first: int, keep: bool) -> None:
        producer.begin_transaction()
        for n in range(first, first + 50):
            producer.send(topic, json.dumps({"n": n}).encode(), str(n).encode())
        producer.flush()
        producer.commit_transaction() if keep else producer.abort_transaction()

    arguments = ("--out", str(tmp_path), "--topic", topic, "--bootstrap", broker.bootstrap)
    send(0, True)
    send(1000, False)
    first = run(*arguments, "--once")
    assert first.returncode == 0, first.stderr
    assert values(tmp_path, topic) == set(range(50))
    running = subprocess.Popen([str(SEAWALL), "archive", *arguments, "--rotate-seconds", "1"])
    send(50, True)
    time.sleep(3)
    running.send_signal(signal.SIGKILL)
    running.wait()
    send(100, True)
    for left in tmp_path.glob("*/*/*.unfinished"):
        left.unlink()  # so that the next one's can be told
    running = subprocess.Popen([str(SEAWALL), "archive", *arguments])
    ends = time.monotonic() + 40
    while not list(tmp_path.glob("*/*/*.unfinished")):
        assert time.monotonic() < ends
        time.sleep(0.1)
    time.sleep(1)
    running.send_signal(signal.SIGTERM)
    assert running.wait(30) == 0
    assert run(*arguments, "--once").returncode == 0
    producer.close()
    found = offsets(tmp_path, topic)
    assert len(found) == len(set(found)) == 150
    assert values(tmp_path, topic) == set(range(150))
    assert not list(tmp_path.glob("*/*/*.unfinished"))
    assert (tmp_path / topic / "0").stat().st_mode & 0o077 == 0
    admin.delete_topics([topic])
    for _ in range(100):
        if topic not in admin.list_topics():
            break
        time.sleep(0.1)
    admin.create_topics([NewTopic(topic, 2, 1)])
    admin.wait_for_topics([topic])
    admin.close()
    anew = run(*arguments, "--once")
    assert anew.returncode == 1
    assert "made anew" in anew.stderr


def test_partitions_that_are_added_are_archived_and_what_they_lost_is_told(
    broker, prefix, tmp_path: Path
) -> None:
    topic = f"{prefix}enforcement.decisions"
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    admin.create_topics([NewTopic(topic, 1, 1)])

    def add(partitions: int) -> None:
        admin.create_partitions({topic: partitions})
        time.sleep(1)

    def send(partition: int, *numbers: int) -> None:
        producer = KafkaProducer(bootstrap_servers=broker.bootstrap)
        for n in numbers:
            producer.send(topic, json.dumps({"n": n}).encode(), partition=partition).get(20)
        producer.close()

    arguments = ("--out", str(tmp_path), "--topic", topic, "--bootstrap", broker.bootstrap)
    send(0, 0)
    running = subprocess.Popen([str(SEAWALL), "archive", *arguments, "--rotate-seconds", "1"])
    try:
        ends = time.monotonic() + 60
        while values(tmp_path, topic) != {0}:
            assert time.monotonic() < ends
            time.sleep(0.2)
        add(2)
        send(1, 1, 2)
        ends = time.monotonic() + 40
        while values(tmp_path, topic) != {0, 1, 2}:
            assert time.monotonic() < ends, "one that runs does not read it"
            time.sleep(0.2)
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0
    finally:
        running.kill()
    add(3)
    send(2, 3, 4, 5)
    admin.delete_records({TopicPartition(topic, 2): 2})
    admin.close()
    after = run(*arguments, "--once")
    assert after.returncode == 0, after.stderr
    assert f"{topic}/2: retention removed offsets 0 to 1" in after.stderr
    assert values(tmp_path, topic) == {0, 1, 2, 5}
