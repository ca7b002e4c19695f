"""Disguised spellings, as people use them to get past filters: what `disguise` has to undo.

Each is a function of a text and a source of chance. They are for measuring: how much of the recall
is left when positives are rewritten, and what ordinary talk raises when it is.
"""

import random
from collections.abc import Callable

from matchers.language.corpora import Talk

LOOKALIKES = {
    "a": "аɑα", "c": "сϲ", "e": "еҽ", "i": "іɩ", "o": "оο", "p": "рρ", "s": "ѕ", "x": "х", "y": "у",
    "h": "һ", "j": "ј", "k": "к", "n": "ո", "u": "ս", "w": "ԝ", "d": "ԁ",
}  # fmt: skip
LEET = {"a": "4@", "e": "3", "i": "1!", "o": "0", "s": "5$", "t": "7"}
INVISIBLE = "\u200b\u200c\u200d\u2060\u00ad"
EMOJI = "😀🔥✨💀"

Disguise = Callable[[str, random.Random], str]


def _letters(text: str, share: float, chance: random.Random, table: dict[str, str]) -> str:
    return "".join(
        chance.choice(table[c.lower()]) if c.lower() in table and chance.random() < share else c
        for c in text
    )


def lookalikes(text: str, chance: random.Random) -> str:
    """Letters of other scripts that look the same, for a third of the letters."""
    return _letters(text, 0.34, chance, LOOKALIKES)


def zero_width(text: str, chance: random.Random) -> str:
    """Invisible characters within words."""
    return "".join(c + chance.choice(INVISIBLE) if chance.random() < 0.3 else c for c in text)


def leet(text: str, chance: random.Random) -> str:
    """Digits and symbols for half of the letters that have one."""
    return " ".join(
        _letters(word, 0.5, chance, LEET) if not word[:1].isdigit() else word
        for word in text.split(" ")
    )


def spacing(text: str, chance: random.Random) -> str:
    """Every letter apart, words a little wider apart."""
    return "   ".join(" ".join(word) for word in text.split())


def dots(text: str, chance: random.Random) -> str:
    """Dots between the letters of the longer words."""
    return " ".join(
        ".".join(word) if len(word) > 3 and word.isalpha() else word for word in text.split()
    )


def repeats(text: str, chance: random.Random) -> str:
    """A letter drawn out in most words."""
    words: list[str] = []
    for word in text.split():
        if word.isalpha() and chance.random() < 0.7:
            at = chance.randrange(len(word))
            word = word[:at] + word[at] * chance.randrange(3, 6) + word[at + 1 :]
        words.append(word)
    return " ".join(words)


def mixed_case(text: str, chance: random.Random) -> str:
    """Upper and lower case at random."""
    return "".join(chance.choice((c.upper(), c.lower())) if c.isascii() else c for c in text)


def emoji(text: str, chance: random.Random) -> str:
    """An emoji within most words."""
    words: list[str] = []
    for word in text.split():
        if len(word) > 2 and word.isalpha() and chance.random() < 0.6:
            at = chance.randrange(1, len(word))
            word = word[:at] + chance.choice(EMOJI) + word[at:]
        words.append(word)
    return " ".join(words)


def full_width(text: str, chance: random.Random) -> str:
    """Full-width forms of ASCII."""
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


DISGUISES: dict[str, Disguise] = {
    "lookalikes": lookalikes,
    "zero_width": zero_width,
    "leet": leet,
    "spacing": spacing,
    "dots": dots,
    "repeats": repeats,
    "mixed_case": mixed_case,
    "emoji": emoji,
    "full_width": full_width,
}


def disguised(talk: Talk, name: str, seed: int) -> Talk:
    """The conversation with the disguise `name` over what its offenders say (over everybody's
    words where there is none). The same for the same seed."""
    disguise = DISGUISES[name]
    chance = random.Random(f"{seed}/{name}/{talk.id}")  # noqa: S311 - no secret
    turns = tuple(
        turn._replace(text=disguise(turn.text, chance))
        if turn.author in talk.offenders or not talk.offenders
        else turn
        for turn in talk.turns
    )
    return talk._replace(turns=turns)
