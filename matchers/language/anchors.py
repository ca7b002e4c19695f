"""Which parts of a phrase are searched for first.

A phrase's expression runs only on a text that holds one of its *anchors*, literals that the
automaton finds for all phrases at once, and one of the words that must stand *beside* them.
Both are chosen to be met seldom, so that ordinary talk runs hardly any expression.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import NamedTuple

from matchers.language.phrases import (
    Choice,
    Gap,
    Node,
    PhraseError,
    Spacing,
    Word,
    expand,
)

ANCHORS_CAP = 500
"""The most literals that one phrase may put into the automaton."""

_MOST_OFTEN = 0.02
_RANK = 40
"""About how often the first word of a list of everyday words is met at a given place, and the rank
of the word that is met half as often (Zipf's law, flattened as in Mandelbrot 1953)."""
_LITERAL_COST = 3e-6
"""What a literal more costs (time to build, memory) as a frequency: a hundred of them are worth a
word that is met once in three thousand places."""


_BESIDE_MOST = 3
"""Sets of words that are looked for beside a literal; more would cost what they save."""

Beside = tuple[frozenset[str], ...]


class Anchor(NamedTuple):
    """Of `literals` one stands in every normal text that the phrase matches, and of each set of
    `beside` one is a word of it. `in_ascii` are those sets for a text in ASCII; `None`: the phrase
    matches no such text."""

    literals: frozenset[str]
    beside: Beside
    in_ascii: Beside | None


class AnchorChooser:
    """Chooses anchors. `common` are lists of everyday words, the most frequent first, in whatever
    languages: what is common in one is met in chats of the others too."""

    def __init__(self, common: Iterable[Sequence[str]] = ()) -> None:
        self._common: dict[str, float] = {}
        for words in common:
            for rank, word in enumerate(words):
                often = _MOST_OFTEN * _RANK / (_RANK + rank)
                self._common[word] = max(often, self._common.get(word, 0.0))
        self._weighed: dict[tuple[Choice, bool], tuple[int, float, float]] = {}
        self._often: dict[tuple[str, bool, bool], float] = {}
        self._sums: dict[frozenset[str], float] = {}
        self._required: dict[tuple[Choice, bool], frozenset[str] | None] = {}

    def choose(self, nodes: Sequence[Node], spacing: Spacing) -> Anchor:
        """The anchor of a phrase. Raises `PhraseError` where it has none."""
        spaced = spacing == "words"
        chosen = self._run(nodes, spaced)
        literals = _literals(nodes[chosen], spacing)
        rest = (*nodes[: chosen.start], *nodes[chosen.stop :])
        # Without spaces, only a text in ASCII is sure to part the words, all of which are Latin.
        return Anchor(
            _without_longer(literals) if spaced else literals,
            self._beside(rest, ascii_only=False) if spaced else (),
            self._beside(rest if spaced else nodes, ascii_only=True) if _in_ascii(nodes) else None,
        )

    def _beside(self, nodes: Sequence[Node], *, ascii_only: bool) -> Beside:
        found = [words for node in nodes if (words := self._words(node, ascii_only)) is not None]
        return tuple(sorted(found, key=self._together)[:_BESIDE_MOST])

    def _run(self, nodes: Sequence[Node], spaced: bool) -> slice:
        """The gap-free run that is met least often, of those with at most `ANCHORS_CAP`
        expansions."""
        weights = [self._weigh(node, spaced) for node in nodes]
        best, least = slice(0), 1.0
        for first in range(len(nodes)):
            total, often, closed = 1, 1.0, 0.0
            for last in range(first, len(nodes)):
                total *= weights[last][0]
                closed += often * weights[last][2]
                often *= weights[last][1]
                if total == 0 or total > ANCHORS_CAP:
                    break
                cost = often + closed + total * _LITERAL_COST
                if cost < least:
                    best, least = slice(first, last + 1), cost
        if not nodes[best]:
            raise PhraseError(
                "no part of the phrase is always there and short enough to search for"
            )
        return best

    def _weigh(self, node: Node, spaced: bool) -> tuple[int, float, float]:
        """The number of expansions (0 where there is a gap), and about how often one of them stands
        at a given place of a text: those that end with a whole word, and those that hold a prefix,
        after which a literal ends."""
        if isinstance(node, Word):
            often = self._frequency(node.text, node.prefix, spaced)
            return (1, 0.0, often) if node.prefix and spaced else (1, often, 0.0)
        if isinstance(node, Gap):
            return 0, 1.0, 0.0
        known = self._weighed.get((node, spaced))
        if known is None:
            known = self._weighed[node, spaced] = self._weigh_choice(node, spaced)
        return known

    def _weigh_choice(self, node: Choice, spaced: bool) -> tuple[int, float, float]:
        count, often, closed = 0, 0.0, 0.0
        for option in node.options:
            total, together = 1, 1.0
            for part in option:
                expansions, whole, prefixed = self._weigh(part, spaced)
                total *= expansions
                closed += together * prefixed
                together *= whole
            if total == 0:
                return 0, 1.0, 0.0
            count += total
            often += together
        return count, often, closed

    def _frequency(self, text: str, prefix: bool, spaced: bool) -> float:
        """`_guess`, kept: a catalogue asks half a million times about some ten thousand words."""
        asked = (text, prefix, spaced)
        often = self._often.get(asked)
        if often is None:
            often = self._often[asked] = self._guess(text, prefix, spaced)
        return often

    def _guess(self, text: str, prefix: bool, spaced: bool) -> float:
        """A rough guess, by the few things that are known of a word: common words and numbers are
        everywhere, and so are short words, of which some language or other has a common one, and
        Latin letters that may stand within a word."""
        if text.isdigit():
            return 0.04 if prefix else 0.02
        if not spaced and text.isascii():
            return 0.02 if len(text) < 5 else 0.002
        if any(char.isdigit() for char in text):
            return 0.0001
        length = len(text) if text.isascii() else 2 * len(text)
        often = (0.02, 0.02, 0.004, 0.001, 0.0003)[length] if length < 5 else 0.0001
        often = max(often, self._common.get(text, 0.0))
        return 4 * often if prefix else often

    def _rarest(self, nodes: Sequence[Node], ascii_only: bool) -> frozenset[str] | None:
        """The whole words of which one stands in whatever the nodes match: those of the node
        where they are rarest."""
        found = [words for node in nodes if (words := self._words(node, ascii_only)) is not None]
        return min(found, key=self._together, default=None)

    def _words(self, node: Node, ascii_only: bool) -> frozenset[str] | None:
        if isinstance(node, Word):
            return None if node.prefix else frozenset((node.text,))
        if isinstance(node, Gap):
            return None
        slot = (node, ascii_only)
        if slot not in self._required:
            options = [
                self._rarest(option, ascii_only)
                for option in node.options
                if not (ascii_only and not _in_ascii(option))
            ]
            self._required[slot] = (
                None if None in options else frozenset().union(*filter(None, options))
            )
        return self._required[slot]

    def _together(self, words: frozenset[str]) -> float:
        often = self._sums.get(words)
        if often is None:
            often = self._sums[words] = sum(self._frequency(word, False, True) for word in words)
        return often


def _in_ascii(nodes: Sequence[Node]) -> bool:
    return all(
        node.text.isascii()
        if isinstance(node, Word)
        else isinstance(node, Gap) or any(_in_ascii(option) for option in node.options)
        for node in nodes
    )


def _literals(nodes: Sequence[Node], spacing: Spacing) -> frozenset[str]:
    return frozenset(literal for words in expand(nodes) for literal in _spelt(words, spacing))


def _spelt(words: Sequence[Word], spacing: Spacing) -> Iterator[str]:
    if spacing == "words":
        kept = _up_to_prefix(words)
        joined = " " + " ".join(word.text for word in kept)
        yield joined if kept[-1].prefix else joined + " "
    elif spacing == "none" and len(words) <= 3:
        for separators in product(("", " "), repeat=len(words) - 1):
            yield "".join(
                word.text + separator
                for word, separator in zip(words, (*separators, ""), strict=True)
            )
    else:
        # Between words there may be a space or a particle: one word stands for all, and not
        # one of the Latin letters or digits that are everywhere in other languages.
        yield max((word.text for word in words), key=lambda t: (not t.isascii(), len(t)))


def _up_to_prefix(words: Sequence[Word]) -> Sequence[Word]:
    for index, word in enumerate(words):
        if word.prefix:
            return words[: index + 1]
    return words


def _without_longer(literals: frozenset[str]) -> frozenset[str]:
    """The literals that hold none of the others."""
    return frozenset(
        literal for literal in literals if not any(part in literals for part in _parts(literal))
    )


def _parts(literal: str) -> Iterator[str]:
    """The shorter runs of a literal's words."""
    words = literal.split()
    if len(words) == 1:
        return
    for first in range(len(words)):
        run = " "
        for last in range(first, len(words)):
            run += words[last]
            if run != literal:
                yield run
            run += " "
            if run != literal:
                yield run
