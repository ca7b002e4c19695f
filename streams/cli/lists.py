"""`seawall lists …`: look into list files and the librarian's store. What changes the store is in
`list_changes.py`."""

import string
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup

from matchers.hashing.text import shingles
from matchers.indexes.url_finder import further_readings
from matchers.lists.contents import unnamed_categories
from matchers.lists.csv_format import UnreadableList
from matchers.lists.entry import DIGEST_BYTES, MATCHED_ALGORITHMS
from matchers.lists.librarian.outbox import compile_store
from matchers.lists.loader import LoadedFile, load_matcher, read_lists
from matchers.lists.matcher import HashQuery, ListMatcher, Match
from matchers.lists.snapshot import SUFFIX, compile_snapshot
from matchers.lists.table import value_width
from streams.cli import list_changes, list_hashing, list_records, list_waiting
from streams.cli.list_categories import unnamed_line
from streams.cli.list_records import StoreOption, nothing_found, open_store, search_store
from streams.cli.options import ConfigOption, fail
from streams.cli.tables import add_row, visible


class Utf8Arguments(TyperGroup):
    """Commands whose arguments must be UTF-8: what they name is kept, told and printed as text."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        for number, argument in enumerate(args, 1):
            try:
                argument.encode()
            except UnicodeEncodeError:
                fail(
                    f"argument {number} after `lists`, {argument!r}, is not UTF-8: give it as "
                    "UTF-8; a file by such a name must be renamed first"
                )
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=Utf8Arguments,
    no_args_is_help=True,
    help="The lists that content is matched against.",
)
list_records.add_to(app)
list_changes.add_to(app)
list_waiting.add_to(app)
list_hashing.add_to(app)

_UNITS = {"minhash": "thousandths", "tlsh": "(TLSH's distance)", "photodna": "(by its metric)"}
SHOWN_ROWS = 20
"""Rejected rows printed for a list; `--json` gives all."""

Files = Annotated[
    list[Path],
    typer.Argument(help="CSV files, or TOML files that name them.", show_default=False),
]
FilesOrStore = Annotated[
    list[Path] | None,
    typer.Argument(
        help="CSV files, TOML files that name them, or a snapshot. Else the store.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON value.")]


@app.callback()
def group() -> None:
    """The lists that content is matched against."""


@app.command()
def check(files: Files, as_json: AsJson = False) -> None:
    """Say of each list how many rows would go in, which would not or not act, and why.

    Example: seawall lists check lists.toml

    Exit codes: 0 every row acts, 1 some would not (the rest would), 2 a file cannot be read.
    """
    lists = _read(files)
    unnamed = {file.info.name: _unnamed(file) for file in lists}
    if as_json:
        _print_json(
            [
                {
                    "list": file.info.name,
                    "file": str(file.path),
                    "accepted": len(file.entries),
                    "not_matched": _unmatched(file),
                    "rejected": [{"line": line, "reason": why} for line, why in file.rejected],
                    "held": [{"line": line, "reason": why} for line, why in file.held],
                    "unknown_columns": file.unknown_columns,
                    "unnamed_categories": unnamed[file.info.name],
                }
                for file in lists
            ]
        )
    else:
        for file in lists:
            typer.echo(
                f"{file.info.name} ({file.path}): {len(file.entries)} accepted, "
                f"{len(file.held)} of them held until approved, {len(file.rejected)} rejected"
            )
            rows = sorted([*file.rejected, *file.held])
            for line, why in rows[:SHOWN_ROWS]:
                typer.echo(f"  line {line}: {why}")
            if len(rows) > SHOWN_ROWS:
                typer.echo(f"  … and {len(rows) - SHOWN_ROWS} more; --json shows all")
            if file.unknown_columns:
                typer.echo(visible(f"  columns not used: {', '.join(file.unknown_columns)}"))
            if unnamed[file.info.name]:
                typer.echo(f"  {unnamed_line(unnamed[file.info.name])}")
            if _unmatched(file):
                typer.echo(f"  {_unmatched(file)} kept, but of algorithms not matched here")
    raise typer.Exit(any(file.rejected or file.held or unnamed[file.info.name] for file in lists))


@app.command()
def show(
    files: FilesOrStore = None,
    store: StoreOption = None,
    config: ConfigOption = None,
    as_json: AsJson = False,
) -> None:
    """Show what each list is, what its categories ask for, and how much it holds.

    Example: seawall lists show lists.toml

    Exit codes: 0 shown, 2 a file or the store cannot be read.
    """
    if files:
        matcher = _matcher(files)
        version, infos, counts = matcher.version, matcher.infos, matcher.counts
    else:
        with open_store(store, config) as opened:
            version = f"revision {opened.revision()}"
            infos, counts = opened.infos(), opened.counts()
    held = {
        name: {count.algorithm: count.entries for count in counts if count.list == name}
        for name in infos
    }
    if as_json:
        _print_json(
            {
                "version": version,
                "lists": [
                    {**msgspec.to_builtins(info), "entries": held[name]}
                    for name, info in infos.items()
                ],
            }
        )
        return
    table = Table(title=f"lists {version}", title_justify="left")
    for column in ("list", "made by", "verified by", "roles", "may be passed on", "entries"):
        table.add_column(column)
    for name, info in infos.items():
        roles = [f"{category}: {role}" for category, role in sorted(info.roles.items())]
        entries = [f"{algorithm}: {count}" for algorithm, count in held[name].items()]
        add_row(
            table,
            name,
            info.source_kind,
            info.verified_by or "nobody",
            _lines([*roles, f"the rest: {info.default_role}"]),
            "yes" if info.redistribute else "no",
            _lines(entries or ["none"]),
        )
    Console().print(table)


@app.command()
def compile(
    out: Annotated[Path, typer.Option("--out", help="The snapshot to write, ending in .snapshot.")],
    files: FilesOrStore = None,
    store: StoreOption = None,
    config: ConfigOption = None,
    as_json: AsJson = False,
) -> None:
    """Compile lists to a snapshot that workers map into memory, one copy for all on a host.

    Compiled from the store, it says from where on the control topic workers read on.

    Example: seawall lists compile lists.toml --out lists.snapshot

    Exit codes: 0 written, 1 written without some rows, 2 a file cannot be read or written.
    """
    if out.suffix != SUFFIX:
        fail(f"{out}: a snapshot's name ends in {SUFFIX}")
    if files:
        lists = _read(files)
        entries = sum(len(file.entries) for file in lists)
        rejected = sum(len(file.rejected) for file in lists)
        with _writing(out), _compiling(entries, as_json) as advance:
            version = compile_snapshot(
                out,
                {file.info.name: file.info for file in lists},
                (entry for file in lists for entry in file.entries),
                progress=advance,
            )
    else:
        with open_store(store, config) as opened:
            opened.release(datetime.now(UTC))
            entries, rejected = sum(count.entries for count in opened.counts()), 0
            with _writing(out), _compiling(entries, as_json) as advance:
                version = compile_store(opened, out, advance).version
    if as_json:
        _print_json(
            {"version": version, "file": str(out), "entries": entries, "rejected": rejected}
        )
    else:
        typer.echo(f"{out}: lists {version}, {entries} entries, {rejected} rows left out")
    raise typer.Exit(bool(rejected))


@contextmanager
def _writing(out: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        fail(f"{out}: {error.strerror}")


@contextmanager
def _compiling(entries: int, quiet: bool) -> Generator[Callable[[str, float], None]]:
    """Shows how far compiling has come."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=Console(stderr=True),
        disable=quiet,
    ) as bars:
        reading = bars.add_task("read", total=entries)
        building: dict[str, TaskID] = {}

        def advance(what: str, done: float) -> None:
            if what == "read":
                bars.update(reading, completed=done)
                return
            if what not in building:
                building[what] = bars.add_task(f"index {what}", total=100)
            bars.update(building[what], completed=round(100 * done))

        yield advance


