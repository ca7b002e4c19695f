"""Seawall's commands over TLS and SCRAM, and what they say when a secret is wrong."""

import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.security.certificates import make_authority
from tests.integration.security.conftest import Command, Completed, environment
from tests.integration.security.secured import SecuredBroker
from tests.integration.worker.processes import WorkerProcess

Config = Callable[..., Path]


@pytest.fixture
def foreign(tmp_path: Path) -> str:
    """An authority that the broker's certificate is not by."""
    return str(make_authority(tmp_path, "foreign").file)


def event(number: int) -> bytes:
    return json.dumps(
        {
            "event_id": f"tls-{number}",
            "tenant": "example",
            "kind": "created",
            "occurred_at": "2026-05-01T12:00:00Z",
            "content_id": f"c-{number}",
            "surface": "message",
            "author": {"id": f"a-{number % 5}"},
            "conversation_id": f"v-{number % 5}",
            "text": "a harmless line",
        }
    ).encode()


@pytest.mark.usefixtures("with_topics")
def test_topics_are_as_they_must_be_for_the_operator(seawall: Command) -> None:
    done = seawall("seawall-operator", "topics", "check", "--json")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.usefixtures("with_topics")
def test_produce_and_lag(seawall: Command, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\n".join(event(n) for n in range(20)) + b"\n")
    done = seawall("seawall-platform", "produce", "content.events", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    done = seawall("seawall-operator", "lag", "--json")
    assert done.returncode == 0, done.stdout + done.stderr


def answered(command: Callable[[], Completed]) -> Completed:
    """What the command said once the broker had answered within the command's own 10 s, which on
    a busy machine it may not do at first."""
    done = command()
    for _ in range(5):
        if "Unable to bootstrap" not in done.stderr:
            break
        done = command()
    return done


def test_a_wrong_password_says_so(seawall: Command, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("not the password")
    done = answered(
        lambda: seawall(
            "seawall-operator",
            "topics",
            "check",
            env={"SEAWALL_KAFKA_SASL_PASSWORD_FILE": str(wrong)},
        )
    )
    assert done.returncode == 2
    assert re.search("authentication|credentials", done.stderr, re.I), done.stderr
    assert "not the password" not in done.stdout + done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_a_foreign_authority_says_so(seawall: Command, foreign: str) -> None:
    done = answered(
        lambda: seawall("seawall-operator", "topics", "check", kafka={"ssl_cafile": foreign})
    )
    assert done.returncode == 2
    assert re.search("certificate", done.stderr, re.I), done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_a_file_that_is_no_certificate_says_so(seawall: Command, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")
    done = seawall("seawall-operator", "topics", "check", kafka={"ssl_cafile": str(file)})
    assert done.returncode == 2
    assert str(file) in done.stderr


def _process(secured: SecuredBroker, folder: Path, config: Path, **env: str) -> "WorkerProcess":
    before = dict(os.environ)
    os.environ.update(environment(secured, "seawall-text") | env)
    try:
        return WorkerProcess(folder, "--config", str(config))
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.mark.usefixtures("with_topics")
def test_a_worker_with_a_wrong_password_waits_and_says_why(
    secured: SecuredBroker, config_of: Config, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("not the password")
    process = _process(
        secured,
        tmp_path,
        config_of("seawall-text"),
        SEAWALL_KAFKA_SASL_PASSWORD_FILE=str(wrong),
    )
    try:
        _until_logged(process, "authentication|credentials")
        assert "not the password" not in process.log
        assert process.end() == 0
    finally:
        process.process.kill()
        process.process.wait()


@pytest.mark.usefixtures("with_topics")
def test_a_worker_that_does_not_trust_the_broker_waits_and_says_why(
    secured: SecuredBroker, config_of: Config, foreign: str, tmp_path: Path
) -> None:
    config = config_of("seawall-text", kafka={"ssl_cafile": foreign})
    process = _process(secured, tmp_path, config)
    try:
        _until_logged(process, "certificate")
        assert process.end() == 0
    finally:
        process.process.kill()
        process.process.wait()


def _until_logged(process: WorkerProcess, pattern: str, seconds: float = 240) -> None:
    ends = time.monotonic() + seconds
    while not re.search(pattern, process.log, re.I):
        assert process.process.poll() is None, process.log
        assert time.monotonic() < ends, process.log
        time.sleep(0.1)
