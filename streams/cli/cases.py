"""`seawall cases …`: build, look at, export, hold, and record what was submitted."""

import hashlib
import logging
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from streams.cases.building import CaseDocument, build_case
from streams.cases.file import ReporterFile, UnusableReporter, read_reporter
from streams.cases.files import file_entries, file_names
from streams.cases.store import CaseStatus, CaseStore
from streams.cases.xml import file_details_xml, report_xml
from streams.cli.audit_hook import actor, open_audit
from streams.cli.case_rows import (
    case_row,
    closed_by,
    content_row,
    contents,
    listed_cells,
    outcome_row,
)
from streams.cli.case_store import StoreOption, open_cases
from streams.cli.counts import counted
from streams.cli.fitted import print_stacked
from streams.cli.options import (
    EXIT_DIFFERS,
    BootstrapOption,
    ConfigOption,
    JsonOption,
    SetOption,
    fail,
    loaded_settings,
    print_json,
    reaching,
)
from streams.cli.tables import visible
from streams.exits import NotUsable
from streams.settings import Settings

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""The store's times count from here."""
CLOCKS_DIFFER = timedelta(days=1)
MOST_NAMED = 20
"""Files of a case that an error names."""
MAX_REPORT_ID = 2**63 - 1
"""The largest number that SQLite stores as one, and an XML Schema `long`."""

app = typer.Typer(no_args_is_help=True, help="Cases: what people may have to report.")

CaseArgument = Annotated[str, typer.Argument(metavar="CASE", show_default=False)]
ReporterOption = Annotated[
    Path | None,
    typer.Option("--reporter", help="What the platform says of itself; else cases.reporter."),
]


@app.callback()
def group() -> None:
    """Cases: what people may have to report. Nothing is submitted from here."""


@app.command()
def build(
    once: Annotated[
        bool, typer.Option("--once", help="Take in what is there now, and end.")
    ] = False,
    store: StoreOption = None,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
    assignments: SetOption = None,
) -> None:
    """Build cases from the topics, act on what reviews found, and send reversals.

    One process for a pipeline: it owns the store. Without --once it runs until SIGTERM, and serves
    metrics and probes at worker.http_port.

    Example: seawall cases build --store cases.db

    Exit codes: 0 asked to end, 1 failed (start it again: nothing is lost), 2 unusable.
    """
    settings = _settings(store, config, bootstrap, assignments)
    from streams.cases.app import run_desk, run_once
    from streams.kafka.positions import UnknownTopic
    from streams.logs import set_up_logging

    set_up_logging("WARNING" if once else "INFO")
    try:
        if not once:
            raise typer.Exit(run_desk(settings))
        with reaching(settings):
            typer.echo(counted(run_once(settings), "case"))
    except UnknownTopic as error:
        fail(str(error))
    except NotUsable as error:
        if once:
            fail(str(error))
        logging.getLogger(__name__).critical("%s", error)
        raise typer.Exit(2) from error


