"""Making whole the words that emoji stand in, so that no piece of a word is taken for a word."""

import unicodedata
from collections.abc import Sequence
from itertools import pairwise

from matchers.language.disguise import UNSPACED, chunks_of
from matchers.language.views import Token
from matchers.language.vocabulary import Vocabulary

_WITH_EMOJI = frozenset(("Sk", "Mn", "Me", "Cf"))
"""Categories of what belongs to an emoji: skin tones, variation selectors, keycaps, joiners."""


def mend_words(text: str, tokens: Sequence[Token], known: Vocabulary) -> list[Token]:
    """The words of `text`, those that emoji stand in made whole.

    An emoji may also stand between words, as a space does, so this is for a text in which emoji
    part what is certainly one word. There, pieces of any word that the catalogue knows are none
    themselves. What makes no known word stays in pieces: in `kill myself😭ong st😭op` the first
    emoji ends a word, whatever the second does.
    """
    if text.isascii():
        return list(tokens)
    chunks = chunks_of(text, tokens)
    parted = [_is_parted(text, chunk) for chunk in chunks]
    if not any(
        cut and _is_certainly_one_word(chunk, known)
        for chunk, cut in zip(chunks, parted, strict=True)
    ):
        return list(tokens)
    mended: list[Token] = []
    for chunk, cut in zip(chunks, parted, strict=True):
        if cut and _is_one_word(chunk, known):
            mended.append(Token(_joined(chunk), chunk[0].start, chunk[-1].end, "despaced"))
        else:
            mended.extend(chunk)
    return mended


def _is_parted(text: str, chunk: Sequence[Token]) -> bool:
    """Whether emoji, and nothing else, part the letters of a chunk, in a script that parts words;
    numbers are not letters."""
    return (
        len(chunk) > 1
        and all(_is_emoji(text[one.end : other.start]) for one, other in pairwise(chunk))
        and not any(
            any(map(str.isdigit, token.word)) or UNSPACED.search(token.word) for token in chunk
        )
    )


def _is_emoji(gap: str) -> bool:
    kinds = {unicodedata.category(char) for char in gap}
    return "So" in kinds and kinds - {"So"} <= _WITH_EMOJI


def _joined(chunk: Sequence[Token]) -> str:
    return "".join(token.word for token in chunk)


def _is_one_word(chunk: Sequence[Token], known: Vocabulary) -> bool:
    """Whether the pieces make a known word, and not for its beginning in the first piece alone."""
    whole = _joined(chunk)
    return known.is_whole(whole) or (whole in known and chunk[0].word not in known)


def _is_certainly_one_word(chunk: Sequence[Token], known: Vocabulary) -> bool:
    """Whether the pieces of a known word cannot be words too: single letters are words to a chat
    (`love you😍r u there`), but none that an emoji follows is."""
    return _is_one_word(chunk, known) and (len(chunk[0].word) == 1 or not _are_words(chunk, known))


def _are_words(chunk: Sequence[Token], known: Vocabulary) -> bool:
    """Whether the pieces may be words themselves; three and more letters apart are not."""
    return all(token.word in known for token in chunk) and (
        len(chunk) < 3 or any(len(token.word) > 1 for token in chunk)
    )
