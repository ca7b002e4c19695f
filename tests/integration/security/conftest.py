"""One secured broker for the session, with every user of a deployment and its topics made."""

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from deploy.access import users
from streams.localbroker import LocalBrokerUnavailable
from streams.settings import Settings, load_settings
from tests.integration.security.certificates import Authority, make_authority
from tests.integration.security.secured import SecuredBroker
from tests.integration.worker.processes import SEAWALL, toml

POLICY = """
version = "test"
[[scan_basis]]
tenant = "*"
surface = "*"
jurisdiction = "*"
scans = ["hash", "url", "text"]
"""
PIPELINE = {"partitions": 2, "replication": 1, "name": "seawall"}
START_SECONDS = 240.0
"""Workers that start at once on a small, busy machine take their time."""
Completed = subprocess.CompletedProcess[str]
Command = Callable[..., Completed]


@pytest.fixture(scope="session")
def settings() -> Settings:
    """Of the deployment under test."""
    flags = {f"pipeline.{name}": value for name, value in PIPELINE.items()}
    return load_settings(None, flags, environment={}).settings


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"), "brokers")


@pytest.fixture(scope="session")
def secured(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority, settings: Settings
) -> Iterator[SecuredBroker]:
    broker = SecuredBroker(tmp_path_factory.mktemp("secured"), authority)
    try:
        broker.cluster.start()
    except LocalBrokerUnavailable as why:
        pytest.skip(str(why))
    broker.add_users(users(settings))
    yield broker
    broker.cluster.stop()


@pytest.fixture(scope="session")
def config_of(
    secured: SecuredBroker, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """A settings file of a user, with further sections."""

    def made(user: str, **sections: dict[str, object]) -> Path:
        folder = tmp_path_factory.mktemp(user)
        (folder / "policy.toml").write_text(POLICY)
        pipeline = {**PIPELINE, **sections.pop("pipeline", {})}
        kafka = {**secured.settings(user), **sections.pop("kafka", {})}
        policy = {"file": str(folder / "policy.toml")}
        return toml(
            folder,
            "seawall.toml",
            {"kafka": kafka, "pipeline": pipeline, "policy": policy, **sections},
        )

    return made


@pytest.fixture(scope="session")
def seawall(secured: SecuredBroker, config_of: Callable[..., Path]) -> Command:
    """Run `seawall` as a user to its end."""

    def run(
        user: str, *arguments: str, env: Mapping[str, str] | None = None, **sections: object
    ) -> Completed:
        config = config_of(user, **sections)
        return subprocess.run(
            [SEAWALL, *arguments, "--config", config],
            env=os.environ | environment(secured, user) | dict(env or {}),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


def environment(secured: SecuredBroker, user: str) -> dict[str, str]:
    """Where a user's password comes from."""
    return {"SEAWALL_KAFKA_SASL_PASSWORD_FILE": str(secured.password_file(user))}


@pytest.fixture(scope="session")
def with_topics(seawall: Command) -> None:
    """The topics of both pipelines, made by the user whose job that is."""
    for media in (False, True):
        done = seawall("seawall-topics", "topics", "apply", pipeline={"media": media})
        assert done.returncode == 0, done.stdout + done.stderr
