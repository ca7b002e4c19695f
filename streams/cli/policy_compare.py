"""`seawall policy diff` and `replay`: what a change of the policy changes."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from streams.cli.options import JsonOption, print_json
from streams.cli.policy_files import PolicyPath, read_or_fail
from streams.cli.policy_records import decisions_in
from streams.cli.policy_replaying import Replayed, replayed
from streams.cli.tables import add_row, visible
from streams.policy.difference import differences


def add_to(app: typer.Typer) -> None:
    """Make these commands part of `seawall policy`."""
    for command in (diff, replay):
        app.command()(command)


def diff(
    before: PolicyPath,
    after: PolicyPath,
    as_json: JsonOption = False,
) -> None:
    """Say what differs between two policy files, by rule.

    Example: seawall policy diff running.toml new.toml

    Exit codes: 0 both do the same, 1 they differ, or one cannot be used, 2 there is no such file.
    """
    found = differences(read_or_fail(before)[1], read_or_fail(after)[1])
    if as_json:
        print_json([msgspec.to_builtins(each) for each in found])
    for each in found if not as_json else ():
        typer.echo(visible(f"{each.kind} {each.where}"))
        for name, (was, is_now) in each.changed.items():
            typer.echo(f"    {visible(f'{name}: {was} -> {is_now}')}")
    if not found and not as_json:
        typer.echo("no difference")
    raise typer.Exit(1 if found else 0)


def replay(
    file: PolicyPath,
    decisions: Annotated[
        Path,
        typer.Argument(help="Recorded decisions, JSON lines.", exists=True, dir_okay=False),
    ],
    as_json: JsonOption = False,
) -> None:
    """Show what a policy would change of recorded decisions, before anyone turns it on.

    One changes where its action, report, priority, targets or notices do; targets are told by
    kind and number. A decision holds its signals, and what else of the event a policy looks at.
    Nothing is scanned again: the scan basis is that of the record. Limits are left out.

    Example: seawall policy replay new.toml decisions.jsonl

    Exit codes: 0 done, 1 the policy cannot be used, 2 a decision cannot, or there is no such file.
    """
    policy = read_or_fail(file)[2]
    found = replayed(policy, decisions_in(decisions))
    if as_json:
        print_json(
            {
                "policy": policy.version,
                "decisions": found.decisions,
                "judged": found.judged,
                "changed": found.changed,
                "without_facts": found.without_facts,
                "limited": found.limited,
                "changes": [
                    {
                        "what": what,
                        "before": was,
                        "after": is_now,
                        "decisions": count,
                        "examples": found.examples[what, was, is_now],
                    }
                    for (what, was, is_now), count in found.changes.most_common()
                ],
                "targets": _details(found, "targets"),
                "notices": _details(found, "notices"),
                "rules": {rule: list(counts) for rule, counts in found.rules.items()},
                "would_have": dict(found.would_have),
            }
        )
        return
    _print(policy.version, found)


def _details(found: Replayed, wanted: str) -> list[dict[str, object]]:
    return [
        {"change": change, "decisions": count, "examples": found.examples[what, change]}
        for (what, change), count in found.details.most_common()
        if what == wanted
    ]


def _print(version: str, found: Replayed) -> None:
    console = Console()
    typer.echo(
        f"policy {visible(version)}: {found.changed:,} of {found.judged:,} decisions with signals "
        f"would change ({found.decisions:,} decisions read)"
    )
    if found.changes:
        table = Table("what", "is", "would be", "decisions", "for example")
        for (what, was, is_now), count in found.changes.most_common():
            examples = found.examples[what, was, is_now]
            add_row(table, what, was, is_now, f"{count:,}", examples[0])
        console.print(table)
    if found.details:
        table = Table("what", "change", "decisions", "for example")
        for (what, change), count in found.details.most_common():
            add_row(table, what, change, f"{count:,}", found.examples[what, change][0])
        console.print(table)
    different = {rule: counts for rule, counts in found.rules.items() if counts[0] != counts[1]}
    if different:
        table = Table("rule", "decided", "would decide")
        for rule, (was, is_now) in different.items():
            add_row(table, rule, f"{was:,}", f"{is_now:,}")
        console.print(table)
    if found.would_have:
        table = Table("rule on trial", "would have acted in")
        for rule, count in found.would_have.most_common():
            add_row(table, rule, f"{count:,}")
        console.print(table)
    if found.without_facts:
        typer.echo(
            f"{found.without_facts:,} were recorded without facts of their events: they are judged "
            "as new messages between people of unknown age"
        )
    if found.limited:
        typer.echo(f"{found.limited:,} were made past a limit, which is left out here")
