"""The canary in a pipeline that reads a platform's own JSON."""

import json
import os
import subprocess

from streams.canary.probes import LIST, TENANT, list_csv
from tests.integration.worker.processes import SEAWALL, toml, worker

MAPPING = """
[fields]
event_id = "id"
tenant = { value = "example" }
kind = { value = "created" }
occurred_at = { from = "ms", unit = "epoch_ms" }
content_id = "id"
surface = { value = "message" }
author.id = "by.uid"
"""


def test_probes_are_found_where_workers_have_a_mapping(broker, prefix, tmp_path) -> None:
    (tmp_path / "ours.toml").write_text(MAPPING)
    (tmp_path / "canary.csv").write_text(list_csv())
    (tmp_path / "lists.toml").write_text(
        f'[[list]]\nname = "{LIST}"\nfile = "canary.csv"\nsource_kind = "own"\n'
        'roles = { canary = "block" }\n'
    )
    (tmp_path / "policy.toml").write_text(
        f'version = "1"\n[[scan_basis]]\ntenant = "{TENANT}"\nsurface = "*"\n'
        'jurisdiction = "*"\nscans = ["hash", "url", "text"]\n'
    )
    config = str(
        toml(
            tmp_path,
            "seawall.toml",
            {
                "kafka": {"bootstrap": broker.bootstrap},
                "pipeline": {
                    "partitions": 2, "topic_prefix": prefix, "name": f"{prefix}pipeline"
                },
                "policy": {"file": str(tmp_path / "policy.toml")},
                "lists": {"files": [str(tmp_path / "lists.toml")]},
                "worker": {"mapping": str(tmp_path / "ours.toml")},
            },
        )
    )  # fmt: skip

    def seawall(*words: str) -> subprocess.CompletedProcess[str]:
        command = [str(SEAWALL), *words, "--config", config]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, env=os.environ)

    assert seawall("topics", "apply").returncode == 0
    with worker(tmp_path, "--config", config) as running:
        running.until_ready()
        assert "ready: in group " in running.log
        done = seawall("canary", "check", "--json", "--within", "60")
    assert done.returncode == 0, done.stdout + done.stderr + running.log
    assert {row["probe"]: row["result"] for row in json.loads(done.stdout)} == {
        "hash": "found",
        "url": "found",
        "text": "found",
    }
