"""Complete patterns: explicit exceptions that a single message may complete."""

from collections.abc import Sequence

from msgspec.structs import replace

from matchers.language import weights as w
from matchers.language.categories import CATEGORIES, Category
from matchers.language.context import (
    is_checked,
    is_checked_adult,
    is_crowd,
    is_under_age,
    known_adult,
)
from matchers.language.state import MINOR_BANDS, Conversation, Latched, Pattern, Person, Strength

_HOUR = 3_600_000

_PATTERNS: dict[Pattern, tuple[Category, ...]] = {
    "sextortion": ("exposure_threat", "payment_demand"),
    "self_harm": ("self_harm",),
    "minor_image_request": ("image_request",),
}
"""The categories that each needs, plain and within the same day; of several, the first is named."""
_ORDER = tuple(_PATTERNS)


def latch(state: Conversation, now_ms: int) -> Conversation:
    """The state with the patterns that are complete now. They stay, so that later evidence cannot
    undo them."""
    # In a crowd, nobody's age and nobody's request belong together.
    people = () if is_crowd(state) else state.people
    said = [p for p in people if not is_checked_adult(p)]
    stated = {p.key for p in said if is_under_age(p.stated_least)}
    on_trial = {p.key for p in said if is_under_age(p.trial_least)}
    kept: list[Person] = []
    for person in state.people:
        own = _own(person, [p for p in people if p.key != person.key])
        minor, sure = bool((stated | on_trial) - own), bool(stated - own)
        kept.append(_latch(person, now_ms, minor=minor, stated=sure))
    return state if tuple(kept) == state.people else replace(state, people=tuple(kept))


def _own(person: Person, others: list[Person]) -> set[int]:
    """Whose age completes nothing of what this person asks: a child's own, where that is sure or
    all that it writes to are adults. Others who say to be under 18 and ask may pose."""
    if person.band not in MINOR_BANDS:
        return set()
    alone = bool(others) and all(known_adult(other) for other in others)
    return {person.key} if alone or is_checked(person) else set()


def _latch(person: Person, now_ms: int, *, minor: bool, stated: bool) -> Person:
    """`minor`: an age under 18 was said; `stated`: in a language that is not on trial."""
    by_category = {CATEGORIES[s.category]: s for s in person.strengths}
    for pattern, needed in _PATTERNS.items():
        of_minor = pattern == "minor_image_request"
        found = [by_category.get(category) for category in needed]
        strengths = [s for s in found if s is not None and is_fresh(s, now_ms)]
        if len(strengths) < len(needed) or (of_minor and not minor):
            continue
        latched = Latched(
            pattern,
            now_ms,
            any(s.trial for s in strengths) or (of_minor and not stated),
            any(s.unverified for s in strengths),
        )
        others = tuple(p for p in person.patterns if p.pattern != pattern)
        person = replace(person, patterns=(*others, latched))
    return person


def is_fresh(strength: Strength, now_ms: int) -> bool:
    """Whether evidence was plain within the window of one act. Messages may come a little out of
    order, so that it reaches both ways."""
    since = abs(now_ms - strength.solid_at)
    return strength.solid_at > 0 and since <= w.COMPOSITE_WINDOW_HOURS * _HOUR


def named(patterns: Sequence[Latched]) -> Pattern | None:
    """The pattern that a score names: sextortion, whose victim needs help, before words of
    self-harm, and these before a request. None on trial hides one that is not."""
    if not patterns:
        return None
    return min(patterns, key=lambda p: (p.trial, _ORDER.index(p.pattern))).pattern
