"""`seawall dlq …`: what could not be decided."""

import re
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
import typer

from streams.cli.dlq_rows import by_time, count_cells, letter_cells, letter_counts
from streams.cli.fitted import print_fitted, print_stacked
from streams.cli.options import (
    EXIT_DIFFERS,
    BootstrapOption,
    ConfigOption,
    JsonOption,
    SetOption,
    fail,
    kafka_arguments,
    loaded_settings,
    print_json,
    reaching,
)
from streams.cli.tables import visible
from streams.contracts.dead_letter import DeadLetter, DeadLetterClass
from streams.kafka.dead_letters import (
    Filter,
    Letters,
    ReadTimeout,
    ReplayTakenOver,
    letter_id,
    read_letters,
    replay,
)
from streams.kafka.topics import DEAD_LETTERS, topic_name
from streams.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Dead letters: what could not be decided, and why.")

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

ClassOption = Annotated[str | None, typer.Option("--class", help="Only of this error class.")]
StageOption = Annotated[str | None, typer.Option("--stage", help="Only from this stage.")]
TopicOption = Annotated[str | None, typer.Option("--topic", help="Only of this source topic.")]
SinceOption = Annotated[
    str | None,
    typer.Option("--since", help="Only newer ones: 30m, 12h, 7d, or an RFC 3339 time."),
]


