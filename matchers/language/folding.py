"""Folding of single characters: what text is compared as.

`FOLD` maps a code point to what stands for it in the folded form: NFKC and case folding (Unicode
Standard Annex #15, Unicode 3.13), marks removed from Latin, Greek, Cyrillic and Arabic, format
characters removed, every other symbol a space. It is a dict that fills itself, so that
`str.translate(FOLD)` runs at C speed after a character has been seen once.
"""

import unicodedata

from matchers.language.lookalikes import latin_shape

APOSTROPHES = "'`´‘’ʼʹ＇՚"
"""Dropped, so that `don't`, `don’t` and `dont` are one word."""

_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d")
"""Characters without width that are not of category Cf: joiner, fillers of conjoining Hangul, Khmer
inherent vowels, Mongolian variation selectors."""

_BLANK = frozenset("\u2800\u3164\uffa0")
"""Letters and symbols that show as a gap: the empty Braille cell, Hangul fillers. To who reads it
`how⠀old` is two words."""

_LUNATE = "ϲϹ"
"""Lunate sigma: to NFKC a sigma, but what it looks like, and is used for, is a c."""

_SPECIAL = {
    "ı": "i", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ħ": "h",
    "ŋ": "n", "ŧ": "t", "ſ": "s", "ς": "σ",
    "ى": "ي", "ی": "ي", "ې": "ي", "ة": "ه", "ک": "ك", "ھ": "ه", "ہ": "ه", "ـ": "",
    "ँ": "ं", "\u093c": "",
}  # fmt: skip
"""Letters that decomposition leaves alone but that people write for one another: stroked Latin,
Arabic and Persian forms of one letter, candrabindu, nukta."""


def _dropped_mark(char: str) -> bool:
    point = ord(char)
    return (
        0x0300 <= point <= 0x036F
        or 0x0483 <= point <= 0x0489
        or 0x0610 <= point <= 0x061A
        or 0x064B <= point <= 0x065F
        or point == 0x0670
        or 0x06D6 <= point <= 0x06ED
        or 0x1AB0 <= point <= 0x1AFF
        or 0x1DC0 <= point <= 0x1DFF
        or 0x20D0 <= point <= 0x20FF
        or 0xFE00 <= point <= 0xFE2F
        or 0xE0100 <= point <= 0xE01EF
    )


def _squared_letter(char: str) -> str:
    """Negative circled, negative squared and squared letters, which NFKC leaves alone."""
    point = ord(char)
    for first in (0x1F130, 0x1F150, 0x1F170):
        if first <= point < first + 26:
            return chr(ord("a") + point - first)
    return char


def _fold_once(char: str) -> str:
    if char in _LUNATE:
        return _LUNATE[0]
    if char in _BLANK:
        return " "
    if char in APOSTROPHES or char in _INVISIBLE or unicodedata.category(char) == "Cf":
        return ""
    if "\u3131" <= char <= "\u318e":
        return char  # single letters of Hangul: NFKC makes parts of syllables of them
    out: list[str] = []
    for part in unicodedata.normalize("NFD", unicodedata.normalize("NFKC", char).casefold()):
        part = _SPECIAL[part] if part in _SPECIAL else _squared_letter(latin_shape(part))
        if part == "" or _dropped_mark(part[0]):
            continue
        kind = unicodedata.category(part[0])
        if kind == "Nd":
            out.append(str(unicodedata.decimal(part)))
        elif kind[0] in "LNM":
            out.append(part)
        elif kind != "Cf":
            out.append(" ")
    return unicodedata.normalize("NFC", "".join(out))


class _Fold(dict[int, str]):
    def __missing__(self, point: int) -> str:
        folded = _fold_once(chr(point))
        for _ in range(4):
            again = "".join(_fold_once(char) for char in folded)
            if again == folded:
                break
            folded = again
        self[point] = folded
        return folded


FOLD = _Fold()
"""Bounded by the number of code points."""

ASCII_FOLD = bytes(
    ord(FOLD[point]) if FOLD[point] else 0x20 for point in range(128)
) + b"\x20" * 128  # fmt: skip
"""`FOLD` for ASCII bytes, all of one length; `ASCII_DROP` is what is removed instead."""
ASCII_DROP = bytes(point for point in range(128) if FOLD[point] == "")
