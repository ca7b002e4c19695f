"""Finding indicators in a message.

All phrases are searched at once by an Aho-Corasick automaton (Aho and Corasick 1975; daachorse's
double array after Aoe 1989) over the folded words; only where one of its literals is found are
the phrases' gaps and boundaries checked. A plain message costs one pass.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from typing import NamedTuple

import msgspec
from daachorse import DoubleArrayAhoCorasick

from matchers.language.catalogue import Catalogue, CatalogueError, Indicator, LanguageCatalogue
from matchers.language.categories import Category
from matchers.language.cues import Cue, CueFinder, clause_breaks, quoted_spans, sentence_breaks
from matchers.language.disguise import DisguiseCheck, undisguise
from matchers.language.folding import ASCII_DROP, ASCII_FOLD, FOLD
from matchers.language.phrases import (
    Node,
    PhraseError,
    anchors,
    fold_words,
    parse,
    pattern,
    vocabulary,
)
from matchers.language.views import VIEW_ORDER, Token, ViewName, words
from matchers.language.vocabulary import Vocabulary
from matchers.language.weights import DISCOUNTS, VIEW_FACTORS

HITS_CAP = 16
"""Hits that are reported for one message, strongest first."""

_PHRASES_CAP = 200
_MATCHES_CAP = 4
"""Phrases of a message, and places of each, that are looked at: no text can be slow to read."""

AGES = range(8, 70)
"""Numbers that may be a person's age; above and below, a number is rather something else."""

ANSWER_INDICATOR = "any.age_answer"
"""A message that is a bare number, as one answers a question for the age. It counts only then."""
_ANSWER_LENGTH = 14
_ANSWER = re.compile(
    r"\W*(\d\d?)(?:\s?(?:yo|y|f|m|yrs|años|anos|ans|lat|лет|세|살|歳|岁))?"
    r"(?:\W+(?:and |y |et |und |e )?(?:u|you|wbu|hbu|tu|vc|toi|du|ty|ты|sen|kamu))?\W*",
    re.IGNORECASE,
)

_INNER_AGE = re.compile(r"(?<=[^\x00-\x7f])\d\d?(?=[^\x00-\x7f])|(?<![^ ])\d\d?(?=[^\x00-\x7f])")

_SHAPE = bytes(
    0x61 if chr(i).isalpha() and i < 128
    else 0x30 if chr(i) in "0123456789"
    else 0x31 if chr(i) in "@$|+!("
    else 0x32 if chr(i) in "*_~^#="
    else 0x20 if chr(i) in " \t\r\n"
    else 0x27 if chr(i) == "'"
    else 0x2E
    for i in range(256)
)  # fmt: skip
"""Classes of ASCII bytes: letter, digit, leet symbol, filler, space, apostrophe, other."""
_TRIPLES = tuple(chr(c) * 3 for c in range(ord("a"), ord("z") + 1))
"""Searched for beside the phrases: repeated letters, which may disguise a word."""


