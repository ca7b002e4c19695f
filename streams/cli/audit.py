"""`seawall audit …`: who did what, and whether the log still says so."""

import sys
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from string import hexdigits
from typing import Annotated

import msgspec
import typer

from streams.audit.log import AuditEntry, AuditKind, AuditLog, NoAudit, UnusableAudit
from streams.cli.counts import counted
from streams.cli.options import (
    EXIT_DIFFERS,
    EXIT_UNUSABLE,
    ConfigOption,
    JsonOption,
    fail,
    loaded_settings,
    print_json,
)
from streams.cli.tables import visible
from streams.contracts.refusal import DecodeFailure

app = typer.Typer(no_args_is_help=True, help="The audit log: who did what.")

HASH = 64
"""Hexadecimal digits of a SHA-256."""

FileOption = Annotated[
    Path | None, typer.Option("--file", help="The log; else audit.file.", show_default=False)
]


@app.callback()
def group() -> None:
    """The audit log: who did what."""


@app.command()
def verify(
    file: FileOption = None,
    head: Annotated[
        str | None,
        typer.Option("--head", help="A newest hash that was kept elsewhere: it must be there."),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check that no row was changed, removed or put in between, and print the newest hash.

    Keep that hash where nobody who can write the log can write: a whole new log holds by itself.

    Example: seawall audit verify --head 9f86d081884c7d65…

    Exit codes: 0 it holds, 1 it does not (the row is named), is empty or is not there, 2 bad usage,
    or the file cannot be used.
    """
    if head is not None and not (len(head) == HASH and set(head) <= set(hexdigits)):
        fail(f"--head {head}: a hash has {HASH} hexadecimal digits, as verify prints it")
    with _opened(file, config, EXIT_DIFFERS) as log:
        found = log.verify()
        known = head is None or log.knows(head.lower(), found.rows)
    rows = f"{counted(found.rows, 'row')} {'holds' if found.rows == 1 else 'hold'}"
    if as_json:
        fault = found.fault._asdict() if found.fault else None
        print_json({"rows": found.rows, "head": found.head, "fault": fault, "head_known": known})
    elif found.fault is not None:
        why = visible(found.fault.why)
        typer.echo(f"row {found.fault.seq}: {why}; {rows} before it")
    elif not known:
        typer.echo(f"{rows}, but none has the hash {head}")
    elif not found.rows:
        typer.echo("0 rows: nothing was noted yet, or the log was made anew: --head tells")
    else:
        typer.echo(f"{rows}; head {found.head}")
    raise typer.Exit(EXIT_DIFFERS if found.fault or not known or not found.rows else 0)


@app.command()
def show(
    file: FileOption = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Only of this kind.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The last ones.")] = 50,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the last rows, oldest first.

    Example: seawall audit show --kind export

    Exit codes: 0 shown, 2 bad usage, or the file cannot be used.
    """
    kinds = AuditKind.__args__
    if kind is not None and kind not in kinds:
        fail(f"--kind {kind}: there are {', '.join(kinds)}")
    with _opened(file, config) as log:
        asked = (entry for entry in log.entries() if kind in (None, entry.kind))
        rows = deque(asked, maxlen=min(limit, sys.maxsize))
    if as_json:
        print_json([{**row._asdict(), "what": _what(row)} for row in rows])
        return
    for row in rows:
        typer.echo(visible(f"{row.seq} {row.at} {row.kind} by {row.actor}: {row.what}"))


def _what(row: AuditEntry) -> object:
    """As it was noted; of a row that was altered, the text that is there now."""
    try:
        return msgspec.json.decode(str(row.what))
    except DecodeFailure:
        return row.what


@contextmanager
def _opened(
    file: Path | None, config: Path | None, exit_without: int = EXIT_UNUSABLE
) -> Generator[AuditLog]:
    """The log, of which nothing is made; `exit_without` ends the command where there is none."""
    named = loaded_settings(config).settings.audit.file
    path = file or (Path(named) if named else None)
    if path is None:
        fail("no audit log: give --file, or set audit.file")
    try:
        with AuditLog(path, create=False) as log:
            yield log
    except NoAudit as error:
        fail(str(error), exit_without)
    except UnusableAudit as error:
        fail(str(error))
