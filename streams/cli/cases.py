"""`seawall cases …`: build, look at, export, hold, and record what was submitted."""

import hashlib
import logging
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Column, Table

from streams.cases.building import CaseDocument, build_case
from streams.cases.file import ReporterFile, UnusableReporter, read_reporter
from streams.cases.retention import due_for_deletion, preserve_until
from streams.cases.schema import UnusableCases
from streams.cases.store import CaseState, CaseStatus, CaseStore, NoSuchCase
from streams.cases.xml import file_details_xml, report_xml
from streams.cli.audit_hook import actor, open_audit
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
from streams.exits import NotUsable
from streams.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Cases: what people may have to report.")

CaseArgument = Annotated[str, typer.Argument(metavar="CASE", show_default=False)]
StoreOption = Annotated[
    Path | None, typer.Option("--store", help="The case store; else cases.store.")
]
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
            typer.echo(f"{run_once(settings)} cases")
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
    """List cases, the most urgent first.

    Example: seawall cases list --status open

    Exit codes: 0 listed, 2 bad usage, or the store cannot be used.
    """
    try:
        wanted = msgspec.convert(status, CaseStatus | None)
    except msgspec.ValidationError:
        fail(f"--status {status}: there are {', '.join(CaseStatus.__args__)}")
    settings = _settings(store, config)
    with _opened(settings) as opened:
        states = opened.cases(wanted, limit)
    if as_json:
        print_json([_row(state, settings) for state in states])
        return
    table = Table(
        Column("case", overflow="fold"),
        *("priority", "status", "report", "opened", "repeats", "preserve until", "delete after"),
    )
    for state in states:
        row = _row(state, settings)
        table.add_row(
            state.case_id,
            str(state.priority),
            state.status + (", held" if state.held else "") + (", reversed" * state.reversed),
            state.report,
            state.opened_at.isoformat(timespec="minutes"),
            str(state.repeats),
            *(str(row[name] or "")[:10] for name in ("preserve_until", "delete_after")),
        )
    Console().print(table)
    typer.echo(f"{len(states)} cases")


@app.command()
def show(
    case: CaseArgument,
    reporter: ReporterOption = None,
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Show a case in full, as JSON: its state, its report, its files, and what is missing.

    Example: seawall cases show 6d1f0c0e-…

    Exit codes: 0 shown, 1 there is no such case, 2 the store cannot be used.
    """
    settings = _settings(store, config)
    with _opened(settings) as opened:
        document = _document(opened, case, reporter, settings)
        state = opened.state(case)
        exports = opened.exports(state.case_id)
    print_json(
        {
            "state": _row(state, settings),
            "document": document,
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
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Write a case for a hotline: case.json, or report.xml and file-N.xml.

    What is mandatory and missing is named. report.xml is written when nothing of the report is
    missing, file-N.xml when the hotline's ids are known (`seawall cases submitted`). Every export
    is logged in the store and the audit log.

    Example: seawall cases export 6d1f0c0e-… --format xml --out case/

    Exit codes: 0 complete, 1 something is missing or there is no such case, 2 unusable.
    """
    if form not in ("json", "xml"):
        fail(f"--format {form}: there are json, xml")
    settings = _settings(store, config)
    with _opened(settings) as opened, open_audit(settings) as audit:
        document = _document(opened, case, reporter, settings)
        case_id = document.case.case_id
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
    for path in document.missing:
        typer.echo(f"missing: {path}", err=True)
    raise typer.Exit(EXIT_DIFFERS if document.missing else 0)


@app.command()
def hold(
    case: CaseArgument,
    reason: Annotated[
        str | None, typer.Option("--reason", help="Why, such as a preservation request's number.")
    ] = None,
    release: Annotated[bool, typer.Option("--release", help="Lift the hold.")] = False,
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Put a case on legal hold, so that it is not deleted, or lift that.

    Example: seawall cases hold 6d1f0c0e-… --reason "preservation request 17"

    Exit codes: 0 done, 1 there is no such case, 2 unusable.
    """
    if (reason is None) != release:
        fail("give --reason, or --release")
    settings = _settings(store, config)
    with _opened(settings) as opened, open_audit(settings) as audit, opened.writing():
        state = opened.hold(case, reason, actor(), datetime.now(UTC))
        done = "released" if release else "held"
        audit.append("case", actor(), {"done": done, "case": state.case_id, "reason": reason or ""})
    typer.echo(f"{state.case_id}: {done}")


@app.command()
def submitted(
    case: CaseArgument,
    report_id: Annotated[int, typer.Option("--report-id", help="The hotline's id of the report.")],
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

    Exit codes: 0 recorded, 1 there is no such case, or it was submitted as another, 2 unusable.
    """
    ids: dict[str, str] = {}
    for each in files or []:
        media, sign, file_id = each.rpartition("=")
        if not (sign and media and file_id):
            fail(f"--file {each}: write MEDIA=FILE")
        ids[media] = file_id
    settings = _settings(store, config)
    when = _time(at)
    with _opened(settings) as opened, open_audit(settings) as audit, opened.writing():
        state = opened.submit(case, report_id, ids, actor(), when)
        what = {"done": "submitted", "case": state.case_id, "report": report_id, "files": len(ids)}
        audit.append("case", actor(), what)
    typer.echo(f"{state.case_id}: preserved until {_row(state, settings)['preserve_until']}")


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


def _row(state: CaseState, settings: Settings) -> dict[str, object]:
    sent = state.submission
    return {
        **state._asdict(),
        "preserve_until": preserve_until(sent.at, settings.cases.preserve_days) if sent else None,
        "delete_after": due_for_deletion(state, settings.cases) if state.held is None else None,
    }


def _time(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        fail(f"--at {text}: write a time such as 2026-01-31T12:00:00Z")
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _settings(
    store: Path | None,
    config: Path | None,
    bootstrap: str | None = None,
    assignments: list[str] | None = None,
) -> Settings:
    flags = {"cases.store": str(store)} if store else None
    return loaded_settings(config, bootstrap, assignments, flags).settings


@contextmanager
def _opened(settings: Settings) -> Generator[CaseStore]:
    path = settings.cases.store
    if path is None:
        fail("no case store: give --store, or set cases.store")
    if not Path(path).exists():
        fail(f"{path}: there is no such file; seawall cases build makes it")
    try:
        with CaseStore.open(Path(path)) as opened:
            yield opened
    except UnusableCases as error:
        fail(str(error))
    except NoSuchCase as error:
        fail(str(error), EXIT_DIFFERS)
