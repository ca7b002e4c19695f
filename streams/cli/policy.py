"""`seawall policy …`: checking a policy file, testing it, and asking it about an event."""

import time
from pathlib import Path
from typing import Annotated, NoReturn

import msgspec
import typer

from streams.cli import policy_compare, policy_rollout
from streams.cli.counts import counted
from streams.cli.mapping_option import MappingOption, loaded_mapping
from streams.cli.options import ConfigOption, JsonOption, fail, loaded_settings, print_json
from streams.cli.policy_explanation import Explanation, explain
from streams.cli.policy_files import (
    EXIT_REFUSED,
    PolicyPath,
    fail_refused,
    known_lists,
    read,
    read_or_fail,
)
from streams.cli.policy_outcome import notice_words, target_words
from streams.cli.policy_records import envelope_in
from streams.cli.policy_summary import summarize, summary_lines
from streams.cli.policy_testing import lines_about, passed, run_all
from streams.cli.tables import visible
from streams.contracts.envelope import Envelope
from streams.policy.load import PolicyError
from streams.policy.policy_tests import BadPolicyTest, signal_of

CONSIDERED_SHOWN = 20
"""Of the rules that did not match a signal; `--json` gives all."""

app = typer.Typer(no_args_is_help=True, help="The policy: what may be scanned, and what to do.")


