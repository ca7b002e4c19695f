"""The canary where topics are missing, or too few partitions."""

import contextlib
import os
import re
import subprocess
import time
from pathlib import Path

import pytest
from kafka.admin import KafkaAdminClient, NewTopic

from tests.integration.worker.processes import SEAWALL


def create(bootstrap: str, **topics: int) -> None:
    if not topics:
        return
    with contextlib.closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
        admin.create_topics([NewTopic(name, count, 1) for name, count in topics.items()])


@pytest.mark.parametrize(
    ("topics", "why"),
    [
        ({}, "there is no topic {0}content.events, {0}enforcement.decisions"),
        ({"content.events": 2}, "there is no topic {0}enforcement.decisions"),
        ({"enforcement.decisions": 2}, "there is no topic {0}content.events"),
        (
            {"content.events": 50, "enforcement.decisions": 1},
            "{0}enforcement.decisions has fewer partitions than {0}content.events",
        ),
    ],
)
def test_wrong_topics_are_named_with_what_to_do_and_it_goes_on(
    broker, prefix, tmp_path: Path, topics, why
) -> None:
    create(broker.bootstrap, **{prefix + name: count for name, count in topics.items()})
    environment = os.environ | {
        "SEAWALL_PIPELINE_TOPIC_PREFIX": prefix,
        "SEAWALL_KAFKA_BOOTSTRAP": broker.bootstrap,
    }
    why = f"{why.format(prefix)}: run seawall topics apply"
    done = subprocess.run(
        [str(SEAWALL), "canary", "check", "--within", "5"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2, done.stderr
    assert f"error: {why}" in done.stderr
    log = tmp_path / "log"
    command = [str(SEAWALL), "canary", "run", "--port", "0", "--every", "0.2", "--within", "5"]
    with (
        log.open("w") as file,
        subprocess.Popen(command, env=environment, cwd=tmp_path, stderr=file) as running,
    ):
        try:
            ends = time.monotonic() + 60
            while len(re.findall(re.escape(why), log.read_text())) < 2:
                assert running.poll() is None, log.read_text()
                assert time.monotonic() < ends, log.read_text()
                time.sleep(0.1)
        finally:
            running.kill()
