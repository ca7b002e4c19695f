"""Undoing disguised spelling, guided by the words that the catalogue knows.

A word is rewritten only into a word of the vocabulary, so that ordinary text (`10am`, `mp3`,
`www`, `5km`) is left alone. Repeated letters belong to the folded view; digits and symbols that
stand for letters make the leet view; letters kept apart make the despaced view.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import islice, pairwise, product

from matchers.language.folding import FOLD
from matchers.language.scripts import latin_for, script_of
from matchers.language.views import Token, ViewName, words

LEET = {
    "0": "o", "1": "il", "2": "z", "3": "e", "4": "a", "5": "s", "6": "g", "7": "t", "8": "b",
    "9": "g", "@": "a", "$": "s", "!": "il", "|": "li", "+": "t", "€": "e", "£": "l", "¡": "i",
    "(": "c", "¢": "c",
}  # fmt: skip
"""What a digit or symbol may stand for."""

_QUANTITY = re.compile(
    r"\d+(?:[ap]m|[kcm]?m|k?g|mg|lbs?|oz|h(?:rs?)?|mins?|m?s|secs?|x|yo|y(?:rs?)?|d|w|st|nd|rd|th"
    r"|[kmgt]b?|b|[kmg]?hz|p|px|fps|bits?|k?w|mah|v|f|c|ft|in|pts?|rb|jt|dk)?"
)
"""Numbers, and numbers with a unit (`10am`, `5km`, `13yo`, `2nd`): never leet."""

_COMMON_SEPARATORS = frozenset(".,;:/-'’\"()?!&_+*=|<>[]{}#@~")
"""Symbols between words that are ordinary, so that words parted by them stay apart."""

_TRIPLE = re.compile(r"(.)\1\1")
_RUN = re.compile(r"(.)\1*")
_LEET_LEAST = 3
"""Characters of the shortest word that is read as leet by itself."""
_LEET_SHORT = {"1": "i", "70": "to", "1f": "if", "1s": "is", "1n": "in"}
"""Numbers that are words where others are leet too."""
_VARIANTS_CAP = 32
_PIECES_CAP = 50_000
_RUN_CAP = 80
"""Single letters that are rejoined at once; a longer run is no sentence."""


class Vocabulary:
    """The words that a catalogue knows, and those with which a phrase's word may begin."""

    def __init__(self, whole: Iterable[str], prefixes: Iterable[str]) -> None:
        self._whole = frozenset(whole)
        self._prefixes = frozenset(prefixes)
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
                if piece in self._whole:
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
            if len(piece) == 1 and piece not in self._whole:
                unknown += 1
            found.append(piece)
            end = back[end]
        if unknown * 3 > length or len(found) * 2 > length + 2:
            return None
        return found[::-1]


class DisguiseCheck:
    """Whether a text's words may differ from its folded characters, at little cost for ordinary
    text: the check that comes before `undisguise`.

    White-space-delimited pieces recur (`it's`, `:)`, names), so what was found of a piece is
    remembered, by its hash alone: no text is kept.
    """

    def __init__(self, known: Vocabulary) -> None:
        self._known = known
        self._pieces: dict[int, bool] = {}

    def __call__(self, text: str) -> bool:
        singles = 0
        for piece in text.split():
            if len(piece) == 1 or (len(piece) == 2 and not piece.isalnum()):
                singles += 1
                if singles == 3:
                    return True
            else:
                singles = 0
            rewritten = self._pieces.get(hash(piece))
            if rewritten is None:
                rewritten = self._check(piece)
            if rewritten:
                return True
        return False

    def _check(self, piece: str) -> bool:
        if len(self._pieces) >= _PIECES_CAP:
            self._pieces.clear()
        tokens = words(piece)
        rewritten = (
            " ".join(token.word for token in tokens) != " ".join(piece.translate(FOLD).split())
            or undisguise(piece, tokens, self._known) != tokens
        )
        self._pieces[hash(piece)] = rewritten
        return rewritten


