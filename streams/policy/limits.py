"""Limits that fail safe: how often a rule may act on a list's matches before people look.

Each pair of rule and list is counted on its own, by day and by minute of the records' own time.
Past a limit nothing is dropped and nothing made visible: an exact match on a verified list is
still blocked, any other block becomes `hold`, and reports wait.

Counts are the enforcement stage's state, of each input partition for itself, saved with the
chunk, so that a replay counts the same. A partition gets its share of a limit, rounded up; since
a flood from one conversation comes on one partition, it trips there long before the whole does.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta, Struct

from streams.contracts.signal import HashMatch, Signal, UrlMatch
from streams.contracts.stage import StateKey, StateValue, state_key
from streams.contracts.values import Action
from streams.policy.facts import DIGESTS

ANY = "*"
LIMITED = "limited:"
"""Begins the words in `degraded` that name a rule past its limit."""
REPORTS_PAUSED = "reports_paused"
"""In `degraded`: a rule past its limit would have reported; the report waits for a person."""
_DAY_MS = 86_400_000
_MINUTE_MS = 60_000

Positive = Annotated[int, Meta(ge=1)]


class Limit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first limit whose `rule` and `list` are a pair's, or `*`, is the pair's. Signals of no
    list have the list ""."""

    rule: Annotated[str, Meta(min_length=1)] = ANY
    list: str = ANY
    per_day: Positive | None = None
    per_minute: Positive | None = None

    def __post_init__(self) -> None:
        if self.per_day is None and self.per_minute is None:
            raise ValueError("a limit needs per_day or per_minute")


_Int = Annotated[int, Meta(ge=-(2**53), le=2**53)]
"""Bounded, so that a damaged number can be counted on and saved."""


class _Counts(NamedTuple):
    """How often in a day and a minute, each numbered from the epoch: in those of the clock that
    is furthest ahead, and in those of one that is more than a day behind it."""

    day: _Int = 0
    in_day: _Int = 0
    minute: _Int = 0
    in_minute: _Int = 0
    day_behind: _Int = 0
    in_day_behind: _Int = 0
    minute_behind: _Int = 0
    in_minute_behind: _Int = 0


def limit_of(limits: Sequence[Limit], rule: str, list: str) -> Limit | None:
    """The limit of a pair of rule and list; `None` where it has none."""
    for limit in limits:
        if limit.rule in (ANY, rule) and limit.list in (ANY, list):
            return limit
    return None


def count_key(list: str) -> StateKey:
    """Where a list's counts are kept, by rule: in the sender's scope, whose values each partition
    has for itself, under a tenant's id that no tenant has."""
    return state_key("sender", "", f"policy-limits\0{list}")


class Meter:
    """Counts a batch's acts, from the state of the batches before.

    Records may come out of order: one from a window before counts in the one that has begun. One
    from more than a day before is of another clock (a backfill, or a producer's that is wrong),
    which has windows of its own, so that neither begins the other's anew, and a clock that is far
    ahead limits nobody else for ever. A list whose counts were not asked for, since the policy
    changed when the batch had begun, is not counted.
    """

    def __init__(
        self,
        limits: Sequence[Limit],
        partitions: int,
        state: Mapping[StateKey, StateValue],
    ) -> None:
        self._limits = limits
        self._partitions = partitions
        self._state = state
        self._by_list: dict[str, dict[str, _Counts]] = {}
        self.unreadable: set[StateKey] = set()

    def trips(self, rule: str, list: str, now_ms: int) -> bool:
        """Count one act of a rule on a list's match; whether that is more than is allowed."""
        limit = limit_of(self._limits, rule, list)
        if limit is None:
            return False
        by_rule = self._by_list.get(list)
        if by_rule is None:
            key = count_key(list)
            kept = self._state.get(key)
            if kept is None:
                return False
            saved = None if kept.own is None else _decode(kept.own)
            if kept.own is not None and saved is None:
                self.unreadable.add(key)
            by_rule = self._by_list[list] = saved or {}
        counts = by_rule.get(rule, _Counts())
        in_day, day, day_behind = _counted(
            _Window(counts.day, counts.in_day),
            _Window(counts.day_behind, counts.in_day_behind),
            now_ms // _DAY_MS,
            1,
        )
        in_minute, minute, minute_behind = _counted(
            _Window(counts.minute, counts.in_minute),
            _Window(counts.minute_behind, counts.in_minute_behind),
            now_ms // _MINUTE_MS,
            _DAY_MS // _MINUTE_MS,
        )
        by_rule[rule] = _Counts(*day, *minute, *day_behind, *minute_behind)
        return self._over(in_day, limit.per_day) or self._over(in_minute, limit.per_minute)

    def saved(self, rules: Collection[str]) -> dict[StateKey, bytes | None]:
        """The state's changes. Counts of others than these `rules`, the policy's, are left out."""
        changes: dict[StateKey, bytes | None] = {}
        for list, by_rule in self._by_list.items():
            kept = {rule: each for rule, each in by_rule.items() if rule in rules}
            changes[count_key(list)] = msgspec.msgpack.encode(kept, order="sorted")
        return changes

    def _over(self, count: int, most: int | None) -> bool:
        return most is not None and count > math.ceil(most / self._partitions)


def contained(action: Action, signal: Signal) -> Action:
    """What an action comes to past a limit. Never less than not visible until reviewed, where it
    was that."""
    if action != "block":
        return action
    if isinstance(signal, HashMatch):
        return "block" if signal.verified and signal.algorithm in DIGESTS else "hold"
    return "block" if isinstance(signal, UrlMatch) and signal.verified else "hold"


class _Window(NamedTuple):
    """A window's number, and how often there was an act in it."""

    number: int
    acts: int


def _counted(ahead: _Window, behind: _Window, now: int, a_day: int) -> tuple[int, _Window, _Window]:
    """Count once in the window `now`, of which `a_day` are a day: the count now, and the windows
    of the clock furthest ahead and of the one behind it."""
    if now > ahead.number:
        if now - ahead.number > a_day:
            behind = ahead  # who is there may go on
        return 1, _Window(now, 1), behind
    if ahead.number - now <= a_day:
        ahead = _Window(ahead.number, ahead.acts + 1)
        return ahead.acts, ahead, behind
    if now > behind.number:
        behind = _Window(now, 1)
    else:
        late = behind.number - now <= a_day
        behind = _Window(behind.number if late else now, behind.acts + 1)
    return behind.acts, ahead, behind


def _decode(saved: bytes) -> dict[str, _Counts] | None:
    """The counts; `None` where they are damaged, and so forgotten."""
    try:
        return msgspec.msgpack.decode(saved, type=dict[str, _Counts])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
