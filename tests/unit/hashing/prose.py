"""Made-up prose for tests: sentences of invented words, always the same for a seed."""

import random

_SYLLABLES = [
    onset + vowel + coda
    for onset in "bcdfghjklmnprstvwz"
    for vowel in "aeiou"
    for coda in ("", "", "n", "r", "s", "t", "l")
]
_VOCABULARY = random.Random(0)
_KNOWN = [
    "".join(_VOCABULARY.choices(_SYLLABLES, k=_VOCABULARY.randint(1, 4))) for _ in range(2000)
]


def words(seed: int, count: int) -> list[str]:
    """`count` words, drawn unevenly from a vocabulary of 2,000 that all seeds share."""
    rng = random.Random(seed)
    return [_KNOWN[int(len(_KNOWN) * rng.random() ** 2)] for _ in range(count)]


def prose(seed: int, count: int) -> str:
    """A text of `count` words."""
    return " ".join(words(seed, count))


def edited(text: str, seed: int, share: float) -> str:
    """The text with a share of its words replaced, spread evenly."""
    rng = random.Random(seed)
    parts = text.split(" ")
    others = words(seed + 1_000_000, len(parts))
    step = max(1, round(1 / share))
    for place in range(rng.randrange(step), len(parts), step):
        parts[place] = others[place]
    return " ".join(parts)
