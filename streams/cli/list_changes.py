"""The commands of `seawall lists` that change the librarian's store, or publish its changes."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from matchers.lists.contents import unnamed_categories
from matchers.lists.csv_format import RejectedRow, UnreadableList
from matchers.lists.entry import ListInfo
from matchers.lists.formats.registry import FormatName
from matchers.lists.librarian.catalogue import CataloguedList, read_catalogue
from matchers.lists.librarian.fetch import Fetch, FetchFailed
from matchers.lists.librarian.files import Taken, import_file, sync_file
from matchers.lists.librarian.store import ListStore, Outcome, Refused
from matchers.lists.librarian.sync import sync_list
from streams.cli.audit_hook import actor, audited, rejection
from streams.cli.list_categories import unnamed_line
from streams.cli.list_records import SHOWN, ListArgument, StoreOption, open_store
from streams.cli.options import (
    EXIT_DIFFERS,
    BootstrapOption,
    ConfigOption,
    JsonOption,
    fail,
    kafka_arguments,
    loaded_settings,
    print_json,
    reaching,
)
from streams.cli.tables import visible

Catalogue = Annotated[
    Path, typer.Argument(metavar="CATALOGUE", help="The TOML file that says what the lists are.")
]


def add_to(app: typer.Typer) -> None:
    """Make these commands part of `seawall lists`."""
    app.command("import")(import_)
    for command in (sync, remove, rollback, approve, publish):
        app.command()(command)


def import_(
    file: Annotated[Path, typer.Argument(help="A list's file, or a catalogue ending in .toml.")],
    name: Annotated[
        str | None, typer.Option("--list", help="The list to import into; else the file's name.")
    ] = None,
    format_name: Annotated[FormatName, typer.Option("--format", help="How it is written.")] = "csv",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    store: StoreOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a file into a list of the store, or each list of a catalogue with its file.

    A file of csv, signals, vics, vpdq or urls is all that the list holds; ncmec and stopncii files
    are changes. A list that is new and in no catalogue is one's own, and only observed. A bad row
    is reported with its line, and the rest goes in. A change that is too large waits for
    `seawall lists approve`.

    Example: seawall lists import hotline.xml --list hotline --format ncmec

    Exit codes: 0 imported, 1 some rows are left out or held, or the change waits, 2 unusable.
    """
    try:
        if file.suffix == ".toml":
            catalogued = read_catalogue(file)
        else:
            listed = CataloguedList(name=name or file.stem, format=format_name, file=file.name)
            catalogued = (listed,)
        with open_store(store, config, create=True, dry_run=dry_run) as opened:
            results = [_import_one(opened, file, listed, dry_run=dry_run) for listed in catalogued]
    except UnreadableList as error:
        fail(str(error))
    _finish(results, as_json)


