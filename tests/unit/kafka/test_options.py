"""What commands say when Kafka is away."""

import logging

import pytest
import typer

from streams.cli.options import reaching
from streams.kafka.client import KafkaError
from streams.settings import KafkaSettings, Settings


def said(settings: Settings, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(typer.Exit) as ended, reaching(settings):
        _cannot_be_reached()
    assert ended.value.exit_code == 2
    return capsys.readouterr().err


def _cannot_be_reached() -> None:
    logging.getLogger("kafka.client").error("connection refused, again and again")
    raise KafkaError("Unable to bootstrap")


def test_the_default_address_is_called_that_with_how_to_name_another(
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = said(Settings(), capsys)
    for word in ("default address", "./seawall.toml", "--config", "--bootstrap", "seawall up"):
        assert word in error


def test_an_address_that_was_given_is_not_called_the_default(
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = said(Settings(kafka=KafkaSettings(bootstrap="kafka:9092")), capsys)
    assert "Kafka at kafka:9092 cannot be reached" in error
    assert "default" not in error


def test_the_library_s_own_lines_are_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    logging.basicConfig(force=True)
    assert "again and again" not in said(Settings(), capsys)
    assert len(said(Settings(), capsys).splitlines()) == 1
