"""Plainer forms of a text whose addresses are disguised, and where each character stood.

Takes off what a reader does not see or reads over: invisible characters, styled letters
(compatibility forms of ASCII), look-alikes of `.`, `/` and `:`, marks of Markdown, spaces around
the dot before a top-level domain. Each form is one more reading of the text, never the only one.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from matchers.indexes.public_suffixes import SUFFIXES

_INVISIBLE_RANGES = (
    *((0xAD, 0xAD), (0x34F, 0x34F), (0x600, 0x605), (0x61C, 0x61C), (0x6DD, 0x6DD)),
    *((0x70F, 0x70F), (0x890, 0x891), (0x8E2, 0x8E2), (0x115F, 0x1160), (0x17B4, 0x17B5)),
    *((0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164)),
    *((0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB)),
    *((0x110BD, 0x110BD), (0x110CD, 0x110CD), (0x13430, 0x1343F), (0x1BCA0, 0x1BCA3)),
    *((0x1D173, 0x1D17A), (0xE0000, 0xE0FFF)),
)
"""Unicode 15: `Default_Ignorable_Code_Point` (DerivedCoreProperties), and category Cf."""

INVISIBLE = frozenset(code for first, last in _INVISIBLE_RANGES for code in range(first, last + 1))
"""Code points that show nothing."""

DELIMITERS = {"。": ".", "．": ".", "｡": ".", "․": ".", "：": ":", "／": "/", "＠": "@"}
"""What is a delimiter in other scripts' writing, as browsers read it."""

_LIKE_DELIMITERS = {
    **dict.fromkeys("﹒\u00b7\u0387•∙⋅‧", "."),
    **dict.fromkeys("﹕∶꞉", ":"),
    **dict.fromkeys("⁄∕⧸", "/"),
    "﹫": "@",
}
"""What only looks like one."""

_ASCII_WORD = re.compile(r"[A-Za-z0-9\-./:@_%?=&]+")


_COMPATIBILITY_BLOCKS = (
    *((0xA0, 0x37F), (0x1D00, 0x1DFF), (0x2000, 0x24FF), (0x2C00, 0x2C7F), (0x3200, 0x33FF)),
    *((0xA700, 0xA7FF), (0xFB00, 0xFB0F), (0xFE00, 0xFEFF)),
    *((0x10780, 0x107BF), (0x1D400, 0x1D7FF), (0x1F100, 0x1F1FF), (0x1FBF0, 0x1FBF9)),
)
"""Where Unicode has compatibility forms of ASCII; full-width ones are read one for one."""


def _styled() -> dict[str, str]:
    """Characters whose compatibility form (NFKC, UAX #15) is of an address's ASCII, and white
    letters on black, which have none."""
    found: dict[str, str] = {}
    for first, last in _COMPATIBILITY_BLOCKS:
        for code in range(first, last + 1):
            plain = unicodedata.normalize("NFKC", chr(code))
            if plain.isascii() and _ASCII_WORD.fullmatch(plain) and ".." not in plain:
                found[chr(code)] = plain
    for first in (0x1F150, 0x1F170):
        found |= {chr(first + at): chr(0x61 + at) for at in range(26)}
    return {
        char: plain for char, plain in found.items() if char not in DELIMITERS
    } | _LIKE_DELIMITERS


_STYLED = _styled()
_ASTRAL = "\U00010000"
"""Classes below are split here: `re` makes a table of one that holds no character from here on."""


def _class(characters: str) -> str:
    ranges = [(chr(first), chr(last)) for first, last in _INVISIBLE_RANGES]
    low = "".join(f"{first}-{last}" for first, last in ranges if first < _ASTRAL)
    high = "".join(f"{first}-{last}" for first, last in ranges if first >= _ASTRAL)
    return f"(?:[{low}{re.escape(characters)}]|[{high}])"


