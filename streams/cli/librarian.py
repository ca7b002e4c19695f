"""`seawall librarian`: keeps the lists current: fetches, publishes, compiles, again and again."""

import contextlib
import os
import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from matchers.lists.csv_format import UnreadableList
from matchers.lists.librarian.catalogue import CataloguedList, read_catalogue
from matchers.lists.librarian.outbox import compile_store
from matchers.lists.librarian.store import ListStore
from matchers.lists.snapshot import SUFFIX
from streams.cli.list_changes import described, sync_one
from streams.cli.list_records import StoreOption, open_store
from streams.cli.options import (
    BootstrapOption,
    ConfigOption,
    fail,
    kafka_arguments,
    loaded_settings,
)
from streams.control.list_changes import NeedsSnapshot, publish_changes
from streams.kafka.client import ClientConfig, KafkaError
from streams.kafka.topics import CONTROL, topic_name

LOW_PRIORITY = 10
"""Added to the process's niceness: compiling takes a core for minutes, which workers need more."""
SNAPSHOT_ROUNDS = 12
"""A snapshot is compiled anew every so many rounds that brought changes, so that workers that
start have few to catch up on."""


def librarian(
    catalogue: Annotated[
        Path, typer.Argument(help="The TOML file that says what the lists are.", show_default=False)
    ],
    snapshot: Annotated[
        Path, typer.Option("--snapshot", help="The snapshot that the workers read.")
    ],
    every: Annotated[float, typer.Option("--every", min=1, help="Seconds between rounds.")] = 300,
    once: Annotated[bool, typer.Option("--once", help="One round, and end.")] = False,
    store: StoreOption = None,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
) -> None:
    """Fetch lists from their sources, tell the workers what changed, and compile snapshots.

    Changes made by `seawall lists` go out with the next round. A source or a broker that fails is
    said, and tried again in the next round.

    Example: seawall librarian lists.toml --store lists.db --snapshot lists.snapshot

    Exit codes: 0 asked to end, 1 with --once: something failed, 2 unusable.
    """
    if snapshot.suffix != SUFFIX:
        fail(f"{snapshot}: a snapshot's name ends in {SUFFIX}")
    settings = loaded_settings(config, bootstrap).settings
    arguments = kafka_arguments(settings)
    topic = topic_name(settings.pipeline, CONTROL)
    ending = threading.Event()

    def end(number: int, frame: object) -> None:
        ending.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    with contextlib.suppress(OSError):
        os.nice(LOW_PRIORITY)
    failed, rounds = False, 0
    with open_store(store, config) as opened:
        while not ending.is_set():
            try:
                listed = read_catalogue(catalogue)
            except UnreadableList as error:
                fail(str(error))
            failed = _fetch(opened, listed)
            try:
                changed = _publish(arguments, topic, opened, snapshot)
                rounds += changed
                if not snapshot.exists() or rounds >= SNAPSHOT_ROUNDS:
                    typer.echo(f"compiled lists {compile_store(opened, snapshot).version}")
                    rounds = 0
            except (KafkaError, OSError) as error:
                typer.echo(f"not published: {error or type(error).__name__}", err=True)
                failed = True
            if once:
                raise typer.Exit(failed)
            ending.wait(every)


def _fetch(store: ListStore, listed: tuple[CataloguedList, ...]) -> bool:
    """Bring every list up to its source; whether one failed."""
    failed = False
    for one in listed:
        result = sync_one(store, one)
        failed |= "failed" in result
        if result["revision"] is not None or result["reasons"] or "failed" in result:
            for line in described(result):
                typer.echo(line)
    return failed


def _publish(arguments: ClientConfig, topic: str, store: ListStore, snapshot: Path) -> bool:
    """Tell the workers what changed, by message or, where that is too much, by snapshot."""
    try:
        sent = publish_changes(arguments, topic, store)
    except NeedsSnapshot as why:
        typer.echo(f"{why}: compiling")
        typer.echo(f"compiled lists {compile_store(store, snapshot).version}")
        return False
    if sent.messages:
        typer.echo(f"{sent.messages} changes published")
    if sent.topic_anew:
        typer.echo(f"{topic} was made anew: compiling")
        compile_store(store, snapshot)
    return bool(sent.messages)
