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

NEGATION_REACH = 2
NEGATION_REACH_CHARACTERS = 6
"""Words (or characters) between a negation and the indicator that it negates."""
NEGATION_ADJACENT = frozenset(("exposure_threat",))
"""Categories that only a negation right before them negates: "don't tell anyone or I post it" and
"if you don't pay I post it" are threats."""

TRIFLE_REACH = 1
TRIFLE_REACH_CHARACTERS = 3
"""Words (or characters) between a trifle and what is said of it."""

CUE_FOR = {"hyperbole": "self_harm", "occasion": "secrecy", "outing": "exposure_threat"}
"""Cues that bear on one category only."""
CUE_WITHIN = frozenset(("outing",))
"""Cues that also count within the indicator: what its gaps hold says what is shown to whom."""

_QUOTES = re.compile(
    r'"[^"]{1,500}"|“[^”]{1,500}”|„[^“”]{1,500}[“”]|«[^»]{1,500}»|「[^」]{1,500}」|(?m:^>.*$)'
)
_CLAUSE_END = re.compile(r"[,:،、，：]+(?=\s|$)|[、，：]|\s[-–—]+\s")
_FULL_STOP = re.compile(r"(?:(?<!\.)\.(?!\.)|[!?।؟])+(?=\s)|[。！？]")
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


def full_stops(text: str) -> list[int]:
    """Raw offsets after a full stop, question or exclamation mark: ends of sentences that are no
    pause and no new line, at which people also break off within one."""
    return [found.end() for found in _FULL_STOP.finditer(text)]


def clause_breaks(text: str) -> list[int]:
    """Raw offsets after which a new clause begins, ends of sentences left out."""
    return [found.end() for found in _CLAUSE_END.finditer(text)]


class Around(NamedTuple):
    """The `cues` of an indicator; `care` says that its advice is no more than a word of care, in
    another clause or after it, which a threat may bring as well ("be careful, pay or …")."""

    cues: list[Cue]
    care: bool


class CueFinder:
    """The cues of one language."""

    def __init__(self, language: LanguageCatalogue, classes: Mapping[str, str]) -> None:
        def union(phrases: tuple[str, ...]) -> re.Pattern[str] | None:
            if not phrases:
                return None
            parts = [pattern(parse(p, classes), language.spacing) for p in phrases]
            return re.compile("|".join(parts))

        self._negation = union(language.cues.negation)
        self._reported = union(language.cues.reported)
        self._caution = union(language.cues.caution)
        self._trifle = union(language.cues.trifle)
        self._speaker = union(language.cues.speaker)
        self._anywhere = {
            "advice": union(language.cues.advice),
            "hyperbole": union(language.cues.hyperbole),
            "occasion": union(language.cues.occasion),
            "outing": union(language.cues.outing),
        }
        # A language that writes no spaces counts characters.
        self._spaced = language.spacing == "words"
        self._reach = NEGATION_REACH if self._spaced else NEGATION_REACH_CHARACTERS
        self._trifle_reach = TRIFLE_REACH if self._spaced else TRIFLE_REACH_CHARACTERS

    def around(
        self,
        normal: str,
        start: int,
        end: int,
        sentence: int,
        clause: tuple[int, int],
        category: str,
    ) -> Around:
        """The cues for an indicator at [`start`, `end`) of the normal text, in a sentence that
        begins at `sentence` and in the clause [`clause`)."""
        names: list[str] = []
        if self._negated(normal, start, clause[0], category):
            names.append("negation")
        if self._reported is not None and self._reported.search(
            normal, max(0, sentence - 1), start
        ):
            names.append("reported")
        names += [
            name
            for name, cue in self._anywhere.items()
            if cue is not None
            and CUE_FOR.get(name, category) == category
            and any(
                name in CUE_WITHIN or m.end() <= start or m.start() >= end
                for m in cue.finditer(normal)
            )
        ]
        if (
            category == CUE_FOR["hyperbole"]
            and "hyperbole" not in names
            and self._over_a_trifle(normal, start, end, clause)
        ):
            names.append("hyperbole")
        care = False
        if "advice" not in names and self._caution is not None:
            found = [m.span() for m in self._caution.finditer(normal)]
            places = [(a, b) for a, b in found if b <= start or a >= end]
            if places:
                names.append("advice")
                care = not any(clause[0] <= a and b <= start for a, b in places)
        return Around([Cue(name, DISCOUNTS[name]) for name in names], care)

    def is_spoken(self, unquoted: str) -> bool:
        """Whether what stands around a quotation says whose words it holds; also where the
        language does not tell."""
        return self._speaker is None or self._speaker.search(unquoted) is not None

    def _over_a_trifle(self, normal: str, start: int, end: int, clause: tuple[int, int]) -> bool:
        """Whether a trifle stands right beside [`start`, `end`) in its clause."""
        if self._trifle is None:
            return False
        for found in self._trifle.finditer(normal, max(0, clause[0]), max(end, clause[1])):
            if found.start() < end and start < found.end():
                continue
            between = normal[found.end() : start] or normal[end : found.start()]
            words = len(between.split()) if self._spaced else len(between.strip())
            if words <= self._trifle_reach:
                return True
        return False

    def _negated(self, normal: str, start: int, clause: int, category: str) -> bool:
        if self._negation is None:
            return False
        ends = [found.end() for found in self._negation.finditer(normal, max(0, clause - 1), start)]
        if not ends:
            return False
        between = normal[ends[-1] : start]
        reach = 0 if category in NEGATION_ADJACENT else self._reach
        return (between.count(" ") if self._spaced else len(between.strip())) <= reach
