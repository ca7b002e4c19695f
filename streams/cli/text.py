"""`seawall text …`: try out and check the text indicators."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from matchers.language.catalogue import Catalogue, CatalogueError, load
from matchers.language.checks import check as run_checks
from matchers.language.client import client_file
from matchers.language.conversation import LEVELS
from matchers.language.corpora import CorpusError, read_jsonl, read_pan
from matchers.language.evaluation import BenignReport, Report, judge, report, report_benign
from matchers.language.indicators import Hit, IndicatorMatcher
from matchers.language.weights import CATEGORY_POINTS, EVIDENCE_LEAST, VIEW_FACTORS
from streams.cli.options import EXIT_DIFFERS, JsonOption, fail, print_json

app = typer.Typer(no_args_is_help=True, help="Try out and check the text indicators.")

CatalogueOption = Annotated[
    list[Path] | None,
    typer.Option("--catalogue", help="A platform's catalogue file or folder; may be repeated."),
]
BuiltInOption = Annotated[
    bool, typer.Option("--built-in/--no-built-in", help="Use the catalogue that ships too.")
]


@app.callback()
def group() -> None:
    """Try out and check the text indicators."""


@app.command()
def explain(
    message: Annotated[
        str, typer.Argument(help="The message, or - to read it from standard input.")
    ],
    catalogue: CatalogueOption = None,
    built_in: BuiltInOption = True,
    as_json: JsonOption = False,
) -> None:
    """Show which indicators a message holds: what, where, in which view, and what each counts.

    Example: seawall text explain "h0w old are you? don't tell your mum"

    Exit codes: 0 (also when nothing is found), 2 a catalogue cannot be used.
    """
    text = typer.get_text_stream("stdin").read() if message == "-" else message
    _, matcher = _matcher(catalogue, built_in)
    hits = matcher.find(text)
    if as_json:
        print_json([_as_dict(hit, matcher) for hit in hits])
        return
    console = Console()
    if not hits:
        console.print("No indicator.")
        return
    shown = Text(text)
    for hit in hits:
        shown.stylize("bold reverse", hit.start, hit.end)
    console.print(shown)
    table = Table("indicator", "category", "text", "at", "view", "weight", "points", "because")
    for hit in hits:
        because = [f"{_base_weight(hit, matcher):g}"]
        if VIEW_FACTORS[hit.view] != 1:
            because.append(f"{hit.view} ×{VIEW_FACTORS[hit.view]:g}")
        because += [f"{cue.name} ×{cue.factor:g}" for cue in hit.cues]
        table.add_row(
            hit.indicator + (" (trial)" if hit.trial else ""),
            hit.category + (f" {hit.age}" if hit.age else ""),
            Text(text[hit.start : hit.end]),
            f"{hit.start}–{hit.end}",
            hit.view,
            f"{hit.weight:.2f}" + ("" if hit.weight >= EVIDENCE_LEAST else " (none)"),
            f"{_points(hit):.2f}",
            ", ".join(because),
        )
    console.print(table)


@app.command()
def check(
    catalogue: CatalogueOption = None,
    built_in: BuiltInOption = True,
    as_json: JsonOption = False,
) -> None:
    """Run the catalogue's own tests: each entry's sentences that must match, and near misses.

    Example: seawall text check --catalogue our-indicators.json

    Exit codes: 0 all pass, 1 some do not, 2 a catalogue cannot be used.
    """
    catalogues, matcher = _matcher(catalogue, built_in)
    failures = run_checks(catalogues, matcher)
    counts = [
        {
            "language": language.language,
            "name": language.name,
            "reviewed": language.reviewed,
            "indicators": len(language.indicators),
            "sentences": sum(len(i.match) + len(i.near_miss) for i in language.indicators),
        }
        for language in catalogues.languages
    ]
    if as_json:
        print_json({"languages": counts, "failures": [f._asdict() for f in failures]})
    else:
        table = Table("language", "reviewed", "indicators", "sentences")
        for row in counts:
            table.add_row(
                f"{row['name']} ({row['language']})",
                "yes" if row["reviewed"] else "no: on trial",
                str(row["indicators"]),
                str(row["sentences"]),
            )
        Console().print(table)
        for failure in failures:
            typer.echo(f"{failure.indicator}: {failure.problem}: {failure.sentence!r}")
        typer.echo(f"{len(failures)} failed.")
    if failures:
        raise typer.Exit(EXIT_DIFFERS)


@app.command("compile")
def compile_catalogue(
    out: Annotated[Path, typer.Argument(help="The file to write.")],
    client: Annotated[
        bool, typer.Option("--client", help="For a client, to run on the device.")
    ] = False,
    catalogue: CatalogueOption = None,
    built_in: BuiltInOption = True,
) -> None:
    """Write the catalogue as one file that a client can run beside end-to-end encryption.

    The client sends only the ids that it finds, as `client_indicators` of its event.

    Example: seawall text compile --client indicators.json

    Exit codes: 0, 2 a catalogue cannot be used or the file not written.
    """
    if not client:
        fail("add --client: it is the only form that there is to compile to")
    _, matcher = _matcher(catalogue, built_in)
    try:
        out.write_bytes(client_file(matcher))
    except OSError as error:
        fail(f"{out}: cannot be written: {error.strerror}")
    typer.echo(f"{out}: {len(matcher.indicators)} indicators, {out.stat().st_size:,} bytes.")


@app.command()
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
    level: Annotated[str, typer.Option(help="The level that is an alarm: note, watch, review.")] = (
        "review"
    ),
    catalogue: CatalogueOption = None,
    built_in: BuiltInOption = True,
    as_json: JsonOption = False,
) -> None:
    """Measure alarms on labelled conversations, or false alarms on ordinary talk.

    A line of JSONL holds conversation_id, author and text; optionally language, at (ms), age_band,
    recipient, recipient_age_band, label (risk or benign), offender and pattern.

    Example: seawall text evaluate --benign chat.jsonl.gz

    Exit codes: 0, 2 a file or catalogue cannot be used.
    """
    if level not in LEVELS[1:]:
        fail(f"--level {level}: must be one of {', '.join(LEVELS[1:])}")
    _, matcher = _matcher(catalogue, built_in)
    try:
        talks = [
            talk
            for path in files
            for talk in (read_pan(path, truth) if truth is not None else read_jsonl(path))
        ]
    except CorpusError as bad:
        fail(str(bad))
    verdicts = [
        judge(talk, matcher, level)
        for talk in track(talks, "Reading", console=Console(stderr=True), transient=True)
    ]
    if benign:
        _show_benign(report_benign(verdicts), as_json)
    elif not any(verdict.talk.label is not None for verdict in verdicts):
        fail("no conversation has a label: add label and offender, or use --benign")
    else:
        _show_report(report(verdicts), as_json)


def _show_benign(found: BenignReport, as_json: bool) -> None:
    if as_json:
        print_json(found._asdict())
        return
    typer.echo(
        f"{found.alarms} alarms in {found.conversations:,} conversations, "
        f"{found.messages:,} messages.\n"
        f"Per 10,000 conversations: {found.per_10k_conversations:.2f}, "
        f"at most {found.per_10k_bound:.2f} (95 %).\n"
        f"Per million messages: {found.per_million_messages:.1f}, "
        f"at most {found.per_million_bound:.1f} (95 %)."
    )
    for indicator, count in found.causes.items():
        typer.echo(f"  {indicator}: {count}")


def _show_report(found: Report, as_json: bool) -> None:
    rates = {
        "recall": found.recall,
        "precision": found.precision,
        "recall, authors": found.author_recall,
        "precision, authors": found.author_precision,
        "recall, sextortion": found.sextortion,
        **{f"recall, {name}": value for name, value in found.by_language.items()},
        **{f"recall, {name or 'no pattern'}": value for name, value in found.by_pattern.items()},
    }
    if as_json:
        print_json(
            {
                "rates": {n: {**r._asdict(), "value": r.value} for n, r in rates.items()},
                "f_half": found.f_half,
                "f_latency": found.f_latency,
                "median_messages": found.messages,
                "median_categories": found.categories,
            }
        )
        return
    table = Table("rate", "value", "95 % interval", "of")
    for name, value in rates.items():
        table.add_row(
            name, f"{value.value:.3f}", f"{value.low:.3f}–{value.high:.3f}", str(value.total)
        )
    Console().print(table)
    typer.echo(
        f"F0.5 {found.f_half:.3f}, F-latency {found.f_latency:.3f}; median alarm at message "
        f"{found.messages:g}, with {found.categories:g} categories."
    )


def _matcher(paths: list[Path] | None, built_in: bool) -> tuple[Catalogue, IndicatorMatcher]:
    try:
        catalogue = load(paths or [], built_in=built_in)
        return catalogue, IndicatorMatcher(catalogue)
    except CatalogueError as bad:
        fail(str(bad))


def _base_weight(hit: Hit, matcher: IndicatorMatcher) -> float:
    indicator = matcher.indicators.get(hit.indicator)
    return hit.weight if indicator is None else indicator.weight


def _points(hit: Hit) -> float:
    return CATEGORY_POINTS[hit.category] * hit.weight if hit.weight >= EVIDENCE_LEAST else 0.0


def _as_dict(hit: Hit, matcher: IndicatorMatcher) -> dict[str, object]:
    found: dict[str, object] = msgspec.to_builtins(hit._asdict())
    found["cues"] = {cue.name: cue.factor for cue in hit.cues}
    found["base_weight"] = _base_weight(hit, matcher)
    found["points"] = round(_points(hit), 4)
    return found
