"""Sending the lines of a file to a topic, as `produce` and `feedback send` do."""

import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, Literal

import typer
from rich.console import Console
from rich.progress import Progress

from streams.cli.json_lines import conversion
from streams.cli.options import EXIT_DIFFERS, fail, kafka_arguments, print_json, reaching
from streams.cli.tables import visible
from streams.kafka.client import ClientConfig, admin_client
from streams.kafka.produce import Produced, produce_lines
from streams.settings import Settings

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
"""What Kafka allows (`org.apache.kafka.common.internals.Topic`)."""


def send_file(
    settings: Settings,
    topic: str,
    file: Path,
    what: Literal["event", "outcome"],
    key_of: Callable[[bytes], bytes],
    *,
    as_is: bool = False,
    as_json: bool = False,
    hint_refused: str | None = None,
) -> None:
    """Send each line under its key, say what came of it, and end the command when some were left
    out or refused. Lines without a key are left out and named, unless `as_is`; `hint_refused` is
    said then, where the file is lines at all."""
    arguments = kafka_arguments(settings)
    began = time.monotonic()
    first: list[bytes] = []

    def send(lines: Iterable[bytes], progress: Callable[[int], object]) -> Produced:
        return produce_lines(
            arguments,
            topic,
            _noting_first(lines, first),
            key_of=key_of,
            as_is=as_is,
            max_bytes=settings.worker.max_event_bytes,
            progress=progress,
        )

    _check_topic(topic)
    if str(file) == "-":
        with reaching(settings):
            _find_topic(arguments, topic)
            done = send(sys.stdin.buffer, lambda _: None)
    else:
        with _opened(file) as source, reaching(settings):
            _find_topic(arguments, topic)
            done = _with_progress(source, send)
    seconds = time.monotonic() - began
    if as_json:
        print_json({"topic": topic, "seconds": round(seconds, 3), "result": done})
    else:
        for error in done.errors:
            typer.echo(visible(f"line {error.line}: {error.why}"), err=True)
        typer.echo(
            f"{done.sent} sent to {len(done.partitions)} partitions of {topic} in {seconds:.1f} s "
            f"({done.sent / max(seconds, 1e-9):,.0f}/s), {done.refused} left out, "
            f"{done.failed} refused by Kafka"
        )
    if done.refused and first and (hint := conversion(first[0], what) or hint_refused):
        typer.echo(visible(f"{file}: {hint}"), err=True)
    if done.refused or done.failed:
        raise typer.Exit(EXIT_DIFFERS)


def _check_topic(topic: str) -> None:
    if not _TOPIC.fullmatch(topic) or topic in (".", ".."):
        fail(
            f"{topic[:100]!r} is no topic's name: it has letters, digits, '.', '_' and '-', 249 at "
            "most"
        )


def _find_topic(arguments: ClientConfig, topic: str) -> None:
    """Ask first: a producer waits a minute for a topic that is not there."""
    with closing(admin_client(arguments)) as admin:
        if topic not in admin.list_topics():
            fail(
                f"there is no topic {topic}, or these credentials may not see it: for the "
                "pipeline's topics run seawall topics apply"
            )


def _noting_first(lines: Iterable[bytes], first: list[bytes]) -> Iterator[bytes]:
    for line in lines:
        if not first and line.strip():
            first.append(line)
        yield line


def _opened(file: Path) -> BinaryIO:
    try:
        return file.open("rb")
    except OSError as bad:
        fail(f"{file}: {bad.strerror}")


def _with_progress(
    source: BinaryIO, send: Callable[[Iterable[bytes], Callable[[int], object]], Produced]
) -> Produced:
    size = os.fstat(source.fileno()).st_size
    with Progress(console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("producing", total=size or None)
        return send(source, lambda _: shown.update(task, completed=source.tell()))
