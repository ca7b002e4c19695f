"""Views of a text: what a matcher reads, with the way back to the original characters.

`fold` gives the folded view as text; `words` gives the words that matching uses. Every word
keeps the characters of the raw text that it stands for, so a span found in any view is a span of
the raw text.
"""

import unicodedata
from typing import Literal, NamedTuple

from matchers.language.folding import FOLD
from matchers.language.scripts import Surroundings, script_of, unmix
from matchers.stream_safe import stream_safe

ViewName = Literal["raw", "folded", "leet", "despaced"]
VIEW_ORDER: tuple[ViewName, ...] = ("raw", "folded", "leet", "despaced")
"""From least to most inferred; a hit is of the most inferred view among its words."""


class View(NamedTuple):
    """A view's text; its character `i` stands for raw characters [`starts[i]`, `ends[i]`)."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The raw span of the view's characters [`start`, `end`), which must not be empty."""
        return self.starts[start], self.ends[end - 1]


class Token(NamedTuple):
    """A folded word that stands for raw characters [`start`, `end`)."""

    word: str
    start: int
    end: int
    view: ViewName


def _extends(char: str) -> bool:
    """Whether a character belongs to the one before it: marks, conjoining jamo, kana marks."""
    return (
        unicodedata.combining(char) != 0
        or "\u1160" <= char <= "\u11ff"
        or "\ud7b0" <= char <= "\ud7fb"
        or char in "\uff9e\uff9f"
    )


_WITHOUT_FOREIGN_MARKS = frozenset(("latin", "greek", "cyrillic"))


def _takes_no_marks(folded: str) -> bool:
    """Whether marks that fold to something, those of Indic, Thai and other scripts, are none of
    the letter's: on Latin, Greek, Cyrillic and digits they are only a disguise."""
    return folded.isascii() or script_of(folded[-1]) in _WITHOUT_FOREIGN_MARKS


def _is_foreign_mark(char: str) -> bool:
    is_mark = unicodedata.category(char) in ("Mn", "Me") or unicodedata.combining(char) != 0
    return is_mark and FOLD[ord(char)] != ""


def clusters(text: str) -> list[tuple[str, int, int]]:
    """Folded pieces of the text with the raw characters that each stands for.

    A piece is a character with the marks that follow it. Pieces that fold to nothing are left
    out, except the joiners that spell: see `_keeps_joiner`.
    """
    if text.isascii():
        return [(FOLD[ord(c)], i, i + 1) for i, c in enumerate(text) if FOLD[ord(c)]]
    found: list[tuple[str, int, int]] = []
    position, length = 0, len(text)
    bare = True
    while position < length:
        end = position + 1
        base = FOLD[ord(text[position])]
        if base and not base.isspace():  # behind a gap, a mark is the last letter's, spaced out
            bare = _takes_no_marks(base)
        while (
            end < length
            and text[end] > "\u02ff"
            and (_extends(text[end]) or (bare and _is_foreign_mark(text[end])))
        ):
            end += 1
        if end == position + 1:
            folded = base
        else:
            piece = stream_safe(text[position:end])
            if bare:
                piece = piece[0] + "".join(c for c in piece[1:] if not _is_foreign_mark(c))
            folded = unicodedata.normalize("NFC", piece).translate(FOLD)
            folded = unicodedata.normalize("NFC", folded)
        if folded:
            found.append((folded, position, end))
        position = end
    return found


def _is_joined_script(char: str) -> bool:
    """Scripts in which joiners spell: Arabic and its like, Indic and its like."""
    point = ord(char)
    return 0x0600 <= point <= 0x08FF or 0x0900 <= point <= 0x0DFF or 0x1000 <= point <= 0x109F


def _keeps_joiner(text: str, at: int) -> bool:
    """Whether the joiner (U+200C, U+200D) at `at` spells something: between letters of Arabic or
    Indic scripts, or between emoji. Elsewhere it is only a disguise."""
    if at == 0 or at + 1 >= len(text):
        return False
    before, after = text[at - 1], text[at + 1]
    if before == "\ufe0f" and at > 1:
        before = text[at - 2]
    if _is_joined_script(before):
        return _is_joined_script(after)
    return (
        text[at] == "\u200d"
        and unicodedata.category(before) in ("So", "Sk")
        and unicodedata.category(after) in ("So", "Sm")
    )


def fold(text: str) -> View:
    """The folded view: compatibility forms, case, marks and format characters folded, words of
    mixed scripts spelt in one, runs of three and more of a letter cut to two.

    Symbols and emoji stay as they are, and so do the joiners that Persian, Indic scripts and
    emoji need. Idempotent.
    """
    parts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for folded, start, end in _with_symbols(text):
        for char in folded:
            parts.append(char)
            starts.append(start)
            ends.append(end)
    _unmix_words(parts)
    keep = [i for i in range(len(parts)) if not _third_in_run(parts, i)]
    return View(
        "".join(parts[i] for i in keep),
        tuple(starts[i] for i in keep),
        tuple(ends[i] for i in keep),
    )


def _with_symbols(text: str) -> list[tuple[str, int, int]]:
    pieces = clusters(text)
    out: list[tuple[str, int, int]] = []
    position = 0
    for folded, start, end in pieces:
        out.extend(_joiners(text, position, start))
        if folded == " " and not text[start].isspace():
            out.append((text[start:end], start, end))
        else:
            out.append((folded, start, end))
        position = end
    out.extend(_joiners(text, position, len(text)))
    return out


def _joiners(text: str, start: int, end: int) -> list[tuple[str, int, int]]:
    return [
        (text[at], at, at + 1)
        for at in range(start, end)
        if (text[at] in "\u200c\u200d" and _keeps_joiner(text, at)) or text[at] == "\ufe0f"
    ]


def _unmix_words(parts: list[str]) -> None:
    around = Surroundings("".join(parts))
    start = 0
    for at in range(len(parts) + 1):
        if at == len(parts) or not parts[at].isalnum():
            word = "".join(parts[start:at])
            if not word.isascii():
                parts[start:at] = list(unmix(word, around))
            start = at + 1


def _third_in_run(parts: list[str], at: int) -> bool:
    char = parts[at]
    return at >= 2 and parts[at - 1] == char and parts[at - 2] == char and char.isalpha()


def words(text: str) -> list[Token]:
    """The folded words of a text, of views `raw` and `folded`; joiners are left out."""
    tokens: list[Token] = []
    word: list[str] = []
    first = last = 0
    around = Surroundings(text)
    for folded, start, end in clusters(text):
        for char in folded:
            if char == " ":
                if word:
                    tokens.append(_token(text, around, "".join(word), first, last))
                    word = []
            else:
                if not word:
                    first = start
                word.append(char)
                last = end
    if word:
        tokens.append(_token(text, around, "".join(word), first, last))
    return tokens


def _token(text: str, around: Surroundings, word: str, start: int, end: int) -> Token:
    if not word.isascii():
        word = unmix(word, around)
    return Token(word, start, end, "raw" if text[start:end] == word else "folded")
