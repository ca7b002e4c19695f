"""The order in which a text is displayed and read, where control characters change it.

After U+202E, Latin letters are shown from right to left: `\\u202e` and a sentence written backwards
look like the sentence. This is Unicode Standard Annex #9 (Bidirectional Algorithm) without what
digits and separators take from their neighbours: explicit levels (X1-X8), neutrals (N1, N2),
implicit levels (I1, I2), reordering (L2). What is shown is then read: words of right-to-left
letters from the right.
"""

import re
import unicodedata
from typing import NamedTuple

CHANGES_ORDER = re.compile("[\u200f\u202b\u202d\u202e\u2067]")
"""What can change the order of left-to-right letters: the right-to-left mark, embedding and
isolate, and the overrides."""
_PARAGRAPHS = re.compile("[^\n\r\x1c-\x1e\x85\u2029]+")
_DEEPEST = 125
"""UAX #9, BD2."""

_FORCED = {"LRO": "L", "RLO": "R"}
_OPENS = {"LRE", "RLE", "LRO", "RLO", "LRI", "RLI", "FSI"}
_ISOLATES = {"LRI", "RLI", "FSI"}


class Displayed(NamedTuple):
    """A text in the order in which it is read; character `i` is raw character `places[i]`."""

    text: str
    places: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The raw span that holds characters [`start`, `end`), which must not be empty."""
        within = self.places[start:end]
        return min(within), max(within) + 1


def displayed(text: str) -> Displayed | None:
    """The text as it is read, without the controls that show nothing; `None` where no control
    changes the order."""
    if text.isascii() or CHANGES_ORDER.search(text) is None:
        return None
    places: list[int] = []
    at = 0
    for paragraph in _PARAGRAPHS.finditer(text):
        places.extend(range(at, paragraph.start()))
        places.extend(_read(text, paragraph.start(), paragraph.end()))
        at = paragraph.end()
    places.extend(range(at, len(text)))
    return Displayed("".join(text[place] for place in places), tuple(places))


_RUNS = re.compile("[\u202d\u202e]([^\u202a-\u202e\u2066-\u2069\n\r\x1c-\x1e\x85\u2029]+)")


def runs_reversed(text: str) -> Displayed | None:
    """The text with each run of an override reversed where it stands; `None` where there is none.

    So it is read where every word has a run of its own: the algorithm puts runs with nothing but
    spaces between them in reverse order too, but not everything that shows text keeps to it.
    """
    if text.isascii() or _RUNS.search(text) is None:
        return None
    places: list[int] = []
    at = 0
    for run in _RUNS.finditer(text):
        places.extend(range(at, run.start(1)))
        places.extend(_marks_after_bases([*range(run.end() - 1, run.start(1) - 1, -1)], text))
        at = run.end()
    places.extend(range(at, len(text)))
    return Displayed("".join(text[place] for place in places), tuple(places))


def _read(text: str, start: int, end: int) -> list[int]:
    """The places of a paragraph's characters in the order in which they are read."""
    base = _base_level(text, start, end)
    places, kinds, levels, sequences = _explicit(text, start, end, base)
    order = _reordered(_resolved(kinds, levels, sequences, base))
    order = _right_to_left_words(order, text, places)
    return _marks_after_bases([places[index] for index in order], text)


def _base_level(text: str, start: int, end: int) -> int:
    """UAX #9, P2 and P3."""
    depth = 0
    for at in range(start, end):
        kind = unicodedata.bidirectional(text[at])
        if kind in _ISOLATES:
            depth += 1
        elif kind == "PDI":
            depth = max(0, depth - 1)
        elif depth == 0 and kind in ("L", "R", "AL"):
            return 0 if kind == "L" else 1
    return 0


def _next_is_right_to_left(text: str, start: int, end: int) -> list[bool]:
    """For each character, whether the next letter is: what U+2068 goes by."""
    found = [False] * (end - start)
    last = False
    for at in range(end - 1, start - 1, -1):
        found[at - start] = last
        kind = unicodedata.bidirectional(text[at])
        if kind in ("L", "R", "AL"):
            last = kind != "L"
    return found


class _Frame(NamedTuple):
    level: int
    forced: str | None
    isolate: bool
    sequence: int


