"""Which command runs where, as whom: as docs/run-it.md has it, and the operator's pod."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.access import users
from deploy.acls import DEFAULTS
from streams.kafka.topics import DEAD_LETTERS
from streams.settings import load_settings
from tests.deploy.conftest import CHART, ROOT

RUNBOOKS = ROOT / "dashboards" / "runbooks"
HEADING = "## Which command runs where, as whom"
SETTINGS = load_settings(None, DEFAULTS, environment={}).settings
USERS = {user.name: user for user in users(SETTINGS)}


def rows() -> list[tuple[list[str], str]]:
    """The commands of each row, without `seawall`, and who runs them (empty: no user of Kafka)."""
    text = (ROOT / "docs" / "run-it.md").read_text().split(HEADING)[1].split("\n## ")[0]
    found = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        commands = re.findall(r"`seawall ([^`]+)`", cells[0])
        if line.startswith("|") and commands:
            user = re.search(r"`(seawall-[a-z]+)`", cells[2])
            found.append((commands, user[1] if user else ""))
    return found


def test_every_command_of_the_runbooks_has_its_place() -> None:
    documented = [command for commands, _ in rows() for command in commands]
    exact = {command for command in documented if "…" not in command}
    groups = {command.split()[0] for command in documented if "…" in command}
    wanted = {
        found
        for page in RUNBOOKS.glob("Seawall*.md")
        for words in re.findall(r"`seawall ([^`]+)`", page.read_text("utf-8"))
        for found in re.findall(r"^[a-z]+(?: [a-z]+\b(?![./]))?", words)
    }
    assert len(wanted) > 20
    for command in sorted(wanted):
        assert command in exact or command.split()[0] in groups, f"{command}: say where it runs"


def test_who_runs_them_exists_and_may() -> None:
    named = {command: user for commands, user in rows() for command in commands}
    assert {user for user in named.values() if user} <= USERS.keys()
    for command, topic, operations in (
        ("dlq list", DEAD_LETTERS, {"Read"}),
        ("dlq replay", DEAD_LETTERS, {"Read", "Write"}),
        ("dlq replay", "content.events", {"Read", "Write"}),
        ("topics check", "content.events", {"DescribeConfigs"}),
        ("policy apply", "seawall.control", {"Read", "Write"}),
        ("canary check", "enforcement.decisions", {"Read"}),
    ):
        rules = USERS[named[command]].rules
        may = {each for rule in rules if rule.name == topic for each in rule.operations}
        assert operations <= may, command
    for worker in ("seawall-text", "seawall-media"):
        may = [rule.operations for rule in USERS[worker].rules if rule.name == DEAD_LETTERS]
        assert may == [("Write",)], "the page says that a worker's user may not read them"


@pytest.fixture
def pod() -> dict[str, Any]:
    text = (ROOT / "docs" / "deploy.md").read_text()
    return yaml.safe_load(text.split("```yaml\n")[1].split("```")[0])


def test_kubernetes_takes_the_operators_pod(
    pod: dict[str, Any], tool: Callable[[str], Path], tmp_path: Path
) -> None:
    file = tmp_path / "pod.yaml"
    file.write_text(yaml.safe_dump(pod))
    command = [tool("kubernetes-validate"), "--strict", "-k", "1.33", file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_operators_pod_is_the_operator_of_the_charts_pipeline(
    pod: dict[str, Any], tmp_path: Path
) -> None:
    (container,) = pod["spec"]["containers"]
    given = {each["name"]: each["value"] for each in container["env"]}
    secret = tmp_path / "password"
    secret.write_text("a secret")
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    for name in ("SEAWALL_KAFKA_SASL_PASSWORD_FILE", "SEAWALL_KAFKA_SSL_CAFILE"):
        assert str(Path(given[name]).parent) in mounted
    given["SEAWALL_KAFKA_SASL_PASSWORD_FILE"] = str(secret)
    loaded = load_settings(None, environment=given).settings
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert loaded.kafka.bootstrap == values["kafka"]["bootstrap"]
    assert loaded.kafka.security_protocol == values["kafka"]["securityProtocol"]
    assert loaded.kafka.sasl_mechanism == values["kafka"]["saslMechanism"]
    assert loaded.pipeline.partitions == values["pipeline"]["partitions"]
    assert loaded.pipeline.replication == values["pipeline"]["replication"]
    assert loaded.kafka.sasl_username == "seawall-operator"
    secrets = {v["secret"]["secretName"] for v in pod["spec"]["volumes"] if "secret" in v}
    assert secrets == {"seawall-operator", values["kafka"]["caSecret"]["name"]}
    assert "seawall-operator" in USERS
