"""From the indicators of a message to what the conversation model takes in."""

from collections.abc import Sequence

from matchers.language.answers import ANSWER_INDICATOR
from matchers.language.hits import Hit
from matchers.language.indicators import IndicatorMatcher
from matchers.language.state import Finding
from matchers.language.weights import EVIDENCE_LEAST


def findings_of(hits: Sequence[Hit]) -> tuple[Finding, ...]:
    """The strongest hit of each category, one that is not on trial before one that is; of ages,
    the lowest of each person."""
    best: dict[tuple[str, bool], Hit] = {}
    for hit in hits:
        slot = (hit.category, hit.about_other)
        held = best.get(slot)
        if held is None or _worth(hit) > _worth(held):
            best[slot] = hit
    return tuple(
        Finding(
            hit.category,
            hit.weight,
            hit.trial,
            hit.age or 0,
            hit.about_other,
            hit.indicator == ANSWER_INDICATOR,
            hit.asks,
        )
        for hit in best.values()
        if hit.weight >= EVIDENCE_LEAST
    )


def _worth(hit: Hit) -> tuple[bool, float, int]:
    counts = not hit.trial and hit.weight >= EVIDENCE_LEAST
    return counts, hit.weight, -(hit.age or 0)


def client_hits(ids: Sequence[str], matcher: IndicatorMatcher) -> tuple[Hit, ...]:
    """Indicators that a client says it found, as hits without a place. Ids that the catalogue
    does not have (a newer or older client) say nothing."""
    return tuple(
        Hit(
            indicator.id,
            indicator.category,
            indicator.id.partition(".")[0],
            0,
            0,
            "raw",
            indicator.weight,
            age=indicator.age,
            trial=matcher.trial[indicator.id],
            about_other=indicator.about == "other",
        )
        for identity in dict.fromkeys(ids)
        if (indicator := matcher.indicators.get(identity)) is not None
        and (indicator.category != "age_statement" or indicator.age is not None)
    )
