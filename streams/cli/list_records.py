"""The commands of `seawall lists` that look into the librarian's store."""

import sqlite3
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from matchers.database import why_unusable
from matchers.lists.entry import DIGEST_BYTES, ListEntry
from matchers.lists.librarian.export import ExportFormat, export_list
from matchers.lists.librarian.records import Difference
from matchers.lists.librarian.schema import UnusableStore
from matchers.lists.librarian.store import ListStore, Refused
from streams.audit.log import UnusableAudit
from streams.cli.audit_hook import audit_lists, audited
from streams.cli.options import (
    EXIT_DIFFERS,
    ConfigOption,
    JsonOption,
    fail,
    loaded_settings,
    print_json,
)
from streams.cli.tables import visible
from streams.cli.whole_file import whole_file
from streams.contracts.refusal import DecodeFailure
from streams.radii import radii_of

SHOWN = 20
"""Rows printed of each kind; `--json` gives all."""

StoreOption = Annotated[
    Path | None, typer.Option("--store", help="The librarian's database; else lists.store.")
]
ListArgument = Annotated[str, typer.Argument(metavar="LIST", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Make these commands part of `seawall lists`."""
    for command in (diff, history, export):
        app.command()(command)


def store_path(store: Path | None, config: Path | None) -> Path:
    """Where the store of a command's options is."""
    named = loaded_settings(config).settings.lists.store
    path = store or (Path(named) if named else None)
    if path is None:
        fail("no store of lists: give --store, or set lists.store")
    return path


@contextmanager
def open_store(
    store: Path | None, config: Path | None, *, create: bool = False, dry_run: bool = False
) -> Generator[ListStore]:
    """The store of a command's options, which `create` makes where there is none: with `dry_run`
    in memory alone. What is refused in the block ends the command."""
    path = store_path(store, config)
    try:
        there = path.exists()
    except OSError as error:
        fail(f"{path}: cannot be opened: {error.strerror}")
    if not there and not create:
        fail(
            f"{path}: there is no store of lists; seawall lists import, seawall lists sync and "
            "seawall librarian make one"
        )
    settings = loaded_settings(config).settings
    if settings.lists.files:
        files = ", ".join(map(str, settings.lists.files))
        typer.echo(
            visible(f"note: workers with these settings read lists.files ({files}), not {path}"),
            err=True,
        )
    try:
        in_memory = dry_run and not there and path.parent.is_dir()
        with ListStore.in_memory() if in_memory else ListStore.open(path, create=create) as opened:
            try:
                yield opened
            finally:
                audit_lists(settings, opened)
    except (UnusableStore, Refused, UnusableAudit) as error:
        fail(str(error))
    except (sqlite3.DatabaseError, *DecodeFailure) as error:
        fail(why_unusable(path, error, "a store of lists"))


def search_store(value: str, store: Path | None, config: Path | None, *, as_json: bool) -> None:
    """Find a value among the entries of the store, within the radii of the settings."""
    settings = loaded_settings(config).settings.lists
    radii = radii_of(settings)
    with open_store(store, config) as opened:
        near, named = opened.near(value, radii), opened.named(value)
    matches = [
        {
            "list": hit.entry.list,
            "entry": hit.entry.id,
            "algorithm": hit.entry.algorithm,
            "distance": hit.distance,
            "category": hit.entry.category,
            "status": hit.entry.status,
        }
        for hit in near
    ]
    if as_json:
        print_json({"matches": matches, "entries": named})
    else:
        for hit in near:
            exact = hit.entry.algorithm in DIGEST_BYTES
            typer.echo(
                f"{'exact' if exact else f'at {hit.distance} bits'}: {_described(hit.entry)}"
            )
        for entry in named:
            typer.echo(_described(entry))
        if not (near or named):
            typer.echo(nothing_found(value))
    raise typer.Exit(0 if near or named else EXIT_DIFFERS)


def nothing_found(value: str) -> str:
    """What to say where a value matches nothing; of a file's name, that it is not looked into."""
    try:
        is_file = Path(value).is_file()
    except (OSError, ValueError):  # too long, or otherwise no path
        is_file = False
    if not is_file:
        return "nothing found"
    return visible(
        f"nothing found; {value} is a file: look up its hashes (seawall lists hash prints them)"
    )


def diff(
    name: ListArgument,
    since: Annotated[
        int | None,
        typer.Option("--since", metavar="REVISION", help="Compare with the list as it was then."),
    ] = None,
    store: StoreOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the waiting change of a list would do or, with --since, what changed.

    Example: seawall lists diff hotline --since 41

    Exit codes: 0 nothing differs, 1 something does, 2 there is no such list or store.
    """
    with open_store(store, config) as opened:
        if name not in opened.infos():
            raise Refused(f"there is no list {name!r}")
        if since is None:
            with opened.reading():  # what is shown is what is named
                different = list(opened.proposed(name))
                waits = [waiting for waiting in opened.waiting() if waiting.list == name]
                change = opened.change(name)
            if not as_json:
                for waiting in waits:
                    typer.echo(
                        f"change {change} waits since {waiting.at}: {'; '.join(waiting.reasons)}"
                    )
        else:
            different = list(opened.differences(name, since))
    if as_json:
        print_json([change._asdict() for change in different])
    else:
        _print_differences(different)
    raise typer.Exit(EXIT_DIFFERS if different else 0)


def history(
    name: Annotated[
        str | None, typer.Argument(metavar="LIST", help="Else every list.", show_default=False)
    ] = None,
    entry: Annotated[
        str | None, typer.Argument(metavar="ENTRY", help="An entry's id.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Newest revisions shown.")] = 20,
    store: StoreOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what was changed, when and by whom: by revision, or of one entry.

    Example: seawall lists history hotline 42-image1

    Exit codes: 0 shown, 1 there is nothing, 2 the store cannot be read.
    """
    with open_store(store, config) as opened:
        if name is not None and entry is not None:
            steps = opened.steps(name, entry)
            if as_json:
                print_json([step._asdict() for step in steps])
            for step in () if as_json else steps:
                after = _described(step.after) if step.after else "removed"
                typer.echo(f"{step.revision} {step.at} {step.kind} by {step.origin}: {after}")
            raise typer.Exit(0 if steps else EXIT_DIFFERS)
        revisions = opened.revisions(name, limit)
    if as_json:
        print_json([revision._asdict() for revision in revisions])
    for revision in () if as_json else revisions:
        typer.echo(
            f"{revision.revision} {revision.at} {revision.list}: {revision.kind} by "
            f"{revision.origin}, {revision.added} added, {revision.changed} changed, "
            f"{revision.removed} removed"
        )
    raise typer.Exit(0 if revisions else EXIT_DIFFERS)


def export(
    name: ListArgument,
    out: Annotated[
        Path | None, typer.Option("--out", help="The file to write; else standard output.")
    ] = None,
    format_name: Annotated[
        ExportFormat, typer.Option("--format", help="csv, or signals: `type value` lines.")
    ] = "csv",
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Write a list for others. Refused for a list that may not be passed on (`redistribute`).

    Example: seawall lists export own --format signals --out own.txt

    Exit codes: 0 written, 2 refused, or the store or file cannot be used.
    """
    with open_store(store, config) as opened:
        what = {"list": name, "format": format_name, "revision_exported": opened.revision()}
        if out is None:
            export_list(opened, name, sys.stdout, format_name)
            audited(loaded_settings(config).settings, "export", what)
            return
        try:
            with whole_file(out) as file:
                count = export_list(opened, name, file, format_name)
        except OSError as error:
            fail(f"{out}: {error.strerror}")
        audited(loaded_settings(config).settings, "export", what | {"entries": count})
    typer.echo(f"{out}: {count} entries")


def _print_differences(different: list[Difference]) -> None:
    def show(sign: str, changes: Iterable[Difference]) -> None:
        listed = list(changes)
        for change in islice(listed, SHOWN):
            entry = change.after or change.before
            if entry is not None:
                typer.echo(f"{sign} {_described(entry)}")
        if len(listed) > SHOWN:
            typer.echo(f"{sign} … and {len(listed) - SHOWN} more; --json shows all")

    show("+", (change for change in different if change.before is None))
    show("~", (change for change in different if change.before and change.after))
    show("-", (change for change in different if change.after is None))


def _described(entry: ListEntry) -> str:
    return (
        f"{entry.list}/{entry.id}: {entry.algorithm} {entry.value[:64]}, "
        f"{entry.category or 'no category'}, {entry.status}"
    )
