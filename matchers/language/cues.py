"""What takes weight off an indicator: negation, reported speech, quotation, safety advice.

"Never send money to someone who threatens you" holds a payment demand word for word; what stands
around it says that it is none.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from matchers.language.catalogue import LanguageCatalogue
from matchers.language.phrases import parse, pattern
from matchers.language.weights import DISCOUNTS

NEGATION_REACH = 3
"""Words between a negation and the indicator that it negates."""

_QUOTES = re.compile(
    r'"[^"]{1,500}"|“[^”]{1,500}”|„[^“”]{1,500}[“”]|«[^»]{1,500}»|「[^」]{1,500}」|(?m:^>.*$)'
)
_SENTENCE_END = re.compile(r"[.!?;…।。！？؟]+(?=\s|$)|[。！？]|\n")


class Cue(NamedTuple):
    """A reason why an indicator counts less, and its factor."""

    name: str
    factor: float


def quoted_spans(text: str) -> list[tuple[int, int]]:
    """Raw spans in quotation marks or quoted lines, unless nothing else is said."""
    spans = [found.span() for found in _QUOTES.finditer(text)]
    rest = len(text.strip()) - sum(end - start for start, end in spans)
    return spans if rest > 3 else []


def sentence_breaks(text: str) -> list[int]:
    """Raw offsets after which a new sentence begins."""
    return [found.end() for found in _SENTENCE_END.finditer(text)]


class CueFinder:
    """The cues of one language."""

    def __init__(self, language: LanguageCatalogue, classes: Mapping[str, str]) -> None:
        def union(phrases: tuple[str, ...]) -> re.Pattern[str] | None:
            if not phrases:
                return None
            parts = [pattern(parse(p, classes), language.spacing).pattern for p in phrases]
            return re.compile("|".join(parts))

        self._negation = union(language.cues.negation)
        self._reported = union(language.cues.reported)
        self._advice = union(language.cues.advice)
        self._hyperbole = union(language.cues.hyperbole)
        # A language that writes no spaces counts characters, and may negate at the end.
        self._reach = NEGATION_REACH if language.spacing == "words" else 8
        self._spaced = language.spacing == "words"

    def around(self, normal: str, start: int, end: int, sentence: int, category: str) -> list[Cue]:
        """The cues for an indicator at [`start`, `end`) of the normal text, in a sentence that
        begins at `sentence`."""
        found: list[Cue] = []
        if self._negation is not None and self._negated(normal, start, sentence):
            found.append(Cue("negation", DISCOUNTS["negation"]))
        if self._reported is not None and self._reported.search(normal, max(0, sentence - 1), end):
            found.append(Cue("reported", DISCOUNTS["reported"]))
        if self._advice is not None and self._advice.search(normal):
            found.append(Cue("advice", DISCOUNTS["advice"]))
        if category == "self_harm" and self._hyperbole is not None:
            if self._hyperbole.search(normal):
                found.append(Cue("hyperbole", DISCOUNTS["hyperbole"]))
        return found

    def _negated(self, normal: str, start: int, sentence: int) -> bool:
        assert self._negation is not None
        last = None
        for last in self._negation.finditer(normal, max(0, sentence - 1), start):
            pass
        if last is None:
            return False
        between = normal[last.end() : start]
        return (between.count(" ") if self._spaced else len(between)) <= self._reach
