"""The catalogue's own tests: sentences that each indicator must match, and near misses."""

from typing import NamedTuple

from matchers.language.catalogue import Catalogue
from matchers.language.indicators import Hit, IndicatorMatcher
from matchers.language.weights import EVIDENCE_LEAST


class Failure(NamedTuple):
    """An entry that does not do what its tests say; `sentence` is the catalogue's own."""

    indicator: str
    sentence: str
    problem: str


def check(catalogue: Catalogue, matcher: IndicatorMatcher) -> list[Failure]:
    """Run every entry's `match` and `near_miss` sentences, and look up what it was translated
    from. A sentence matches when the entry is found with weight enough to be evidence, or in its
    place another language's of the same category: of hits in one place the strongest is kept."""
    failures: list[Failure] = []
    known = {entry.id for language in catalogue.languages for entry in language.indicators}
    for language in catalogue.languages:
        for entry in language.indicators:
            prefix = "translated from "
            if entry.source.startswith(prefix) and entry.source[len(prefix) :] not in known:
                failures.append(Failure(entry.id, entry.source, "no such entry"))
            failures += [
                Failure(entry.id, sentence, "must match, and does not")
                for sentence in entry.match
                if not any(
                    hit.category == entry.category
                    and (hit.indicator == entry.id or hit.language != language.language)
                    for hit in _evidence(matcher, sentence)
                )
            ]
            failures += [
                Failure(entry.id, sentence, "must not match, and does")
                for sentence in entry.near_miss
                if any(hit.indicator == entry.id for hit in _evidence(matcher, sentence))
            ]
    return failures


def _evidence(matcher: IndicatorMatcher, sentence: str) -> list[Hit]:
    return [hit for hit in matcher.find(sentence) if hit.weight >= EVIDENCE_LEAST]