class Hit(NamedTuple):
    """An indicator at characters [`start`, `end`) of the raw text.

    `weight` is what it counts: the indicator's own, less what its view and the `cues` around it
    take off. `age` is the age that a statement gives, in years.
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


@dataclass(frozen=True, eq=False)
class Phrase:
    """A phrase of an indicator. `expression` is compiled when it is first needed: a worker meets
    few of some ten thousand, and to compile them all takes seconds of its start."""

    indicator: Indicator
    language: str
    trial: bool
    expression: str
    cues: CueFinder
    ages: dict[str, int]
    units: frozenset[str]
    unless: re.Pattern[str] | None

    @cached_property
    def regex(self) -> re.Pattern[str]:
        return re.compile(self.expression)


class IndicatorMatcher:
    """A compiled catalogue. Immutable and safe to share between threads.

    `trusted` names languages that count as reviewed whatever their file says. Raises
    `CatalogueError` for a phrase that cannot be compiled, and for a trusted language that there
    is not.
    """

    def __init__(self, catalogue: Catalogue, trusted: Sequence[str] = ()) -> None:
        self.version = catalogue.version
        self.indicators: dict[str, Indicator] = {}
        self.trial: dict[str, bool] = {}
        self.phrases: list[Phrase] = []
        by_literal: dict[str, list[int]] = {}
        whole: set[str] = set()
        prefixes: set[str] = set()
        self._around: set[str] = set()
        there = {language.language for language in catalogue.languages}
        if unknown := [name for name in trusted if name not in there]:
            raise CatalogueError(
                f"trusted: no catalogue is in {', '.join(map(repr, unknown))}; "
                f"there are {', '.join(sorted(there))}"
            )
        # What is common in one language is met in chats of the others too: names aside, all share
        # one automaton.
        common = frozenset(
            word
            for language in catalogue.languages
            for words_ in language.common
            for word in fold_words(words_)
        )
        for language in catalogue.languages:
            trial = not (language.reviewed or language.language in trusted)
            self._add(language, trial, common, by_literal, whole, prefixes)
        self._known = Vocabulary(whole, prefixes, self._around)
        self._disguised = DisguiseCheck(self._known)
        for triple in _TRIPLES:
            by_literal.setdefault(triple, [])
        literals = sorted(by_literal)
        self._owners = [tuple(by_literal[literal]) for literal in literals]
        self._triples = frozenset(map(literals.index, _TRIPLES))
        self._automaton = DoubleArrayAhoCorasick([literal.encode() for literal in literals])

    def _add(
        self,
        language: LanguageCatalogue,
        trial: bool,
        common: frozenset[str],
        by_literal: dict[str, list[int]],
        whole: set[str],
        prefixes: set[str],
    ) -> None:
        classes = word_classes(language)
        try:
            cues = CueFinder(language, classes)
        except PhraseError as error:
            raise CatalogueError(f"{language.language}: cues: {error}") from error
        units = frozenset(word for unit in language.units for word in fold_words(unit))
        ages = {" ".join(fold_words(word)): age for word, age in language.ages.items()}
        for indicator in language.indicators:
            unless = _unless(indicator, language, classes)
            self.indicators[indicator.id] = indicator
            self.trial[indicator.id] = trial
            for source in indicator.phrases:
                try:
                    nodes = parse(source, classes)
                    literals = anchors(nodes, language.spacing, common)
                except PhraseError as error:
                    raise CatalogueError(f"{indicator.id}: {error}") from error
                expression = pattern(nodes, language.spacing)
                number = len(self.phrases)
                self.phrases.append(
                    Phrase(
                        indicator, language.language, trial, expression, cues, ages, units, unless
                    )
                )
                for literal in literals:
                    by_literal.setdefault(literal, []).append(number)
                _learn(nodes, whole, prefixes)
            for source in indicator.unless_followed_by:
                _learn(parse(source, classes), self._around, prefixes)
        for source in chain.from_iterable(msgspec.structs.astuple(language.cues)):
            _learn(parse(source, classes), self._around, prefixes)

    def find(self, text: str) -> Sequence[Hit]:
        """The indicators in a message, in order of place; empty for most messages."""
        if len(text) <= _ANSWER_LENGTH and (answer := _ANSWER.fullmatch(text)) is not None:
            return _answer(answer)
        if text.isascii():
            raw = text.encode()
            normal = b" " + b" ".join(raw.translate(ASCII_FOLD, ASCII_DROP).split()) + b" "
            found = {literal for _, _, literal in self._automaton.find_overlapping(normal)}
            if not (found and self._any_match(found, normal.decode())):
                odd = _odd_ascii(raw) or not self._triples.isdisjoint(found)
                if not (odd and self._disguised(text)):
                    return ()
        else:
            folded = f" {' '.join(text.translate(FOLD).split())} "
            matches = self._automaton.find_overlapping(folded.encode(errors="replace"))
            found = {literal for _, _, literal in matches}
            if not (found and self._any_match(found, folded)) and not self._disguised(text):
                return ()
        return self._find_slowly(text)

    def _any_match(self, found: Collection[int], normal: str) -> bool:
        """Whether a phrase matches of which one of the literals was found."""
        phrases, owners = self.phrases, self._owners
        for literal in found:
            for number in owners[literal]:
                if phrases[number].regex.search(normal) is not None:
                    return True
        return False

    def _find_slowly(self, text: str) -> Sequence[Hit]:
        tokens = words(text)
        if not tokens:
            return ()
        hits = self._hits(text, tokens)
        if self._disguised(text):
            undone = undisguise(text, tokens, self._known)
            if undone != tokens:
                hits += self._hits(text, undone)
                again = undisguise(text, tokens, self._known, doubled=True)
                if again != undone:
                    hits += self._hits(text, again)
        return _strongest(hits) if hits else ()

    def _hits(self, text: str, tokens: Sequence[Token]) -> list[Hit]:
        normal = f" {' '.join(token.word for token in tokens)} "
        found = self._automaton.find_overlapping(normal.encode(errors="replace"))
        if not found:
            return []
        numbers = {number for _, _, literal in found for number in self._owners[literal]}
        starts: list[int] = []
        position = 1
        for token in tokens:
            starts.append(position)
            position += len(token.word) + 1
        context = _Context(text, normal, tokens, starts)
        return [
            hit
            for number in sorted(numbers)[:_PHRASES_CAP]
            for match in islice(self.phrases[number].regex.finditer(normal), _MATCHES_CAP)
            if (hit := context.hit(self.phrases[number], match.start(), match.end())) is not None
        ]


def _answer(found: re.Match[str]) -> Sequence[Hit]:
    age = int(found[1])
    if age not in AGES:
        return ()
    start, end = found.span(1)
    return (Hit(ANSWER_INDICATOR, "age_statement", "any", start, end, "raw", 0.5, age=age),)


def word_classes(language: LanguageCatalogue) -> dict[str, str]:
    """A language's word classes with the built-in `{age}` (a number or number word) and
    `{age_tag}` (`13f`, `14yo`)."""
    numbers = [str(age) for age in AGES]
    tags = [f"{age}{tag}" for age in range(8, 30) for tag in ("f", "m", "yo", "y", "yrs")]
    return {
        "age": "|".join(numbers + list(language.ages)),
        "age_tag": "|".join(tags),
        **language.classes,
    }


def _unless(
    indicator: Indicator, language: LanguageCatalogue, classes: dict[str, str]
) -> re.Pattern[str] | None:
    if not indicator.unless_followed_by:
        return None
    try:
        parts = [
            pattern(parse(phrase, classes), language.spacing)
            for phrase in indicator.unless_followed_by
        ]
    except PhraseError as error:
        raise CatalogueError(f"{indicator.id}: unless_followed_by: {error}") from error
    return re.compile("|".join(parts))


def _learn(nodes: Sequence[Node], whole: set[str], prefixes: set[str]) -> None:
    for word in vocabulary(nodes):
        if not word.text.isdigit():
            (prefixes if word.prefix else whole).add(word.text)


def _odd_ascii(raw: bytes) -> bool:
    """Whether an ASCII message may hold digits, symbols or spaces as a disguise."""
    shape = raw.translate(_SHAPE)
    return (  # a chain, since a loop costs as much as all the searches
        b"a0" in shape
        or b"0a" in shape
        or b"1a" in shape
        or b" a a a" in shape
        or b".a.a" in shape
        or b"a.a.a" in shape
        or b"a2a" in shape
    )


class _Context:
    """One message's words, for turning a match into a hit."""

    def __init__(
        self, text: str, normal: str, tokens: Sequence[Token], starts: Sequence[int]
    ) -> None:
        self._text = text
        self._normal = normal
        self._tokens = tokens
        self._starts = starts
        self._quotes = quoted_spans(text)
        self._sentences = sentence_breaks(text)
        self._clauses = clause_breaks(text)

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
        cues = phrase.cues.around(
            self._normal,
            start,
            end,
            self._begins(self._sentences, raw_start),
            self._begins(self._clauses, raw_start),
            phrase.indicator.category,
        )
        if any(a <= raw_start and raw_end <= b for a, b in self._quotes):
            cues.append(Cue("quotation", DISCOUNTS["quotation"]))
        weight = phrase.indicator.weight * VIEW_FACTORS[view]
        for cue in cues:
            weight *= cue.factor
        return Hit(
            phrase.indicator.id,
            phrase.indicator.category,
            phrase.language,
            raw_start,
            raw_end,
            view,
            round(weight, 4),
            tuple(cues),
            age,
            phrase.trial,
            phrase.indicator.about == "other",
        )

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
        for token, start in zip(self._tokens, self._starts, strict=True):
            if token.start >= begins:
                return start
        return 0

    def _age(self, phrase: Phrase, first: int, last: int, start: int, end: int) -> int | None:
        for index in range(first, last + 1):
            token = self._tokens[index]
            digits = re.match(r"\d+", token.word)
            age = int(digits[0]) if digits else phrase.ages.get(token.word)
            if age is None or age not in AGES:
                continue
            if self._is_quantity(phrase, index):
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
        after = text[token.end : token.end + 2]
        if before in "$€£#%.:/+*=" or (before == "-" and token.start > 1):
            return True
        if after[:1] in tuple("%$€£°/*=+") or (after[:1] in tuple(":.,-") and after[1:].isdigit()):
            return True
        following = self._tokens[index + 1].word if index + 1 < len(self._tokens) else ""
        return following in phrase.units


def _strongest(hits: list[Hit]) -> tuple[Hit, ...]:
    """Without the weaker of overlapping hits in a category; in order of place.

    What takes weight off one of them holds for those within it: a catalogue knows the words of
    other languages that are mixed into its own, and not their cues. A negation holds for those
    that begin within the negated one.
    """
    negated = [hit for hit in hits if any(cue.name == "negation" for cue in hit.cues)]
    lightened = [hit for hit in hits if any(cue.name != "negation" for cue in hit.cues)]
    kept: list[Hit] = []
    for hit in sorted(hits, key=lambda h: (-h.weight, h.start - h.end, h.indicator)):
        if len(kept) == HITS_CAP:
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
    return tuple(sorted(kept, key=lambda h: (h.start, h.end, h.indicator)))


def _overlap(one: Hit, other: Hit) -> bool:
    return one.category == other.category and one.start < other.end and other.start < one.end
