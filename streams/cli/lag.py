"""`seawall lag`: how far the pipeline's consumer groups are behind."""

from contextlib import closing
from typing import Annotated

import typer

from streams.cli.fitted import print_fitted
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
from streams.contracts.values import STAGE_ORDER
from streams.kafka.client import Admin, admin_client
from streams.kafka.lag import PartitionLag, group_lag
from streams.kafka.topics import consumer_group, stage_topics
from streams.settings import Settings


def lag(
    group: Annotated[
        list[str] | None,
        typer.Option("--group", help="A consumer group; else all of this pipeline's."),
    ] = None,
    max_seconds: Annotated[
        float | None, typer.Option(help="Exit with 1 if any record has waited longer.")
    ] = None,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how far each consumer group is behind on each partition, in records and in seconds.

    A group that has read all records is caught up, whatever transaction markers follow. Seconds are
    the age of the oldest record that was not decided yet.

    Example: seawall lag --max-seconds 30

    Exit codes: 0, 1 some record has waited longer than --max-seconds (or its age could not be
    read), 2 Kafka cannot be reached.
    """
    settings = loaded_settings(config, bootstrap, assignments).settings
    arguments = kafka_arguments(settings)
    with reaching(settings):
        with closing(admin_client(arguments)) as admin:
            groups = dict.fromkeys(group) if group else _groups(admin, settings)
        lags = group_lag(arguments, groups)
    if as_json:
        print_json(lags)
    else:
        _show(lags)
    if max_seconds is not None and any(x.seconds is None or x.seconds > max_seconds for x in lags):
        raise typer.Exit(EXIT_DIFFERS)


def _groups(admin: Admin, settings: Settings) -> dict[str, str | None]:
    """The pipeline's groups that exist, and the topic that each one reads."""
    known = {entry["group_id"] for entry in admin.list_groups()}
    groups: dict[str, str | None] = {}
    for stage in STAGE_ORDER:
        name = consumer_group(settings.pipeline, [stage])
        if name in known:
            groups[name] = stage_topics(settings.pipeline, [stage]).input
    return groups


def _show(lags: list[PartitionLag]) -> None:
    if not lags:
        typer.echo("no consumer group of this pipeline has read anything yet")
        return
    rows = [
        (
            x.group,
            x.topic,
            str(x.partition),
            str(x.records),
            "unknown" if x.seconds is None else f"{x.seconds:.1f}",
            "none" if x.committed is None else str(x.committed),
            str(x.end),
        )
        for x in lags
    ]
    total = sum(x.records for x in lags)
    ages = [x.seconds for x in lags if x.seconds is not None]
    rows.append(("all", "", "", str(total), f"{max(ages, default=0.0):.1f}", "", ""))
    print_fitted(("group", "topic", "partition", "records", "seconds", "committed", "end"), rows)
