"""`seawall text …`: try out and check the text indicators."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from matchers.language.checks import check as run_checks
from matchers.language.client import client_file
from matchers.language.indicators import Hit, IndicatorMatcher
from matchers.language.weights import CATEGORY_POINTS, EVIDENCE_LEAST, VIEW_FACTORS
from streams.cli.fitted import print_stacked
from streams.cli.options import EXIT_DIFFERS, JsonOption, fail, print_json
from streams.cli.tables import add_row, visible
from streams.cli.text_evaluate import evaluate
from streams.cli.text_options import BuiltInOption, CatalogueOption, open_matcher

app = typer.Typer(no_args_is_help=True, help="Try out and check the text indicators.")

app.command()(evaluate)


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

    Exit codes: 0 (also when nothing is found), 2 the message is not UTF-8, or a catalogue cannot
    be used.
    """
    text = _read(message)
    _, matcher = open_matcher(catalogue, built_in)
    hits = matcher.find(text)
    if as_json:
        print_json([_as_dict(hit, matcher) for hit in hits])
        return
    console = Console()
    if not hits:
        console.print("No indicator.")
        return
    console.print(_marked(text, hits))
    print_stacked(
        ("indicator", "text", "counts"), [_cells(hit, text, matcher) for hit in hits], console
    )


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
    catalogues, matcher = open_matcher(catalogue, built_in)
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
        table = Table("language", "status", "indicators", "sentences")
        for row in counts:
            add_row(
                table,
                f"{row['name']} ({row['language']})",
                "measured" if row["reviewed"] else "on trial",
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
    _, matcher = open_matcher(catalogue, built_in)
    try:
        out.write_bytes(client_file(matcher))
    except OSError as error:
        fail(f"{out}: cannot be written: {error.strerror}")
    size = f"{len(matcher.indicators)} indicators, {out.stat().st_size:,} bytes"
    typer.echo(f"{visible(str(out))}: {size}.")


def _read(message: str) -> str:
    """The message, of standard input for `-`. The locale's encoding is not asked: text is UTF-8."""
    given, where = message.encode(errors="surrogateescape"), "the message"
    if message == "-":
        given, where = typer.get_binary_stream("stdin").read(), "standard input"
    try:
        return given.decode()
    except UnicodeDecodeError as error:
        fail(f"{where}: byte {error.start + 1} is not UTF-8: give it as UTF-8")


def _marked(text: str, hits: Sequence[Hit]) -> Text:
    """The message with its hits marked, its line breaks kept."""
    places = {place for hit in hits for place in (hit.start, hit.end)}
    shown = Text()
    for start, end in pairwise(sorted({0, len(text), *places})):
        inside = any(hit.start <= start and end <= hit.end for hit in hits)
        lines = "\n".join(map(visible, text[start:end].split("\n")))
        shown.append(lines, "bold reverse" if inside else None)
    return shown


def _cells(hit: Hit, text: str, matcher: IndicatorMatcher) -> tuple[list[str], ...]:
    """A hit's lines: what it is, where it stands, and what it counts."""
    because = [f"{_base_weight(hit, matcher):g}"]
    if VIEW_FACTORS[hit.view] != 1:
        because.append(f"{hit.view} ×{VIEW_FACTORS[hit.view]:g}")
    because += [f"{cue.name} ×{cue.factor:g}" for cue in hit.cues]
    least = "" if hit.weight >= EVIDENCE_LEAST else " (none)"
    return (
        [
            hit.indicator + (" (trial)" if hit.trial else ""),
            hit.category + (f" {hit.age}" if hit.age else ""),
        ],
        [text[hit.start : hit.end], f"at {hit.start}–{hit.end}, view {hit.view}"],
        [
            f"points {_points(hit):.2f}",
            f"weight {hit.weight:.2f}{least}",
            f"because {', '.join(because)}",
        ],
    )


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
