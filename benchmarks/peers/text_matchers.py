"""What `make bench-text` times beside Seawall: three ways of looking for known phrases in a text.

Each is built from sentences and then asked about one message after the other, as it would be in a
stream.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from matchers.language.phrases import fold_words


class TextPeer(Protocol):
    """Something that reads a message."""

    def read(self, author: str, text: str) -> object: ...


class Alternation:
    """Python's `re`: the very same patterns, one alternation a language, over folded words. It
    undoes no disguise and knows no cues."""

    def __init__(self, patterns: dict[str, list[str]]) -> None:
        self._regexes = [re.compile("|".join(some)) for some in patterns.values()]

    def read(self, author: str, text: str) -> object:
        normal = f" {' '.join(fold_words(text))} "
        return [regex.search(normal) for regex in self._regexes]


class ThreatExchangeRawText:
    """python-threatexchange's raw-text signal and the index that it brings: a whole message
    matches within 5 % of a phrase's edits. Its edit distance takes ASCII only, so other characters
    become a question mark."""

    def __init__(self, phrases: Sequence[str]) -> None:
        from threatexchange.signal_type.raw_text import RawTextSignal

        index: Any = RawTextSignal.get_index_cls()
        self._index = index.build([(_ascii(text), number) for number, text in enumerate(phrases)])

    def read(self, author: str, text: str) -> object:
        return self._index.query(_ascii(text))


class SentinelFormula:
    """Roblox Sentinel's published scoring, written anew, over a static hashing embedding.

    A message's contrastive score is `log(mean(exp(p)) / mean(exp(n)))`, at least 0, of the cosine
    similarities `p` and `n` to its five nearest positive and negative examples; an author's score
    is the skewness `(mean - median) / deviation` of at least ten of those (Sentinel,
    `score_formulae`, github.com/Roblox/Sentinel). Sentinel itself embeds with a sentence
    transformer, which costs more; here a word or pair of words is a fixed random vector, so that
    only the scoring's own cost is compared, and nothing is said of how well it finds.
    """

    WIDTH = 256
    BUCKETS = 1 << 15
    NEAREST = 5
    OBSERVATIONS = 10
    KEPT = 100

    def __init__(self, positive: Sequence[str], negative: Sequence[str]) -> None:
        chance = np.random.default_rng(0)
        self._vectors = chance.standard_normal((self.BUCKETS, self.WIDTH), np.float32)
        self._positive = np.stack([self._embed(text) for text in positive])
        self._negative = np.stack([self._embed(text) for text in negative])
        self._scores: dict[str, list[float]] = defaultdict(list)

    def read(self, author: str, text: str) -> float:
        vector = self._embed(text)
        ratio = self._nearest(self._positive @ vector) / self._nearest(self._negative @ vector)
        scores = self._scores[author]
        scores.append(max(0.0, float(np.log(ratio))))
        del scores[: -self.KEPT]
        if len(scores) < self.OBSERVATIONS:
            return 0.0
        deviation = float(np.std(scores))
        return float(np.mean(scores) - np.median(scores)) / deviation if deviation else 0.0

    def _nearest(self, similarities: npt.NDArray[np.float32]) -> float:
        count = min(self.NEAREST, len(similarities))
        return float(np.mean(np.exp(np.partition(similarities, -count)[-count:])))

    def _embed(self, text: str) -> npt.NDArray[np.float32]:
        words = fold_words(text)
        pieces = [*words, *(f"{a} {b}" for a, b in pairwise(words))]
        if not pieces:
            return np.zeros(self.WIDTH, np.float32)
        rows = [hash(piece) % self.BUCKETS for piece in pieces]
        vector: npt.NDArray[np.float32] = self._vectors[rows].sum(axis=0)
        return vector / np.float32(np.linalg.norm(vector))


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode()


def has_threatexchange() -> bool:
    """Whether python-threatexchange is there: it is of the `bench` extra."""
    return find_spec("threatexchange") is not None
