"""Undoing disguised spelling, guided by the words that the catalogue knows.

A word is rewritten only into a word of the vocabulary, so that ordinary text (`10am`, `mp3`,
`www`, `5km`) is left alone. Repeated letters belong to the folded view; digits and symbols that
stand for letters make the leet view; letters kept apart make the despaced view.
"""

import re
import unicodedata
from collections.abc import Collection, Sequence
from itertools import pairwise, product

from matchers.language.folding import APOSTROPHES, FOLD
from matchers.language.scripts import latin_for, script_of
from matchers.language.views import Token, ViewName, words
from matchers.language.vocabulary import Vocabulary

LEET = {
    "0": "o", "1": "il", "2": "z", "3": "e", "4": "a", "5": "s", "6": "g", "7": "t", "8": "b",
    "9": "g", "@": "a", "$": "s", "!": "il", "|": "li", "+": "t", "€": "e", "£": "l", "¡": "i",
    "(": "c", "¢": "c",
}  # fmt: skip
"""What a digit or symbol may stand for."""

_LEET_EDGES = LEET.keys() - set("!|(+")
"""What may stand for a word's first or last letter; the others are rather punctuation, unless
something else is leet."""

_QUANTITY = re.compile(
    r"\d+(?:[ap]m|[kcm]?m|k?g|mg|lbs?|oz|h(?:rs?)?|mins?|m?s|secs?|x|yo|y(?:rs?)?|d|w|st|nd|rd|th"
    r"|[kmgt]b?|b|[kmg]?hz|p|px|fps|bits?|k?w|mah|v|f|c|ft|in|pts?|rb|jt|dk)?"
)
"""Numbers, and numbers with a unit (`10am`, `5km`, `13yo`, `2nd`): never leet."""

_COMMON_SEPARATORS = frozenset(".,;:/-'’\"()?!&_+*=|<>[]{}#@~")
"""Symbols between words that are ordinary, so that words parted by them stay apart."""

_TRIPLE = re.compile(r"(.)\1\1")
_DRAWN_OUT = re.compile(r"([^\W\d])\1\1+")
UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3040-\u30ff"
                      r"\u3400-\u9fff\uac00-\ud7a3\U00020000-\U0003ffff]+")  # fmt: skip
"""Scripts whose words are written without spaces, and Hangul, whose endings are: Thai, Lao,
Myanmar, Khmer, kana, Han. A piece of theirs is no word that a vocabulary could know."""
_LEET_LEAST = 3
"""Characters of the shortest word that is read as leet by itself."""
_LEET_SHORT = {"1": "i", "4": "a", "70": "to"}
_LEET_ALONE = {"!": "i", "|": "i", "@": "a"}
"""Numbers, and symbols standing alone, that are words where others are leet too."""
_VARIANTS_CAP = 32
_PIECES_CAP = 50_000
_WORD_MEAN = 8
"""Letters of a word, on average, above which gaps do not part words but whole sentences."""
_RUN_CAP = 80
"""Single letters that are rejoined at once; a longer run is no sentence."""


class DisguiseCheck:
    """Whether a text's words may differ from its folded characters, at little cost for ordinary
    text: the check that comes before `undisguise`.

    White-space-delimited pieces recur (`it's`, `:)`, names), so what was found of a piece is
    remembered, by its hash alone: no text is kept.
    """

    def __init__(self, known: Vocabulary) -> None:
        self._known = known
        self._pieces: dict[int, int] = {}

    def __call__(self, text: str) -> bool:
        singles = seen = 0
        for piece in text.split():
            if len(piece) == 1 or (len(piece) == 2 and not piece.isalnum()):
                singles += 1
                if singles == 3:
                    return True
            else:
                singles = 0
            kind = self._pieces.get(hash(piece))
            seen |= self._check(piece) if kind is None else kind
            if seen & _REWRITTEN:
                return True
        return seen == _LATIN | _LOOKALIKE

    def _check(self, piece: str) -> int:
        if len(self._pieces) >= _PIECES_CAP:
            self._pieces.clear()
        tokens = words(piece)
        kind = 0
        if (
            " ".join(token.word for token in tokens) != " ".join(piece.translate(FOLD).split())
            or undisguise(piece, tokens, self._known) != tokens
        ):
            kind = _REWRITTEN
        elif any(token.word.isascii() and token.word.isalpha() for token in tokens):
            kind = _LATIN
        elif any(_as_latin(token.word, self._known) is not None for token in tokens):
            kind = _LOOKALIKE
        self._pieces[hash(piece)] = kind
        return kind


_REWRITTEN, _LATIN, _LOOKALIKE = 1, 2, 4
"""Kinds of pieces: disguised by itself; with a Latin word; a word of another script that reads as
a Latin one, which is a disguise among Latin words only."""


