"""`seawall rekey`: a topic that was keyed otherwise, under Seawall's key."""

import asyncio
import signal
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from streams.cli.mapping_option import loaded_mapping
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
from streams.contracts.decoding import EventDecoder
from streams.kafka.client import KafkaError, admin_client
from streams.kafka.rekey import RekeyInterrupted, RekeyPlan, RekeyRefused, Tally, plan_rekey
from streams.kafka.rekey import rekey as rekeyed
from streams.logs import set_up_logging

RETRY_SECONDS = 2.0


def rekey(
    source: Annotated[str, typer.Argument(help="The topic to read, by its full name.")],
    destination: Annotated[str, typer.Argument(help="The topic to write to, which exists.")],
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on for ever; else end with what is there now.")
    ] = False,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write each record of a topic to another one under Seawall's key: its conversation, else its
    author, else its content; by author on live surfaces.

    Value, headers and time stay as they are. Events are read as workers read them (worker.mapping);
    a record that is none goes on under its old key, and is counted. Each record is written once,
    whatever ends the command: run again, it goes on where it was. What has one key on one source
    partition keeps its order.

    Example: seawall rekey chat.raw content.events

    Exit codes: 0 all was written, or with --follow asked to end; 1 some could not be read as
    events, retention took some, or it was asked to end before it was done; 2 the topics cannot be
    used, or Kafka cannot be reached.
    """
    settings = loaded_settings(config, bootstrap, assignments).settings
    set_up_logging("WARNING")
    mapping = loaded_mapping(Path(settings.worker.mapping) if settings.worker.mapping else None)
    decoder = EventDecoder(mapping, settings.worker.max_event_bytes)
    arguments = kafka_arguments(settings)
    ending = threading.Event()

    def end(number: int, frame: object) -> None:
        ending.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    tally = Tally()
    plan: RekeyPlan | None = None
    done = False
    began = time.monotonic()
    errors = Console(stderr=True)
    quiet = follow or not errors.is_terminal
    with reaching(settings), Progress(console=errors, transient=True, disable=quiet) as shown:
        task = shown.add_task("rekeying", total=None)

        def progress() -> None:
            total = sum(span.end - span.first for span in tally.spans.values())
            left = sum(max(0, span.end - span.next) for span in tally.spans.values())
            shown.update(task, total=total, completed=total - left)

        while True:
            try:
                with closing(admin_client(arguments)) as admin:
                    plan = plan_rekey(admin, settings, source, destination)
                if follow and not tally.spans:
                    typer.echo(f"rekeying {source} to {destination} as {plan.group}", err=True)
                running = rekeyed(
                    settings.kafka.aiokafka_config(), plan, decoder, tally, ending,
                    follow=follow, progress=progress,
                )  # fmt: skip
                done = asyncio.run(running)
                break
            except RekeyRefused as error:
                fail(str(error))
            except (RekeyInterrupted, KafkaError) as error:
                if not follow and isinstance(error, KafkaError):
                    raise
                if not follow:
                    fail(f"{error}. What was written stays: run it again to go on")
                typer.echo(f"waiting: {error or type(error).__name__}", err=True)
                if ending.wait(RETRY_SECONDS):
                    break
    if plan is not None:
        _report(plan, tally, time.monotonic() - began, as_json)
    if follow:
        return
    if not done:
        typer.echo("asked to end before all was written: run it again to go on", err=True)
    if not done or tally.undecodable or tally.expired:
        raise typer.Exit(EXIT_DIFFERS)


def _report(plan: RekeyPlan, tally: Tally, seconds: float, as_json: bool) -> None:
    undecodable = sum(tally.undecodable.values())
    if as_json:
        print_json({"plan": plan, "seconds": round(seconds, 3), "result": tally})
        return
    table = Table("partition", "from offset", "next offset", "records")
    for number, span in sorted(tally.spans.items()):
        table.add_row(*map(str, (number, span.first, span.next, span.records)))
    table.add_section()
    table.add_row("all", "", "", str(tally.records))
    Console().print(table)
    rate = tally.records / max(seconds, 1e-9)
    typer.echo(
        f"{tally.records} records of {plan.source} written to {plan.destination_partitions} "
        f"partitions of {plan.destination} in {seconds:.1f} s ({rate:,.0f}/s), {tally.changed} of "
        f"them under another key than before; group {plan.group}"
    )
    if undecodable:
        classes = ", ".join(f"{error} {n}" for error, n in sorted(tally.undecodable.items()))
        typer.echo(
            f"{undecodable} could not be read as events ({classes}) and went on under their old "
            "key: workers will dead-letter them",
            err=True,
        )
    if tally.expired:
        typer.echo(f"retention removed {tally.expired} offsets before they were read", err=True)