def _explicit(
    text: str, start: int, end: int, base: int
) -> tuple[list[int], list[str], list[int], list[int]]:
    """The characters that are not embedding controls: places, directions (`L`, `R`, `N`), levels,
    isolating run sequences (BD13)."""
    stack = [_Frame(base, None, False, 0)]
    count = too_deep = isolates = 0
    places: list[int] = []
    kinds: list[str] = []
    levels: list[int] = []
    sequences: list[int] = []
    first_strong = _next_is_right_to_left(text, start, end) if "\u2068" in text else []

    def put(at: int, kind: str, frame: _Frame) -> None:
        places.append(at)
        kinds.append(frame.forced or kind)
        levels.append(frame.level)
        sequences.append(frame.sequence)

    for at in range(start, end):
        kind = unicodedata.bidirectional(text[at])
        frame = stack[-1]
        if kind in _OPENS:
            isolate = kind in _ISOLATES
            if isolate:
                put(at, "N", frame)
            odd = kind[0] == "R" or (kind == "FSI" and first_strong[at - start])
            inner = frame.level + 1 + ((frame.level + 1) % 2 != odd)
            if inner > _DEEPEST or too_deep:
                too_deep += 1
            else:
                count += 1
                isolates += isolate
                stack.append(_Frame(inner, _FORCED.get(kind), isolate, count))
        elif kind in ("PDF", "PDI"):
            isolate = kind == "PDI"
            if too_deep:
                too_deep -= 1
            elif isolate and isolates:
                while not stack.pop().isolate:
                    pass
                isolates -= 1
            elif not isolate and len(stack) > 1 and not frame.isolate:
                stack.pop()
                count += 1
                stack[-1] = stack[-1]._replace(sequence=count)
            if isolate:
                put(at, "N", stack[-1])
        elif kind == "NSM" and kinds:
            put(at, kinds[-1], frame)
        elif kind != "BN":  # which shows nothing
            put(at, _direction(kind), frame)
    return places, kinds, levels, sequences


def _direction(kind: str) -> str:
    if kind in ("R", "AL"):
        return "R"
    return "L" if kind in ("L", "EN", "AN") else "N"


def _resolved(kinds: list[str], levels: list[int], sequences: list[int], base: int) -> list[int]:
    """The levels of all characters (N1, N2, I1, I2); `kinds` of neutrals are filled in."""
    members: dict[int, list[int]] = {}
    for index, sequence in enumerate(sequences):
        members.setdefault(sequence, []).append(index)
    found = list(levels)
    for indices in members.values():
        first, last = indices[0], indices[-1]
        level = levels[first]
        before = levels[first - 1] if first else base
        after = levels[last + 1] if last + 1 < len(levels) else base
        _fill_neutrals(
            kinds, indices, "LR"[max(before, level) % 2], "LR"[max(after, level) % 2], level
        )
        for index in indices:
            found[index] = level + ((kinds[index] == "R") != (level % 2 == 1))
    return found


def _fill_neutrals(
    kinds: list[str], indices: list[int], before: str, after: str, level: int
) -> None:
    at = 0
    while at < len(indices):
        if kinds[indices[at]] != "N":
            before = kinds[indices[at]]
            at += 1
            continue
        stop = at
        while stop < len(indices) and kinds[indices[stop]] == "N":
            stop += 1
        following = kinds[indices[stop]] if stop < len(indices) else after
        for index in indices[at:stop]:
            kinds[index] = before if before == following else "LR"[level % 2]
        at = stop


def _reordered(levels: list[int]) -> list[int]:
    """UAX #9, L2: what is deeper than what it stands in is turned once for every level of that."""
    groups: list[tuple[int, list[int]]] = [(0, [])]
    for index, level in enumerate(levels):
        _close(groups, level)
        if groups[-1][0] < level:
            groups.append((level, []))
        groups[-1][1].append(index)
    _close(groups, 0)
    return groups[0][1]


def _close(groups: list[tuple[int, list[int]]], level: int) -> None:
    """Put groups that are deeper than a level into those around them."""
    while groups[-1][0] > level:
        inner, members = groups.pop()
        outer = max(level, groups[-1][0])
        if (inner - outer) % 2:
            members.reverse()
        if groups[-1][0] < outer:
            groups.append((outer, members))
        else:
            groups[-1][1].extend(members)


def _right_to_left_words(order: list[int], text: str, places: list[int]) -> list[int]:
    """Runs of right-to-left letters, with what is between them, are read from the right."""
    kinds = [_direction(unicodedata.bidirectional(text[places[index]])) for index in order]
    at = 0
    while at < len(order):
        if kinds[at] != "R":
            at += 1
            continue
        last = at
        for end in range(at, len(order)):
            if kinds[end] == "L":
                break
            if kinds[end] == "R":
                last = end
        order[at : last + 1] = order[at : last + 1][::-1]
        at = last + 1
    return order


def _marks_after_bases(places: list[int], text: str) -> list[int]:
    """Marks follow the letter that they stand on (L3)."""
    out: list[int] = []
    marks: list[int] = []
    for place in places:
        if unicodedata.category(text[place])[0] == "M":
            marks.append(place)
            continue
        # Reversed, a letter's marks come before it.
        reverse = [mark for mark in marks if mark > place]
        out.extend(mark for mark in marks if mark < place)
        out.append(place)
        out.extend(sorted(reverse))
        marks = []
    return out + marks
