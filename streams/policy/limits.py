"""Limits that fail safe: how often a rule may act on a list's matches before people look.

Each pair of rule and list is counted on its own, by day and by minute of the records' own time.
Past a limit nothing is dropped and nothing made visible: an exact match on a verified list is
still blocked, any other block becomes `hold`, and reports wait.

Counts are the enforcement stage's state, of each input partition for itself, saved with the
chunk, so that a replay counts the same. A partition gets its share of a limit, rounded up; since
a flood from one conversation comes on one partition, it trips there long before the whole does.
"""

import math
from collections.abc import Mapping, Sequence
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


class _Counts(NamedTuple):
    """How often in a day and a minute, each numbered from the epoch."""

    day: int = 0
    in_day: int = 0
    minute: int = 0
    in_minute: int = 0


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
    """Counts a batch's acts, from the state of the batches before. Records may come out of order:
    one from the window before counts in the one that has begun. A list whose counts were not
    asked for, since the policy changed when the batch had begun, is not counted."""

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

    def trips(self, rule: str, list: str, now_ms: int) -> bool:
        """Count one act of a rule on a list's match; whether that is more than is allowed."""
        limit = limit_of(self._limits, rule, list)
        if limit is None:
            return False
        by_rule = self._by_list.get(list)
        if by_rule is None:
            kept = self._state.get(count_key(list))
            if kept is None:
                return False
            by_rule = self._by_list[list] = _decode(kept.own)
        counts = by_rule[rule] = _counted(by_rule.get(rule, _Counts()), now_ms)
        return self._over(counts.in_day, limit.per_day) or self._over(
            counts.in_minute, limit.per_minute
        )

    def saved(self) -> dict[StateKey, bytes | None]:
        """The state's changes. Counts of rules that last acted days before others are left out."""
        changes: dict[StateKey, bytes | None] = {}
        for list, by_rule in self._by_list.items():
            newest = max(counts.day for counts in by_rule.values())
            kept = {rule: each for rule, each in by_rule.items() if each.day >= newest - 1}
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


def _counted(counts: _Counts, now_ms: int) -> _Counts:
    day, in_day = _window(counts.day, counts.in_day, now_ms // _DAY_MS)
    minute, in_minute = _window(counts.minute, counts.in_minute, now_ms // _MINUTE_MS)
    return _Counts(day, in_day, minute, in_minute)


def _window(window: int, count: int, now: int) -> tuple[int, int]:
    """A window far in the future came from a wrong clock: it gives way."""
    return (window, count + 1) if window - 1 <= now <= window else (now, 1)


def _decode(saved: bytes | None) -> dict[str, _Counts]:
    return msgspec.msgpack.decode(saved, type=dict[str, _Counts]) if saved else {}
