"""From a phrase's match in a message to a hit: where it is, what it counts, which age it gives."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from matchers.language.catalogue import Indicator
from matchers.language.categories import Category
from matchers.language.cues import (
    Cue,
    CueFinder,
    clause_breaks,
    full_stops,
    quoted_spans,
    sentence_breaks,
)
from matchers.language.phrases import Node, Spacing, fold_words, pattern
from matchers.language.views import VIEW_ORDER, Token, ViewName
from matchers.language.weights import DISCOUNTS, SOLID, VIEW_FACTORS

_MATCHES_CAP = 4
"""Places of a phrase that are looked at: no text can be slow to read."""

HITS_CAP = 16
"""Hits that are reported for one message, strongest first."""

AGES = range(8, 70)
"""Numbers that may be a person's age; above and below, a number is rather something else."""

_GOES_ON = re.compile(r"[:.,-]\d|, 000\b")
"""After a number: what makes it a larger one, a time or a range."""
_UNIT_WORDS = 4
"""Words of the longest unit that is looked for."""
_EXTORTION: tuple[Category, ...] = ("exposure_threat", "payment_demand")

_INNER_AGE = re.compile(r"(?<=[^\x00-\x7f])\d\d?(?=[^\x00-\x7f])|(?<![^ ])\d\d?(?=[^\x00-\x7f])")


class Hit(NamedTuple):
    """An indicator at characters [`start`, `end`) of the raw text.

    `weight` is what it counts: the indicator's own, less what its view and the `cues` around it
    take off. `age` is the age that a statement gives, in years; `asks`: and asks for the other's.
    """

    indicator: str
    category: Category
    language: str
    start: int
    end: int
    view: ViewName
    weight: float
    cues: tuple[Cue, ...] = ()
    age: int | None = None
    trial: bool = False
    about_other: bool = False
    asks: bool = False


@dataclass(frozen=True, eq=False)
class Phrase:
    """A phrase of an indicator. Its expression is made when it is first needed: a worker meets few
    of some ten thousand, and to compile them all takes seconds of its start."""

    indicator: Indicator
    language: str
    trial: bool
    nodes: tuple[Node, ...]
    spacing: Spacing
    cues: CueFinder
    ages: dict[str, int]
    units: frozenset[tuple[str, ...]]
    unless: re.Pattern[str] | None

    @cached_property
    def expression(self) -> str:
        """The regular expression over normal text."""
        return pattern(self.nodes, self.spacing)

    @cached_property
    def regex(self) -> re.Pattern[str]:
        return re.compile(self.expression)

    @cached_property
    def gaps_regex(self) -> re.Pattern[str] | None:
        """The same with the phrase's gaps as groups; `None` where it has none."""
        found = re.compile(pattern(self.nodes, self.spacing, gaps=True))
        return found if found.groups else None


