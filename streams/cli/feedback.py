"""`seawall feedback …`: what people found, what it says of lists and rules, and what waits."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from streams.cli.case_store import StoreOption, open_cases
from streams.cli.counts import counted
from streams.cli.fitted import print_fitted
from streams.cli.options import (
    BootstrapOption,
    ConfigOption,
    JsonOption,
    SetOption,
    loaded_settings,
    print_json,
)
from streams.cli.tables import add_row, visible
from streams.feedback.budget import Task, ranked, tasks
from streams.feedback.effects import Proposal
from streams.feedback.precision import precision
from streams.settings import Settings

app = typer.Typer(no_args_is_help=True, help="What reviews say of lists, rules and indicators.")

SHOWN = 20
"""Tasks printed of those within the budget; `--json` gives all."""
MOST_DAYS = 36_500


@app.callback()
def group() -> None:
    """What reviews say of lists, rules and indicators."""


@app.command("precision")
def show_precision(
    days: Annotated[
        int, typer.Option("--days", min=1, max=MOST_DAYS, help="Of outcomes of so many days.")
    ] = 30,
    store: StoreOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show for each list, rule and indicator what share people confirmed, with its 95 % interval.

    `control` is the uniform sample and speaks of all decisions with signals; `queue` is what was
    looked at because it was urgent, and speaks of that alone.

    Example: seawall feedback precision --days 7

    Exit codes: 0 shown, 2 bad usage, or the store cannot be used.
    """
    with open_cases(_settings(store, config)) as opened:
        rows = precision(opened.reviews.reviewed_since(datetime.now(UTC) - timedelta(days=days)))
    if as_json:
        print_json(
            [{**row._asdict(), "share": row.share, "interval": row.interval} for row in rows]
        )
        return
    table = Table("of", "name", "sample", "reviewed", "confirmed", "95 %")
    for row in rows:
        low, high = row.interval
        add_row(
            table,
            row.kind,
            row.name,
            row.sample,
            str(row.confirmed + row.rejected),
            f"{row.share:.0%}",
            f"{low:.0%} to {high:.0%}",
        )
    Console().print(table)
    typer.echo(counted(len(rows), "row"))


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
    settings = _settings(store, config)
    with open_cases(settings) as opened:
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
    print_fitted(
        ("decision", "priority", "action", "rules", "sample", "repeats"),
        [
            (
                task.decision_id,
                str(task.priority),
                task.action,
                ", ".join(task.rules),
                "yes" if task.sampled else "",
                str(task.repeats),
            )
            for task in line.within[:SHOWN]
        ],
        words=("rules",),
    )
    if len(line.within) > SHOWN:
        typer.echo(f"… and {len(line.within) - SHOWN} more within the budget")
    typer.echo(f"{len(line.within)} within the budget, {len(line.below)} below the line")
    for priority, rule, count in line.below_by():
        typer.echo(visible(f"  below: priority {priority}, {rule or 'no rule'}: {count}"))


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
    with open_cases(_settings(store, config)) as opened:
        waiting = [
            msgspec.json.decode(value, type=Proposal) for _, value in opened.reviews.proposals()
        ]
    if as_json:
        print_json(waiting)
        return
    for proposal in waiting:
        algorithms = ", ".join(each.algorithm for each in proposal.hashes)
        words = f"{proposal.proposal_id}: {proposal.kind} {algorithms}: {proposal.why}"
        typer.echo(visible(words))
    typer.echo(counted(len(waiting), "proposal"))


@app.command()
def send(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Outcomes, one JSON object a line; - for stdin.")
    ],
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send what people found to review.outcomes, keyed by decision: by hand, where no review tool
    does.

    Lines that are no outcomes by the contract (docs/schemas/review-outcome.schema.json), or are
    dated more than 5 minutes ahead, are named and left out. What is sent again changes nothing, so
    that a mended file may be sent whole.

    Example: seawall feedback send outcomes.jsonl

    Exit codes: 0 all lines were acknowledged, 1 some were left out or refused, 2 Kafka or the file
    cannot be reached.
    """
    from streams.cli.sending import send_file
    from streams.feedback.lines import outcome_key
    from streams.kafka.topics import OUTCOMES, topic_name

    settings = loaded_settings(config, bootstrap, assignments).settings
    topic = topic_name(settings.pipeline, OUTCOMES)

    def key_of(line: bytes) -> bytes:
        return outcome_key(line, datetime.now(UTC))

    send_file(settings, topic, file, "outcome", key_of, as_json=as_json)


def _row(task: Task) -> dict[str, object]:
    return task._asdict()


def _settings(store: Path | None, config: Path | None) -> Settings:
    flags = {"cases.store": str(store)} if store else None
    return loaded_settings(config, flags=flags).settings
