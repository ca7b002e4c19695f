"""Options that commands share, and how commands that talk to Kafka fail."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import msgspec
import typer

from streams.cli.tables import visible
from streams.settings import KafkaSettings, Loaded, Settings, SettingsError, load_settings

EXIT_DIFFERS = 1
EXIT_UNUSABLE = 2
"""Bad usage or settings, or brokers that cannot be reached."""
REACH_MS = 10_000

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="The settings' TOML file; else SEAWALL_CONFIG, ./seawall.toml."),
]
BootstrapOption = Annotated[
    str | None, typer.Option("--bootstrap", help="Brokers, host:port, joined by commas.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SECTION.FIELD=VALUE", help="Any setting; may be repeated."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def loaded_settings(
    config: Path | None,
    bootstrap: str | None = None,
    assignments: list[str] | None = None,
    flags: Mapping[str, object] | None = None,
) -> Loaded:
    """The settings of a command's options; ends the command when they cannot be used."""
    given = assigned(assignments)
    given |= {"kafka.bootstrap": bootstrap} if bootstrap else {}
    given |= flags or {}
    try:
        return load_settings(config, given)
    except SettingsError as bad:
        fail(str(bad))


def assigned(assignments: list[str] | None) -> dict[str, object]:
    """What --set gives, by `section.field`; ends the command where it is no assignment."""
    given: dict[str, object] = {}
    for assignment in assignments or []:
        name, sign, value = assignment.partition("=")
        if not sign:
            fail(f"--set {assignment}: write SECTION.FIELD=VALUE")
        given[name.strip()] = value
    return given


def kafka_arguments(settings: Settings) -> dict[str, Any]:
    """What every kafka-python client of a command gets; it gives up after 10 s without a broker."""
    from streams.kafka.reasons import quieten

    # The libraries' own lines about connections would drown the one line that the command says.
    quieten()
    try:
        return settings.kafka.kafka_python_config() | {"bootstrap_timeout_ms": REACH_MS}
    except SettingsError as bad:
        fail(str(bad))


@contextmanager
def reaching(settings: Settings) -> Generator[None]:
    """Ends the command with exit code 2 when Kafka cannot be reached or refuses."""
    from streams.kafka.client import KafkaError
    from streams.kafka.reasons import quieten, reasons

    quieten()
    try:
        yield
    except KafkaError as bad:
        why = str(bad) or type(bad).__name__
        if "bootstrap" in why:
            why = reasons.newest or why
        if settings.kafka.bootstrap == KafkaSettings().bootstrap:
            why += (
                ". That is the default address: no settings file, variable or option names another "
                "(kafka.bootstrap in ./seawall.toml or --config FILE, SEAWALL_KAFKA_BOOTSTRAP, "
                "--bootstrap); seawall up starts a Kafka on this machine and says its address"
            )
        fail(f"Kafka at {settings.kafka.bootstrap} cannot be reached, or refuses: {why}")


def fail(message: str, code: int = EXIT_UNUSABLE) -> NoReturn:
    """Say what went wrong on standard error, nothing in it taken for a command to the terminal, and
    end the command. A message may have several lines, such as an excerpt."""
    shown = "\n".join(map(visible, message.split("\n")))
    typer.echo(f"error: {shown}", err=True)
    raise typer.Exit(code)


def print_json(value: object) -> None:
    """One JSON document on standard output."""
    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
