"""Letters that no language of the catalogue is written with, and what they look like.

Bars, hooks and tails are decoration of a Latin letter, as accents are; small capitals and letters
of the phonetic alphabet are Latin letters. Lisu is written with the shapes of Latin capitals, and
many letters of Coptic, Cherokee and Deseret have such shapes: a text in those matches no phrase.
"""

import re
import unicodedata

_DECORATED = re.compile(
    r"LATIN (?:SMALL|CAPITAL) LETTER (?:([A-Z])(?: BAR| WITH .*)|BARRED ([A-Z]))|"
    r"LATIN LETTER SMALL CAPITAL (?:BARRED )?([A-Z])(?: WITH .*)?"
)

_SHAPES = str.maketrans(
    "ɑɛɔʊɩɡꓐꓑꓓꓔꓖꓗꓙꓚꓜꓝꓟꓠꓡꓢꓣꓦꓧꓪꓫꓬꓮꓰꓲꓳꓴⲁⲉⲏⲓⲕⲙⲛⲟⲣⲥⲧⲩⲭⲱ𐐬",
    "aeouigbpdtgkjczfmnlsrvhwxyaeiouaehikmnopctyxwo",
) | {
    ord(char): ord(latin)
    for char, latin in {
        "Ꭺ": "a", "Ᏼ": "b", "Ꮟ": "b", "Ꮯ": "c", "Ꮳ": "c", "Ꭰ": "d", "Ꮷ": "d", "Ꭼ": "e", "Ꮐ": "g",
        "Ꮋ": "h", "Ꮒ": "h", "Ꭵ": "i", "Ꭻ": "j", "Ꮶ": "k", "Ꮮ": "l", "Ꮇ": "m", "Ꮎ": "o", "Ꮲ": "p",
        "Ꭱ": "r", "Ꮢ": "r", "Ꮪ": "s", "Ꭲ": "t", "Ꮩ": "v", "Ꮃ": "w", "Ꮤ": "w", "Ꭹ": "y", "Ꮍ": "y",
        "Ꮓ": "z", "Ꮖ": "r",
    }.items()
}  # fmt: skip
"""By shape, after case folding (which makes capitals of Cherokee)."""


def latin_shape(char: str) -> str:
    """The Latin letter that a case-folded letter looks like, or the letter itself."""
    if char.isascii():
        return char
    point = ord(char)
    if point in _SHAPES:
        return chr(_SHAPES[point])
    name = unicodedata.name(char, "")
    found = _DECORATED.fullmatch(name)
    return next(filter(None, found.groups())).lower() if found is not None else char
