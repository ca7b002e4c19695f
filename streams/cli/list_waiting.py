"""The commands of `seawall lists` for what waits for a person: changes, held and flagged entries,
proposals."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from matchers.lists.librarian import proposals
from matchers.lists.librarian.store import Refused
from streams.cli.audit_hook import actor, rejection
from streams.cli.list_records import SHOWN, StoreOption, open_store
from streams.cli.options import (
    EXIT_DIFFERS,
    ConfigOption,
    JsonOption,
    loaded_settings,
    print_json,
)
from streams.cli.tables import visible


def add_to(app: typer.Typer) -> None:
    """Make these commands part of `seawall lists`."""
    for command in (waiting, accept):
        app.command()(command)


def waiting(
    name: Annotated[
        str | None, typer.Argument(metavar="LIST", help="Else every list.", show_default=False)
    ] = None,
    store: StoreOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what waits for a person: changes that are too large, entries that are held (near to
    something benign, or saying nothing) or flagged, and entries that reviewers propose.

    Example: seawall lists waiting hotline

    Exit codes: 0 nothing waits, 1 something does, 2 there is no such list or store.
    """
    with open_store(store, config) as opened:
        if name is not None and name not in opened.infos():
            raise Refused(f"there is no list {name!r}")
        names = [name] if name is not None else list(opened.infos())
        found: dict[str, list[dict[str, Any]]] = {
            "changes": [
                {
                    "list": change.list,
                    "since": change.at,
                    "reasons": change.reasons,
                    "change": opened.change(change.list),
                }
                for change in opened.waiting()
                if change.list in names
            ],
            "held": [
                {
                    "list": held.entry.list,
                    "entry": held.id,
                    "algorithm": held.entry.algorithm,
                    "reason": held.reason,
                }
                for each in names
                for held in opened.held(each)
            ],
            "flagged": [flag._asdict() for flag in opened.flags(name)],
            "proposals": [
                {
                    "number": proposal.number,
                    "list": proposal.entry.list,
                    "entry": proposal.entry.id,
                    "algorithm": proposal.entry.algorithm,
                    "value": proposal.entry.value,
                    "why": proposal.why,
                    "origin": proposal.origin,
                    "at": proposal.at,
                }
                for proposal in proposals.proposals(opened, name)
            ],
        }
    if as_json:
        print_json(found)
    else:
        for kind, rows in found.items():
            for row in rows[:SHOWN]:
                reasons = {"reasons": "; ".join(row.get("reasons", ()))}
                typer.echo(visible(_SHOWN[kind].format(**row | reasons)))
            if len(rows) > SHOWN:
                typer.echo(f"… and {len(rows) - SHOWN} more {kind}; --json shows all")
        if not any(found.values()):
            typer.echo("nothing waits")
    raise typer.Exit(EXIT_DIFFERS if any(found.values()) else 0)


_SHOWN = {
    "changes": "{list}: a change waits since {since}: {reasons}; look at it (seawall lists "
    "diff {list}), then seawall lists approve {list} --change {change}",
    "held": "{list}/{entry}: {algorithm} held: {reason}",
    "flagged": "{list}/{id}: flagged at {at}: its {algorithm} matched {matches} of {looked_at} "
    "media items",
    "proposals": "proposal {number}: {list}/{entry}: {algorithm} {value:.64}, by {origin}: {why}",
}


def accept(
    number: Annotated[int, typer.Argument(help="The proposal's; see `waiting`.")],
    reject: Annotated[bool, typer.Option("--reject", help="Drop the proposal instead.")] = False,
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Make an entry that a reviewer proposes part of its list, or drop the proposal for good. A
    perceptual hash may be only observed at first; one near to something benign is held.

    Example: seawall lists accept 7

    Exit codes: 0 done, 1 taken in, but held, 2 no such proposal waits, or there is no store.
    """
    origin, at = actor(), datetime.now(UTC)
    with open_store(store, config) as opened:
        if reject:
            with rejection(loaded_settings(config).settings) as what:
                dropped = proposals.reject(opened, number, origin=origin, at=at)
                what |= {"list": dropped.entry.list, "proposal": number}
            typer.echo(f"proposal {number} for {dropped.entry.list} rejected")
            return
        outcome = proposals.accept(opened, number, origin=origin, at=at)
    if outcome.revision is None:
        typer.echo(f"{outcome.list}: holds the entry already")
        return
    typer.echo(f"{outcome.list}: revision {outcome.revision}: 1 entry taken in")
    if outcome.guarded:
        typer.echo("  held: it is near to something benign; seawall lists waiting says to what")
        raise typer.Exit(EXIT_DIFFERS)
