"""`seawall events`: whether a platform's events would be accepted."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, BinaryIO, NamedTuple

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from streams.cli.event_fields import FieldTally
from streams.cli.json_lines import conversion
from streams.cli.mapping_option import MappingOption, loaded_mapping
from streams.cli.tables import add_row, visible
from streams.contracts.dead_letter import BadRecord
from streams.contracts.decoding import MAX_EVENT_BYTES, EventDecoder
from streams.contracts.event import ContentEvent

app = typer.Typer(help="Check content events.", no_args_is_help=True)

PROGRESS_EVERY = 1000
"""Lines between two updates of the progress bar, which cost more than checking a line."""

MOST_BYTES = 1 << 30
"""The largest limit that can be set: a value is held in memory as a whole."""

SHOWN_REJECTS = 50
"""Rejected lines in the table; the summary and `--json` have all of them."""


class Line(NamedTuple):
    """One line of the input: its bytes, or how many there are when they exceed the limit."""

    number: int
    value: bytes
    too_long: int | None = None


@app.callback()
def events() -> None:
    """Check content events."""


@app.command()
def check(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="JSON Lines, one event a line; - for stdin.")
    ],
    mapping: MappingOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line, then one with the summary.")
    ] = False,
    max_bytes: Annotated[
        int,
        typer.Option(min=1, max=MOST_BYTES, help="The largest value that is accepted, in bytes."),
    ] = MAX_EVENT_BYTES,
) -> None:
    """Say for each line whether it would be accepted and, if not, why.

    A line is read as a record's value would be: our own JSON, a structured CloudEvent or, with
    --mapping, a platform's own JSON. Blank lines are skipped. No content is printed. Says too in
    how many of the accepted lines each telling field was found, which mapped paths never were, and
    which fields are not read: a misspelt one is no error, since unknown fields are ignored. And in
    how many `occurred_at` lies before 2000 or more than a day ahead.

    Exit code: 0 all lines accepted, 1 some rejected, 2 the input cannot be used.

    Example: seawall events check events.jsonl --mapping chat.toml
    """
    errors = Console(stderr=True)
    decoder = EventDecoder(loaded_mapping(mapping), max_bytes)
    try:
        with nullcontext(sys.stdin.buffer) if file == "-" else Path(file).open("rb") as stream:
            rejected = _check(stream, file, decoder, as_json, errors)
    except BrokenPipeError:
        raise  # the reader of our output has left; the input is not at fault
    except OSError as error:
        errors.print(Text(visible(f"{file}: cannot be read: {error.strerror or error}")))
        raise typer.Exit(2) from None
    raise typer.Exit(1 if rejected else 0)


def _lines(stream: BinaryIO, max_bytes: int) -> Iterator[Line]:
    """The lines that are not blank; of one beyond `max_bytes` no more than that is held."""
    number = 0
    while part := stream.readline(max_bytes + 2):
        number += 1
        value = part.rstrip(b"\r\n")
        if len(value) <= max_bytes:
            if value.strip():
                yield Line(number, value)
            continue
        length = len(part)
        while not part.endswith(b"\n") and (part := stream.readline(1 << 20)):
            length += len(part)
        yield Line(number, b"", too_long=length - part.endswith(b"\n"))


def _check(
    stream: BinaryIO, name: str, decoder: EventDecoder, as_json: bool, errors: Console
) -> int:
    """Check every line and print what was found; the number of rejected lines."""
    accepted = 0
    classes: Counter[str] = Counter()
    first: bytes | None = None
    shown: list[tuple[int, BadRecord]] = []
    fields = FieldTally(decoder.mapping, datetime.now(UTC))
    size = Path(name).stat().st_size if name != "-" else None
    with _progress(errors) as progress:
        task = progress.add_task("checking", total=size or None)
        done = 0
        for line in _lines(stream, decoder.max_bytes):
            first = line.value if first is None else first
            read = _read(line, decoder)
            refusal = read if isinstance(read, BadRecord) else None
            if isinstance(read, ContentEvent):
                accepted += 1
                fields.add(line.value, read)
            else:
                classes[read.error] += 1
                if len(shown) < SHOWN_REJECTS:
                    shown.append((line.number, read))
            if as_json:
                _print_json(line.number, refusal)
            done += line.too_long or len(line.value) + 1
            if (accepted + classes.total()) % PROGRESS_EVERY == 0:
                progress.update(task, completed=done)
    rejected = classes.total()
    if as_json:
        summary = {"accepted": accepted, "rejected": rejected, "by_error": dict(classes)}
        summary |= fields.summary()
        print(msgspec.json.encode({"summary": summary}).decode())
    else:
        console = Console()
        fields.print(console)
        _print_tables(console, name, accepted, classes, shown)
    if (
        classes["not_json"] + classes["wrong_type"]
        and first
        and (hint := conversion(first, "event"))
    ):
        errors.print(Text(visible(f"{name}: {hint}")), soft_wrap=True)
    return rejected


def _read(line: Line, decoder: EventDecoder) -> ContentEvent | BadRecord:
    if line.too_long is not None:
        text = f"the value has {line.too_long} bytes, more than {decoder.max_bytes}"
        return BadRecord("too_large", text)
    try:
        return decoder.decode(line.value)
    except BadRecord as refusal:
        return refusal


def _progress(errors: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    )


def _print_json(number: int, refusal: BadRecord | None) -> None:
    found: dict[str, object] = {"line": number, "accepted": refusal is None}
    if refusal is not None:
        found |= {"error": refusal.error, "field": refusal.field, "message": refusal.message}
    print(msgspec.json.encode(found).decode())


def _print_tables(
    console: Console,
    name: str,
    accepted: int,
    classes: Counter[str],
    shown: list[tuple[int, BadRecord]],
) -> None:
    rejected = classes.total()
    if rejected:
        table = Table("line", "class", "field", "why", title="Rejected lines")
        for number, refusal in shown:
            add_row(table, str(number), refusal.error, refusal.field or "-", refusal.message)
        console.print(table)
        if rejected > len(shown):
            console.print(f"… and {rejected - len(shown)} more; --json lists them all")
        counts = ", ".join(f"{error} {count}" for error, count in classes.most_common())
        console.print(f"rejected by class: {counts}")
    elif not accepted:
        console.print(Text(visible(f"{name}: holds no lines")))
    console.print(f"{accepted + rejected} lines: {accepted} accepted, {rejected} rejected")
