"""What of a policy loads and can never do anything, mostly a matter of order; and what is found
that no rule of it speaks of."""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from streams.contracts.values import Scan
from streams.policy.facts import SignalType
from streams.policy.limits import ANY, Limit
from streams.policy.policy import Policy
from streams.policy.rules import Rule
from streams.policy.scan_basis import covers


class Idle(NamedTuple):
    """A rule or a limit (`rule r3`, `limits[2]`), and why it never acts."""

    what: str
    why: str


FOUND: tuple[tuple[SignalType, Scan | None, str], ...] = (
    ("hash_match", "hash", "listed images and videos are"),
    ("url_match", "url", "listed addresses are"),
    ("text_match", "text", "copies of listed texts are"),
    ("text_risk", "text", "conversations at risk are"),
    ("user_report", None, "what people report is"),
)
"""Signals that rules are to act on, the scan that finds them (reports need none), and what is
allowed without one. The rest says how something was made or read, not that anything is wrong."""


def unspoken(policy: Policy) -> list[str]:
    """Of the signals that can be found, by any row of the scan basis, those on which there is no
    rule, or none but on trial: without another signal beside it, each comes to `allow`."""
    scans = {scan for row in policy.scan_basis.rows for scan in row.scans}
    deciding = {rule.on for rule in policy.rules if rule.mode != "trial"}
    trial = {rule.on for rule in policy.rules} - deciding
    return [
        f"no rule speaks of {kind}{', but on trial' if kind in trial else ''}: {what} allowed"
        for kind, scan, what in FOUND
        if (scan is None or scan in scans) and kind not in deciding
    ]


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
