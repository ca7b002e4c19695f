"""The chart rendered with real Helm, and the linters."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy import tools

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "seawall"
KUBERNETES = "1.33.0"
Manifest = dict[str, Any]
Render = Callable[..., dict[tuple[str, str], Manifest]]


@pytest.fixture(scope="session")
def helm() -> Path:
    try:
        return tools.helm()
    except tools.NotHere as why:
        pytest.skip(str(why))


@pytest.fixture(scope="session")
def run_helm(helm: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([helm, *arguments], capture_output=True, text=True, check=False)

    return run


@pytest.fixture(scope="session")
def rendered(run_helm: Callable[..., "subprocess.CompletedProcess[str]"]) -> Callable[..., str]:
    """The chart's manifests as text, with values given as `--set` strings."""

    def text(*values: str) -> str:
        sets = [part for value in values for part in ("--set", value)]
        done = run_helm(
            "template", "rel", str(CHART), "-n", "moderation", "--kube-version", KUBERNETES, *sets
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return text


@pytest.fixture(scope="session")
def render(rendered: Callable[..., str]) -> Render:
    """The manifests by kind and name."""

    def manifests(*values: str) -> dict[tuple[str, str], Manifest]:
        found = [m for m in yaml.safe_load_all(rendered(*values)) if m]
        by_name = {(m["kind"], m["metadata"]["name"]): m for m in found}
        assert len(by_name) == len(found), "two manifests of one kind have the same name"
        return by_name

    return manifests


@pytest.fixture(scope="session")
def tool() -> Callable[[str], Path]:
    """The path of a linter; the test is NOT RUN where it cannot be had."""

    def path(name: str) -> Path:
        try:
            return tools.wheel(name)
        except tools.NotHere as why:
            pytest.skip(str(why))

    return path
