"""Finds the rules that match a signal, evaluating few conditions.

Rules are kept by signal type and, of those that name lists, by list. A signal's variables, as far
as its rules name any, are the key of a bounded memory: what was evaluated for the same values is
not evaluated again.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from streams.contracts.event import ContentEvent
from streams.contracts.signal import Signal
from streams.policy.condition import Condition, context_of
from streams.policy.facts import Closeness, SignalType, list_of, signal_type
from streams.policy.rules import CompiledRule
from streams.policy.variables import Judged, Value, Variable, variables_of

REMEMBERED = 4096
"""Answers kept for each group of rules."""


class _Judging(NamedTuple):
    """A rule, its condition, and the lists that it is for: none for all."""

    compiled: CompiledRule
    condition: Condition | None
    lists: frozenset[str]


class _Group(NamedTuple):
    """The rules for a type (and list), in order, the variables that they read, and answers."""

    rules: Sequence[_Judging]
    names: tuple[str, ...]
    variables: tuple[Variable, ...]
    answers: dict[tuple[Value, ...], tuple[CompiledRule, ...]]


class RuleIndex:
    """The rules of a policy. Safe between threads: an answer may be worked out twice."""

    def __init__(self, rules: Sequence[CompiledRule], closeness: Closeness) -> None:
        self._closeness = closeness
        self._by_list: dict[SignalType, dict[str, _Group]] = {}
        kinds: set[SignalType] = {each.rule.on for each in rules}
        for kind in kinds:
            mine = [each for each in rules if each.rule.on == kind]
            lists = {"", *(name for each in mine for name in each.rule.lists)}
            judging = [_Judging(each, each.condition, frozenset(each.rule.lists)) for each in mine]
            self._by_list[kind] = {name: _group(kind, judging, name) for name in lists}

    def matching(
        self, event: ContentEvent, signal: Signal, signals: Sequence[Signal]
    ) -> Iterator[CompiledRule]:
        """The rules whose condition holds and which are for the event, in order."""
        groups = self._by_list.get(signal_type(signal))
        if groups is None:
            return
        group = groups.get(list_of(signal)) or groups[""]
        judged = Judged(event, signal, signals, self._closeness)
        values = tuple([variable.read(judged) for variable in group.variables])
        answer = group.answers.get(values)
        if answer is None:
            answer = _answer(group, values)
            if len(group.answers) >= REMEMBERED:
                group.answers.clear()
            group.answers[values] = answer
        for compiled in answer:
            if compiled.is_for(event):
                yield compiled


def _group(kind: SignalType, rules: Sequence[_Judging], name: str) -> _Group:
    mine = [each for each in rules if not each.lists or name in each.lists]
    names = tuple(
        dict.fromkeys(
            name for each in mine if each.condition is not None for name in each.condition.names
        )
    )
    variables = variables_of(kind)
    return _Group(
        mine,
        names,
        tuple(variables[name] for name in names),
        {},
    )


def _answer(group: _Group, values: tuple[Value, ...]) -> tuple[CompiledRule, ...]:
    """All that match, up to the first that decides whatever else the event holds."""
    context = context_of(group.names, values)
    found: list[CompiledRule] = []
    for compiled, condition, _ in group.rules:
        if condition is None or condition.program.execute(context) is True:
            found.append(compiled)
            if compiled.always:
                break
    return tuple(found)
