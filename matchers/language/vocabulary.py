"""The words that a catalogue knows: what a disguised spelling may be undone into."""

import re
from collections.abc import Iterable
from itertools import islice, product

_RUN = re.compile(r"(.)\1*")
_VARIANTS_CAP = 32


class Vocabulary:
    """The words that a catalogue knows, and those with which a phrase's word may begin; one or two
    Latin letters are the beginning of anything, and left out. `around` are the words of cues:
    letters without gaps are not split into them."""

    def __init__(
        self, whole: Iterable[str], prefixes: Iterable[str], around: Iterable[str] = ()
    ) -> None:
        self._pieces = frozenset(whole)
        self._whole = self._pieces | frozenset(around)
        self._prefixes = frozenset(p for p in prefixes if len(p) > 2 or not p.isascii())
        known = self._whole | self._prefixes
        self._longest = max((len(word) for word in known), default=0)
        self._shortest_prefix = min((len(word) for word in self._prefixes), default=99)

    def __contains__(self, word: str) -> bool:
        if word in self._whole:
            return True
        return any(
            word[:length] in self._prefixes
            for length in range(self._shortest_prefix, min(len(word), self._longest) + 1)
        )

    def is_whole(self, word: str) -> bool:
        """Whether the word itself is known, not only how it begins."""
        return word in self._whole

    def for_repeats(self, word: str, *, doubled: bool) -> str | None:
        """The known word of which `word` draws out letters: a run of three or more stands for one
        letter or two. Where both make a known word, `doubled` says which is taken."""
        runs = [found[0] for found in _RUN.finditer(word)]
        lengths = [(len(run),) if len(run) < 3 else ((2, 1) if doubled else (1, 2)) for run in runs]
        for picked in islice(product(*lengths), _VARIANTS_CAP):
            plain = "".join(run[0] * n for run, n in zip(runs, picked, strict=True))
            if plain in self:
                return plain
        return None

    def segment(self, letters: str) -> list[str] | None:
        """Split letters into known words, with as few unknown letters as can be; `None` when
        fewer than two thirds of the letters are in known words."""
        length = len(letters)
        cost = [0.0] + [1e9] * length
        back = [0] * (length + 1)
        for end in range(1, length + 1):
            for start in range(max(0, end - self._longest), end):
                piece = letters[start:end]
                if piece in self._pieces:
                    step = 0.1 if len(piece) > 1 else 0.6
                elif len(piece) > 2 and piece in self._prefixes:
                    step = 0.3
                elif len(piece) == 1:
                    step = 1.0
                else:
                    continue
                if cost[start] + step < cost[end]:
                    cost[end], back[end] = cost[start] + step, start
        found: list[str] = []
        unknown = 0
        end = length
        while end:
            piece = letters[back[end] : end]
            if len(piece) == 1 and piece not in self._pieces:
                unknown += 1
            found.append(piece)
            end = back[end]
        if unknown * 3 > length or len(found) * 2 > length + 2:
            return None
        return found[::-1]
