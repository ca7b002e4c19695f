"""`seawall text evaluate`: how well, how early and how quietly the indicators raise alarms."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, cast

import typer
from rich.console import Console
from rich.progress import track

from matchers.language.conversation import LEVELS, Level
from matchers.language.corpora import CorpusError, Talk, read_jsonl, read_pan
from matchers.language.disguise_generator import DISGUISES, disguised
from matchers.language.evaluation import Verdict, judge, report, report_benign
from matchers.language.grid import search
from matchers.language.indicators import IndicatorMatcher
from matchers.language.missed import lost
from matchers.language.readings import READINGS, Reading, read_as
from streams.cli.options import JsonOption, fail
from streams.cli.text_options import BuiltInOption, CatalogueOption, TrustedOption, open_matcher
from streams.cli.text_tables import (
    show_benign,
    show_disguised,
    show_grid,
    show_lost,
    show_report,
    trade_off,
)


def evaluate(
    files: Annotated[
        list[Path], typer.Argument(help="JSONL (or .jsonl.gz) of messages; or the PAN-2012 XML.")
    ],
    truth: Annotated[
        Path | None, typer.Option(help="PAN-2012: the file with the offenders' author ids.")
    ] = None,
    benign: Annotated[
        bool, typer.Option("--benign", help="The talk is ordinary: count alarms and their causes.")
    ] = False,
    reading: Annotated[
        list[str] | None,
        typer.Option(
            "--reading",
            help="How ordinary talk is read, may be repeated: as_given; pairs (a room as pairs of "
            "people, by lines `nick: …`); adult_to_child (every author an adult who writes to one "
            "silent child of 13 to 15); all.",
        ),
    ] = None,
    disguise: Annotated[
        int | None,
        typer.Option(
            "--disguise", metavar="SEED", help="Rewrite the words with every disguise, and compare."
        ),
    ] = None,
    missed: Annotated[
        bool,
        typer.Option(
            "--missed", help="Show, by family, what raised no alarm and what of it was found."
        ),
    ] = False,
    grid: Annotated[
        Path | None,
        typer.Option(
            "--grid",
            metavar="FILE.svg",
            help="Search thresholds and draw the trade-off; unlabelled talk is taken as ordinary.",
        ),
    ] = None,
    level: Annotated[str, typer.Option(help="The level that is an alarm: note, watch, review.")] = (
        "review"
    ),
    catalogue: CatalogueOption = None,
    built_in: BuiltInOption = True,
    trusted: TrustedOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure alarms on labelled conversations, or false alarms on ordinary talk. Evidence of
    languages on trial counts too.

    A line of JSONL holds conversation_id, author and text; optionally language, at (ms), age_band,
    recipient, recipient_age_band, label (risk or benign), offender, pattern and family.

    Example: seawall text evaluate --benign --reading all chat.jsonl.gz

    Exit codes: 0, 2 a file or catalogue cannot be used.
    """
    if level not in LEVELS[1:]:
        fail(f"--level {level}: must be one of {', '.join(LEVELS[1:])}")
    alarm: Level = level
    if sum((benign, missed, grid is not None)) > 1:
        fail("--benign, --missed and --grid: choose one")
    if reading and not benign:
        fail("--reading is for --benign")
    if disguise is not None and (missed or grid is not None):
        fail("--disguise goes with --benign, or with labelled conversations alone")
    _, matcher = open_matcher(catalogue, built_in, trusted)
    talks = _read(files, truth)
    if benign:
        rows = {
            name: report_benign(_judged(some, matcher, alarm, name))
            for name, some in _variants(talks, _readings(reading), disguise)
        }
        show_benign(rows, as_json)
        return
    if not any(talk.label is not None for talk in talks):
        fail("no conversation has a label: add label and offender, or use --benign")
    verdicts = list(_judged(talks, matcher, alarm, "Reading"))
    if missed:
        show_lost(lost(verdicts), as_json)
    elif grid is not None:
        outcomes = search(verdicts)
        try:
            grid.write_text(trade_off(outcomes), encoding="utf-8")
        except OSError as error:
            fail(f"{grid}: cannot be written: {error.strerror}")
        show_grid(outcomes, as_json)
    elif disguise is not None:
        labelled = [talk for talk in talks if talk.label is not None]
        hidden = {
            name: report(list(_judged(some, matcher, alarm, name)))
            for name, some in _variants(labelled, ["as_given"], disguise)
            if name in DISGUISES
        }
        show_disguised(report(verdicts), hidden, as_json)
    else:
        show_report(report(verdicts), as_json)


def _read(files: Sequence[Path], truth: Path | None) -> list[Talk]:
    try:
        return [
            talk
            for path in files
            for talk in (read_pan(path, truth) if truth is not None else read_jsonl(path))
        ]
    except CorpusError as bad:
        fail(str(bad))


def _readings(given: list[str] | None) -> Sequence[Reading]:
    names = given or ["as_given"]
    if "all" in names:
        return READINGS
    for name in names:
        if name not in READINGS:
            fail(f"--reading {name}: must be one of {', '.join(READINGS)}, all")
    return cast("list[Reading]", names)


def _variants(
    talks: Sequence[Talk], readings: Sequence[Reading], disguise: int | None
) -> Iterator[tuple[str, Sequence[Talk]]]:
    """The conversations in every reading, and then under every disguise."""
    for reading in readings:
        read = list(read_as(talks, reading))
        yield reading, read
        if disguise is not None:
            for name in DISGUISES:
                label = name if len(readings) == 1 else f"{reading}, {name}"
                yield label, [disguised(talk, name, disguise) for talk in read]


def _judged(
    talks: Sequence[Talk], matcher: IndicatorMatcher, level: Level, what: str
) -> Iterator[Verdict]:
    for talk in track(talks, what, console=Console(stderr=True), transient=True):
        yield judge(talk, matcher, level)
