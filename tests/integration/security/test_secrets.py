"""Secrets come from the environment or from files, and are printed nowhere."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from streams.secret import Secret
from streams.settings import SettingsError, load_settings
from tests.integration.worker.processes import SEAWALL, toml

WORD = "correct horse battery"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return toml(
        tmp_path,
        "seawall.toml",
        {
            "kafka": {
                "bootstrap": "127.0.0.1:1",
                "security_protocol": "SASL_SSL",
                "sasl_mechanism": "SCRAM-SHA-512",
                "sasl_username": "seawall",
            },
            "state": {"url": f"valkeys://user:{WORD}@store.example:6379/0"},
        },
    )


def run(config: Path, tmp_path: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    file = tmp_path / "word"
    file.write_text(WORD + "\n")
    environment = {
        "SEAWALL_KAFKA_SASL_PASSWORD_FILE": str(file),
        "SEAWALL_STATE_HMAC_KEY": WORD,
        "SEAWALL_STATE_HMAC_PREVIOUS_KEY_FILE": str(file),
    }
    return subprocess.run(
        [SEAWALL, *arguments, "--config", config],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_config_shows_where_a_secret_came_from_and_not_what_it_is(
    form: list[str], config: Path, tmp_path: Path
) -> None:
    done = run(config, tmp_path, "config", *form)
    assert done.returncode == 0, done.stderr
    assert WORD not in done.stdout + done.stderr
    assert "horse" not in done.stdout + done.stderr
    if form:
        shown = json.loads(done.stdout)
        assert shown["kafka"]["sasl_password"]["source"] == "SEAWALL_KAFKA_SASL_PASSWORD_FILE"
        assert shown["state"]["hmac_key"]["source"] == "SEAWALL_STATE_HMAC_KEY"
        assert "store.example" in shown["state"]["url"]["value"]


def test_a_command_that_fails_prints_none(config: Path, tmp_path: Path) -> None:
    done = run(config, tmp_path, "topics", "check")
    assert done.returncode == 2
    assert "horse" not in done.stdout + done.stderr


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r}".format, "%s".__mod__])
def test_a_secret_does_not_show_itself(show) -> None:
    assert "horse" not in show(Secret(WORD))


def test_an_error_of_the_settings_shows_none(tmp_path: Path) -> None:
    environment = {
        "SEAWALL_KAFKA_SASL_PASSWORD": WORD,
        "SEAWALL_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    }
    with pytest.raises(SettingsError) as caught:
        load_settings(None, environment=environment)
    assert "horse" not in str(caught.value)


def test_settings_hold_secrets_that_do_not_show(config: Path) -> None:
    environment = {"SEAWALL_KAFKA_SASL_PASSWORD": WORD, "SEAWALL_STATE_HMAC_KEY": WORD}
    settings = load_settings(config, environment=environment).settings
    assert "horse" not in repr(settings.kafka)
    assert settings.kafka.sasl_password is not None
    assert settings.kafka.sasl_password.reveal() == WORD