class Context:
    """One message's words, for turning a match into a hit."""

    def __init__(
        self, text: str, normal: str, tokens: Sequence[Token], starts: Sequence[int]
    ) -> None:
        self._text = text
        self._normal = normal
        self._tokens = tokens
        self._starts = starts
        self._raw_starts = [token.start for token in tokens]
        self._quotes = quoted_spans(text)
        self._quantities: list[tuple[int, bool]] = []  # raw place, whether by a language on trial
        self._plain: dict[Hit, Hit] = {}  # without the cues that a threat and demand undo
        self._sentences = sentence_breaks(text)
        self._clauses = clause_breaks(text)
        self._stops = [self._begins((stop,), stop) for stop in full_stops(text)]

    def matches(self, phrase: Phrase) -> Iterator[re.Match[str]]:
        """The places where a phrase matches with no full stop in one of its gaps."""
        at = 0
        for _ in range(_MATCHES_CAP):
            found = phrase.regex.search(self._normal, at)
            if found is None:
                return
            if self._is_whole(phrase, found):
                yield found
                at = found.end()
            else:
                at = found.start() + 1

    def _is_whole(self, phrase: Phrase, found: re.Match[str]) -> bool:
        start, end = found.span()
        stops = self._stops[bisect_right(self._stops, start) : bisect_left(self._stops, end)]
        if not stops or phrase.gaps_regex is None:
            return True
        same = phrase.gaps_regex.match(self._normal, start)
        return same is None or not any(
            first <= stop <= last for first, last in same.regs[1:] for stop in stops
        )

    def hit(self, phrase: Phrase, start: int, end: int) -> Hit | None:
        """The hit that a match at [`start`, `end`) of the normal text is, if it is one."""
        if phrase.unless is not None and phrase.unless.match(self._normal, end) is not None:
            return None
        if self._normal[end - 1] == " ":
            end -= 1
        first = bisect_right(self._starts, start) - 1
        last = bisect_left(self._starts, end) - 1
        tokens = self._tokens[first : last + 1]
        age = None
        if phrase.indicator.category == "age_statement":
            age = phrase.indicator.age or self._age(phrase, first, last, start, end)
            if age is None:
                return None
        view = VIEW_ORDER[max(VIEW_ORDER.index(token.view) for token in tokens)]
        raw_start = self._raw_offset(first, start, tokens[0].start)
        raw_end = self._raw_offset(last, end, tokens[-1].end)
        sentence = self._begins(self._sentences, raw_start)
        clause = (
            max(sentence, self._begins(self._clauses, raw_start)),
            min(self._ends(self._sentences, raw_end), self._ends(self._clauses, raw_end)),
        )
        category = phrase.indicator.category
        cues, care = phrase.cues.around(self._normal, start, end, sentence, clause, category)
        quoted = any(a <= raw_start and raw_end <= b for a, b in self._quotes)
        if quoted:
            cues.append(Cue("quotation", DISCOUNTS["quotation"]))
        weight = phrase.indicator.weight * VIEW_FACTORS[view]
        hit = Hit(
            phrase.indicator.id,
            category,
            phrase.language,
            raw_start,
            raw_end,
            view,
            _discounted(weight, cues),
            tuple(cues),
            age,
            phrase.trial,
            phrase.indicator.about == "other",
        )
        if category in _EXTORTION:
            undone = {"advice"} if care else set[str]()
            if quoted and not phrase.cues.is_spoken(self._unquoted):
                undone.add("quotation")
            left = tuple(cue for cue in cues if cue.name not in undone)
            self._plain[hit] = hit._replace(weight=_discounted(weight, left), cues=left)
        return hit

    def settled(self, hits: Sequence[Hit]) -> list[Hit]:
        """The hits of the message in view of each other.

        A number of something is no age in another language either. A plain threat beside a plain
        demand is extortion whatever words of care or quotation marks stand around it. What is on
        trial bears only on what is on trial.
        """
        kept = [hit for hit in hits if not (hit.category == "age_statement" and self._counts(hit))]
        for trial in (False, True):
            plain = [self._plain.get(hit, hit) for hit in kept if trial or not hit.trial]
            if all(any(p.category == c and p.weight >= SOLID for p in plain) for c in _EXTORTION):
                kept = [
                    self._plain.get(hit, hit) if trial or not hit.trial else hit for hit in kept
                ]
        return kept

    def _counts(self, hit: Hit) -> bool:
        return any(
            hit.start <= place < hit.end and (hit.trial or not trial)
            for place, trial in self._quantities
        )

    @cached_property
    def _unquoted(self) -> str:
        """The folded words outside of quotations."""
        rest, at = "", 0
        for start, end in self._quotes:
            rest += f"{self._text[at:start]} "
            at = end
        return f" {' '.join(fold_words(rest + self._text[at:]))} "

    def _raw_offset(self, index: int, at: int, otherwise: int) -> int:
        """The raw offset of place `at` of the normal text, within token `index`: exact where the
        token has as many characters as it stands for, else `otherwise`."""
        token, begins = self._tokens[index], self._starts[index]
        if len(token.word) == token.end - token.start:
            return token.start + at - begins
        return otherwise

    def _begins(self, breaks: Sequence[int], raw_start: int) -> int:
        """Where, in the normal text, the sentence or clause of a raw offset begins."""
        at = bisect_right(breaks, raw_start)
        if at == 0:
            return 0
        begins = breaks[at - 1]
        first = bisect_left(self._raw_starts, begins)
        return self._starts[first] if first < len(self._starts) else 0

    def _ends(self, breaks: Sequence[int], raw_end: int) -> int:
        """Where, in the normal text, the sentence or clause of a raw offset ends."""
        at = bisect_left(breaks, raw_end)
        if at == len(breaks):
            return len(self._normal)
        first = bisect_left(self._raw_starts, breaks[at])
        return self._starts[first] if first < len(self._starts) else len(self._normal)

    def _age(self, phrase: Phrase, first: int, last: int, start: int, end: int) -> int | None:
        for index in range(first, last + 1):
            token = self._tokens[index]
            digits = re.match(r"\d+", token.word)
            age = int(digits[0]) if digits else phrase.ages.get(token.word)
            if age is None or age not in AGES:
                continue
            if self._is_quantity(phrase, index):
                self._quantities.append((token.start, phrase.trial))
                return None
            return age
        # Number words of several words, and numbers within a script that writes no spaces.
        matched = self._normal[start:end]
        for word, age in phrase.ages.items():
            if word in matched:
                return age
        inner = _INNER_AGE.search(matched)
        return int(inner[0]) if inner is not None and int(inner[0]) in AGES else None

    def _is_quantity(self, phrase: Phrase, index: int) -> bool:
        text, token = self._text, self._tokens[index]
        before = text[token.start - 1] if token.start else " "
        after = text[token.end : token.end + 5]
        if before in "$€£#%.:/+*=" or (before == "-" and token.start > 1):
            return True
        if after[:1] in tuple("%$€£°/*=+") or _GOES_ON.match(after):
            return True
        following = tuple(t.word for t in self._tokens[index + 1 : index + 1 + _UNIT_WORDS])
        return any(following[:count] in phrase.units for count in range(1, len(following) + 1))