@app.command()
def check(file: PolicyPath, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Say whether a policy file can be used, whether its own tests pass, what of it stands for the
    default policy's or never acts, what it leaves to be allowed, and when its scan basis lapses
    or did. Lists that it names must be among the settings', where these name any.

    Example: seawall policy check policy.toml

    Exit codes: 0 it can be used and its tests pass, 1 not so (the error names the line and the
    field) or all of its scan basis has lapsed, 2 there is no such file.
    """
    lists = known_lists(loaded_settings(config).settings)
    try:
        text, content, policy = read(file, lists)
    except PolicyError as error:
        _refused(error, as_json=as_json)
    outcomes = run_all(policy, content, text, lists)
    failed = [each for each in outcomes if each.wrong]
    summary = summarize(policy, content, int(time.time() * 1000))
    wrong = bool(failed) or summary.over
    if as_json:
        tests = {"tests": len(outcomes), "failed": [msgspec.to_builtins(each) for each in failed]}
        print_json({"ok": not wrong, **msgspec.to_builtins(summary), **tests})
    else:
        about = visible(f"{file}: version {summary.version}")
        typer.echo(f"{about}, {counted(summary.rules, 'rule')}, {passed(outcomes)}")
        for line in (*summary_lines(summary), *lines_about(file, outcomes)):
            typer.echo(line)
    raise typer.Exit(EXIT_REFUSED if wrong else 0)


@app.command("explain")
def explain_event(
    file: PolicyPath,
    event: Annotated[
        Path,
        typer.Argument(
            help="A decision, an envelope with its signals, or an event alone (JSON).",
            exists=True,
            dir_okay=False,
        ),
    ],
    signals: Annotated[
        list[str] | None,
        typer.Option(
            "--signal",
            help="A signal to judge too (JSON), by its type and the fields that matter; the rest "
            "are plain, as in a policy's tests. May be repeated.",
        ),
    ] = None,
    mapping: MappingOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say which rows and rules of a policy apply to an event with its signals, and what they come
    to; of a signal that no rule matches, which rules were considered, and why they do not hold.

    Nothing is scanned here: rules judge the signals that are given. A decision, as it is on the
    topic and in the output of `seawall run`, holds them, and so does an envelope of a later stage's
    topic. For an event alone, give them by --signal; without any, this is what the policy does
    where nothing was found. Rows of the scan basis are those as of the record's time. With
    --mapping the file holds an event in a platform's own JSON.

    Example: seawall policy explain policy.toml event.json --signal '{"type": "hash_match"}'

    Exit codes: 0, 1 the policy cannot be used, 2 the event or a signal cannot, or there is no such
    file.
    """
    policy = read_or_fail(file)[2]
    envelope = envelope_in(event, loaded_mapping(mapping))
    for number, given in enumerate(signals or (), 1):
        _add_signal(envelope, given, f"--signal {number}")
    explanation = explain(policy, envelope)
    if as_json:
        print_json(msgspec.to_builtins(explanation))
    else:
        _print(explanation)


@app.command("test")
def run_own_tests(
    file: PolicyPath, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Run the test cases that a policy carries. One without rules of its own is tested with the
    default policy's cases too. Where the settings name lists, a list that is not among them is
    named.

    Example: seawall policy test policy.toml

    Exit codes: 0 all pass, 1 some do not, or the policy cannot be used, 2 there is no such file.
    """
    lists = known_lists(loaded_settings(config).settings)
    text, content, policy = read_or_fail(file, lists)
    outcomes = run_all(policy, content, text, lists)
    wrong = [each for each in outcomes if each.wrong]
    if as_json:
        print_json({"tests": len(outcomes), "failed": [msgspec.to_builtins(w) for w in wrong]})
    else:
        for line in lines_about(file, outcomes):
            typer.echo(line)
        typer.echo(f"{visible(str(file))}: {passed(outcomes)}")
    raise typer.Exit(EXIT_REFUSED if wrong else 0)


policy_compare.add_to(app)
policy_rollout.add_to(app)


def _refused(error: PolicyError, *, as_json: bool) -> NoReturn:
    if not as_json:
        fail_refused(error)
    print_json(
        {
            "ok": False,
            "file": error.source,
            "line": error.line,
            "field": error.field,
            "message": error.message,
        }
    )
    raise typer.Exit(EXIT_REFUSED)


def _add_signal(envelope: Envelope, given: str, where: str) -> None:
    try:
        fields = msgspec.json.decode(given, type=dict[str, object])
        envelope.signals.append(signal_of(fields, where))
    except BadPolicyTest as error:
        fail(visible(str(error)))
    except RecursionError:
        fail(f"{where}: is nested too deeply")
    except (msgspec.MsgspecError, ValueError) as error:
        fail(visible(f"{where}: {error}"))


def _print(explanation: Explanation) -> None:
    for line in _lines(explanation):
        typer.echo(visible(line))


def _lines(explanation: Explanation) -> list[str]:
    lines = [f"policy {explanation.policy_version}"]
    for row in explanation.rows:
        state = "valid" if row.valid else "not valid then"
        basis = f" ({row.basis})" if row.basis else ""
        lines.append(
            f"scan_basis[{row.number}] {row.tenant} {row.surface} {row.jurisdiction}: "
            f"{', '.join(row.scans) or 'nothing'}, {state}{basis}"
        )
    if not explanation.rows:
        lines.append("no row of the scan basis applies")
    lines += [
        f"permitted: {', '.join(explanation.permitted) or 'nothing'}",
        f"withheld: {', '.join(explanation.withheld) or 'nothing'}",
    ]
    for rule in explanation.rules:
        only = ", only noted" if rule.tentative else ""
        lines.append(f"signal {rule.signal} {rule.type}: rule {rule.rule} says {rule.action}{only}")
    for signal in explanation.unmatched:
        said = "no rule's condition holds" if signal.considered else "no rule is on this type"
        lines.append(f"signal {signal.signal} {signal.type}: {said}")
        shown = signal.considered[:CONSIDERED_SHOWN]
        lines += [f"  rule {each.rule}: {each.why}" for each in shown]
        if more := len(signal.considered) - len(shown):
            lines.append(f"  and {more} more rules; --json has all")
    if explanation.passed_over:
        lines.append(f"signals passed over: {', '.join(map(str, explanation.passed_over))}")
    lines += [
        f"signal {each.signal}: would not be found, since {each.scan} is withheld"
        for each in explanation.withheld_from
    ]
    decision = explanation.decision
    report = ", report" if decision.report else ""
    outcome = f"{decision.action}{report}, priority {decision.priority}"
    if explanation.signals:
        return [
            *lines,
            f"decision: {outcome}",
            f"targets: {target_words(decision.targets)}",
            f"notices: {notice_words(decision.notices)}",
        ]
    return [
        *lines,
        f"decision where nothing is found: {outcome}",
        "No signals are given, and nothing is scanned here: this is not what the event comes to. "
        """Give its decision instead, or signals: --signal '{"type": "hash_match"}'""",
    ]
