"""The language in which indicator phrases are written, and what it compiles to.

A phrase is a sequence of words. `(a|b c)` is a choice, a `?` after a word, a choice or a class
makes it optional, `{name}` stands for a word class, `word*` for any word that begins so, and
`<3>` for a gap of up to three words (characters, where a language writes no spaces). Words are
folded, so accents, case and apostrophes do not matter.

How a language separates words is its *spacing*: `words` (most), `none` (Chinese, Japanese) or
`glued` (Korean: a phrase begins at a word's start, spaces within it are optional).
"""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Literal

from matchers.language.folding import FOLD

Spacing = Literal["words", "none", "glued"]

ANCHORS_CAP = 500
"""The most literals that one phrase may put into the automaton."""


class PhraseError(ValueError):
    """A phrase that cannot be read; the message says where and what to do."""


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Gap:
    most: int


@dataclass(frozen=True, slots=True)
class Choice:
    options: tuple[tuple["Node", ...], ...]


Node = Word | Gap | Choice

_TOKEN = re.compile(
    r"\s*(?:(?P<gap><(\d+)>)|\{(?P<cls>[^{}]+)\}|(?P<sym>[()|?])|(?P<word>[^\s(){}|?<>]+))"
)


def fold_words(text: str) -> list[str]:
    """The folded words of a text, as the matcher sees them."""
    return unicodedata.normalize("NFC", text).translate(FOLD).split()


def parse(phrase: str, classes: Mapping[str, str]) -> tuple[Node, ...]:
    """Read a phrase. Raises `PhraseError`."""
    tokens: list[tuple[str, str]] = []
    position = 0
    while position < len(phrase.rstrip()):
        found = _TOKEN.match(phrase, position)
        if found is None:
            raise PhraseError(f"{phrase!r}: unexpected {phrase[position]!r} at {position}")
        position = found.end()
        kind = found.lastgroup or ""
        tokens.append((kind, found[kind]))
    reader = _Reader(phrase, tokens, classes)
    nodes = reader.sequence(top=True)
    if not nodes:
        raise PhraseError(f"{phrase!r}: empty phrase")
    return nodes


class _Reader:
    def __init__(
        self, phrase: str, tokens: Sequence[tuple[str, str]], classes: Mapping[str, str]
    ) -> None:
        self._phrase = phrase
        self._tokens = tokens
        self._classes = classes
        self._at = 0

    def _fail(self, why: str) -> PhraseError:
        return PhraseError(f"{self._phrase!r}: {why}")

    def sequence(self, *, top: bool) -> tuple[Node, ...]:
        nodes: list[Node] = []
        while self._at < len(self._tokens):
            kind, value = self._tokens[self._at]
            if kind == "sym" and value in "|)":
                if top:
                    raise self._fail(f"{value!r} outside of a choice")
                break
            self._at += 1
            if kind == "word":
                nodes.extend(self._word(value))
            elif kind == "gap":
                nodes.append(Gap(int(value[1:-1])))
            elif kind == "cls":
                nodes.append(self._class(value))
            elif value == "(":
                nodes.append(self._choice())
            else:
                if not nodes or isinstance(nodes[-1], Gap):
                    raise self._fail("'?' must follow a word, a choice or a class")
                nodes[-1] = Choice(((nodes[-1],), ()))
        return tuple(nodes)

    def _word(self, value: str) -> list[Node]:
        prefix = value.endswith("*")
        words = fold_words(value.rstrip("*"))
        if not words:
            raise self._fail(f"{value!r} folds to nothing")
        return [Word(word, prefix and index == len(words) - 1) for index, word in enumerate(words)]

    def _class(self, name: str) -> Node:
        body = self._classes.get(name)
        if body is None:
            raise self._fail(f"unknown word class {{{name}}}")
        if "{" in body:
            raise self._fail(f"class {{{name}}} holds a class; write words only")
        return _class_choice(body)

    def _choice(self) -> Node:
        options: list[tuple[Node, ...]] = []
        while True:
            options.append(self.sequence(top=False))
            if self._at >= len(self._tokens):
                raise self._fail("a choice is not closed; add ')'")
            closing = self._tokens[self._at][1]
            self._at += 1
            if closing == ")":
                break
        if not all(options):
            raise self._fail("an empty option in a choice; use '?'")
        return Choice(tuple(options))


@lru_cache(maxsize=512)
def _class_choice(body: str) -> Choice:
    """Hundreds of phrases share a class of a hundred words."""
    return Choice(tuple(parse(option, {}) for option in body.split("|")))