_UNSEEN_OR_STYLED = re.compile(
    _class("".join(char for char in _STYLED if char < _ASTRAL))
    + "|[\U00010780-\U000107bf\U0001d400-\U0001d7ff\U0001f100-\U0001f1ff\U0001fbf0-\U0001fbf9]"
)
_MARKS = re.compile(r"\*+|_{2,}|~~+|\|\|+|`+")
_MARKS_WITHIN = re.compile(rf"(?<=[\w./:])(?:{_MARKS.pattern})(?=[\w./:])")
_MARK_SIGNS = ("*", "`", "__", "~~", "||")
_NAME = r"((?>(?:[^\W\d_]{2,24}\.){0,3})[^\W\d_]{2,24})"
_SPACED = re.compile(rf"(?<=\w)(?:[ ]\.(?={_NAME}(?!\w))|[ ]?\.[ ](?={_NAME}(?:/|\s*\Z)))")
_LONGEST_NAME = 32
_SPACED_AFTER = re.compile(rf"\. {_NAME}(?:/|\s*\Z)")

_ANY_DELIMITER = "".join(DELIMITERS | _LIKE_DELIMITERS)
_CLUE = re.compile(_class(_ANY_DELIMITER + "ｄＤⓓⒹ"))
_CLUES = re.compile(
    rf"[{re.escape(_ANY_DELIMITER)}](?=\S)|{_class('')}(?=[A-Za-z0-9./])"
    r"|[ｄＤⓓⒹ][ｏＯⓞⓄ][ｔＴⓣⓉ]"
)
"""In a text that is not ASCII; where `_CLUE` finds nothing, neither does this, at more cost."""


class PlainerText(NamedTuple):
    """A form of a text; character `i` of it stood at `places[i]`."""

    text: str
    places: list[int]


def plainer_texts(text: str) -> list[PlainerText]:
    """The forms of `text` that are plainer than it, each made of the one before; most have none."""
    forms: list[PlainerText] = []
    if is_styled(text):
        _add(forms, text, _UNSEEN_OR_STYLED, _shown)
    latest = forms[-1].text if forms else text
    if any(sign in latest for sign in _MARK_SIGNS) and _MARKS_WITHIN.search(latest):
        _add(forms, text, _MARKS, lambda match: "")
        latest = forms[-1].text
    if " ." in latest or _is_spaced(latest):
        _add(forms, text, _SPACED, lambda match: "." if _is_dot(match) else match[0])
    return forms


def _shown(match: re.Match[str]) -> str:
    char = match[0]
    return _STYLED.get(char, "" if ord(char) in INVISIBLE else char)


def is_styled(text: str) -> bool:
    """Whether invisible characters, styled letters or look-alikes are in `text`."""
    return not text.isascii() and _UNSEEN_OR_STYLED.search(text) is not None


def may_be_disguised(text: str) -> bool:
    """Whether `text` may hold an address that nothing plainer in it, such as a dot within a word,
    gives away."""
    if not text.isascii() and _CLUE.search(text) and _CLUES.search(text):
        return True
    return _is_spaced(text)


def _is_spaced(text: str) -> bool:
    """Whether a space follows the dot of an address. Few texts hold a slash, and few end in a
    sentence of one word: the others cost next to nothing."""
    last = text.rfind(". ")
    if last < 0:
        return False
    if "/" in text and any(map(_is_dot, _SPACED_AFTER.finditer(text))):
        return True
    name = text[last + 2 : last + 2 + _LONGEST_NAME]
    if last + 2 + len(name) < len(text) or " " in (name := name.strip()):
        return False
    return _is_suffix(name.rpartition(".")[2].lower())


def _is_dot(match: re.Match[str]) -> bool:
    """Whether what follows the dot ends in a top-level domain."""
    name = next(group for group in match.groups() if group)
    return _is_suffix(name.rpartition(".")[2].lower())


@lru_cache(4096)
def _is_suffix(label: str) -> bool:
    return SUFFIXES.publicsuffix(f"x.{label}") is not None


def _add(
    forms: list[PlainerText],
    text: str,
    pattern: re.Pattern[str],
    plain: Callable[[re.Match[str]], str],
) -> None:
    """Add the latest form, or `text`, with `plain` for what `pattern` finds, if it differs."""
    before, stood = forms[-1] if forms else (text, range(len(text)))
    parts: list[str] = []
    places: list[int] = []
    at = 0
    for match in pattern.finditer(before):
        begin, end = match.span()
        shown = plain(match)
        parts += (before[at:begin], shown)
        places += stood[at:begin]
        # One place for each character, so that an end is that of the last character's.
        places += stood[begin:end] if len(shown) == end - begin else [stood[begin]] * len(shown)
        at = end
    parts.append(before[at:])
    places += stood[at:]
    if (form := "".join(parts)) != before:
        forms.append(PlainerText(form, places))
