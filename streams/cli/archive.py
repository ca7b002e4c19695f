"""`seawall archive`: topics to files."""

import signal
import threading
import time
from pathlib import Path
from typing import Annotated

import typer

from streams.cli.options import (
    BootstrapOption,
    ConfigOption,
    SetOption,
    fail,
    kafka_arguments,
    loaded_settings,
)
from streams.kafka.archive import Archive, ArchiveError
from streams.kafka.client import ClientConfig, KafkaError
from streams.kafka.positions import PositionReader, UnknownTopic, reading
from streams.kafka.topics import DECISIONS, topic_name

RETRY_SECONDS = 2.0


def archive(
    out: Annotated[Path, typer.Option("--out", help="The folder, made where there is none.")],
    topics: Annotated[
        list[str] | None,
        typer.Option("--topic", help="By its full name; may be given again. Else decisions."),
    ] = None,
    rotate_mb: Annotated[int, typer.Option("--rotate-mb", min=1, help="A file's size.")] = 64,
    rotate_seconds: Annotated[
        float, typer.Option("--rotate-seconds", min=1, help="The longest that a file is open.")
    ] = 300,
    once: Annotated[bool, typer.Option("--once", help="What is there now, and end.")] = False,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
    assignments: SetOption = None,
) -> None:
    """Write committed records to JSONL files, each once, whatever ends the process in between.

    A file's name says which offsets it holds: OUT/TOPIC/PARTITION/FIRST-NEXT.jsonl. Files may be
    moved away only together with all before them, and never the last of a partition, which says
    where to go on.

    Example: seawall archive --out archive/

    Exit codes: 0 asked to end, or done with --once, 1 the archive cannot go on, 2 unusable, or
    with --once Kafka away.
    """
    from streams.kafka.archive import archive as opened

    settings = loaded_settings(config, bootstrap, assignments).settings
    arguments = kafka_arguments(settings)
    named = topics or [topic_name(settings.pipeline, DECISIONS)]
    ending = threading.Event()

    def end(number: int, frame: object) -> None:
        ending.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    if not once:
        typer.echo(f"following {', '.join(named)} into {out} until it is stopped", err=True)
    try:
        with opened(out, rotate_mb << 20) as files:
            while True:
                try:
                    _follow(arguments, named, files, rotate_seconds, ending, once=once)
                    if once or ending.is_set():
                        return
                    typer.echo("a topic has more partitions now: they are archived, too", err=True)
                except KafkaError as error:
                    for path in files.finish():
                        typer.echo(str(path))
                    why = str(error) or type(error).__name__
                    if once:
                        fail(f"Kafka at {settings.kafka.bootstrap} cannot be reached: {why}")
                    typer.echo(f"waiting for Kafka: {why}", err=True)
                    if ending.wait(RETRY_SECONDS):
                        return
    except UnknownTopic as error:
        fail(str(error))
    except ArchiveError as error:
        fail(str(error), 1)
    except OSError as error:
        fail(f"{out}: {error.strerror}", 1)


def _follow(
    arguments: ClientConfig,
    topics: list[str],
    files: Archive,
    rotate_seconds: float,
    ending: threading.Event,
    *,
    once: bool,
) -> None:
    """Until it is to end, done with `once`, or a topic has more partitions."""
    with reading(arguments, topics, files.position) as reader:
        _check(reader, files)
        ends = reader.ends()
        due = time.monotonic() + rotate_seconds
        while not ending.is_set():
            batch = reader.read()
            for record in batch.records:
                files.write(record)
            done = once and all(batch.positions[tp] >= end for tp, end in ends.items())
            if done or time.monotonic() >= due:
                due = time.monotonic() + rotate_seconds
                _finish(files)
            if done:
                return
            if not once and reader.grown():
                break
        _finish(files)


def _check(reader: PositionReader, files: Archive) -> None:
    """A topic that was made anew has other records under the offsets that are archived."""
    begins, ends = reader.begins(), reader.ends()
    for tp in reader.partitions:
        at = files.position(tp.topic, tp.partition)
        if at is not None and at > ends[tp]:
            raise ArchiveError(
                f"{tp.topic}/{tp.partition} ends at {ends[tp]}, and is archived up to {at}: it was "
                "made anew. Archive it to another folder"
            )
        if tp in reader.expired or (at is not None and at < begins[tp]):
            typer.echo(
                f"{tp.topic}/{tp.partition}: retention removed offsets {at or 0} to "
                f"{begins[tp] - 1}, and they are not archived",
                err=True,
            )


def _finish(files: Archive) -> None:
    for path in files.finish():
        typer.echo(str(path))
