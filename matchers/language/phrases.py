"""The language in which indicator phrases are written, and what it compiles to.

A phrase is a sequence of words. `(a|b c)` is a choice, a `?` after a word, a choice or a class
makes it optional, `{name}` stands for a word class, `word*` for any word that begins so, and
`<3>` for a gap of up to three words (characters, where a language writes no spaces; at most
`GAP_MOST`). Words are folded, so accents, case and apostrophes do not matter.

How a language separates words is its *spacing*: `words` (most), `none` (Chinese, Japanese) or
`glued` (Korean: a phrase begins at a word's start, spaces within it are optional).
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Literal

from matchers.language.folding import FOLD
from matchers.stream_safe import stream_safe

Spacing = Literal["words", "none", "glued"]
GAP_MOST = 50
DEPTH_MOST = 20
"""Choices within choices: more would exhaust the regular expressions' and our own recursion."""
_SHOWN = 100
"""Characters of a phrase that an error shows."""


class PhraseError(ValueError):
    """A phrase that cannot be read; the message says where and what to do."""


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Gap:
    most: int


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """Hundreds of phrases share the choice of a word class: it is known by its identity."""

    options: tuple[tuple["Node", ...], ...]


Node = Word | Gap | Choice

_TOKEN = re.compile(
    r"\s*(?:(?P<gap><(\d+)>)|\{(?P<cls>[^{}]+)\}|(?P<sym>[()|?])|(?P<word>[^\s(){}|?<>]+))"
)


def fold_words(text: str) -> list[str]:
    """The folded words of a text, as the matcher sees them."""
    return unicodedata.normalize("NFC", stream_safe(text)).translate(FOLD).split()


def parse(phrase: str, classes: Mapping[str, str]) -> tuple[Node, ...]:
    """Read a phrase. Raises `PhraseError`."""
    tokens: list[tuple[str, str]] = []
    position = 0
    while position < len(phrase.rstrip()):
        found = _TOKEN.match(phrase, position)
        if found is None:
            raise _unreadable(phrase, f"unexpected {phrase[position]!r} at {position}")
        position = found.end()
        kind = found.lastgroup or ""
        tokens.append((kind, found[kind]))
    reader = _Reader(phrase, tokens, classes)
    nodes = reader.sequence(top=True)
    if not nodes:
        raise _unreadable(phrase, "empty phrase")
    return nodes


def _unreadable(phrase: str, why: str) -> PhraseError:
    shown = phrase if len(phrase) <= _SHOWN else f"{phrase[:_SHOWN]}…"
    return PhraseError(f"{shown!r}: {why}")


class _Reader:
    def __init__(
        self, phrase: str, tokens: Sequence[tuple[str, str]], classes: Mapping[str, str]
    ) -> None:
        self._phrase = phrase
        self._tokens = tokens
        self._classes = classes
        self._at = 0
        self._depth = 0

    def _fail(self, why: str) -> PhraseError:
        return _unreadable(self._phrase, why)

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
                nodes.append(self._gap(value[1:-1]))
            elif kind == "cls":
                nodes.append(self._class(value))
            elif value == "(":
                nodes.append(self._choice())
            else:
                if not nodes or isinstance(nodes[-1], Gap):
                    raise self._fail("'?' must follow a word, a choice or a class")
                if isinstance(nodes[-1], Choice) and () in nodes[-1].options:
                    raise self._fail("'?' after '?': one is enough")
                nodes[-1] = Choice(((nodes[-1],), ()))
        return tuple(nodes)

    def _gap(self, digits: str) -> Gap:
        most = int(digits) if len(digits) < 10 else GAP_MOST + 1
        if most > GAP_MOST:
            raise self._fail(f"a gap may be of up to {GAP_MOST}: write <{GAP_MOST}> or less")
        return Gap(most)

    def _word(self, value: str) -> tuple[Word, ...]:
        words = _words(value)
        if not words:
            raise self._fail(f"{value!r} folds to nothing")
        return words

    def _class(self, name: str) -> Node:
        body = self._classes.get(name)
        if body is None:
            raise self._fail(f"unknown word class {{{name}}}")
        if "{" in body:
            raise self._fail(f"class {{{name}}} holds a class; write words only")
        return _class_choice(body)

    def _choice(self) -> Node:
        options: list[tuple[Node, ...]] = []
        self._depth += 1
        if self._depth > DEPTH_MOST:
            raise self._fail(f"more than {DEPTH_MOST} choices within each other")
        while True:
            options.append(self.sequence(top=False))
            if self._at >= len(self._tokens):
                raise self._fail("a choice is not closed; add ')'")
            closing = self._tokens[self._at][1]
            self._at += 1
            if closing == ")":
                self._depth -= 1
                break
        if not all(options):
            raise self._fail("an empty option in a choice; use '?'")
        return Choice(tuple(options))


@lru_cache(maxsize=65_536)
def _words(value: str) -> tuple[Word, ...]:
    """A word as written in a phrase, folded: several where it folds to several."""
    words = fold_words(value.rstrip("*"))
    last = len(words) - 1
    return tuple(
        Word(word, value.endswith("*") and index == last) for index, word in enumerate(words)
    )


@lru_cache(maxsize=1024)
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


def pattern(nodes: Sequence[Node], spacing: Spacing, *, gaps: bool = False) -> str:
    """A regular expression over normal text: folded words, one space before and after each. With
    `gaps`, its groups are the gaps."""
    body = "".join(_source(node, spacing, gaps) for node in nodes)
    return body if spacing == "none" else "(?<= )" + body


def _source(node: Node, spacing: Spacing, gaps: bool) -> str:
    if isinstance(node, Gap):
        part = "[^ ]" if spacing == "none" else "(?:[^ ]+ )"
        gap = f"{part}{{0,{node.most}}}?"
        return f"({gap})" if gaps else gap
    if isinstance(node, Choice):
        options = "|".join(
            "".join(_source(part, spacing, gaps) for part in option) for option in node.options
        )
        return f"(?:{options})"
    word = re.escape(node.text) + ("[^ ]*" if node.prefix and spacing != "none" else "")
    if spacing == "words":
        return word + " "
    # Among letters without spaces, a Latin word or a number still ends where its letters do.
    before = "(?<![0-9a-z])" if node.text[0].isascii() else ""
    after = "(?![0-9a-z])" if node.text[-1].isascii() and not node.prefix else ""
    return f"{before}{word}{after} ?"


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
