"""`seawall worker`: the Kafka process that runs a contiguous run of stages."""

import logging
from pathlib import Path
from typing import Annotated, Literal

import typer

from streams.cli.options import SetOption, assigned
from streams.exits import EXIT_CONFIG, NotUsable
from streams.memory import defer_collection
from streams.settings import Loaded, SettingsError, load_settings

Config = Annotated[
    Path | None, typer.Option("--config", help="A TOML file of settings.", show_default=False)
]


def worker(
    config: Config = None,
    stages: Annotated[
        str | None,
        typer.Option(help="A contiguous run of stages, by commas.", show_default="all four"),
    ] = None,
    bootstrap: Annotated[
        str | None, typer.Option(help="Broker addresses.", show_default=False)
    ] = None,
    delivery: Annotated[
        str | None, typer.Option(help="exactly_once or at_least_once.", show_default=False)
    ] = None,
    http_port: Annotated[
        int | None,
        typer.Option(help="Port of metrics and probes; 0 is a free one.", show_default=False),
    ] = None,
    instance_id: Annotated[
        str | None,
        typer.Option(help="Static group membership: unique for each worker.", show_default=False),
    ] = None,
    assignments: SetOption = None,
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], typer.Option(case_sensitive=False)
    ] = "INFO",
) -> None:
    """Run stages over their topics until SIGTERM or SIGINT.

    Exit codes: 0 asked to end, 1 failed (start it again: nothing is lost), 2 cannot start with
    these settings.

    Example: seawall worker --config seawall.toml --stages text-risk,enforcement
    """
    from streams.logs import set_up_logging

    set_up_logging(log_level)
    loaded = load(
        config,
        {
            "worker.stages": stages,
            "kafka.bootstrap": bootstrap,
            "worker.delivery": delivery,
            "worker.http_port": http_port,
            "worker.instance_id": instance_id,
        },
        assignments,
    )
    defer_collection()
    # Faust, numba and the catalogue take a second to import: not for `--help`.
    from streams.app import run_worker

    try:
        code = run_worker(loaded.settings)
    except NotUsable as error:
        logging.getLogger(__name__).critical("%s", error)
        code = EXIT_CONFIG
    raise typer.Exit(code)


def load(
    config: Path | None, flags: dict[str, object], assignments: list[str] | None = None
) -> Loaded:
    """Settings from every source, or an error and exit code 2. A flag that is given stands over an
    assignment."""
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return load_settings(config, assigned(assignments) | given)
    except SettingsError as error:
        typer.echo(f"seawall: {error}", err=True)
        raise typer.Exit(EXIT_CONFIG) from error