def _discounted(weight: float, cues: Sequence[Cue]) -> float:
    for cue in cues:
        weight *= cue.factor
    return round(weight, 4)


def strongest(hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """Without the weaker of overlapping hits in a category; in order of place.

    Hits of languages on trial come after the others, and neither they nor their cues take any of
    those away: what is on trial changes nothing that is not.
    """
    kept: list[Hit] = []
    _keep([hit for hit in hits if not hit.trial], kept)
    _keep(hits, kept)
    return tuple(sorted(kept, key=lambda h: (h.start, h.end, h.indicator)))


def _keep(hits: Sequence[Hit], kept: list[Hit]) -> None:
    """Add to `kept` what stands up among `hits`, strongest first.

    What takes weight off one of them holds for those within it: a catalogue knows the words of
    other languages that are mixed into its own, and not their cues. A negation holds for those
    that begin within the negated one.
    """
    negated = [hit for hit in hits if any(cue.name == "negation" for cue in hit.cues)]
    lightened = [hit for hit in hits if any(cue.name != "negation" for cue in hit.cues)]
    for hit in sorted(hits, key=lambda h: (-h.weight, h.start - h.end, h.indicator)):
        if len(kept) >= HITS_CAP:
            break
        if hit not in negated and any(
            n.category == hit.category and n.start <= hit.start < n.end for n in negated
        ):
            continue
        if hit not in lightened and any(
            other.category == hit.category and other.start <= hit.start and hit.end <= other.end
            for other in lightened
        ):
            continue
        if not any(_overlap(hit, other) for other in kept):
            kept.append(hit)


def _overlap(one: Hit, other: Hit) -> bool:
    return one.category == other.category and one.start < other.end and other.start < one.end