@app.command("list")
def list_letters(
    error: ClassOption = None,
    stage: StageOption = None,
    topic: TopicOption = None,
    since: SinceOption = None,
    limit: Annotated[int, typer.Option(help="Show at most this many, the last ones.")] = 50,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """List dead letters, oldest first, and count them by stage and error class. Those that were
    replayed stay among them as long as the topic keeps them, and are marked and counted as such.

    Example: seawall dlq list --class missing_field --since 1h

    Exit codes: 0 (also when there are none), 2 Kafka cannot be reached.
    """
    settings = loaded_settings(config, bootstrap, assignments).settings
    wanted = _filter(error, stage, topic, since)
    with _reading(settings):
        found = read_letters(kafka_arguments(settings), _topic(settings), wanted)
    shown = by_time(found.letters)[-limit:] if limit > 0 else []
    counts = letter_counts(found)
    replayed = sum(row.replayed for row in counts)
    if as_json:
        print_json(
            {
                "total": len(found.letters),
                "replayed": replayed,
                "unreadable": found.unreadable,
                "counts": [
                    {
                        "stage": row.stage,
                        "class": row.error,
                        "count": row.letters,
                        "replayed": row.replayed,
                        "first": row.first,
                    }
                    for row in counts
                ],
                "letters": [_row(letter, found) for letter in shown],
            }
        )
        return
    if shown:
        print_stacked(
            ("dead letter", "why"), [letter_cells(letter, found.replayed) for letter in shown]
        )
    if counts:
        print_fitted(
            ("class", "stage", "count", "replayed", "first (UTC)"),
            [count_cells(row) for row in counts],
        )
    left = len(found.letters) - len(shown)
    typer.echo(
        f"{len(found.letters)} dead letters"
        + (f", {replayed} of them replayed" if replayed else "")
        + (f", {left} not shown" if left else "")
    )
    if found.unreadable:
        typer.echo(f"{found.unreadable} records of the topic are no dead letters", err=True)


@app.command()
def show(
    id: Annotated[str, typer.Argument(help="TOPIC/PARTITION/OFFSET of the source record.")],
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
    assignments: SetOption = None,
) -> None:
    """Show one dead letter in full, as JSON.

    `came_back_as` names the letter that its replay became, which needs another fix. One that was
    replayed and has none was decided, or waits still (see seawall lag).

    Example: seawall dlq show content.events/3/1741

    Exit codes: 0, 1 there is no such letter, 2 Kafka cannot be reached.
    """
    settings = loaded_settings(config, bootstrap, assignments).settings
    with _reading(settings):
        wanted = Filter(ids=frozenset({id}))
        found = read_letters(kafka_arguments(settings), _topic(settings), wanted)
    if not found.letters:
        fail(f"no dead letter {id}", EXIT_DIFFERS)
    print_json(_row(found.letters[0], found))


@app.command("replay")
def replay_letters(
    ids: Annotated[
        list[str] | None, typer.Argument(help="TOPIC/PARTITION/OFFSET; else by the filters.")
    ] = None,
    error: ClassOption = None,
    stage: StageOption = None,
    topic: TopicOption = None,
    since: SinceOption = None,
    everything: Annotated[bool, typer.Option("--all", help="All that were not replayed.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Also those that were.")] = False,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send the source records of dead letters to their topic again, after a fix.

    Records keep their key, partition and relative order, and carry a header
    `seawall-replayed-from`. What was replayed before is left out. Names the records that their
    topic no longer holds, and the ids that no dead letter has.

    Example: seawall dlq replay --class internal_error --since 2h

    Exit codes: 0 all were sent (or had been), 1 some are no longer retained or not found, 2 bad
    usage, or Kafka cannot be reached.
    """
    if not (ids or error or stage or topic or since or everything):
        fail("say what to replay: ids, filters, or --all")
    settings = loaded_settings(config, bootstrap, assignments).settings
    wanted = _filter(error, stage, topic, since, ids)
    with _reading(settings):
        done = replay(
            kafka_arguments(settings),
            _topic(settings),
            f"{settings.pipeline.name}.dlq-replay",
            wanted,
            again=again,
        )
    known = {*done.sent, *done.already, *done.gone}
    missing = [id for id in dict.fromkeys(ids or []) if id not in known]
    if as_json:
        print_json({**msgspec.to_builtins(done), "not_found": missing})
    else:
        within = " that the filters admit" if error or stage or topic or since else ""
        for id in missing:
            typer.echo(f"{id}: no such dead letter{within}; see seawall dlq list", err=True)
        for gone in done.gone:
            typer.echo(visible(f"{gone}: no longer retained by its topic"), err=True)
        typer.echo(
            f"{len(done.sent)} replayed, {len(done.already)} had been before, "
            f"{len(done.gone)} no longer retained"
            + (f", {len(missing)} not found" if missing else "")
        )
    if done.gone or missing:
        raise typer.Exit(EXIT_DIFFERS)


def _filter(
    error: str | None,
    stage: str | None,
    topic: str | None,
    since: str | None,
    ids: list[str] | None = None,
) -> Filter:
    try:
        known = msgspec.convert(error, DeadLetterClass | None)
    except msgspec.ValidationError:
        fail(f"--class {error}: there are {', '.join(DeadLetterClass.__args__)}")
    for id in ids or []:
        if not re.fullmatch(r"[A-Za-z0-9._-]+/\d+/\d+", id):
            fail(f"{id}: write TOPIC/PARTITION/OFFSET")
    return Filter(
        error=known,
        stage=stage,
        topic=topic,
        since=_since(since),
        ids=frozenset(ids) if ids else None,
    )


def _since(text: str | None) -> datetime | None:
    if text is None:
        return None
    span = re.fullmatch(r"(\d+)([smhd])", text)
    if span:
        try:
            return datetime.now(UTC) - timedelta(seconds=int(span[1]) * UNITS[span[2]])
        except (OverflowError, ValueError):
            fail(f"--since {text[:40]}: before the year 1: write a shorter span, such as 7d")
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        fail(f"--since {text}: write 30m, 12h, 7d, or a time such as 2026-01-31T12:00:00Z")
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _row(letter: DeadLetter, found: Letters) -> dict[str, Any]:
    id = letter_id(letter)
    row: dict[str, Any] = {"id": id, "replayed": id in found.replayed}
    if id in found.came_back:
        row["came_back_as"] = found.came_back[id]
    return {**row, **msgspec.to_builtins(letter)}


def _topic(settings: Settings) -> str:
    return topic_name(settings.pipeline, DEAD_LETTERS)


@contextmanager
def _reading(settings: Settings) -> Generator[None]:
    with reaching(settings):
        try:
            yield
        except (ReadTimeout, ReplayTakenOver) as slow:
            fail(str(slow))
