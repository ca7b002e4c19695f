"""Messages that are a number and little else, as one answers a question for the age.

The grammar is closed: fillers, the number, a unit, fillers. One word outside of the lists
(`matchers.language.answer_words`) and the message is no answer, so it needs no list of what else
there are numbers of.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from itertools import groupby

from matchers.language.answer_words import (
    AFTER,
    ALMOST,
    ASKS,
    BEFORE,
    GLUED_AFTER,
    GLUED_ALMOST,
    GLUED_ASKS,
    GLUED_BEFORE,
    GLUED_UNITS,
    LATER,
    UNITS,
)
from matchers.language.catalogue import LanguageCatalogue
from matchers.language.hits import AGES, Hit
from matchers.language.phrases import expand, fold_words, parse
from matchers.language.views import Token, words
from matchers.language.weights import AGE_LIMIT

ANSWER_INDICATOR = "any.age_answer"
"""A message that is a bare number. It counts only after a question for the age."""

ANSWER_LENGTH = 32
"""Characters of the longest such message."""

FILLERS_MOST = 4
"""Fillers on each side of the number."""

_REACHED = frozenset(
    ("turned", "acabei", "fiz", "appena", "acabo", "cumplidos", "viens", "skonczylam", "skonczylem",
     "skonczone", "исполнилось", "geworden", "oldum", "compiuti", "net")
)  # fmt: skip
"""Words by which an age was reached, whenever that was."""

_AGES = range(AGES.start, 100)
"""After the question, a larger number than elsewhere is somebody's age."""

_AMBIGUOUS = frozenset(("once",))
"""Number words that are, alone, rather a word of another language: Spanish eleven is an English
`once`, which answers much else."""
_LETTERS_LEAST = 3
"""The fewest ASCII letters of a number word: a shorter one (Turkish `on`) is a word everywhere."""

_SIGNED = re.compile(r"[$€£#]\s?\d|\d\s?[%$€£°]")
"""Signs, which folding drops, that make a number a price, a share or a degree."""


@cache
def listed(choices: str) -> frozenset[str]:
    """The folded word sequences of a choice, one space between words."""
    return frozenset(
        " ".join(word.text for word in sequence) for sequence in expand(parse(f"({choices})", {}))
    )


def _any_of(options: Iterable[str]) -> str:
    """An expression for one of the options, longest first, parted by first letters: of some
    thousand only a few are then tried at a place."""
    by_first = groupby(sorted(options), key=lambda option: option[0])
    return "|".join(
        f"{re.escape(first)}(?:{'|'.join(re.escape(o[1:]) for o in sorted(group, key=len)[::-1])})"
        for first, group in by_first
    )


def _element(spaced: Iterable[str], glued: Collection[str] = ()) -> str:
    """One of the options with the space after it. A number may stand right before one that is
    otherwise a word of its own (`13yo`)."""
    stuck = f"|(?:{_any_of(glued)}) ?" if glued else ""
    return rf"(?:(?<![^ \d])(?:{_any_of(spaced)})(?: |$){stuck})"


class Answers:
    """The answers in a catalogue's number words and in digits. `languages` come with whether they
    are on trial; a number word is where every language that has it is."""

    def __init__(self, languages: Iterable[tuple[LanguageCatalogue, bool]]) -> None:
        self._ages: dict[str, tuple[int, bool]] = {}
        spaced: set[str] = set()
        glued: set[str] = set()
        for language, trial in languages:
            for word, age in _number_words(language.ages).items():
                known = self._ages.get(word, (age, True))
                self._ages[word] = (min(age, known[0]), trial and known[1])
                (spaced if language.spacing == "words" else glued).add(word)
        before, almost, units = listed(BEFORE), listed(ALMOST), listed(UNITS)
        after = listed(AFTER) | listed(ASKS) | listed(LATER)
        glued_before = listed(GLUED_BEFORE)
        self._pattern = _grammar(before, units, glued_before, spaced, glued)
        digits = {str(number) for number in range(1, 100)}
        stuck = {number + entry.split()[0] for number in digits for entry in (*units, *after)}
        entries = (*before, *almost, *units, *after, *spaced)
        every = {word for entry in entries for word in entry.split()} | digits | stuck
        self._ascii_words = frozenset(map(str.encode, filter(str.isascii, every)))
        self.literals = frozenset(
            {
                f"{begins}{digit}"
                for begins in (" ", *glued_before, *listed(GLUED_ALMOST))
                for digit in range(1, 10)
            }
            | {f" {word} " for word in spaced}
            | glued
        )
        """One of them stands in the normal text of every answer."""

    def has_words(self, parts: Sequence[bytes]) -> bool:
        """Whether an answer may be of these words in ASCII: of all that hold a number, hardly any
        message gets as far as the grammar."""
        return self._ascii_words.issuperset(parts)

    def find(self, text: str) -> Sequence[Hit] | None:
        """The age that the message is, if it is an answer; no hit for what is no age."""
        tokens = words(text)
        found = self._pattern.fullmatch(" ".join(token.word for token in tokens))
        if found is None or _SIGNED.search(text):
            return None
        number = found["age"]
        age, trial = (int(number), False) if number.isdigit() else self._ages[number]
        if age == AGE_LIMIT and (found["almost"] or found["later"]):
            age -= _REACHED.isdisjoint(token.word for token in tokens)
        if age not in _AGES:
            return ()
        start, _ = _place(tokens, found.start("age"))
        _, end = _place(tokens, found.end("age") - 1)
        hit = Hit(ANSWER_INDICATOR, "age_statement", "any", start, end, "raw", 0.5, age=age)
        return (hit._replace(trial=trial, asks=found["asks"] is not None),)


def _place(tokens: Sequence[Token], at: int) -> tuple[int, int]:
    """The raw characters of the one at `at` of the words with a space between them; all of its
    word's, where that stands for more or fewer characters than it has."""
    begins = 0
    for token in tokens:
        if at < begins + len(token.word):
            if len(token.word) != token.end - token.start:
                return token.start, token.end
            start = token.start + at - begins
            return start, start + 1
        begins += len(token.word) + 1
    raise IndexError(at)


def _number_words(ages: Mapping[str, int]) -> dict[str, int]:
    folded = {" ".join(fold_words(word)): age for word, age in ages.items()}
    return {
        word: age
        for word, age in folded.items()
        if word not in _AMBIGUOUS
        and (not word.isascii() or sum(map(str.isalpha, word)) >= _LETTERS_LEAST)
    }


def _grammar(
    before: Iterable[str],
    units: Iterable[str],
    glued_before: Collection[str],
    spaced: Collection[str],
    glued: Collection[str],
) -> re.Pattern[str]:
    number = "[1-9][0-9]?(?![0-9])"
    if spaced:
        number += f"|(?:{_any_of(spaced)})(?= |$)"
    if glued:
        number += f"|{_any_of(glued)}"
    unit = f"(?: ?{_element(units, listed(GLUED_UNITS))})??"
    almost = _element(listed(ALMOST), listed(GLUED_ALMOST))
    asks = _element(listed(ASKS), listed(GLUED_ASKS))
    later, after = _element(listed(LATER)), _element(listed(AFTER), listed(GLUED_AFTER))
    return re.compile(
        f"(?:(?P<almost>{almost})|{_element(before, glued_before)}){{0,{FILLERS_MOST}}}"
        f"(?P<age>{number}){unit}(?: ?(?P<later>{later}))?"
        f"(?: ?(?:(?P<asks>{asks})|{after}|{later}|{almost}(?:{number}){unit})){{0,{FILLERS_MOST}}}"
    )
