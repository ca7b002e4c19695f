"""`seawall produce`: send events from a file."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.console import Console
from rich.progress import Progress

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
from streams.kafka.produce import Produced, produce_lines


def produce(
    topic: Annotated[str, typer.Argument(help="The topic, by its full name.")],
    file: Annotated[
        Path, typer.Argument(help="Events, one JSON object a line; - for standard input.")
    ],
    as_is: Annotated[
        bool, typer.Option("--as-is", help="Send lines that are no events too, without a key.")
    ] = False,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send each line to the topic, keyed by conversation, else author, else content.

    Lines without a key are named and left out. `seawall events check` says more about a file.

    Example: seawall produce content.events events.jsonl

    Exit codes: 0 all lines were acknowledged, 1 some were left out or refused, 2 Kafka or the file
    cannot be reached.
    """
    settings = loaded_settings(config, bootstrap, assignments).settings
    arguments = kafka_arguments(settings)
    began = time.monotonic()

    def send(lines: BinaryIO, progress: Callable[[int], object]) -> Produced:
        return produce_lines(
            arguments,
            topic,
            lines,
            as_is=as_is,
            max_bytes=settings.worker.max_event_bytes,
            progress=progress,
        )

    with reaching(settings):
        if str(file) == "-":
            done = send(sys.stdin.buffer, lambda _: None)
        else:
            done = _with_progress(file, send)
    seconds = time.monotonic() - began
    if as_json:
        print_json({"topic": topic, "seconds": round(seconds, 3), "result": done})
    else:
        for error in done.errors:
            typer.echo(f"line {error.line}: {error.why}", err=True)
        typer.echo(
            f"{done.sent} sent to {len(done.partitions)} partitions of {topic} in {seconds:.1f} s "
            f"({done.sent / max(seconds, 1e-9):,.0f}/s), {done.refused} left out, "
            f"{done.failed} refused by Kafka"
        )
    if done.refused or done.failed:
        raise typer.Exit(EXIT_DIFFERS)


def _with_progress(
    file: Path, send: Callable[[BinaryIO, Callable[[int], object]], Produced]
) -> Produced:
    try:
        source = file.open("rb")
    except OSError as bad:
        fail(f"{file}: {bad.strerror}")
    size = file.stat().st_size
    with source, Progress(console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("producing", total=size or None)
        return send(source, lambda _: shown.update(task, completed=source.tell()))
