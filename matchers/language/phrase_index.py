"""All phrases of a catalogue, by what must stand in a text for one of them to match."""

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import TypeVar

from daachorse import DoubleArrayAhoCorasick

from matchers.language.anchors import Anchor
from matchers.language.oddity import DISGUISED, UNLIKE

_TRIPLES = tuple(chr(c) * 3 for c in range(ord("a"), ord("z") + 1))
"""Searched for beside the phrases: repeated letters, which may disguise a word."""

_Word = TypeVar("_Word", str, bytes)
_Owners = tuple[tuple[int, tuple[frozenset[_Word], ...]], ...]
"""The phrases that a literal belongs to, by number, and what must stand beside it."""


def _encoded(words: frozenset[str]) -> frozenset[bytes]:
    return frozenset(map(str.encode, words))


_JOINED_WORDS = 3
_JOINED_LETTERS = 8
"""The fewest of a literal that is also looked for without its spaces, at a word's beginning: two
words, or short ones, make words of their own (`giftcard`)."""


def _joined(literals: Iterable[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for literal in literals:
        words = tuple(literal.split())
        letters = "".join(words)
        if len(words) >= _JOINED_WORDS and len(letters) >= _JOINED_LETTERS and letters.isalpha():
            found.setdefault(letters, words)
    return found


class PhraseIndex:
    """An Aho-Corasick automaton of the phrases' literals, and the words that must stand beside
    them. A phrase's number is its place among `anchors`. `joined` are the words of literals by
    their letters, for those that are looked for without spaces too. `numbers` are looked for
    beside them, and are no phrase's."""

    def __init__(self, anchors: Sequence[Anchor], numbers: Collection[str] = ()) -> None:
        by_literal: dict[str, list[int]] = {triple: [] for triple in _TRIPLES}
        for number, anchor in enumerate(anchors):
            for literal in anchor.literals:
                by_literal.setdefault(literal, []).append(number)
        self.joined = _joined(by_literal.keys())
        signs = [*_TRIPLES, *sorted({f" {word}" for word in self.joined} - by_literal.keys())]
        self._signs = len(signs)
        literals = [*signs, *sorted(by_literal.keys() - set(_TRIPLES))]
        literals += sorted(set(numbers) - set(literals))
        place = {literal: at for at, literal in enumerate(literals)}
        self.numbers = frozenset(place[literal] for literal in numbers)
        self.no_phrases = frozenset(place[n] for n in numbers if n not in by_literal)
        """The numbers that no phrase has as its literal too."""
        beside = [(number, anchor.beside) for number, anchor in enumerate(anchors)]
        encode = lru_cache(maxsize=None)(_encoded)  # many phrases share a word class
        in_ascii = {
            number: (number, tuple(map(encode, anchor.in_ascii)))
            for number, anchor in enumerate(anchors)
            if anchor.in_ascii is not None
        }
        self._owners: list[_Owners[str]] = [
            tuple(beside[number] for number in numbers)
            for numbers in (by_literal.get(literal, ()) for literal in literals)
        ]
        self._ascii_owners: list[_Owners[bytes]] = [
            tuple(in_ascii[number] for number in numbers if number in in_ascii)
            for numbers in (by_literal.get(literal, ()) for literal in literals)
        ]
        self._search = DoubleArrayAhoCorasick([*map(str.encode, literals)]).find_overlapping

    def literals(self, normal: bytes) -> set[int]:
        """The literals that a normal text in UTF-8 holds, by number."""
        return {literal for _, _, literal in self._search(normal)}

    def oddity(self, literals: Collection[int]) -> int:
        """`DISGUISED` where one of the literals is a repeated letter, `UNLIKE` where one is words
        without spaces."""
        flags = 0
        for literal in literals:
            if literal < self._signs:
                flags |= DISGUISED if literal < len(_TRIPLES) else UNLIKE
        return flags

    def phrases(self, literals: Collection[int], words: Collection[str]) -> list[int]:
        """The phrases that may match a text of these literals and words."""
        return _complete(self._owners, literals, set(words))

    def ascii_phrases(self, literals: Collection[int], words: Collection[bytes]) -> list[int]:
        """The same for a text in ASCII."""
        return _complete(self._ascii_owners, literals, set(words))


def _complete(
    owners: Sequence[_Owners[_Word]], literals: Collection[int], present: set[_Word]
) -> list[int]:
    """The phrases of these literals that have all they need beside them."""
    found: list[int] = []
    for literal in literals:
        for number, beside in owners[literal]:
            for needed in beside:
                if needed.isdisjoint(present):
                    break
            else:
                found.append(number)
    return found
