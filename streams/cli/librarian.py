"""`seawall librarian`: keeps the lists current: fetches, publishes, compiles, again and again."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import prometheus_client
import typer

from matchers.lists.csv_format import UnreadableList
from matchers.lists.librarian.catalogue import read_catalogue
from matchers.lists.librarian.store import ListStore
from matchers.lists.snapshot import SUFFIX
from streams.audit.metrics import AuditMetrics
from streams.audit.watch import AuditWatch
from streams.cli.audit_hook import audit_lists
from streams.cli.list_changes import described, failed, sync_one
from streams.cli.list_records import StoreOption, open_store, store_path
from streams.cli.options import (
    BootstrapOption,
    ConfigOption,
    fail,
    kafka_arguments,
    loaded_settings,
)
from streams.cli.stamped import complain, say
from streams.control.librarian import Desk, Librarian
from streams.kafka.topics import CONTROL, topic_name
from streams.metrics import LibrarianMetrics
from streams.settings import Settings

LOW_PRIORITY = 10
"""Added to the process's niceness: importing a large list takes a core for a while, which workers
need more."""


def librarian(
    catalogue: Annotated[
        Path, typer.Argument(help="The TOML file that says what the lists are.", show_default=False)
    ],
    snapshot: Annotated[
        Path, typer.Option("--snapshot", help="The snapshot that the workers read.")
    ],
    every: Annotated[
        float,
        typer.Option(
            "--every", min=1, help="Seconds between fetches from the sources, and looks at files."
        ),
    ] = 300,
    once: Annotated[bool, typer.Option("--once", help="One round, and end.")] = False,
    store: StoreOption = None,
    http_port: Annotated[
        int | None,
        typer.Option("--http-port", min=0, max=65535, help="Serve /metrics there; 0: a free one."),
    ] = None,
    http_host: Annotated[str, typer.Option("--http-host", help="And on this host.")] = "127.0.0.1",
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
) -> None:
    """Fetch lists from their sources, take in their files where those changed, tell the workers
    what changed, and compile snapshots.

    What `seawall lists` changes meanwhile is published within a second, and snapshots that are
    needed are compiled, and told to the workers, by themselves. A source or a broker that fails is
    said, and tried again.

    Example: seawall librarian lists.toml --store lists.db --snapshot lists.snapshot

    Exit codes: 0 asked to end, 1 with --once: something failed, 2 unusable.
    """
    if snapshot.suffix != SUFFIX:
        fail(f"{snapshot}: a snapshot's name ends in {SUFFIX}")
    settings = loaded_settings(config, bootstrap).settings
    ending = threading.Event()

    def end(number: int, frame: object) -> None:
        ending.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    with contextlib.suppress(OSError):
        os.nice(LOW_PRIORITY)
    metrics = LibrarianMetrics()
    _read(catalogue)

    def fetch(opened: ListStore) -> bool:
        try:
            return fetch_lists(opened, catalogue, metrics)
        finally:
            audit_lists(settings, opened)

    desk = Desk(
        store=store_path(store, config),
        snapshot=snapshot,
        client=kafka_arguments(settings),
        topic=topic_name(settings.pipeline, CONTROL),
        fetch=fetch,
        say=say,
        complain=complain,
        metrics=metrics,
        check_audit=_audit_check(settings, metrics),
    )
    if http_port is not None:
        _serve(metrics, http_host, http_port)
    with open_store(store, config, create=True) as opened:
        work = Librarian(desk, opened)
        if once:
            raise typer.Exit(work.once())
        work.run(ending, every)


def fetch_lists(store: ListStore, catalogue: Path, metrics: LibrarianMetrics) -> bool:
    """Bring every list up to its source or file; whether one failed. The catalogue is read each
    time."""
    try:
        listed = read_catalogue(catalogue)
    except UnreadableList as error:
        complain(f"not fetched: {error}")
        metrics.rounds_failed.inc()
        return True
    any_failed = False
    store.forget_synced(one.name for one in listed if one.source is not None or one.file)
    for one in listed:
        try:
            result = sync_one(store, one, catalogue.parent)
        except Exception as error:  # one list's trouble, of whatever kind, keeps none from others
            result = failed(one, f"{type(error).__name__}: {error}")
        if "failed" in result:
            any_failed = True
            metrics.sync_failures.labels(one.name).inc()
        # A file that is as it was is not in the result.
        said = "failed" in result or "file" in result
        if result["revision"] is not None or result["reasons"] or said:
            for line in described(result):
                say(line)
    return any_failed


def _read(catalogue: Path) -> None:
    try:
        read_catalogue(catalogue)
    except UnreadableList as error:
        fail(str(error))


def _audit_check(settings: Settings, metrics: LibrarianMetrics) -> Callable[[], object] | None:
    if settings.audit.file is None:
        return None
    said = AuditMetrics(metrics.registry)
    return AuditWatch(Path(settings.audit.file), said, complain).check


def _serve(metrics: LibrarianMetrics, host: str, port: int) -> None:
    try:
        server, _ = prometheus_client.start_http_server(port, host, metrics.registry)
    except OSError as error:
        fail(f"--http-port {port} on {host} cannot be bound: {error.strerror}")
    say(f"metrics at http://{host}:{server.server_port}/metrics")