def undisguise(
    text: str, tokens: Sequence[Token], known: Vocabulary, *, doubled: bool = False
) -> list[Token]:
    """The words of `text` with disguises undone; `doubled` as in `Vocabulary.for_repeats`."""
    mixed = _is_mixed(text, tokens)
    rewritten: list[Token] = []
    for chunk in chunks_of(text, tokens):
        rewritten.extend(_chunk(text, chunk, known, mixed, _LEET_LEAST, doubled))
    if any(token.view == "leet" for token in rewritten):
        # Where digits stand for letters in longer words, they may in short ones too.
        tokens, rewritten = _with_lone_symbols(text, rewritten), []
        for chunk in chunks_of(text, tokens):
            rewritten.extend(_chunk(text, chunk, known, mixed, _LEET_LEAST - 1, doubled))
    return _rejoin(text, rewritten, known)


def _is_mixed(text: str, tokens: Sequence[Token]) -> bool:
    """Whether look-alikes may stand for Latin letters here: a word is spelt in several scripts,
    or most words are Latin."""
    if text.isascii():
        return False
    latin = sum(len(t.word) for t in tokens if t.word.isascii() and t.word.isalpha())
    if latin * 2 > sum(len(t.word) for t in tokens if t.word.isalpha()):
        return True
    return any(
        len({script_of(FOLD[ord(c)][:1] or "0") for c in text[t.start : t.end] if c.isalpha()}) > 1
        for t in tokens
        if t.view == "folded"
    )


def _as_latin(word: str, known: Vocabulary) -> str | None:
    """The known Latin word that a word of another script looks like."""
    if word.isascii() or any(script_of(char) == "other" for char in word):
        return None
    latin = "".join(latin_for(char) for char in word)
    return latin if latin.isascii() and latin in known else None


def _with_lone_symbols(text: str, tokens: Sequence[Token]) -> list[Token]:
    """The words, with the symbols that stand alone for a word."""
    alone = [
        Token(_LEET_ALONE[found[0]], found.start(), found.end(), "leet")
        for found in _ALONE.finditer(text)
    ]
    return sorted([*tokens, *alone], key=lambda token: token.start)


_ALONE = re.compile(rf"(?<!\S)[{re.escape(''.join(_LEET_ALONE))}](?!\S)")


def chunks_of(text: str, tokens: Sequence[Token]) -> list[list[Token]]:
    """Tokens with no white space between them."""
    chunks: list[list[Token]] = []
    for token in tokens:
        if chunks and not _has_space(text, chunks[-1][-1].end, token.start):
            chunks[-1].append(token)
        else:
            chunks.append([token])
    return chunks


def _has_space(text: str, start: int, end: int) -> bool:
    return any(char.isspace() for char in text[start:end])


def _chunk(
    text: str,
    chunk: list[Token],
    known: Vocabulary,
    mixed: bool,
    leet_least: int,
    doubled: bool,
) -> list[Token]:
    if len(chunk) == 1 and chunk[0].view == "leet":
        return chunk
    if len(chunk) == 1 and leet_least < _LEET_LEAST and chunk[0].word in _LEET_SHORT:
        return [chunk[0]._replace(word=_LEET_SHORT[chunk[0].word], view="leet")]
    if len(chunk) > 1 and _is_unspaced(text, chunk):
        whole = "".join(token.word for token in chunk)
        return [Token(whole, chunk[0].start, chunk[-1].end, "despaced")]
    edges = LEET.keys() if leet_least < _LEET_LEAST else _LEET_EDGES
    if (
        len(chunk) > 1
        or any(not t.word.isalpha() for t in chunk)
        or _edge_symbol(text, chunk, edges)
    ):
        whole = _leet(text, chunk, known, leet_least) or _interrupted(text, chunk, known)
        if whole is not None:
            return [whole]
    return [_single(token, known, mixed, doubled) for token in chunk]


def _single(token: Token, known: Vocabulary, mixed: bool, doubled: bool) -> Token:
    word = token.word
    drawn_out = word != "www" and _TRIPLE.search(word) is not None
    if word in known and not drawn_out:
        return token
    if drawn_out:
        plain = known.for_repeats(word, doubled=doubled)
        if plain is None and UNSPACED.match(word):
            plain = _DRAWN_OUT.sub(r"\1\1" if doubled else r"\1", word)
        if plain is not None:
            return Token(plain, token.start, token.end, "folded")
    if mixed and (latin := _as_latin(word, known)) is not None:
        return Token(latin, token.start, token.end, "folded")
    return token


def _is_unspaced(text: str, chunk: Sequence[Token]) -> bool:
    """Whether symbols that are no punctuation, as emoji, part what is written without spaces."""
    return all(UNSPACED.fullmatch(token.word) for token in chunk) and all(
        unicodedata.category(char)[0] in "SMC"
        for one, other in pairwise(chunk)
        for char in text[one.end : other.start]
    )


