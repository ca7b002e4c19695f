"""`seawall canary`: proof that known things are found, all the way through production."""

import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer
from prometheus_client import start_http_server
from rich.console import Console
from rich.table import Table

from streams.canary.metrics import CanaryMetrics
from streams.canary.probes import LIST, TENANT, list_csv, probes
from streams.canary.rounds import Answer, Canary, WrongTopics
from streams.cli.options import (
    EXIT_DIFFERS,
    BootstrapOption,
    ConfigOption,
    JsonOption,
    SetOption,
    fail,
    kafka_arguments,
    loaded_settings,
    print_json,
    reaching,
)
from streams.cli.stamped import complain
from streams.kafka import topics as kafka_topics
from streams.kafka.client import KafkaError
from streams.kafka.topics import first_topic, topic_name

app = typer.Typer(no_args_is_help=True, help="Prove that known things are found.")


@app.command("list")
def print_list() -> None:
    """Print the canary's list as CSV, for `lists.files` or `seawall lists import`.

    Describe it in the catalogue with `name = "seawall-canary"`, `source_kind = "own"` and
    `roles = { canary = "block" }`, and permit the scans of the tenant `seawall-canary` in the
    policy's scan basis.

    Example: seawall canary list > canary.csv
    """
    typer.echo(list_csv(), nl=False)


@app.command()
def check(
    within: Annotated[float, typer.Option(help="Seconds to wait for the decisions.")] = 30.0,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send one round of probes and wait for their decisions.

    Exit codes: 0 all came back as they must, 1 one did not (the table says why), 2 Kafka cannot be
    reached, or a topic is missing.

    Example: seawall canary check
    """
    settings = loaded_settings(config, bootstrap, assignments).settings
    with reaching(settings), _right_topics():
        canary = Canary(
            kafka_arguments(settings),
            topic_name(settings.pipeline, first_topic(settings.pipeline)),
            topic_name(settings.pipeline, kafka_topics.DECISIONS),
        )
        try:
            answers = _round(canary, within)
        finally:
            canary.close()
    if as_json:
        print_json([{**a._asdict(), "result": a.result} for a in answers])
    else:
        _show(answers)
    if any(answer.result != "found" for answer in answers):
        raise typer.Exit(EXIT_DIFFERS)


@app.command()
def run(
    every: Annotated[float, typer.Option(help="Seconds from round to round.")] = 60.0,
    within: Annotated[float, typer.Option(help="Seconds to wait for the decisions.")] = 30.0,
    host: Annotated[str, typer.Option(help="Where to show metrics.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the metrics; 0 is a free one.")] = 9464,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
    assignments: SetOption = None,
) -> None:
    """Send a round of probes again and again, and export what became of them.

    Runs until SIGTERM or Ctrl-C; goes on when Kafka is away or a topic is missing, and counts
    that.

    Exit codes: 2 the settings cannot be used, or the port is taken.

    Example: seawall canary run --host 0.0.0.0
    """
    settings = loaded_settings(config, bootstrap, assignments).settings
    metrics = CanaryMetrics()
    try:
        server, _ = start_http_server(port, host, metrics.registry)
    except (OSError, OverflowError) as error:
        fail(f"--port {port} on {host} cannot be bound: {error}")
    complain(f"canary metrics at http://{host}:{server.server_port}/metrics")
    canary: Canary | None = None
    while True:
        began = time.monotonic()
        try:
            if canary is None:
                canary = Canary(
                    kafka_arguments(settings),
                    topic_name(settings.pipeline, first_topic(settings.pipeline)),
                    topic_name(settings.pipeline, kafka_topics.DECISIONS),
                )
            answers = _round(canary, within)
        except (KafkaError, WrongTopics) as error:
            metrics.unreachable.inc()
            complain(str(error) if isinstance(error, WrongTopics) else f"Kafka is away: {error}")
            if canary is not None:
                canary.close()
                canary = None
        else:
            metrics.count(answers)
            for answer in answers:
                if answer.fault:
                    complain(f"{answer.probe}: {answer.result}: {answer.fault}")
        time.sleep(max(0.0, every - (time.monotonic() - began)))


@contextmanager
def _right_topics() -> Generator[None]:
    try:
        yield
    except WrongTopics as error:
        fail(str(error))


def _round(canary: Canary, within: float) -> list[Answer]:
    return canary.round(probes(uuid.uuid4().hex, datetime.now(UTC)), within)


def _show(answers: list[Answer]) -> None:
    table = Table("probe", "result", "seconds", "why", caption=f"tenant {TENANT}, list {LIST}")
    for answer in answers:
        colour = "green" if answer.result == "found" else "red"
        table.add_row(
            answer.probe,
            f"[{colour}]{answer.result}",
            "–" if answer.seconds is None else f"{answer.seconds:.2f}",
            answer.fault or "",
        )
    Console().print(table)
