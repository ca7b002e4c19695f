"""`seawall feedback …`: what people found, what it says of lists and rules, and what waits."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Column, Table

from streams.cases.schema import UnusableCases
from streams.cases.store import CaseStore
from streams.cli.options import ConfigOption, JsonOption, fail, loaded_settings, print_json
from streams.feedback.budget import Task, ranked, tasks
from streams.feedback.effects import Proposal
from streams.feedback.precision import precision
from streams.settings import Settings

app = typer.Typer(no_args_is_help=True, help="What reviews say of lists, rules and indicators.")

SHOWN = 20
"""Tasks printed of those within the budget; `--json` gives all."""

StoreOption = Annotated[
    Path | None, typer.Option("--store", help="The case store; else cases.store.")
]


@app.callback()
def group() -> None:
    """What reviews say of lists, rules and indicators."""


@app.command("precision")
def show_precision(
    days: Annotated[int, typer.Option("--days", min=1, help="Of outcomes of so many days.")] = 30,
    store: StoreOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show for each list, rule and indicator what share people confirmed, with its 95 % interval.

    `control` is the uniform sample and speaks of all decisions with signals; `queue` is what was
    looked at because it was urgent, and speaks of that alone.

    Example: seawall feedback precision --days 7

    Exit codes: 0 shown, 2 the store cannot be used.
    """
    with _opened(store, config) as (opened, _):
        rows = precision(opened.reviews.reviewed_since(datetime.now(UTC) - timedelta(days=days)))
    if as_json:
        print_json(
            [{**row._asdict(), "share": row.share, "interval": row.interval} for row in rows]
        )
        return
    table = Table("of", Column("name", overflow="fold"), "sample", "reviewed", "confirmed", "95 %")
    for row in rows:
        low, high = row.interval
        table.add_row(
            row.kind,
            row.name,
            row.sample,
            str(row.confirmed + row.rejected),
            f"{row.share:.0%}",
            f"{low:.0%} to {high:.0%}",
        )
    Console().print(table)
    typer.echo(f"{len(rows)} rows")


@app.command()
def budget(
    per_day: Annotated[
        int | None,
        typer.Option("--per-day", min=0, help="Tasks; else feedback.review_budget."),
    ] = None,
    store: StoreOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rank what waits for a person, and say what falls below a day's line.

    Priorities 0 and 1 come first, then the control sample, then the rest by priority.

    Example: seawall feedback budget --per-day 200

    Exit codes: 0 shown (also when something falls below), 2 the store cannot be used.
    """
    with _opened(store, config) as (opened, settings):
        reviews = opened.reviews
        waiting = tasks(reviews.asking(), reviews.reviewed_ids(), reviews.folded_decisions())
    line = ranked(waiting, settings.feedback.review_budget if per_day is None else per_day)
    if as_json:
        print_json(
            {
                "within": [_row(task) for task in line.within],
                "below": [_row(task) for task in line.below],
            }
        )
        return
    table = Table(
        Column("decision", overflow="fold"), "priority", "action", "sample", "rules", "repeats"
    )
    for task in line.within[:SHOWN]:
        table.add_row(
            task.decision_id,
            str(task.priority),
            task.action,
            "yes" if task.sampled else "",
            ", ".join(task.rules),
            str(task.repeats),
        )
    Console().print(table)
    if len(line.within) > SHOWN:
        typer.echo(f"… and {len(line.within) - SHOWN} more within the budget")
    typer.echo(f"{len(line.within)} within the budget, {len(line.below)} below the line")
    for priority, rule, count in line.below_by():
        typer.echo(f"  below: priority {priority}, {rule or 'no rule'}: {count}")


@app.command()
def proposals(
    store: StoreOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the list entries that reviews ask for and that the librarian does not have yet.

    Those that it has wait in `seawall lists` for a person to accept them.

    Example: seawall feedback proposals

    Exit codes: 0 shown, 2 the store cannot be used.
    """
    with _opened(store, config) as (opened, _):
        waiting = [
            msgspec.json.decode(value, type=Proposal) for _, value in opened.reviews.proposals()
        ]
    if as_json:
        print_json(waiting)
        return
    for proposal in waiting:
        algorithms = ", ".join(each.algorithm for each in proposal.hashes)
        typer.echo(f"{proposal.proposal_id}: {proposal.kind} {algorithms}: {proposal.why}")
    typer.echo(f"{len(waiting)} proposals")


def _row(task: Task) -> dict[str, object]:
    return task._asdict()


@contextmanager
def _opened(store: Path | None, config: Path | None) -> Generator[tuple[CaseStore, Settings]]:
    settings = loaded_settings(config).settings
    path = store or (Path(settings.cases.store) if settings.cases.store else None)
    if path is None:
        fail("no case store: give --store, or set cases.store")
    if not path.exists():
        fail(f"{path}: there is no such file; seawall cases build makes it")
    try:
        with CaseStore.open(path) as opened:
            yield opened, settings
    except UnusableCases as error:
        fail(str(error))
