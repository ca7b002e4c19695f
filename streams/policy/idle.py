"""What of a policy loads and can never do anything: mostly a matter of order."""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from streams.policy.limits import ANY, Limit
from streams.policy.policy import Policy
from streams.policy.rules import Rule
from streams.policy.scan_basis import covers


class Idle(NamedTuple):
    """A rule or a limit (`rule r3`, `limits[2]`), and why it never acts."""

    what: str
    why: str


def idle_parts(policy: Policy) -> list[Idle]:
    """The rules and limits of a policy that never act, in their order."""
    return [*_idle_rules(policy.rules), *_idle_limits(policy.limits)]


def _idle_rules(rules: Sequence[Rule]) -> Iterator[Idle]:
    for number, rule in enumerate(rules):
        before = next((each for each in rules[:number] if _decides_for(each, rule)), None)
        if rule.tenants and not any(rule.tenants):
            yield Idle(f"rule {rule.id}", 'it is for the tenant "" alone, and no event has that')
        elif rule.jurisdictions and not any(rule.jurisdictions):
            why = 'it is for the jurisdiction "" alone, and no event that names one has that'
            yield Idle(f"rule {rule.id}", why)
        elif before is not None:
            yield Idle(f"rule {rule.id}", f"{before.id}, before it, decides wherever it could")


def _decides_for(earlier: Rule, rule: Rule) -> bool:
    """Whether an earlier rule decides about every signal that a rule could be reached for."""
    return (
        earlier.on == rule.on
        and earlier.mode == "live"
        and (earlier.when is None or earlier.when == rule.when)
        and _holds_all(earlier.lists, rule.lists)
        and _holds_all(earlier.tenants, rule.tenants)
        and (
            not earlier.jurisdictions
            or (
                bool(rule.jurisdictions)
                and all(
                    any(covers(e, r) for e in earlier.jurisdictions) for r in rule.jurisdictions
                )
            )
        )
    )


def _holds_all(earlier: Collection[str], later: Collection[str]) -> bool:
    """Whether one of the two, in which nothing means everything, holds all of the other."""
    return not earlier or (bool(later) and set(later) <= set(earlier))


def _idle_limits(limits: Sequence[Limit]) -> Iterator[Idle]:
    for number, limit in enumerate(limits):
        for place, before in enumerate(limits[:number]):
            if before.rule in (ANY, limit.rule) and before.list in (ANY, limit.list):
                why = f"limits[{place}], before it, is for all that it is for"
                yield Idle(f"limits[{number}] (rule {limit.rule})", why)
                break
