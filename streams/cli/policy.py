"""`seawall policy …`: checking a policy file, testing it, and asking it about an event."""

import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from streams.cli import policy_compare, policy_rollout
from streams.cli.options import ConfigOption, JsonOption, fail, loaded_settings, print_json
from streams.cli.policy_explanation import Explanation, explain, summarize
from streams.cli.policy_files import EXIT_REFUSED, PolicyPath, known_lists, read, read_or_fail
from streams.cli.policy_testing import run_tests
from streams.contracts.envelope import Envelope
from streams.contracts.event import ContentEvent
from streams.policy.load import PolicyError, completed

app = typer.Typer(no_args_is_help=True, help="The policy: what may be scanned, and what to do.")


@app.command()
def check(file: PolicyPath, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Say whether a policy file can be used, and when its scan basis lapses. Lists that it names
    must be among the settings', where these name any.

    Example: seawall policy check policy.toml

    Exit codes: 0 it can be used, 1 it cannot (the error names the line and the field), 2 there is
    no such file.
    """
    try:
        _, content, policy = read(file, known_lists(loaded_settings(config).settings))
    except PolicyError as error:
        if as_json:
            print_json(
                {
                    "ok": False,
                    "file": error.source,
                    "line": error.line,
                    "field": error.field,
                    "message": error.message,
                }
            )
            raise typer.Exit(EXIT_REFUSED) from error
        fail(str(error), EXIT_REFUSED)
    summary = summarize(policy, int(time.time() * 1000))
    if as_json:
        print_json({"ok": True, **msgspec.to_builtins(summary)})
        return
    tests = len(completed(content).tests)
    typer.echo(f"{file}: version {summary.version}, {summary.rules} rules, {tests} tests")
    if summary.scan_basis_rows == 0:
        typer.echo("scan basis: no rows, so nothing is scanned")
    elif summary.next_lapse is None:
        typer.echo(f"scan basis: {summary.scan_basis_rows} rows, none of which lapses")
    else:
        typer.echo(
            f"scan basis: {summary.scan_basis_rows} rows; the first to lapse, at "
            f"{summary.next_lapse}, is {summary.lapsing}"
        )


@app.command("explain")
def explain_event(
    file: PolicyPath,
    event: Annotated[
        Path,
        typer.Argument(
            help="An event, or an envelope with its signals (JSON).", exists=True, dir_okay=False
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Say which rows and rules of a policy apply to an event, and what they come to.

    An event alone shows the scan basis as of its `occurred_at`; an envelope, as the later stages'
    topics hold it, also has the signals that rules judge.

    Example: seawall policy explain policy.toml event.json

    Exit codes: 0, 1 the policy cannot be used, 2 the event cannot, or there is no such file.
    """
    policy = read_or_fail(file)[2]
    explanation = explain(policy, _read_envelope(event))
    if as_json:
        print_json(msgspec.to_builtins(explanation))
    else:
        _print(explanation)


@app.command("test")
def run_own_tests(file: PolicyPath, as_json: JsonOption = False) -> None:
    """Run the test cases that a policy carries. One without rules of its own is tested with the
    default policy's cases too.

    Example: seawall policy test policy.toml

    Exit codes: 0 all pass, 1 some do not, or the policy cannot be used, 2 there is no such file.
    """
    _, content, policy = read_or_fail(file)
    outcomes = run_tests(policy, completed(content).tests)
    wrong = [each for each in outcomes if each.wrong]
    if as_json:
        print_json({"tests": len(outcomes), "failed": [msgspec.to_builtins(w) for w in wrong]})
    else:
        for each in wrong:
            typer.echo(f"FAILED {each.name}: {'; '.join(each.wrong)}")
        typer.echo(f"{file}: {len(outcomes) - len(wrong)} of {len(outcomes)} tests pass")
    raise typer.Exit(EXIT_REFUSED if wrong else 0)


policy_compare.add_to(app)
policy_rollout.add_to(app)


def _read_envelope(path: Path) -> Envelope:
    try:
        data = path.read_bytes()
        raw = msgspec.json.decode(data)
        if isinstance(raw, dict) and "event" in raw:
            return msgspec.json.decode(data, type=Envelope)
        event = msgspec.json.decode(data, type=ContentEvent)
    except (OSError, msgspec.MsgspecError) as error:
        fail(f"{path}: {error}")
    return Envelope(event=event, received_at=int(event.occurred_at.timestamp() * 1000))


def _print(explanation: Explanation) -> None:
    typer.echo(f"policy {explanation.policy_version}")
    for row in explanation.rows:
        state = "valid" if row.valid else "not valid then"
        basis = f" ({row.basis})" if row.basis else ""
        typer.echo(
            f"scan_basis[{row.number}] {row.tenant} {row.surface} {row.jurisdiction}: "
            f"{', '.join(row.scans) or 'nothing'}, {state}{basis}"
        )
    if not explanation.rows:
        typer.echo("no row of the scan basis applies")
    typer.echo(f"permitted: {', '.join(explanation.permitted) or 'nothing'}")
    typer.echo(f"withheld: {', '.join(explanation.withheld) or 'nothing'}")
    for rule in explanation.rules:
        only = ", only noted" if rule.tentative else ""
        typer.echo(f"signal {rule.signal} {rule.type}: rule {rule.rule} says {rule.action}{only}")
    if explanation.passed_over:
        typer.echo(f"signals passed over: {', '.join(map(str, explanation.passed_over))}")
    decision = explanation.decision
    report = ", report" if decision.report else ""
    typer.echo(f"decision: {decision.action}{report}, priority {decision.priority}")
