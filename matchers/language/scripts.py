"""Scripts of letters, and look-alikes between them (Unicode Technical Standard #39).

Only Latin, Greek and Cyrillic imitate one another closely enough to spell with; the pairs are
those of the Unicode consortium's confusables data, as carried by `confusable_homoglyphs`, and a
few that the data reaches only through a third character.
"""

import unicodedata
from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import Literal

from confusable_homoglyphs.confusables import confusables_data  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

from matchers.language.folding import FOLD

Script = Literal["latin", "greek", "cyrillic", "armenian", "cherokee", "other"]
_NAMED: tuple[Script, ...] = ("latin", "greek", "cyrillic", "armenian", "cherokee")

_EXTRA = {
    "а": "a", "в": "b", "с": "c", "е": "e", "н": "h", "і": "i", "ј": "j", "к": "k", "м": "m",
    "о": "o", "р": "p", "ԛ": "q", "г": "r", "ѕ": "s", "т": "t", "у": "y", "ѵ": "v", "ԝ": "w",
    "х": "x", "һ": "h", "ԁ": "d", "ӏ": "l", "п": "n", "и": "u", "з": "3", "б": "6",
    "ҽ": "e", "ϲ": "c",
    "α": "a", "β": "b", "ε": "e", "η": "n", "ι": "i", "κ": "k", "ν": "v", "ο": "o", "ρ": "p",
    "τ": "t", "υ": "u", "χ": "x", "γ": "y", "ω": "w", "σ": "o",
    "օ": "o", "ս": "u", "ո": "n", "հ": "h", "զ": "q", "ց": "g", "յ": "j", "ք": "p",
    "ꮃ": "w", "ꮯ": "c", "ꭰ": "d", "ꮋ": "h", "ꮤ": "w", "ꭺ": "a", "ꭼ": "e", "ꮪ": "s", "ꮖ": "r",
    "ɑ": "a", "ɡ": "g", "ɩ": "i", "ʀ": "r", "ɢ": "g", "ʏ": "y", "ʜ": "h", "ɪ": "i", "ʟ": "l",
    "ɴ": "n", "ʙ": "b", "ᴀ": "a", "ᴄ": "c", "ᴅ": "d", "ᴇ": "e", "ᴊ": "j", "ᴋ": "k", "ᴍ": "m",
    "ᴏ": "o", "ᴘ": "p", "ᴛ": "t", "ᴜ": "u", "ᴠ": "v", "ᴡ": "w", "ᴢ": "z", "ꜱ": "s", "ꜰ": "f",
}  # fmt: skip
"""Lower-case look-alikes that everyday disguises use, first choice per letter."""


@cache
def script_of(char: str) -> Script:
    """The script of a letter; `other` for everything that imitates no Latin letter."""
    name = unicodedata.name(char, "").lower()
    for script in _NAMED:
        if name.startswith(script):
            return script
    return "other"


@cache
def latin_for(char: str) -> str:
    """The Latin letter that a folded character looks like, or the character itself."""
    known = _EXTRA.get(char)
    if known is not None:
        return known
    if char.isascii():
        return char
    for entry in confusables_data.get(char, ()):  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        other: str = entry["c"]  # pyright: ignore[reportUnknownVariableType]
        if len(other) == 1 and other.isascii() and other.isalpha():
            return FOLD[ord(other)]
    return char


_CYRILLIC_FOR = {
    "a": "а", "b": "в", "c": "с", "e": "е", "h": "н", "k": "к", "m": "м", "o": "о", "p": "р",
    "t": "т", "y": "у", "x": "х", "i": "і", "s": "ѕ", "j": "ј", "r": "г", "n": "п", "u": "и",
}  # fmt: skip
_GREEK_FOR = {
    "a": "α", "b": "β", "e": "ε", "n": "η", "i": "ι", "k": "κ", "v": "ν", "o": "ο", "p": "ρ",
    "t": "τ", "u": "υ", "x": "χ", "y": "γ", "w": "ω",
}  # fmt: skip


_TWINS: dict[Script, dict[str, str]] = {"cyrillic": _CYRILLIC_FOR, "greek": _GREEK_FOR}


class Surroundings:
    """Which script a text is of, by the letters that look like none of another; found out when a
    word leaves it open."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._script: Script | None = None

    @property
    def script(self) -> Script:
        """The script, Latin where there is a tie."""
        if self._script is None:
            letters = Counter(c for c in self._text.translate(FOLD) if c.isalpha())
            scripts: Counter[Script] = Counter()
            for char, number in letters.items():
                scripts[script_of(char)] += number * (1 if _has_twin(char) else 1000)
            self._script = max(_NAMED, key=lambda script: scripts[script])
        return self._script


def unmix(word: str, around: Surroundings | None = None) -> str:
    """A folded word of mixed scripts, spelt in one.

    In the one that has a letter which no other script of the word has anything like (`ф` is
    Cyrillic, whatever stands beside it), else in that of the text `around`, else in the one that
    most of its letters are of. Words of one script, and words with letters of a script that
    imitates none, are returned as they are: ordinary Cyrillic or Greek never becomes Latin.
    """
    counts: dict[Script, int] = {}
    for char in word:
        if char.isalpha():
            script = script_of(char)
            counts[script] = counts.get(script, 0) + 1
    if len(counts) < 2 or "other" in counts:
        return word
    into = _told_by_one_letter(word, counts) or _most(counts, around)
    twins = _TWINS.get(into)
    if twins is None:
        return "".join(latin_for(char) for char in word)
    return "".join(twins.get(char, char) for char in word)


def _told_by_one_letter(word: str, counts: Mapping[Script, int]) -> Script | None:
    """Of Latin and one other script, the one in which the whole word can be written when it cannot
    be in the other."""
    for script, twins in _TWINS.items():
        if len(counts) == 2 and "latin" in counts and script in counts:
            letters = [char for char in word if char.isalpha()]
            here = all(script_of(char) == script or char in twins for char in letters)
            latin = all(script_of(char) == "latin" or _has_twin(char) for char in letters)
            if here != latin:
                return script if here else "latin"
    return None


def _most(counts: Mapping[Script, int], around: Surroundings | None) -> Script:
    if around is not None and around.script in counts:
        return around.script
    return max(_NAMED, key=lambda script: counts.get(script, 0))


def _has_twin(char: str) -> bool:
    if script_of(char) == "latin":
        return any(char in twins for twins in _TWINS.values())
    return latin_for(char) != char and latin_for(char).isalpha()
