"""The Helm chart's catalogue, given to a librarian as its pod gives it: the canary is in force."""

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from matchers.lists.matcher import HashQuery
from matchers.lists.snapshot import open_snapshot
from streams.canary.probes import LIST, SHA256
from tests.integration.lists.test_follow import control_topic
from tests.integration.worker.processes import SEAWALL

VALUES = Path(__file__).parents[3] / "deploy" / "helm" / "seawall" / "values.yaml"
IN_THE_POD = "/tmp/canary.csv"


def test_the_first_snapshot_holds_the_canarys_list(
    broker: Any, prefix: str, tmp_path: Path
) -> None:
    control_topic(broker.bootstrap, prefix)
    given = yaml.safe_load(VALUES.read_text())["librarian"]["catalogue"]
    assert IN_THE_POD in given, "what its init container writes"
    file, catalogue = tmp_path / "canary.csv", tmp_path / "lists.toml"
    catalogue.write_text(given.replace(IN_THE_POD, str(file)))
    snapshot = tmp_path / "lists.snapshot"

    def seawall(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(SEAWALL), *words],
            env=os.environ | {"SEAWALL_PIPELINE_TOPIC_PREFIX": prefix},
            capture_output=True,
            text=True,
            check=False,
        )

    file.write_text(seawall("canary", "list").stdout)
    librarian = ["librarian", str(catalogue), "--bootstrap", broker.bootstrap, "--once"]
    store = ["--store", str(tmp_path / "lists.db"), "--snapshot", str(snapshot)]
    done = seawall(*librarian, *store)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{LIST}: revision" in done.stdout
    matcher = open_snapshot(snapshot, loaded_at=datetime.now(UTC))
    assert matcher.entries == len(file.read_text().splitlines()) - 1
    ((exact, *_),) = matcher.match_hashes([HashQuery("sha256", bytes.fromhex(SHA256))])
    assert (exact.list, exact.role) == (LIST, "block")
    (addresses,) = matcher.match_urls(["http://canary.seawall.invalid/listed/"])
    assert [match.role for match in addresses] == ["block"]

    again = seawall(*librarian, *store)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "revision" not in again.stdout, "it is as it was"
