"""`seawall run`: the same stages with no broker."""

import asyncio
import itertools
import sys
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from streams.cli.options import fail
from streams.cli.run_output import open_output, telling_of_failed_writes
from streams.cli.worker import Config, load
from streams.exits import EXIT_CONFIG

if TYPE_CHECKING:
    from streams.replay import Totals

STARTING = "getting ready: building the text catalogue, starting decoders, loading lists"


def run(
    source: Annotated[str, typer.Option("--in", help="Events, JSON lines; - is stdin.")],
    target: Annotated[str, typer.Option("--out", help="Decisions, JSON lines; - is stdout.")],
    dead_letters: Annotated[
        Path | None,
        typer.Option(help="Where refused lines are told of.", show_default=False),
    ] = None,
    config: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the totals as JSON.")] = False,
) -> None:
    """Decide the events of a file, with no broker: for backfills, and for trying it out.

    The event's own time stands for the broker's. What may be scanned is in the policy's scan
    basis: with the default policy, nothing.

    Exit codes: 0 every line was decided, 1 some were refused, 2 cannot run, or cannot write all
    of it (a full disk).

    Example: seawall run --in events.jsonl --out decisions.jsonl --config seawall.toml
    """
    began = time.perf_counter()
    # Limits are shared out among partitions, and a file is one.
    loaded = load(config, {"pipeline.partitions": 1})
    from matchers.lists.csv_format import UnreadableList
    from streams.exits import NotUsable
    from streams.logs import set_up_logging
    from streams.memory import settle_memory
    from streams.metrics import Metrics
    from streams.parts import build_parts
    from streams.replay import replay
    from streams.state.memory import MemoryStore

    set_up_logging("WARNING")
    console = Console(stderr=True)
    _refuse_overwriting(source, target, dead_letters)
    with ExitStack() as stack:
        # First, so that it hears of the files' closing as well.
        stack.enter_context(telling_of_failed_writes())
        lines = stack.enter_context(_reader(source))
        decisions = stack.enter_context(open_output("--out", target))
        letters = None
        if dead_letters:
            both_on_stdout = str(dead_letters) == target == "-"
            letters = (
                decisions
                if both_on_stdout
                else stack.enter_context(open_output("--dead-letters", str(dead_letters)))
            )
        if not as_json and not console.is_terminal:
            console.print(f"{STARTING} …", soft_wrap=True)
        try:
            with _starting(console):
                parts = build_parts(loaded.settings, Metrics())
                stack.callback(parts.close)
                if parts.lists is not None:
                    parts.lists.load()
        except (OSError, NotUsable, UnreadableList) as error:
            typer.echo(f"seawall: {error}", err=True)
            raise typer.Exit(EXIT_CONFIG) from error
        # Emptied only now: until here it may turn out that the run cannot begin.
        for place, file in ((target, decisions), (str(dead_letters or "-"), letters)):
            if file is not None and place != "-" and Path(place).is_file():
                file.truncate(0)
        settle_memory()
        store = MemoryStore(ttl=loaded.settings.state.ttl_days * 86_400)
        bar = stack.enter_context(_progress(console))
        task = bar.add_task("deciding", total=None, rate=0.0)
        startup = time.perf_counter() - began

        def show(totals: "Totals") -> None:
            bar.update(task, completed=totals.lines, rate=totals.lines / totals.seconds)

        totals = asyncio.run(replay(parts, store, source, lines, decisions, letters, show))
        totals.startup_seconds = startup
    if as_json:
        typer.echo(msgspec.json.encode(totals).decode(), err=target == "-")
    else:
        console.print(_summary(totals, dead_letters))
    raise typer.Exit(1 if totals.rejected else 0)


def _refuse_overwriting(source: str, target: str, dead_letters: Path | None) -> None:
    """What is written to is emptied first."""
    places = {"--in": source, "--out": target, "--dead-letters": str(dead_letters or "-")}
    files = [(option, Path(place).resolve()) for option, place in places.items() if place != "-"]
    for (one, path), (other, same) in itertools.combinations(files, 2):
        if path == same and (path.is_file() or not path.exists()):  # /dev/null may be several
            fail(f"{one} and {other} are the same file, {path}: name another")


def _reader(source: str) -> BinaryIO:
    if source == "-":
        return sys.stdin.buffer
    try:
        return Path(source).open("rb")
    except OSError as bad:
        fail(
            f"--in {source}: cannot be read: {bad.strerror}: name a file of events, one JSON object"
            " a line, or - for standard input"
        )


@contextmanager
def _starting(console: Console) -> Generator[None]:
    """Says on a terminal what takes so long before the first line."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    quiet = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=quiet) as shown:
        shown.add_task(STARTING, total=None)
        yield


def _progress(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}: {task.completed:,} lines, {task.fields[rate]:,.0f}/s"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _summary(totals: "Totals", dead_letters: Path | None) -> Table:
    table = Table("", "lines", title="What became of the lines", title_justify="left")
    for action, count in sorted(totals.actions.items()):
        table.add_row(f"decided: {action}", f"{count:,}")
    for error, count in sorted(totals.rejected.items()):
        table.add_row(f"refused: {error}", f"{count:,}")
    table.add_section()
    whole = totals.startup_seconds + totals.seconds
    table.add_row("all", f"{totals.lines:,} in {whole:.1f} s")
    table.add_row("", f"of which {totals.startup_seconds:.1f} s to get ready")
    notes: list[str] = []
    if totals.withheld:
        scans = ", ".join(f"{scan} in {n:,}" for scan, n in sorted(totals.withheld.items()))
        notes.append(f"Not scanned, for want of a scan basis in policy.file: {scans}")
    if totals.unread:
        reasons = ", ".join(f"{reason} {n:,}" for reason, n in sorted(totals.unread.items()))
        notes.append(f"Media that could not be read, and whose content nobody compared: {reasons}")
    if totals.rejected:
        where = f"told of in {dead_letters}" if dead_letters else "name a file: --dead-letters"
        notes.append(f"Refused lines: {where}")
    table.caption = "\n".join(notes) or None
    return table