@app.command()
def search(
    value: Annotated[
        str, typer.Argument(help="A hash in hexadecimal, a URL, a text, or an entry's id.")
    ],
    lists: Annotated[
        list[Path] | None,
        typer.Option(
            "--lists",
            help="A CSV or TOML file or a snapshot; may be given again. Else the store.",
            show_default=False,
        ),
    ] = None,
    store: StoreOption = None,
    config: ConfigOption = None,
    as_json: AsJson = False,
) -> None:
    """Find what a value matches, as the hash-matching stage would, and the entries with that id
    (not in a snapshot, which is not made for that). In the store, entries that are not in force
    are found too.

    Example: seawall lists search https://example.com/page --lists lists.toml

    Exit codes: 0 something was found, 1 nothing was, 2 a file or the store cannot be read.
    """
    if not lists:
        search_store(value, store, config, as_json=as_json)
        return
    matcher = _matcher(lists)
    files = [path for path in lists if path.suffix != SUFFIX]
    named = [
        entry for file in _read(files) for entry in file.entries if value in (entry.id, entry.value)
    ]
    matches = _matches(matcher, value)
    if as_json:
        _print_json({"version": matcher.version, "matches": matches, "entries": named})
    else:
        for match in matches:
            typer.echo(
                f"{match.list}/{match.entry}: {match.algorithm} {_nearness(match)}, "
                f"{match.category or 'no category'}, {match.role}"
            )
        for entry in named:
            typer.echo(
                f"{entry.list}/{entry.id}: {entry.algorithm} {entry.value}, "
                f"{entry.category or 'no category'}, {entry.status}"
            )
        if not (matches or named):
            typer.echo(nothing_found(value))
    raise typer.Exit(not (matches or named))


