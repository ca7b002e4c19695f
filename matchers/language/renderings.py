"""What a message looks like where that is not what its characters spell.

`shown` is the text as it is displayed: in reading order, with character references resolved,
without the paired marks of bold, struck and hidden text, which chats show as none. `apart` has the
gaps that capitals (`HowOldAreYou`) and characters without width tell, where they part words.
"""

import html
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from matchers.display_order import CHANGES_ORDER, displayed, runs_reversed
from matchers.language.folding import FOLD
from matchers.language.vocabulary import Vocabulary


class Rendering(NamedTuple):
    """A text to read; its character `i` stands for raw characters [`starts[i]`, `ends[i]`), which
    are none where it is a gap that was put in."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The raw span that holds characters [`start`, `end`), which must not be empty."""
        return min(self.starts[start:end]), max(self.ends[start:end])


_REFERENCE = re.compile(r"&#(?:[0-9]{1,7}|[xX][0-9a-fA-F]{1,6});")
_MARK = re.compile(r"\*\*+|__+|~~+|\|\|+")
_NO_WIDTH = "\u180e\u200b\u2060\ufeff"
_HUMP = re.compile(rf"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[^\W_])[{_NO_WIDTH}]+")
_LETTERS = re.compile(rf"(?<![^\W_])(?:[^\W\d_]|['’{_NO_WIDTH}])+(?![^\W_])")
"""Capitals in a word with digits (`FbIcAx45stH`) are of no words."""
_HUMPS = re.compile(rf"[a-z][A-Z][a-z]*[A-Z]|[{_NO_WIDTH}]")
"""What tells gaps: two humps at least, since many a name (`JavaScript`) has one."""
_WORD_LENGTH = 2.5
"""Letters of the words in a row of them, at least and on average."""
_WORDS_A_NAME = 4
"""Words of which one may be unknown, such as a name."""


_UNLIKE = re.compile(rf"{CHANGES_ORDER.pattern}|{_HUMPS.pattern}|&#|\*\*|__|~~|\|\|")


def is_unlike(text: str) -> bool:
    """Whether a text may look unlike what its characters spell, or capitals and characters without
    width may part its words: what `oddity` says of ASCII."""
    return _UNLIKE.search(text) is not None


def as_written(text: str) -> Rendering:
    places = range(len(text) + 1)
    return Rendering(text, places[:-1], places[1:])


def shown(text: str) -> list[Rendering]:
    """The text as it may be displayed, where that is not how it is written."""
    found: list[Rendering] = []
    for order in (displayed(text), runs_reversed(text)):
        if order is not None:
            places = order.places
            found.append(Rendering(order.text, places, [place + 1 for place in places]))
    looks = [_without_markup(rendering) for rendering in found or [as_written(text)]]
    return [look for look in looks if look.text != text]


def _without_markup(rendering: Rendering) -> Rendering:
    if "&#" in rendering.text:
        rendering = _edited(
            rendering,
            [
                (*reference.span(), html.unescape(reference[0]))
                for reference in _REFERENCE.finditer(rendering.text)
            ],
        )
    return _edited(rendering, [(*span, "") for span in _paired_marks(rendering.text)])


def apart(rendering: Rendering, known: Vocabulary) -> Rendering | None:
    """The text with the gaps that its capitals and characters without width tell; `None` where
    they tell none. Only what they part into known words counts."""
    if _HUMPS.search(rendering.text) is None:
        return None
    parted = with_gaps(
        rendering,
        [gap for letters in _LETTERS.finditer(rendering.text) for gap in _gaps(letters, known)],
    )
    return None if parted is rendering else parted


def _gaps(letters: re.Match[str], known: Vocabulary) -> list[tuple[int, int]]:
    """The gaps within a run of letters, if they part it into words. Capitals at random part a word
    into short pieces, some of which are words of some language."""
    text, (first, last) = letters.string, letters.span()
    gaps = [found.span() for found in _HUMP.finditer(text, first, last)]
    starts = [first, *(end for _, end in gaps)]
    ends = [*(start for start, _ in gaps), last]
    folded = (text[start:end].translate(FOLD) for start, end in zip(starts, ends, strict=True))
    pieces = [piece for piece in folded if piece]
    whole = "".join(pieces)
    if len(whole) < _WORD_LENGTH * len(pieces) or known.is_whole(whole):
        return []
    unknown = sum(piece not in known for piece in pieces)
    return gaps if unknown <= len(pieces) // _WORDS_A_NAME else []


def with_gaps(rendering: Rendering, spans: Iterable[tuple[int, int]]) -> Rendering:
    """The text with a gap in place of each of the spans, which may be empty."""
    return _edited(rendering, [(start, end, " ") for start, end in spans])


def _paired_marks(text: str) -> list[tuple[int, int]]:
    """The runs of two and more equal marks, in pairs of a first and a second."""
    spans: list[tuple[int, int]] = []
    opened: dict[str, tuple[int, int]] = {}
    for found in _MARK.finditer(text):
        first = opened.pop(found[0], None)
        if first is None:
            opened[found[0]] = found.span()
        else:
            spans += [first, found.span()]
    return sorted(spans)


def _edited(rendering: Rendering, edits: Iterable[tuple[int, int, str]]) -> Rendering:
    """The text with the characters [start, end) of each edit replaced, in order of place."""
    text, starts, ends = rendering
    parts: list[str] = []
    new_starts: list[int] = []
    new_ends: list[int] = []
    at = 0
    for start, end, instead in edits:
        parts += [text[at:start], instead]
        new_starts += starts[at:start]
        new_ends += ends[at:start]
        if instead and start < end:
            first, last = rendering.span(start, end)
        else:
            first = last = ends[start - 1] if start else 0
        new_starts += [first] * len(instead)
        new_ends += [last] * len(instead)
        at = end
    if not parts:
        return rendering
    return Rendering(
        "".join((*parts, text[at:])), [*new_starts, *starts[at:]], [*new_ends, *ends[at:]]
    )
