"""The trade-off between thresholds of `review`: what each would have caught, and what disturbed.

A conversation is read once; how far each side came after each of its messages is then held
against every combination of thresholds.
"""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

from matchers.language import weights as w
from matchers.language.evaluation import Rate, Side, Verdict, f_beta, rate, upper_bound

POINTS = tuple(round(1.6 + 0.2 * step, 1) for step in range(19))
CATEGORIES = (1, 2, 3)
MESSAGES = (1, 2, 3)


class Thresholds(NamedTuple):
    """What `review` asks for besides a core category: `REVIEW`, `REVIEW_CATEGORIES` and
    `REVIEW_MESSAGES` of `matchers.language.weights`. Patterns need none of them."""

    points: float
    categories: int
    messages: int


IN_FORCE = Thresholds(w.REVIEW, w.REVIEW_CATEGORIES, w.REVIEW_MESSAGES)


class Outcome(NamedTuple):
    """What thresholds lead to: recall and precision over labelled conversations, `ordinary`
    alarms among unlabelled ones, with their rate and its 95 % upper bound per 10,000."""

    thresholds: Thresholds
    recall: Rate
    precision: Rate
    f_half: float
    ordinary: int
    per_10k: float
    per_10k_bound: float


def search(verdicts: Sequence[Verdict]) -> list[Outcome]:
    """Every combination of the thresholds in this module, and those in force.

    Labelled conversations give recall and precision; those without a label are taken as ordinary.
    """
    positive = [_offending(v) for v in verdicts if v.talk.label]
    negative = [v.sides for v in verdicts if v.talk.label is False]
    ordinary = [v.sides for v in verdicts if v.talk.label is None]
    combinations = {Thresholds(*c) for c in product(POINTS, CATEGORIES, MESSAGES)} | {IN_FORCE}
    return [_outcome(t, positive, negative, ordinary) for t in sorted(combinations)]


def best(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Those than which no other is at least as good in recall, precision and quiet, and better in
    one; of equals, the one nearest to the thresholds in force."""
    by_worth: dict[tuple[float, float, int], Outcome] = {}
    for outcome in sorted(outcomes, key=lambda o: _distance(o.thresholds)):
        by_worth.setdefault(_worth(outcome), outcome)
    return [
        outcome
        for worth, outcome in sorted(by_worth.items())
        if not any(
            other != worth and all(a >= b for a, b in zip(other, worth, strict=True))
            for other in by_worth
        )
    ]


def _worth(outcome: Outcome) -> tuple[float, float, int]:
    return outcome.recall.value, outcome.precision.value, -outcome.ordinary


def _distance(thresholds: Thresholds) -> float:
    return sum(abs(a - b) for a, b in zip(thresholds, IN_FORCE, strict=True))


def _offending(verdict: Verdict) -> list[Side]:
    offenders = verdict.talk.offenders
    return [side for side in verdict.sides if not offenders or side.author in offenders]


def _alarmed(sides: Sequence[Side], thresholds: Thresholds) -> bool:
    return any(
        mark.pattern is not None
        or (
            mark.points >= thresholds.points
            and mark.steps >= thresholds.categories
            and mark.messages >= thresholds.messages
        )
        for side in sides
        for mark in side.trail
    )


def _outcome(
    thresholds: Thresholds,
    positive: Sequence[Sequence[Side]],
    negative: Sequence[Sequence[Side]],
    ordinary: Sequence[Sequence[Side]],
) -> Outcome:
    caught = sum(_alarmed(sides, thresholds) for sides in positive)
    false = sum(_alarmed(sides, thresholds) for sides in negative)
    loud = sum(_alarmed(sides, thresholds) for sides in ordinary)
    recall, precision = rate(caught, len(positive)), rate(caught, caught + false)
    return Outcome(
        thresholds,
        recall,
        precision,
        f_beta(precision.value, recall.value, 0.5),
        loud,
        1e4 * loud / max(len(ordinary), 1),
        1e4 * upper_bound(loud, len(ordinary)),
    )
