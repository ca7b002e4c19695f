"""From the indicators of a message to what the conversation model takes in."""

from collections.abc import Sequence

from matchers.language.indicators import ANSWER_INDICATOR, Hit
from matchers.language.state import Finding
from matchers.language.weights import EVIDENCE_LEAST


def findings_of(hits: Sequence[Hit]) -> tuple[Finding, ...]:
    """The strongest hit of each category; of ages, the lowest of each person."""
    best: dict[tuple[str, bool], Hit] = {}
    for hit in hits:
        slot = (hit.category, hit.about_other)
        held = best.get(slot)
        if held is None or (hit.weight, -(hit.age or 0)) > (held.weight, -(held.age or 0)):
            best[slot] = hit
    return tuple(
        Finding(
            hit.category,
            hit.weight,
            hit.trial,
            hit.age or 0,
            hit.about_other,
            hit.indicator == ANSWER_INDICATOR,
        )
        for hit in best.values()
        if hit.weight >= EVIDENCE_LEAST
    )
