"""What a decision does to its targets and whom it advises, in words. Targets are told by kind and
number, never by id: some are people's accounts."""

from collections import Counter
from collections.abc import Iterable
from typing import get_args

from msgspec import Struct

from streams.contracts.decision import Decision, Notice, Target, TargetKind
from streams.contracts.values import ACTION_STRENGTH, Action
from streams.policy.policy import stronger

_KINDS: tuple[TargetKind, ...] = get_args(TargetKind)


class Aimed(Struct, frozen=True):
    """What is done to so many targets of a kind."""

    kind: TargetKind
    action: Action
    count: int


def aimed(targets: Iterable[Target]) -> tuple[Aimed, ...]:
    """The targets, by kind and action."""
    found: Counter[tuple[TargetKind, Action]] = Counter()
    for (kind, _), action in _by_target(targets).items():
        found[kind, action] += 1
    return tuple(
        Aimed(kind, action, found[kind, action])
        for kind, action in sorted(found, key=lambda each: _place(*each))
    )


def target_words(targets: Iterable[Aimed]) -> str:
    """Such as `2 media block, account review`."""
    return ", ".join(f"{_many(each.count)}{each.kind} {each.action}" for each in targets) or "none"


def notice_words(notices: Iterable[Notice]) -> str:
    """Such as `sextortion-help (recipient)`."""
    return ", ".join(map(_notice, notices)) or "none"


def target_change(before: Decision, after: Decision) -> str:
    """What becomes of the targets that differ, such as `media block -> allow`; empty where none
    does. `allow` stands for a target that a decision does not name."""
    was, is_now = _by_target(before.targets), _by_target(after.targets)
    found: Counter[tuple[TargetKind, Action, Action]] = Counter()
    for target in was | is_now:
        one, other = was.get(target, "allow"), is_now.get(target, "allow")
        if one != other:
            found[target[0], one, other] += 1
    return ", ".join(
        f"{_many(found[each])}{each[0]} {each[1]} -> {each[2]}"
        for each in sorted(found, key=lambda each: _place(*each))
    )


def notice_change(before: Decision, after: Decision) -> str:
    """The notices that come (`+`) and go (`-`); empty where none does."""
    was, is_now = set(before.notices), set(after.notices)
    come = sorted(f"+{_notice(each)}" for each in is_now - was)
    gone = sorted(f"-{_notice(each)}" for each in was - is_now)
    return ", ".join((*come, *gone))


def _by_target(targets: Iterable[Target]) -> dict[tuple[TargetKind, str], Action]:
    found: dict[tuple[TargetKind, str], Action] = {}
    for each in targets:
        key = (each.kind, each.id)
        found[key] = stronger(found.get(key, "allow"), each.action)
    return found


def _place(kind: TargetKind, *actions: Action) -> tuple[int, ...]:
    """Kinds in the contract's order, and the strongest action first."""
    return (_KINDS.index(kind), *(-ACTION_STRENGTH[action] for action in actions))


def _many(count: int) -> str:
    return f"{count:,} " if count > 1 else ""


def _notice(notice: Notice) -> str:
    return f"{notice.advice} ({notice.audience})"