def _edge_symbol(text: str, chunk: Sequence[Token], edges: Collection[str]) -> bool:
    start, end = chunk[0].start, chunk[-1].end
    return (start > 0 and text[start - 1] in edges) or (end < len(text) and text[end] in edges)


def _leet(text: str, chunk: Sequence[Token], known: Vocabulary, least: int) -> Token | None:
    start, end = chunk[0].start, chunk[-1].end
    while start > 0 and (
        text[start - 1] in LEET
        or (start > 1 and text[start - 1] in APOSTROPHES and text[start - 2] in LEET)
    ):
        start -= 1
    while end < len(text) and text[end] in LEET:
        end += 1
    inner = chunk[0].start, chunk[-1].end
    for first, last in ((start, end), (start, inner[1]), (inner[0], end), inner):
        word = _as_letters(text[first:last], known, least)
        if word is not None:
            return Token(word, first, last, "leet")
    return None


def _as_letters(piece: str, known: Vocabulary, least: int) -> str | None:
    folded = "".join(char if char in LEET else FOLD[ord(char)] for char in piece)
    if (
        len(folded) > 24
        or not any(char in LEET for char in folded)
        or len(folded) < least
        or folded.isdigit()
        or " " in folded
    ):
        return None
    if least == _LEET_LEAST and (
        _QUANTITY.fullmatch(folded) or not any(char.isalpha() for char in folded)
    ):
        return None
    choices = [LEET.get(char, char) for char in folded]
    for count, letters in enumerate(product(*choices)):
        if count == _VARIANTS_CAP:
            break
        word = "".join(letters)
        if word in known:
            return word
        if _TRIPLE.search(word):
            plain = known.for_repeats(word, doubled=False)
            if plain is not None:
                return plain
    return None


def _interrupted(text: str, chunk: Sequence[Token], known: Vocabulary) -> Token | None:
    """A word with symbols between its letters. Where the symbols are ordinary, its pieces must
    not all be words themselves, letters apart."""
    if len(chunk) < 2 or len(chunk) > 24:
        return None
    word = "".join(token.word for token in chunk)
    if len(word) < 3 or word not in known:
        return None
    between = "".join(text[one.end : other.start] for one, other in pairwise(chunk))
    ordinary = all(char in _COMMON_SEPARATORS for char in between)
    if (
        ordinary
        and any(len(token.word) > 1 for token in chunk)
        and all(token.word in known for token in chunk)
    ):
        return None
    return Token(word, chunk[0].start, chunk[-1].end, "despaced")


def _rejoin(text: str, tokens: Sequence[Token], known: Vocabulary) -> list[Token]:
    out: list[Token] = []
    at = 0
    while at < len(tokens):
        end = at
        while end < len(tokens) and end - at < _RUN_CAP and len(tokens[end].word) == 1:
            end += 1
        if end - at >= 3:
            out.extend(_run(text, tokens[at:end], known))
            at = end
        else:
            out.append(tokens[at])
            at += 1
    return out


def _run(text: str, run: Sequence[Token], known: Vocabulary) -> list[Token]:
    letters = "".join(LEET.get(t.word, t.word)[0] for t in run)
    if all(token.word.isdigit() for token in run):
        return list(run)
    raw = "".join(token.word for token in run)
    pieces = _by_gaps(text, run, letters, known)
    if pieces is None:
        return list(run)
    out: list[Token] = []
    position = 0
    for piece in pieces:
        first, last = run[position], run[position + len(piece) - 1]
        if raw[position : position + len(piece)].isdigit():
            piece = raw[position : position + len(piece)]
        view: ViewName = first.view if len(piece) == 1 else "despaced"
        out.append(Token(piece, first.start, last.end, view))
        position += len(piece)
    return out


def _by_gaps(text: str, run: Sequence[Token], letters: str, known: Vocabulary) -> list[str] | None:
    """The words that letters apart make: parted by white space where other signs part the letters,
    or by wider gaps, as in `h o w   o l d`. Only where all gaps are alike is it for the vocabulary
    to say what the words are: elsewhere, a part of a word is none."""
    between = [text[one.end : other.start] for one, other in pairwise(run)]
    blank = [any(char.isspace() for char in gap) for gap in between]
    if not any(blank):
        return [letters]
    if all(blank):
        narrow = min(map(len, between))
        blank = [len(gap) > narrow and not any(c in APOSTROPHES for c in gap) for gap in between]
    ends = [index + 1 for index, wide in enumerate(blank) if wide]
    pieces = [letters[start:end] for start, end in pairwise([0, *ends, len(letters)])]
    if len(pieces) == 1 and script_of(letters[0]) == "other" and not letters[0].isascii():
        return [letters]
    if len(letters) <= _WORD_MEAN * len(pieces):
        return pieces
    found = [known.segment(piece) for piece in pieces]
    if len(found) == 1:
        return found[0]
    return [word for part, piece in zip(found, pieces, strict=True) for word in part or [piece]]