def sync(
    catalogue: Catalogue,
    name: Annotated[
        str | None, typer.Option("--list", help="Only this list; else all that have a source.")
    ] = None,
    store: StoreOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring lists up to what their sources say. One that fails keeps none from the others, and
    goes on the next time where it ended.

    Example: seawall lists sync lists.toml

    Exit codes: 0 up to date, 1 rows are left out or held, a change waits, or a source failed,
    2 unusable.
    """
    try:
        listed = [
            one
            for one in read_catalogue(catalogue)
            if one.source is not None and name in (None, one.name)
        ]
    except UnreadableList as error:
        fail(str(error))
    if not listed:
        fail(f"{catalogue}: no list with a source" + (f" named {name!r}" if name else ""))
    with open_store(store, config, create=True) as opened:
        results = [sync_one(opened, one, catalogue.parent) for one in listed]
    _finish(results, as_json)


def remove(
    name: ListArgument,
    entries: Annotated[list[str], typer.Argument(metavar="ENTRY…", help="Ids of entries.")],
    store: StoreOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove entries, and keep imports from bringing them back until they are approved.

    Example: seawall lists remove hotline 42-image1

    Exit codes: 0 removed, 2 there is no such entry, list or store.
    """
    with open_store(store, config) as opened:
        outcome = opened.remove(name, entries, origin=actor(), at=_now())
    _finish([_result(outcome)], as_json)


def rollback(
    name: ListArgument,
    revision: Annotated[
        int, typer.Argument(min=0, help="The revision to go back to; see `history`.")
    ],
    store: StoreOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a list back to what it was just after a revision. This is a revision too.

    Example: seawall lists rollback hotline 41

    Exit codes: 0 done, 2 there is no such revision, list or store.
    """
    with open_store(store, config) as opened:
        outcome = opened.rollback(name, revision, origin=actor(), at=_now())
    _finish([_result(outcome)], as_json)


def approve(
    name: ListArgument,
    entry: Annotated[
        str | None,
        typer.Argument(metavar="ENTRY", help="A held or removed entry's id.", show_default=False),
    ] = None,
    change: Annotated[
        str | None,
        typer.Option(
            "--change",
            help="Which waiting change, as `diff` and `waiting` name it: a sync can replace it.",
        ),
    ] = None,
    reject: Annotated[
        bool, typer.Option("--reject", help="Drop the waiting change instead.")
    ] = False,
    store: StoreOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the change of a list that waits, as `seawall lists diff` showed and named it, or let a
    held entry act; an entry that was removed here may come back with the next import.

    Example: seawall lists approve hotline --change 3f9c2ab41d07

    Exit codes: 0 done, 2 nothing waits, another change does, or there is no such list or store.
    """
    if entry is not None and reject:
        fail(
            f"--reject drops a change that waits; to be rid of the entry: seawall lists remove "
            f"{name} {entry}"
        )
    if entry is None and not reject and change is None:
        fail(
            f"which change? Look at it (seawall lists diff {name}), and approve what you saw: "
            f"seawall lists approve {name} --change CHANGE"
        )
    with open_store(store, config) as opened:
        if reject:
            with rejection(loaded_settings(config).settings) as what:
                waits = opened.change(name)
                if change is not None and waits is not None and change != waits:
                    raise Refused(f"list {name!r}: change {waits} waits, not {change}")
                what |= {"list": name, "change": waits}
                opened.reject(name)
            outcome = Outcome(list=name)
        else:
            outcome = opened.approve(name, entry, change=change, origin=actor(), at=_now())
            if entry is not None and outcome.revision is None:  # else it would be refused
                what = {"done": "let back", "list": name, "entry": entry}
                audited(loaded_settings(config).settings, "approval", what)
    result = _result(outcome)
    if entry is not None and outcome.revision is None:
        result["lifted"] = entry
    _finish([result], as_json)


def publish(
    restored: Annotated[
        bool,
        typer.Option(
            "--restored",
            help="The store is a copy that was put back, or a new one: make the workers' lists "
            "what it says, and drop what they were told since it was made.",
        ),
    ] = False,
    store: StoreOption = None,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
) -> None:
    """Tell the workers what changed in the store since the last time.

    Example: seawall lists publish

    Exit codes: 0 published, 1 the changes need a new snapshot, or workers know what the store does
    not (see --restored), 2 unusable.
    """
    from streams.control.list_changes import publish_changes
    from streams.control.restored import find_ahead, publish_restored
    from streams.kafka.topics import CONTROL, topic_name

    settings = loaded_settings(config, bootstrap).settings
    topic, client = topic_name(settings.pipeline, CONTROL), kafka_arguments(settings)
    with open_store(store, config) as opened, reaching(settings):
        opened.release(_now())
        ahead = find_ahead(client, topic, opened)
        if ahead is not None and not restored:
            fail(str(ahead), EXIT_DIFFERS)
        if ahead is not None:
            told = publish_restored(client, topic, opened)
            typer.echo(f"{told} told anew, as the store has them")
        sent = publish_changes(client, topic, opened)
    typer.echo(f"{sent.messages} changes published")
    if ahead is not None:
        fail(
            "workers keep what only a snapshot told them until there is a new one: a librarian "
            "that runs compiles it now; without one run seawall lists compile",
            EXIT_DIFFERS,
        )
    if sent.too_much:
        fail(f"{sent.too_much}: run seawall lists compile, too", EXIT_DIFFERS)
    if sent.topic_anew:
        fail(f"{topic} was made anew: run seawall lists compile, too", EXIT_DIFFERS)


def _import_one(
    store: ListStore, file: Path, listed: CataloguedList, *, dry_run: bool
) -> dict[str, Any]:
    at = _now()
    catalogued = file.suffix == ".toml"
    known = None if catalogued else store.infos().get(listed.name)
    info = None
    if catalogued:
        info = listed.info
    elif known is None:
        info = ListInfo(name=listed.name)
    if not listed.file:
        if info is not None and not dry_run:
            store.define(info, origin=actor(), at=at)
        return _result(Outcome(list=listed.name))
    taken = import_file(
        store,
        listed,
        file.parent / listed.file,
        origin=actor(),
        at=at,
        define=info,
        catalogued=catalogued,
        dry_run=dry_run,
    )
    return _result_of_file(taken, listed, known or listed.info)


def sync_one(store: ListStore, listed: CataloguedList, folder: Path) -> dict[str, Any]:
    """Bring a list up to its source, or else to its file, named from the catalogue's folder on;
    what came of it, for people and scripts. A file that is taken in is named in `file`."""
    at = _now()
    try:
        store.define(listed.info, origin=actor(), at=at)
        if listed.source is None:
            if not listed.file:
                return _result(Outcome(list=listed.name))
            path = folder / listed.file
            taken = sync_file(store, listed, path, now=at)
            result = _result_of_file(taken, listed, listed.info)
            return result | ({} if taken.feed is None else {"file": str(path)})
        done = sync_list(store, listed, Fetch(listed.source), now=at)
    except (FetchFailed, UnreadableList, Refused) as error:
        return failed(listed, str(error))
    except RecursionError:
        return failed(listed, "what the source says is nested too deeply")
    return _result(done.outcome, done.rejected, done.held) | {"pages": done.pages}


def failed(listed: CataloguedList, why: str) -> dict[str, Any]:
    """What came of a list that could not be brought up to its source."""
    return _result(Outcome(list=listed.name)) | {"failed": why}


def _result(
    outcome: Outcome,
    rejected: list[RejectedRow] | None = None,
    held: list[RejectedRow] | None = None,
) -> dict[str, Any]:
    return {
        **msgspec.to_builtins(outcome),
        "rejected": [row._asdict() for row in rejected or ()],
        "held": [row._asdict() for row in held or ()],
    }


def _result_of_file(taken: Taken, listed: CataloguedList, info: ListInfo) -> dict[str, Any]:
    feed = taken.feed
    if feed is None:
        return _result(taken.outcome)
    unnamed = {} if listed.default_named else unnamed_categories(info, feed.entries)
    return _result(taken.outcome, feed.rejected, feed.held) | {
        "unused": feed.unused,
        "unnamed_categories": unnamed,
    }


def _finish(results: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(results)
    else:
        for result in results:
            for line in described(result):
                typer.echo(line)
    incomplete = any(
        result["reasons"]
        or result["rejected"]
        or result["held"]
        or result["guarded"]
        or "failed" in result
        for result in results
    )
    raise typer.Exit(EXIT_DIFFERS if incomplete else 0)


def described(result: dict[str, Any]) -> list[str]:
    """A result in words."""
    counts = f"{result['added']} added, {result['changed']} changed, {result['removed']} removed"
    if "failed" in result:
        lines = [f"{result['list']}: failed: {result['failed']}"]
    elif result["reasons"]:
        lines = [f"{result['list']}: waits for approval: {'; '.join(result['reasons'])} ({counts})"]
    elif result["revision"] is None:
        lines = [f"{result['list']}: {counts}"]
    else:
        lines = [f"{result['list']}: revision {result['revision']}: {counts}"]
    if "file" in result:
        lines[0] += f", as {result['file']} says"
    if "lifted" in result:
        lines.append(
            f"  {visible(result['lifted'])}: imports no longer leave it out; "
            "the next one that holds it brings it back"
        )
    if result["withdrawn"] and result["reasons"]:
        lines.append(f"  {result['withdrawn']} withdrawn: out of force at once, past what waits")
    if result["guarded"]:
        lines.append(f"  {result['guarded']} held: near to something benign")
    if result["withheld"]:
        lines.append(f"  {result['withheld']} left out: removed here")
    if result.get("unnamed_categories"):
        lines.append(f"  {unnamed_line(result['unnamed_categories'])}")
    for kind, rows in (("left out", result["rejected"]), ("held", result["held"])):
        lines += [f"  line {row['line']} {kind}: {row['reason']}" for row in rows[:SHOWN]]
        if len(rows) > SHOWN:
            lines.append(f"  … and {len(rows) - SHOWN} more {kind}; --json shows all")
    return lines


def _now() -> datetime:
    return datetime.now(UTC)