def expand(nodes: Sequence[Node]) -> Iterator[tuple[Word, ...]]:
    """Every word sequence of a gap-free run of nodes."""
    choices: list[list[tuple[Word, ...]]] = []
    for node in nodes:
        if isinstance(node, Word):
            choices.append([(node,)])
        elif isinstance(node, Choice):
            choices.append([words for option in node.options for words in expand(option)])
        else:
            raise TypeError("a gap has no expansion")
    for picked in product(*choices):
        yield tuple(word for words in picked for word in words)


def _weigh(node: Node, common: Collection[str]) -> tuple[int, float]:
    """The number of expansions, and about how often one of them stands at a given place of a text;
    0 expansions where there is a gap."""
    if isinstance(node, Word):
        return 1, _frequency(node, common)
    if isinstance(node, Gap):
        return 0, 1.0
    count, often = 0, 0.0
    for option in node.options:
        total, together = _weigh_run(option, common)
        if total == 0:
            return 0, 1.0
        count += total
        often += together
    return count, often


def _weigh_run(nodes: Sequence[Node], common: Collection[str]) -> tuple[int, float]:
    total, together = 1, 1.0
    for node in nodes:
        count, often = _weigh(node, common)
        total *= count
        together *= often
    return total, together


def _frequency(word: Word, common: Collection[str]) -> float:
    """A rough guess, by the few things that are known of a word: common words and numbers are
    everywhere, and so are short words, of which some language or other has a common one."""
    if word.text in common or word.text.isdigit():
        return 0.04 if word.prefix else 0.02
    if any(char.isdigit() for char in word.text):
        return 0.0001
    length = len(word.text) if word.text.isascii() else 2 * len(word.text)
    often = (0.02, 0.02, 0.004, 0.001, 0.0003)[length] if length < 5 else 0.0001
    return 4 * often if word.prefix else often


def anchor_nodes(nodes: Sequence[Node], common: Collection[str] = ()) -> tuple[Node, ...]:
    """The gap-free run that is met least often, of those with at most `ANCHORS_CAP` expansions."""
    weights = [_weigh(node, common) for node in nodes]
    best, least = slice(0), 1.0
    for first in range(len(nodes)):
        total, often = 1, 1.0
        for last in range(first, len(nodes)):
            total *= weights[last][0]
            often *= weights[last][1]
            if total == 0 or total > ANCHORS_CAP:
                break
            if often < least:
                best, least = slice(first, last + 1), often
    if not nodes[best]:
        raise PhraseError("no part of the phrase is always there and short enough to search for")
    return tuple(nodes[best])


def anchors(nodes: Sequence[Node], spacing: Spacing, common: Collection[str] = ()) -> set[str]:
    """The literals of which one stands in every normal text that the phrase matches. `common`
    are words that make poor ones."""
    found: set[str] = set()
    for words in expand(anchor_nodes(nodes, common)):
        if spacing == "words":
            kept = _up_to_prefix(words)
            joined = " " + " ".join(word.text for word in kept)
            found.add(joined if kept[-1].prefix else joined + " ")
        elif spacing == "none" and len(words) <= 3:
            for separators in product(("", " "), repeat=len(words) - 1):
                found.add(
                    "".join(
                        word.text + separator
                        for word, separator in zip(words, (*separators, ""), strict=True)
                    )
                )
        else:
            # Between words there may be a space or a particle: one word stands for all, and not
            # one of the Latin letters or digits that are everywhere in other languages.
            found.add(max((word.text for word in words), key=lambda t: (not t.isascii(), len(t))))
    return found


def _up_to_prefix(words: Sequence[Word]) -> Sequence[Word]:
    for index, word in enumerate(words):
        if word.prefix:
            return words[: index + 1]
    return words


def pattern(nodes: Sequence[Node], spacing: Spacing) -> str:
    """A regular expression over normal text: folded words, one space before and after each."""
    body = "".join(_source(node, spacing) for node in nodes)
    return body if spacing == "none" else "(?<= )" + body


def _source(node: Node, spacing: Spacing) -> str:
    if isinstance(node, Gap):
        if spacing == "none":
            return rf"[^ ]{{0,{node.most}}}?"
        return rf"(?:[^ ]+ ){{0,{node.most}}}?"
    if isinstance(node, Choice):
        options = "|".join(
            "".join(_source(part, spacing) for part in option) for option in node.options
        )
        return f"(?:{options})"
    word = re.escape(node.text) + ("[^ ]*" if node.prefix and spacing != "none" else "")
    return word + (" " if spacing == "words" else " ?")


def vocabulary(nodes: Sequence[Node]) -> set[Word]:
    """The words that a phrase is made of."""
    found: set[Word] = set()
    for node in nodes:
        if isinstance(node, Word):
            found.add(node)
        elif isinstance(node, Choice):
            for option in node.options:
                found |= vocabulary(option)
    return found