def _matches(matcher: ListMatcher, value: str) -> list[Match]:
    """What a value matches: hexadecimal by every algorithm of its width, else as a URL in all its
    readings, and as a text."""
    if value and all(digit in string.hexdigits for digit in value):
        queries = [
            HashQuery(algorithm, bytes.fromhex(value))
            for algorithm in sorted(MATCHED_ALGORITHMS)
            if 2 * value_width(algorithm) == len(value)
        ]
        return [match for found in matcher.match_hashes(queries) for match in found]
    text = shingles(value)
    written = [] if text is None else [HashQuery("minhash", text)]
    readings = [value, *further_readings(value).urls]
    found = chain(*matcher.match_urls(readings), *matcher.match_hashes(written))
    return list({(match.list, match.entry, match.algorithm): match for match in found}.values())


def _lines(lines: list[str]) -> Text:
    return Text("\n".join(map(visible, lines)))


def _nearness(match: Match) -> str:
    if match.algorithm in DIGEST_BYTES:
        return "exact"
    unit = _UNITS.get(match.algorithm, "bits")
    return f"at {match.distance} of {match.radius} {unit}"


def _matcher(files: list[Path]) -> ListMatcher:
    try:
        return load_matcher(files, loaded_at=datetime.now(UTC))
    except UnreadableList as error:
        fail(str(error))


def _unmatched(file: LoadedFile) -> int:
    return sum(entry.algorithm not in MATCHED_ALGORITHMS for entry in file.entries)


def _unnamed(file: LoadedFile) -> dict[str, int]:
    return {} if file.default_named else unnamed_categories(file.info, file.entries)


def _read(files: list[Path]) -> list[LoadedFile]:
    try:
        return read_lists(files)
    except UnreadableList as error:
        fail(str(error))


def _print_json(value: object) -> None:
    typer.echo(msgspec.json.format(msgspec.json.encode(value)).decode())
