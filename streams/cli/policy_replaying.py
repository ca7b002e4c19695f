"""What another policy would have made of recorded decisions."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from streams.cli.policy_outcome import notice_change, target_change
from streams.cli.policy_records import envelope_of
from streams.contracts.decision import Decision
from streams.policy.limits import LIMITED, REPORTS_PAUSED
from streams.policy.policy import Policy
from streams.stages.enforcement import decide

EXAMPLES = 3
"""Decision ids kept for each kind of change."""

Change = tuple[str, str, str]
"""What changed (action, report or priority), what it was and what it would be."""

Detail = tuple[Literal["targets", "notices"], str]
"""What changed in a decision's targets, by kind and number, or notices, in words."""


@dataclass
class Replayed:
    """`rules` counts, by rule, in how many decisions it gave a reason before and after;
    `would_have` counts rules on trial, after. `examples` are ids of decisions. A decision that
    changed counts among `changes`, `details` or both."""

    decisions: int = 0
    judged: int = 0
    changed: int = 0
    without_facts: int = 0
    limited: int = 0
    changes: Counter[Change] = field(default_factory=Counter[Change])
    details: Counter[Detail] = field(default_factory=Counter[Detail])
    examples: dict[Change | Detail, list[str]] = field(
        default_factory=dict[Change | Detail, list[str]]
    )
    rules: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    would_have: Counter[str] = field(default_factory=Counter[str])


def replayed(policy: Policy, decisions: Iterable[Decision]) -> Replayed:
    """Judge every original decision that has signals again. Limits are left out: those that were
    met are counted in `limited`, and compared as what they came to."""
    result = Replayed()
    rules_before: Counter[str] = Counter()
    rules_after: Counter[str] = Counter()
    for decision in decisions:
        if decision.kind != "original":
            continue
        result.decisions += 1
        if not decision.signals:
            continue
        result.judged += 1
        result.without_facts += decision.event_facts is None
        result.limited += any(
            word == REPORTS_PAUSED or word.startswith(LIMITED) for word in decision.degraded
        )
        again = judged_again(policy, decision)
        rules_before.update(reason.rule for reason in decision.reasons)
        rules_after.update(reason.rule for reason in again.reasons)
        result.would_have.update(noted.rule for noted in again.would_have)
        changes = list(_changes(decision, again))
        details = list(_details(decision, again))
        result.changed += bool(changes or details)
        result.changes.update(changes)
        result.details.update(details)
        for change in (*changes, *details):
            kept = result.examples.setdefault(change, [])
            if len(kept) < EXAMPLES:
                kept.append(decision.decision_id)
    result.rules = {
        rule: (rules_before[rule], rules_after[rule]) for rule in sorted(rules_before | rules_after)
    }
    return result


def judged_again(policy: Policy, decision: Decision) -> Decision:
    """What the policy makes of a recorded decision's signals and facts."""
    return decide(policy, envelope_of(decision))


def _changes(before: Decision, after: Decision) -> Iterable[Change]:
    if before.action != after.action:
        yield "action", before.action, after.action
    if before.report != after.report:
        yield "report", _yes(before.report), _yes(after.report)
    if before.priority != after.priority:
        yield "priority", str(before.priority), str(after.priority)


def _details(before: Decision, after: Decision) -> Iterable[Detail]:
    if targets := target_change(before, after):
        yield "targets", targets
    if notices := notice_change(before, after):
        yield "notices", notices


def _yes(value: bool) -> str:
    return "yes" if value else "no"
