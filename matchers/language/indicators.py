"""Finding indicators in a message.

All phrases are searched at once by an Aho-Corasick automaton (Aho and Corasick 1975; daachorse's
double array after Aoe 1989) over the folded words; only where one of its literals is found are
the phrases' gaps and boundaries checked. A plain message costs one pass.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import msgspec

from matchers.language.anchors import Anchor, AnchorChooser
from matchers.language.answers import ANSWER_LENGTH, Answers
from matchers.language.catalogue import Catalogue, CatalogueError, Indicator, LanguageCatalogue
from matchers.language.cues import CueFinder
from matchers.language.disguise import DisguiseCheck, undisguise
from matchers.language.folding import ASCII_DROP, ASCII_FOLD, FOLD
from matchers.language.hits import AGES, Context, Hit, Phrase, strongest
from matchers.language.joined import JoinedWords
from matchers.language.mending import mend_words
from matchers.language.oddity import DISGUISED, UNLIKE, oddity
from matchers.language.phrase_index import PhraseIndex
from matchers.language.phrases import (
    Node,
    PhraseError,
    expand,
    fold_words,
    parse,
    pattern,
    vocabulary,
)
from matchers.language.renderings import Rendering, apart, as_written, is_unlike, shown, with_gaps
from matchers.language.views import Token, words
from matchers.language.vocabulary import Vocabulary
from matchers.language.weights import VIEW_FACTORS

MATCHED = 4
"""Beside `DISGUISED` and `UNLIKE`: a phrase matches the text as it is written."""
_OF_AGES = ("age_question", "age_statement")
NUMBER = 8
"""The message may be an answer, a number and little else."""

_CHARACTERS_CAP = 20_000_000
"""Characters of a message, times phrases that are looked for in it: no text can be slow to read.
That is 5,000 phrases in 4,000 characters, and 200 in the longest text."""


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
        self._turns: list[int] = []  # each phrase's place in its own catalogue
        anchors: list[Anchor] = []
        whole: set[str] = set()
        prefixes: set[str] = set()
        self._around: set[str] = set()
        there = {language.language for language in catalogue.languages}
        if unknown := [name for name in trusted if name not in there]:
            raise CatalogueError(
                f"trusted: no catalogue is in {', '.join(map(repr, unknown))}; "
                f"there are {', '.join(sorted(there))}"
            )
        chooser = AnchorChooser(
            [word for words_ in language.common for word in fold_words(words_)]
            for language in catalogue.languages
        )
        languages = [
            (language, not (language.reviewed or language.language in trusted))
            for language in catalogue.languages
        ]
        for file, (language, trial) in zip(catalogue.files, languages, strict=True):
            try:
                self._add(language, trial, chooser, anchors, whole, prefixes)
            except CatalogueError as error:
                raise CatalogueError(f"{file}: {error}") from error
        self._known = Vocabulary(whole, prefixes, self._around)
        self._disguised = DisguiseCheck(self._known)
        self._answers = Answers(languages)
        self._index = PhraseIndex(anchors, self._answers.literals)
        self._joined = JoinedWords(self._index.joined, self._known)

    def _add(
        self,
        language: LanguageCatalogue,
        trial: bool,
        chooser: AnchorChooser,
        anchors: list[Anchor],
        whole: set[str],
        prefixes: set[str],
    ) -> None:
        classes = word_classes(language)
        try:
            cues = CueFinder(language, classes)
        except PhraseError as error:
            raise CatalogueError(f"{language.language}: cues: {error}") from error
        units = _units(language, classes)
        ages = {" ".join(fold_words(word)): age for word, age in language.ages.items()}
        first = len(self.phrases)
        for indicator in language.indicators:
            unless = _unless(indicator, language, classes)
            self.indicators[indicator.id] = indicator
            self.trial[indicator.id] = trial
            for source in indicator.phrases:
                try:
                    nodes = parse(source, classes)
                    anchors.append(chooser.choose(nodes, language.spacing))
                except PhraseError as error:
                    raise CatalogueError(f"{indicator.id}: {error}") from error
                self._turns.append(len(self.phrases) - first)
                self.phrases.append(
                    Phrase(
                        indicator,
                        language.language,
                        trial,
                        nodes,
                        language.spacing,
                        cues,
                        ages,
                        units,
                        unless,
                    )
                )
                _learn(nodes, whole, prefixes)
            for source in indicator.unless_followed_by:
                _learn(parse(source, classes), self._around, prefixes)
        for source in chain.from_iterable(msgspec.structs.astuple(language.cues)):
            _learn(parse(source, classes), self._around, prefixes)

    def find(self, text: str) -> Sequence[Hit]:
        """The indicators in a message, in order of place; empty for most messages."""
        odd = self._oddity(text)
        if not odd:
            return ()
        hits = self._find(text, odd)
        if odd & NUMBER and (answered := self._answers.find(text)) is not None:
            return _with_answer(hits, answered)
        return hits

    def _find(self, text: str, odd: int) -> Sequence[Hit]:
        if odd & MATCHED or (odd & DISGUISED and self._disguised(text)):
            return self._find_slowly(text, self._looks(text))
        if odd & UNLIKE:
            looks = list(self._looks(text))
            if any(
                (found := self._oddity(look.text)) & MATCHED
                or (found & DISGUISED and not guessed and self._disguised(look.text))
                for look, guessed in looks
            ):
                return self._find_slowly(text, looks)
        return ()

    def _oddity(self, text: str) -> int:
        """`MATCHED` where a phrase may match, else what may hide one; beside it `NUMBER`."""
        index = self._index
        if text.isascii():
            raw = text.encode()
            parts = raw.translate(ASCII_FOLD, ASCII_DROP).split()
            normal = b" " + b" ".join(parts) + b" "
            literals = index.literals(normal)
            if not literals:
                return oddity(raw)
            number = 0
            if len(text) <= ANSWER_LENGTH and not index.numbers.isdisjoint(literals):
                number = NUMBER if self._answers.has_words(parts) else 0
            if literals <= index.no_phrases:
                return number | oddity(raw)
            phrases = index.ascii_phrases(literals, parts)
            if phrases and self._any_match(phrases, normal.decode()):
                return number | MATCHED
            return number | oddity(raw) | index.oddity(literals)
        folded_parts = text.translate(FOLD).split()
        folded = f" {' '.join(folded_parts)} "
        literals = index.literals(folded.encode(errors="replace"))
        flags = DISGUISED | UNLIKE if is_unlike(text) else DISGUISED
        if not literals:
            return flags
        if len(text) <= ANSWER_LENGTH and not index.numbers.isdisjoint(literals):
            flags |= NUMBER
        phrases = index.phrases(literals, folded_parts)
        if phrases and self._any_match(phrases, folded):
            return flags & NUMBER | MATCHED
        return flags | index.oddity(literals)

    def _any_match(self, phrases: Iterable[int], normal: str) -> bool:
        known = self.phrases
        for number in phrases:  # noqa: SIM110 - any() costs more than the search
            if known[number].regex.search(normal) is not None:
                return True
        return False

    def _find_slowly(self, text: str, looks: Iterable[tuple[Rendering, bool]]) -> Sequence[Hit]:
        hits = self._read(text)
        for look, guessed in looks:
            placed = [_placed(hit, look) for hit in self._read(look.text)]
            hits += map(_inferred, placed) if guessed else placed
        return strongest(hits) if hits else ()

    def _looks(self, text: str) -> Iterator[tuple[Rendering, bool]]:
        """The texts to read beside a message, and whether their words are guessed."""
        looks = shown(text)
        for look in looks:
            yield look, False
        for look in looks or [as_written(text)]:
            parted = apart(look, self._known) or look
            gaps = self._joined.gaps(parted.text)
            if gaps:
                parted = with_gaps(parted, [(gap, gap) for gap in gaps])
            if parted is not look:
                yield parted, True

    def _read(self, text: str) -> list[Hit]:
        """The hits of a text, read as it is and with its words undisguised."""
        tokens = words(text)
        if not tokens:
            return []
        disguised = self._disguised(text)
        if disguised:
            tokens = mend_words(text, tokens, self._known)
        hits = self._hits(text, tokens)
        if disguised:
            undone = undisguise(text, tokens, self._known)
            if undone != tokens:
                hits += self._hits(text, undone)
                again = undisguise(text, tokens, self._known, doubled=True)
                if again != undone:
                    hits += self._hits(text, again)
        return hits

    def _hits(self, text: str, tokens: Sequence[Token]) -> list[Hit]:
        normal = f" {' '.join(token.word for token in tokens)} "
        literals = self._index.literals(normal.encode(errors="replace"))
        numbers = set(self._index.phrases(literals, [token.word for token in tokens]))
        if not numbers:
            return []
        starts: list[int] = []
        position = 1
        for token in tokens:
            starts.append(position)
            position += len(token.word) + 1
        context = Context(text, normal, tokens, starts)
        # In turns, so that what a long text hides behind a cap is of no one language.
        ordered = sorted(numbers, key=lambda number: (self._turns[number], number))
        return context.settled(
            [
                hit
                for number in ordered[: _CHARACTERS_CAP // len(normal)]
                for match in context.matches(self.phrases[number])
                if (hit := context.hit(self.phrases[number], match.start(), match.end()))
                is not None
            ]
        )


def _with_answer(hits: Sequence[Hit], answered: Sequence[Hit]) -> Sequence[Hit]:
    """Of a message that is an answer, the statements of the age that it gives (`13 turning 14`
    gives another one too), and the question that asks back. What is on trial takes nothing away
    that is not. A statement that begins before the number, or is about the other person, says
    whose age it is and needs no question: the answer gives way, even to one on trial."""
    if not answered:
        return strongest([hit for hit in hits if hit.category in _OF_AGES])
    (answer,) = answered
    kept = [
        hit
        for hit in hits
        if hit.category == "age_question"
        or (hit.category == "age_statement" and hit.start < answer.end and answer.start < hit.end)
        or (answer.trial and not hit.trial)
    ]
    kept = [
        hit._replace(asks=answer.asks, age=hit.age if hit.about_other else answer.age)
        if hit.category == "age_statement" and hit.start <= answer.start
        else hit
        for hit in kept
    ]
    if any(
        hit.about_other or hit.start < answer.start
        for hit in kept
        if hit.category == "age_statement"
    ):
        return strongest(kept)
    return strongest([*kept, answer])


def _placed(hit: Hit, rendering: Rendering) -> Hit:
    start, end = rendering.span(hit.start, hit.end)
    view = "folded" if hit.view == "raw" else hit.view
    return hit._replace(start=start, end=end, view=view)


def _inferred(hit: Hit) -> Hit:
    """A hit among words whose gaps are guessed."""
    if VIEW_FACTORS[hit.view] < 1:
        return hit
    weight = round(hit.weight * VIEW_FACTORS["despaced"], 4)
    return hit._replace(view="despaced", weight=weight)


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


def _units(language: LanguageCatalogue, classes: dict[str, str]) -> frozenset[tuple[str, ...]]:
    try:
        return frozenset(
            tuple(word.text for word in unit)
            for source in language.units
            if fold_words(source)
            for unit in expand(parse(source, classes))
        )
    except (PhraseError, TypeError) as error:
        raise CatalogueError(f"{language.language}: units: {error}") from error


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
