"""Words that are written without spaces, parted by the phrases that they make."""

import re
from collections.abc import Mapping, Sequence
from itertools import accumulate

from matchers.language.disguise import UNSPACED
from matchers.language.folding import FOLD
from matchers.language.views import clusters, words
from matchers.language.vocabulary import Vocabulary

_LEAST = 8
"""Letters of the shortest word that is looked into."""
_LONG = re.compile(rf"\S{{{_LEAST},}}")
_LONGEST_PHRASE = 40
_SURE = 12
"""Letters of a phrase beside which, in one word, anything may stand: shorter ones are also parts
of ordinary words, and what stands beside them must be known words."""


class JoinedWords:
    """Finds the gaps that are missing in a text. `phrases` are the words of phrases by their
    letters; only where one of them stands in a word is the word parted."""

    def __init__(self, phrases: Mapping[str, Sequence[str]], known: Vocabulary) -> None:
        self._phrases = phrases
        self._known = known
        self._beginnings = frozenset(letters[:_LEAST] for letters in phrases)

    def gaps(self, text: str) -> list[int]:
        """The places between characters of `text` where a gap is missing."""
        found: list[int] = []
        for chunk in _LONG.finditer(text):
            if chunk[0].isascii() and not self._may_hold(chunk[0]):
                continue
            for token in words(chunk[0]):
                word = token.word
                if len(word) < _LEAST or word in self._known or UNSPACED.search(word):
                    continue
                pieces = self._parted(word)
                if len(pieces) < 2:
                    continue
                first = chunk.start() + token.start
                starts = [
                    first + start
                    for folded, start, _ in clusters(chunk[0][token.start : token.end])
                    for _ in folded
                ]
                if len(starts) == len(word):
                    found += [starts[at] for at in accumulate(map(len, pieces[:-1]))]
        return found

    def _may_hold(self, chunk: str) -> bool:
        letters = chunk.translate(FOLD)
        return any(
            letters[at : at + _LEAST] in self._beginnings for at in range(len(letters) - _LEAST + 1)
        )

    def _parted(self, word: str) -> list[str]:
        pieces: list[str] = []
        at = rest = last = 0
        sure = True
        while at < len(word):
            phrase = self._phrase_at(word, at)
            if phrase is None:
                at += 1
                continue
            last = sum(map(len, phrase))
            between = self._between(word[rest:at])
            sure = sure and (between is not None or last >= _SURE)
            pieces += [*([word[rest:at]] if between is None else between), *phrase]
            at += last
            rest = at
        if not last:
            return [word]
        after = self._between(word[rest:])
        sure = sure and (after is not None or last >= _SURE)
        pieces += [word[rest:]] if after is None else after
        return pieces if sure else [word]

    def _phrase_at(self, word: str, at: int) -> Sequence[str] | None:
        """The longest phrase that begins at a place."""
        for end in range(min(len(word), at + _LONGEST_PHRASE), at + _LEAST - 1, -1):
            phrase = self._phrases.get(word[at:end])
            if phrase is not None:
                return phrase
        return None

    def _between(self, letters: str) -> list[str] | None:
        """The known words that letters make, all of them."""
        if not letters:
            return []
        if letters in self._known:
            return [letters]
        pieces = self._known.segment(letters)
        if pieces is None or not all(piece in self._known for piece in pieces):
            return None
        return pieces
