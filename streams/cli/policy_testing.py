"""Runs a policy's own test cases."""

from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

from msgspec import Struct, structs

from streams.cli.tables import visible
from streams.contracts.decision import Decision
from streams.contracts.envelope import Envelope
from streams.policy.condition import unknown_list
from streams.policy.file import PolicyFile
from streams.policy.load import completed
from streams.policy.policy import Policy
from streams.policy.policy_tests import (
    BadPolicyTest,
    Expectation,
    PolicyTest,
    event_of,
    signals_of,
)
from streams.policy.source_lines import header_lines
from streams.stages.enforcement import decide

Facet = str | int | bool | tuple[str, ...]
"""One thing that a test looks at; several words are sorted."""


class Outcome(Struct, frozen=True):
    """A test that ran; `wrong` says what was not as expected, and is empty where it passed.
    `line` is that of the test in its file, `None` where it is `default`, the default policy's, or
    the file writes it in another way. `notes` name lists and rules that there are not: mistakes
    in the test, likely, rather than in the policy."""

    name: str
    wrong: tuple[str, ...]
    line: int | None = None
    default: bool = False
    notes: tuple[str, ...] = ()


def run_tests(
    policy: Policy, tests: Sequence[PolicyTest], known_lists: Collection[str] | None = None
) -> list[Outcome]:
    """Every test, in order. One that cannot be run is wrong too. `known_lists` are all that there
    are; without them only a test that fails is asked whether the policy names its lists."""
    outcomes: list[Outcome] = []
    for test in tests:
        wrong = _wrong(policy, test)
        lists = _strange_lists(test, known_lists, policy.lists_named if wrong else ())
        notes = (*lists, *_strange_rules(test, policy))
        outcomes.append(Outcome(test.name, wrong, notes=notes))
    return outcomes


def run_all(
    policy: Policy, content: PolicyFile, text: str, known_lists: Collection[str] | None
) -> list[Outcome]:
    """The tests of a policy file: its own and, where it has no rules of its own, first those of
    the default policy."""
    tests = completed(content).tests
    outcomes = run_tests(policy, tests, known_lists)
    defaults = len(tests) - len(content.tests)
    lines: list[int | None] = [*header_lines(text, "tests")]
    lines += [None] * (len(content.tests) - len(lines))
    return [
        *(structs.replace(each, default=True) for each in outcomes[:defaults]),
        *(
            structs.replace(each, line=line)
            for each, line in zip(outcomes[defaults:], lines, strict=False)
        ),
    ]


def lines_about(file: Path, outcomes: Sequence[Outcome]) -> list[str]:
    """What is to be said of them, a line each: of those that fail, and the notes."""
    lines: list[str] = []
    for each in outcomes:
        where = f"{file}: " if each.line is None else f"{file}:{each.line}: "
        name = f"{'the default policy: ' if each.default else where}{each.name}"
        if each.wrong:
            lines.append(f"FAILED {name}: {'; '.join((*each.wrong, *each.notes))}")
        elif each.notes:
            lines.append(f"note {name}: {'; '.join(each.notes)}")
    return [visible(line) for line in lines]


def passed(outcomes: Sequence[Outcome]) -> str:
    """How many pass, in words."""
    count = sum(not each.wrong for each in outcomes)
    return f"{count} of {len(outcomes)} tests pass" if outcomes else "no tests"


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


def _strange_lists(
    test: PolicyTest, known: Collection[str] | None, named: Collection[str]
) -> Iterator[str]:
    for number, signal in enumerate(test.signals):
        name = signal.get("list")
        if not isinstance(name, str):
            continue
        if known is not None and name not in known:
            yield f"signals[{number}]: {unknown_list(name, known)}"
        elif known is None and named and name not in named:
            there = ", ".join(sorted(named))
            yield f"signals[{number}]: no rule names the list {name!r}; the policy names {there}"


def _strange_rules(test: PolicyTest, policy: Policy) -> Iterator[str]:
    for name in (*(test.expect.rules or ()), *(test.expect.would_have or ())):
        if name not in policy.rule_ids:
            near = get_close_matches(name, policy.rule_ids, 1)
            meant = f": did you mean {near[0]}?" if near else ""
            yield f"expect: there is no rule {name!r}{meant}"


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