@app.command("list")
def list_cases(
    status: Annotated[
        str | None, typer.Option("--status", help="Only open, closed or submitted ones.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1)] = 50,
    store: StoreOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List cases, the most urgent first, with the rules and the content that opened them.

    Example: seawall cases list --status open

    Exit codes: 0 listed, 2 bad usage, or the store cannot be used.
    """
    try:
        wanted = msgspec.convert(status, CaseStatus | None)
    except msgspec.ValidationError:
        fail(f"--status {status}: there are {', '.join(CaseStatus.__args__)}")
    settings = _settings(store, config)
    with open_cases(settings) as opened:
        states = opened.cases(wanted, sys.maxsize)
        found = [
            (state, opened.opening(state.case_id), case_row(state, settings))
            for state in states[:limit]
        ]
    if as_json:
        print_json([row | content_row(opening) for _, opening, row in found])
        return
    if found:
        print_stacked(("case", "what it is"), [listed_cells(*each) for each in found])
    every = counted(len(states), "case")
    more = len(states) > len(found)
    typer.echo(f"{len(found)} of {every}; --limit shows more" if more else every)


@app.command()
def show(
    case: CaseArgument,
    reporter: ReporterOption = None,
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Show a case in full, as JSON: its state, the content in it, what people found, which of that
    closed it, its report, its files, and what is missing.

    Example: seawall cases show 6d1f0c0e-…

    Exit codes: 0 shown, 1 there is no such case, 2 the store cannot be used.
    """
    settings = _settings(store, config)
    with open_cases(settings) as opened:
        file = opened.case_file(case, _reporter(reporter, settings))
        state = opened.state(case)
        told = opened.reviews.outcomes_of(file.opening.decision.decision_id)
        exports = opened.exports(state.case_id)
    print_json(
        {
            "state": case_row(state, settings),
            "contents": contents(file),
            "outcomes": [outcome_row(outcome) for outcome in file.outcomes],
            "closed_by": closed_by(state, file.opening, [outcome for _, outcome in told]),
            "document": build_case(file),
            "exports": [
                {"at": at, "by": by, "format": form, "sha256": digest}
                for at, by, form, digest in exports
            ],
        }
    )


@app.command()
def export(
    case: CaseArgument,
    out: Annotated[Path, typer.Option("--out", help="A folder, made where there is none.")],
    form: Annotated[str, typer.Option("--format", help="json or xml.")] = "json",
    reporter: ReporterOption = None,
    closed: Annotated[
        bool, typer.Option("--closed", help="Write it though reviewers have closed it.")
    ] = False,
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Write a case for a hotline: case.json, or report.xml and file-N.xml. One that reviewers
    closed, since they found nothing to report in it, is written with --closed only.

    What is mandatory and missing is named, with what fills it. case.json is written all the same,
    report.xml when nothing of the report is missing, file-N.xml when the hotline's ids are known
    (`seawall cases submitted`). Every export is logged in the store and the audit log.

    Example: seawall cases export 6d1f0c0e-… --format xml --out case/

    Exit codes: 0 complete, 1 something mandatory is missing (what could be written is written),
    the case is closed, or there is no such case, 2 unusable.
    """
    if form not in ("json", "xml"):
        fail(f"--format {form}: there are json, xml")
    settings = _settings(store, config)
    with open_cases(settings) as opened, open_audit(settings) as audit:
        document = _document(opened, case, reporter, settings)
        case_id = document.case.case_id
        if opened.state(case_id).status == "closed" and not closed:
            fail(
                f"case {case_id} is closed: reviewers found nothing to report in it; --closed "
                "writes it all the same",
                EXIT_DIFFERS,
            )
        written = _json_files(document) if form == "json" else _xml_files(document)
        digest = hashlib.sha256(b"".join(written.values())).hexdigest()
        what = {"case": case_id, "format": form, "sha256": digest, "files": list(written)}
        try:
            if written:
                # Logged first: nothing leaves the store without a word of it.
                audit.append("export", actor(), what)
                with opened.writing():
                    opened.log_export(case_id, actor(), datetime.now(UTC), form, digest)
                out.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name, content in written.items():
                (out / name).write_bytes(content)
        except OSError as error:
            fail(f"{out}: {error.strerror}")
    for name in written:
        typer.echo(str(out / name))
    if not written:
        typer.echo("nothing is written: report.xml has mandatory fields that are missing", err=True)
    for path in document.missing:
        typer.echo(visible(f"missing: {path}: {_filled_by(path)}"), err=True)
    raise typer.Exit(EXIT_DIFFERS if document.missing else 0)


@app.command()
def hold(
    case: CaseArgument,
    reason: Annotated[
        str | None,
        typer.Option(
            "--reason", metavar="REASON", help="Why, such as a preservation request's number."
        ),
    ] = None,
    release: Annotated[
        bool, typer.Option("--release", help="Lift the hold; of several the one for --reason.")
    ] = False,
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Put a case on legal hold, so that it is not deleted, or lift that. Each hold stands until it
    is released: a case may be held for several reasons.

    Example: seawall cases hold 6d1f0c0e-… --reason "preservation request 17"

    Exit codes: 0 done, 1 there is no such case, it is held for that reason already, or there is no
    such hold to lift, 2 unusable.
    """
    if reason is None and not release:
        fail("give --reason, or --release")
    if reason is not None and not reason.strip():
        fail("--reason is empty: say why, such as a preservation request's number")
    settings = _settings(store, config)
    with open_cases(settings) as opened, open_audit(settings) as audit, opened.writing():
        if release:
            done, reason = "released", opened.release(case, reason).reason
        else:
            done, reason = "held", reason or ""
            opened.hold(case, reason, actor(), datetime.now(UTC))
        state = opened.state(case)
        audit.append("case", actor(), {"done": done, "case": state.case_id, "reason": reason})
    typer.echo(visible(f"{state.case_id}: {done}; holds that stand: {len(state.holds)}"))


@app.command()
def submitted(
    case: CaseArgument,
    report_id: Annotated[
        int,
        typer.Option(
            "--report-id", min=1, max=MAX_REPORT_ID, help="The hotline's id of the report."
        ),
    ],
    files: Annotated[
        list[str] | None,
        typer.Option("--file", metavar="MEDIA=FILE", help="The hotline's id of a file."),
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", help="When, if not now: 2026-01-31T12:00:00Z.")
    ] = None,
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Record that the platform submitted a case, with its own credentials. From then on the case
    is preserved.

    Example: seawall cases submitted 6d1f0c0e-… --report-id 4711 --file m-1=9f86d0

    Exit codes: 0 recorded, 1 there is no such case, it has no such file, or it was submitted as
    another, 2 unusable.
    """
    ids: dict[str, str] = {}
    for each in files or []:
        media, sign, file_id = each.rpartition("=")
        if not (sign and media and file_id):
            fail(f"--file {each}: write MEDIA=FILE")
        ids[media] = file_id
    settings = _settings(store, config)
    when = _time(at)
    with open_cases(settings) as opened, open_audit(settings) as audit, opened.writing():
        kept = _by_file(opened, case, ids)
        state = opened.submit(case, report_id, kept, actor(), when)
        what = {"done": "submitted", "case": state.case_id, "report": report_id, "files": len(kept)}
        audit.append("case", actor(), what)
    until = case_row(state, settings)["preserve_until"]
    typer.echo(visible(f"{state.case_id}: preserved until {until}"))


def _by_file(store: CaseStore, case: str, ids: Mapping[str, str]) -> dict[str, str]:
    """The ids by the files' names in the store. Ends the command where the case has no such file,
    or several, or one is named twice."""
    if not ids:
        return {}
    file = store.case_file(case)
    known = file_names(file)
    kept: dict[str, str] = {}
    for named, file_id in ids.items():
        meant = known.get(named, ())
        if not meant:
            there = list(dict.fromkeys(entry.media_id for entry in file_entries(file)))
            told = f"its files: {_some(there)}" if there else "it has none"
            fail(f"--file {named}: case {case} has no such file; {told}", EXIT_DIFFERS)
        if len(meant) > 1:
            fail(f"--file {named}: several files of case {case} are called so: {_some(meant)}")
        if kept.setdefault(meant[0], file_id) != file_id:
            fail(f"--file {named}: another id is given for the same file")
    return kept


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:MOST_NAMED]) + (", …" if len(names) > MOST_NAMED else "")


def _document(
    store: CaseStore, case: str, reporter: Path | None, settings: Settings
) -> CaseDocument:
    return build_case(store.case_file(case, _reporter(reporter, settings)))


def _reporter(path: Path | None, settings: Settings) -> ReporterFile | None:
    named = path or (Path(settings.cases.reporter) if settings.cases.reporter else None)
    try:
        return read_reporter(named) if named else None
    except UnusableReporter as error:
        fail(str(error))


def _json_files(document: CaseDocument) -> dict[str, bytes]:
    return {"case.json": msgspec.json.format(msgspec.json.encode(document), indent=2)}


def _xml_files(document: CaseDocument) -> dict[str, bytes]:
    written: dict[str, bytes] = {}
    if not any(path.startswith("report.") for path in document.missing):
        written["report.xml"] = report_xml(document.report)
    for number, entry in enumerate(document.files, 1):
        if entry.details.report_id is not None and entry.details.file_id is not None:
            written[f"file-{number}.xml"] = file_details_xml(entry.details)
    return written


def _time(text: str | None) -> datetime:
    now = datetime.now(UTC)
    if text is None:
        return now
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        fail(f"--at {text}: write a time such as 2026-01-31T12:00:00Z")
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if not EPOCH <= at <= now + CLOCKS_DIFFER:
        fail(f"--at {text}: a case was submitted between {EPOCH:%Y-%m-%d} and now")
    return at


def _filled_by(path: str) -> str:
    """What to do about a mandatory field that is missing; see `missing_fields`."""
    if path.startswith("fileDetails"):
        return "the hotline gives it; record it with seawall cases submitted"
    if path.startswith("report.reporter"):
        return "name your reporter's file: --reporter, or cases.reporter"
    return "nothing in the case says; whoever submits it has to"


def _settings(
    store: Path | None,
    config: Path | None,
    bootstrap: str | None = None,
    assignments: list[str] | None = None,
) -> Settings:
    flags = {"cases.store": str(store)} if store else None
    return loaded_settings(config, bootstrap, assignments, flags).settings
