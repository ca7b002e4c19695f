"""The files of deploy/ that are not the chart: linted, and in step with one another."""

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy import tools
from matchers.lists.librarian.catalogue import read_catalogue
from streams.cli.main import COMMANDS
from streams.policy.load import load_policy
from streams.settings import load_settings
from tests.deploy.conftest import ROOT

DEPLOY = ROOT / "deploy"
COMPOSE = DEPLOY / "compose"
Tool = Callable[[str], Path]


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]


def clean(*command: object) -> None:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_yaml(tool: Tool) -> None:
    files = [
        path
        for path in DEPLOY.rglob("*.y*ml")
        if "templates" not in path.parts and path.name != "seawall.rules.yaml"
    ]
    assert files
    clean(tool("yamllint"), "-c", DEPLOY / "yamllint.yaml", *files)


def test_shell(tool: Tool) -> None:
    clean(tool("shellcheck"), *DEPLOY.rglob("*.sh"))


def test_containerfile(tool: Tool) -> None:
    clean(tool("hadolint"), DEPLOY / "Containerfile")


def test_image_builds_and_runs(tmp_path: Path) -> None:
    try:
        engine = tools.container_engine()
    except tools.NotHere as why:
        pytest.skip(str(why))
    clean(engine, "build", "-f", DEPLOY / "Containerfile", "-t", "seawall-test", ROOT)
    clean(engine, "run", "--rm", "--read-only", "--tmpfs", "/tmp", "seawall-test", "--version")


def containerfile() -> str:
    return (DEPLOY / "Containerfile").read_text().replace("\\\n", " ")


def test_the_image_runs_as_nobody_and_says_what_it_is() -> None:
    text = containerfile()
    last = text[text.rindex("\nFROM ") :]
    assert re.search(r"^USER 10001:10001$", last, re.M)
    assert "HEALTHCHECK" in last
    assert "NUMBA_CACHE_DIR=/tmp" in last
    for label in ("title", "version", "revision", "licenses"):
        assert f"org.opencontainers.image.{label}=" in last


def test_the_image_installs_nothing_without_a_hash() -> None:
    for line in containerfile().splitlines():
        for command in re.split(r"&&|\|\|", line):
            if re.search(r"\bpip install\b", command):
                words = shlex.split(command.removeprefix("RUN "))
                own = "--no-deps" in words and "--no-build-isolation" in words and words[-1] == "."
                assert own or "--require-hashes" in words, command


def test_the_ignore_file_lets_in_what_is_copied() -> None:
    kept = {
        line[1:].rstrip("/")
        for line in (DEPLOY / "Containerfile.dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    for line in re.findall(r"^COPY (?!--from)(.+)$", containerfile(), re.M):
        for source in line.split()[:-1]:
            assert source.rstrip("/") in kept, source
            assert (ROOT / source).exists()


def test_seawall_of_compose_runs_with_the_fewest_rights(services: dict[str, dict]) -> None:
    own = {name: s for name, s in services.items() if s["image"].startswith("seawall:")}
    assert {"librarian", "canary", "topics", "worker-1", "worker-2", "media-worker-1"} <= set(own)
    for name, service in own.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert any(mount.startswith("/tmp") for mount in service["tmpfs"]), name
        words = service.get("command") or []
        if "entrypoint" not in service:
            assert words[0] in COMMANDS, name


def test_ports_of_compose_are_open_to_this_host_only(services: dict[str, dict]) -> None:
    published = [port for s in services.values() for port in s.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_settings_of_compose_can_be_used(services: dict[str, dict], tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("a key of a test")
    workers = [s for name, s in services.items() if "worker" in name]
    ids = set()
    for service in workers:
        given = {
            name: value
            for name, value in service["environment"].items()
            if name != "SEAWALL_CONFIG"
        } | {"SEAWALL_STATE_HMAC_KEY_FILE": str(key)}
        settings = load_settings(COMPOSE / "seawall" / "seawall.toml", environment=given).settings
        ids.add(settings.worker.instance_id)
        # Compose gives a worker longer to end than it takes.
        grace = float(service["stop_grace_period"].removesuffix("s"))
        assert grace > settings.worker.shutdown_seconds + 5
    assert len(ids) == len(workers)
    load_policy(COMPOSE / "seawall" / "policy.toml")
    read_catalogue(COMPOSE / "seawall" / "lists.toml")


def test_the_store_evicts_nothing(services: dict[str, dict]) -> None:
    command = " ".join(services["valkey"]["command"])
    assert "--maxmemory-policy noeviction" in command
    assert "--requirepass" in command


def test_prometheus_scrapes_every_process_and_loads_the_rules(services: dict[str, dict]) -> None:
    config = yaml.safe_load((COMPOSE / "prometheus.yml").read_text())
    static = config["scrape_configs"][0]["static_configs"][0]
    hosts = {target.split(":")[0] for target in static["targets"]}
    assert hosts == {
        name for name in services if "worker" in name or name in ("librarian", "canary")
    }
    assert {"cluster", "namespace"} <= set(static["labels"])
    assert config["rule_files"] == ["/etc/prometheus/seawall.rules.yaml"]
    for service in services.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (DEPLOY / source).exists(), source


def test_no_secret_stands_in_a_file() -> None:
    example = (COMPOSE / "example.env").read_text()
    for line in example.splitlines():
        if line and not line.startswith("#"):
            assert line.endswith("="), line