def undisguise(
    text: str, tokens: Sequence[Token], known: Vocabulary, *, doubled: bool = False
) -> list[Token]:
    """The words of `text` with disguises undone; `doubled` as in `Vocabulary.for_repeats`."""
    mixed = any(t.view == "folded" and _was_mixed(text, t) for t in tokens)
    rewritten: list[Token] = []
    for chunk in _chunks(text, tokens):
        rewritten.extend(_chunk(text, chunk, known, mixed, _LEET_LEAST, doubled))
    if any(token.view == "leet" for token in rewritten):
        # Where digits stand for letters in longer words, they may in short ones too.
        tokens, rewritten = rewritten, []
        for chunk in _chunks(text, tokens):
            rewritten.extend(_chunk(text, chunk, known, mixed, _LEET_LEAST - 1, doubled))
    return _rejoin(text, rewritten, known)


def _was_mixed(text: str, token: Token) -> bool:
    return not text[token.start : token.end].isascii() and token.word.isascii()


def _chunks(text: str, tokens: Sequence[Token]) -> list[list[Token]]:
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
    if len(chunk) > 1 or any(not t.word.isalpha() for t in chunk) or _edge_symbol(text, chunk):
        whole = _leet(text, chunk, known, leet_least) or _interrupted(text, chunk, known)
        if whole is not None:
            return [whole]
    return [_single(token, known, mixed, doubled) for token in chunk]


def _single(token: Token, known: Vocabulary, mixed: bool, doubled: bool) -> Token:
    word = token.word
    if word in known:
        return token
    if _TRIPLE.search(word):
        plain = known.for_repeats(word, doubled=doubled)
        if plain is not None:
            return Token(plain, token.start, token.end, "folded")
    if mixed and not word.isascii() and all(script_of(c) != "other" for c in word):
        # The text is tampered with elsewhere: a word may be look-alikes from end to end.
        latin = "".join(latin_for(char) for char in word)
        if latin.isascii() and latin in known:
            return Token(latin, token.start, token.end, "folded")
    return token


def _edge_symbol(text: str, chunk: Sequence[Token]) -> bool:
    start, end = chunk[0].start, chunk[-1].end
    return (start > 0 and text[start - 1] in LEET) or (end < len(text) and text[end] in LEET)


def _leet(text: str, chunk: Sequence[Token], known: Vocabulary, least: int) -> Token | None:
    start, end = chunk[0].start, chunk[-1].end
    while start > 0 and text[start - 1] in LEET and not text[start - 1].isspace():
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
        or not any(char.isalpha() for char in folded)
        or _QUANTITY.fullmatch(folded)
    ):
        return None
    choices = [LEET.get(char, char) for char in folded]
    if " " in folded:
        return None
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
    not all be words themselves."""
    if len(chunk) < 2 or len(chunk) > 24:
        return None
    word = "".join(token.word for token in chunk)
    if len(word) < 3 or word not in known:
        return None
    between = "".join(text[one.end : other.start] for one, other in pairwise(chunk))
    ordinary = all(char in _COMMON_SEPARATORS for char in between)
    if ordinary and all(token.word in known for token in chunk):
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
    if not any(letter.isascii() for letter in letters) and script_of(letters[0]) == "other":
        # Scripts without spaces: the characters together are the text.
        return [Token(letters, run[0].start, run[-1].end, "despaced")]
    pieces = _by_gaps(text, run, letters, known) or known.segment(letters)
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
    """Words set apart by wider gaps than those between letters, as in `h o w   o l d`."""
    gaps = [run[i + 1].start - run[i].end for i in range(len(run) - 1)]
    narrow = min(gaps)
    if max(gaps) == narrow:
        return None
    pieces: list[str] = []
    start = 0
    for index, gap in enumerate([*gaps, 1 << 30]):
        if gap > narrow:
            pieces.append(letters[start : index + 1])
            start = index + 1
    if sum(len(piece) for piece in pieces if piece in known) * 2 < len(letters):
        return None
    return pieces
