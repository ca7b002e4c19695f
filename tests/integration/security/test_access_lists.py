"""Each user of deploy/access.py can do what its process does, and nothing else."""

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.structs import TopicPartition

from streams.canary.probes import list_csv
from tests.integration.security.conftest import START_SECONDS, Command, environment
from tests.integration.security.secured import SecuredBroker
from tests.integration.worker.processes import WorkerProcess

Config = Callable[..., Path]
pytestmark = pytest.mark.usefixtures("with_topics")

# A run of each kind: each stage alone, with its own user.
SPLIT = ("media-hashing", "hash-matching", "text-risk", "enforcement")


@contextmanager
def running(
    secured: SecuredBroker, user: str, folder: Path, config: Path, *command: str
) -> Iterator[WorkerProcess]:
    """A process of `seawall` as a user, gone afterwards."""
    folder.mkdir()
    before = dict(os.environ)
    os.environ.update(environment(secured, user))
    try:
        process = WorkerProcess(folder, "--config", str(config), command=command)
    finally:
        os.environ.clear()
        os.environ.update(before)
    try:
        yield process
    finally:
        if process.process.poll() is None:
            process.end()


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lists")
    (folder / "canary.csv").write_text(list_csv())
    catalogue = folder / "lists.toml"
    catalogue.write_text(
        '[[list]]\nname = "seawall-canary"\nfile = "canary.csv"\nsource_kind = "own"\n'
        'roles = { canary = "block" }\n'
    )
    return catalogue


@pytest.mark.parametrize("split", [False, True], ids=["fused", "split"])
def test_workers_do_their_job_and_the_canary_comes_back(
    split: bool,
    secured: SecuredBroker,
    config_of: Config,
    seawall: Command,
    lists: Path,
    tmp_path: Path,
) -> None:
    """Fused: one user. Split: a user for each stage, which hands on to the next."""
    runs = {f"seawall-{stage}": stage for stage in SPLIT} if split else {"seawall-text": None}
    with ExitStack() as stack:
        processes = []
        for user, stage in runs.items():
            config = config_of(user, lists={"files": [str(lists)]}, worker={"instance_id": user})
            arguments = ["worker", *(["--stages", stage] if stage else [])]
            processes.append(
                stack.enter_context(running(secured, user, tmp_path / user, config, *arguments))
            )
        for process in processes:
            process.address(START_SECONDS)
            process.until_ready(START_SECONDS)
        done = seawall("seawall-canary", "canary", "check", "--json", "--within", "60")
        logs = "\n".join(process.log for process in processes)
        assert done.returncode == 0, done.stdout + done.stderr + logs
        assert {answer["result"] for answer in json.loads(done.stdout)} == {"found"}
        # Nothing was refused on the way that was only logged.
        assert "uthorization" not in logs, logs
        for process in processes:
            assert process.end() == 0
            assert re.search(r"membership left \S+$", process.log, re.MULTILINE), process.log


def test_the_media_worker_does_its_job(
    secured: SecuredBroker, config_of: Config, lists: Path, tmp_path: Path
) -> None:
    user = "seawall-media"
    config = config_of(user, pipeline={"media": True}, lists={"files": [str(lists)]})
    event = {
        "event_id": "media-1",
        "tenant": "example",
        "kind": "created",
        "occurred_at": "2026-05-01T12:00:00Z",
        "content_id": "c-media-1",
        "surface": "message",
        "author": {"id": "a-1"},
        "text": "a harmless line",
    }
    with running(secured, user, tmp_path / user, config, "worker") as process:
        process.address(START_SECONDS)
        process.until_ready(START_SECONDS)
        with closing(KafkaProducer(**secured.client("seawall-platform"))) as producer:
            producer.send("media.events", json.dumps(event).encode(), b"a-1").get(30)
        found = read_until(
            secured, "seawall-consumer", "enforcement.decisions", b'"event_id":"media-1"'
        )
        assert found, process.log
        assert "uthorization" not in process.log, process.log
        assert process.end() == 0


def test_desk_librarian_and_archive_do_their_jobs(
    secured: SecuredBroker, seawall: Command, lists: Path, tmp_path: Path
) -> None:
    librarian = ["librarian", str(lists), "--once", "--store", str(tmp_path / "lists.db")]
    done = seawall("seawall-librarian", *librarian, "--snapshot", str(tmp_path / "l.snapshot"))
    assert done.returncode == 0, done.stdout + done.stderr
    done = seawall("seawall-archive", "archive", "--out", str(tmp_path / "archive"), "--once")
    assert done.returncode == 0, done.stdout + done.stderr
    store = {"store": str(tmp_path / "cases.db")}
    done = seawall("seawall-cases", "cases", "build", "--once", cases=store)
    assert done.returncode == 0, done.stdout + done.stderr
    done = seawall("seawall-operator", "dlq", "list", "--json")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_desk_runs_as_a_service(
    secured: SecuredBroker, config_of: Config, tmp_path: Path
) -> None:
    config = config_of("seawall-cases", cases={"store": str(tmp_path / "cases.db")})
    folder = tmp_path / "desk"
    with running(secured, "seawall-cases", folder, config, "cases", "build") as process:
        process.address(START_SECONDS)
        process.until_ready(START_SECONDS)
        assert "uthorization" not in process.log, process.log
        assert process.end() == 0


def test_a_worker_makes_and_changes_no_topic(secured: SecuredBroker, seawall: Command) -> None:
    done = seawall("seawall-text", "topics", "apply", "--set", "pipeline.partitions=3")
    assert done.returncode != 0
    assert "uthoriz" in done.stderr, done.stderr
    done = seawall("seawall-operator", "topics", "check", "--json")
    assert done.returncode == 0, done.stdout


def test_a_refused_worker_says_what_it_may_not(
    secured: SecuredBroker, config_of: Config, tmp_path: Path
) -> None:
    """One stage's user at another stage's work."""
    config = config_of("seawall-text-risk")
    command = ("worker", "--stages", "enforcement")
    with running(secured, "seawall-text-risk", tmp_path / "w", config, *command) as process:
        assert process.wait(START_SECONDS) != 0
        assert "uthoriz" in process.log or "does not exist" in process.log, process.log


def read_until(secured: SecuredBroker, user: str, topic: str, part: bytes) -> bytes | None:
    """The first record that holds `part`, within 60 s."""
    config = secured.client(user)
    with closing(KafkaConsumer(**config, isolation_level="read_committed")) as consumer:
        consumer.assign([TopicPartition(topic, number) for number in range(2)])
        consumer.seek_to_beginning()
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            for records in consumer.poll(timeout_ms=500).values():
                for record in records:
                    if record.value and part in record.value:
                        return record.value
    return None
