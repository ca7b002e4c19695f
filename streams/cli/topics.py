"""`seawall topics …`: the pipeline's topics."""

from collections.abc import Sequence
from contextlib import closing

import typer
from rich.console import Console
from rich.table import Table

from streams.cli.options import (
    EXIT_DIFFERS,
    BootstrapOption,
    ConfigOption,
    JsonOption,
    SetOption,
    kafka_arguments,
    loaded_settings,
    print_json,
    reaching,
)
from streams.kafka.admin import Difference, TopicPlan, applied, apply_plan, plan_topics
from streams.kafka.client import admin_client, retried
from streams.kafka.topics import pipeline_topics

app = typer.Typer(no_args_is_help=True, help="The pipeline's topics.")


@app.command()
def apply(
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create the topics that are missing, and set right what can be set right in the others.

    Partitions are added where there are too few (keys then move: drain the pipeline first) and
    never removed; the replication of a topic that exists is not changed. Says what it changed.
    Doing it twice changes nothing more.

    Example: seawall topics apply --set pipeline.partitions=16

    Exit codes: 0 all is as it must be now, 1 something still differs, 2 Kafka cannot be reached.
    """
    settings = loaded_settings(config, bootstrap, assignments).settings
    specs = pipeline_topics(settings)
    with reaching(settings), closing(admin_client(kafka_arguments(settings))) as admin:
        before = plan_topics(admin, specs)
        retried(lambda: apply_plan(admin, plan_topics(admin, specs)))
        after = applied(admin, specs)
    _report(before, after, as_json)


@app.command()
def check(
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare the topics with what they must be like; changes nothing.

    Example: seawall topics check --json

    Exit codes: 0 all is as it must be, 1 something differs, 2 Kafka cannot be reached.
    """
    settings = loaded_settings(config, bootstrap, assignments).settings
    with reaching(settings), closing(admin_client(kafka_arguments(settings))) as admin:
        plans = plan_topics(admin, pipeline_topics(settings))
    _report(plans, plans, as_json)


def _left(plans: Sequence[TopicPlan]) -> list[Difference]:
    return [difference for plan in plans for difference in plan.differences]


def _report(before: Sequence[TopicPlan], after: Sequence[TopicPlan], as_json: bool) -> None:
    """Show each topic as it was found, and whether it is right now."""
    if as_json:
        print_json(
            [
                {
                    "topic": then.spec.name,
                    "found": then.state,
                    "now": now.state,
                    "differences": then.differences,
                    "left": now.differences,
                }
                for then, now in zip(before, after, strict=True)
            ]
        )
    else:
        Console().print(_table(before, after))
        for remedy in dict.fromkeys(f"{d.what}: {d.remedy}" for d in _left(after) if d.remedy):
            typer.echo(remedy)
    if any(plan.state != "same" for plan in after):
        raise typer.Exit(EXIT_DIFFERS)


def _table(before: Sequence[TopicPlan], after: Sequence[TopicPlan]) -> Table:
    """A row for each topic, or for each thing that differs; columns that say how only then."""
    how = ("is", "wanted") if _left(before) else ()
    table = Table("topic", "found", "what", *how, "now")
    table.columns[0].no_wrap = True
    for then, now in zip(before, after, strict=True):
        state = "ok" if now.state == "same" else now.state
        size = f"{then.spec.partitions} partitions, replication {then.spec.replication}"
        if then.state != "differs":
            table.add_row(then.spec.name, then.state, size, *("" for _ in how), state)
        for number, difference in enumerate(then.differences):
            left = next((d for d in now.differences if d.what == difference.what), None)
            table.add_row(
                "" if number else then.spec.name,
                "" if number else then.state,
                difference.what,
                difference.found,
                difference.wanted,
                "changed" if left is None else "differs",
            )
    return table
