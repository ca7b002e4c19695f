"""Runs a policy's own test cases."""

from collections.abc import Sequence

from msgspec import Struct

from streams.contracts.decision import Decision
from streams.contracts.envelope import Envelope
from streams.policy.policy import Policy
from streams.policy.policy_tests import (
    BadPolicyTest,
    Expectation,
    PolicyTest,
    event_of,
    signals_of,
)
from streams.stages.enforcement import decide

Facet = str | int | bool | tuple[str, ...]
"""One thing that a test looks at; several words are sorted."""


class Outcome(Struct, frozen=True):
    """A test that ran; `wrong` says what was not as expected, and is empty where it passed."""

    name: str
    wrong: tuple[str, ...]


def run_tests(policy: Policy, tests: Sequence[PolicyTest]) -> list[Outcome]:
    """Every test, in order. One that cannot be run is wrong too."""
    return [Outcome(test.name, _wrong(policy, test)) for test in tests]


def _wrong(policy: Policy, test: PolicyTest) -> tuple[str, ...]:
    try:
        event, signals = event_of(test), signals_of(test)
    except BadPolicyTest as error:
        return (str(error),)
    received_at = int(event.occurred_at.timestamp() * 1000)
    decision = decide(policy, Envelope(event=event, received_at=received_at, signals=signals))
    wanted = _wanted(test.expect)
    found = _found(decision)
    return tuple(
        f"{name} is {_words(found[name])}, not {_words(value)}"
        for name, value in wanted.items()
        if found[name] != value
    )


def _wanted(expect: Expectation) -> dict[str, Facet]:
    every: dict[str, Facet | None] = {
        "action": expect.action,
        "report": expect.report,
        "priority": expect.priority,
        "rules": _sorted(expect.rules),
        "would_have": _sorted(expect.would_have),
        "notices": _sorted(expect.notices),
    }
    return {name: value for name, value in every.items() if value is not None}


def _sorted(words: list[str] | None) -> tuple[str, ...] | None:
    return None if words is None else tuple(sorted(words))


def _found(decision: Decision) -> dict[str, Facet]:
    return {
        "action": decision.action,
        "report": decision.report,
        "priority": decision.priority,
        "rules": tuple(sorted(reason.rule for reason in decision.reasons)),
        "would_have": tuple(sorted(noted.rule for noted in decision.would_have)),
        "notices": tuple(sorted(notice.advice for notice in decision.notices)),
    }


def _words(value: Facet) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
