"""Ordinary talk read as what it might have been, so that few corpora say much.

`pairs` reads a room as conversations of two: a line that begins with somebody's name (`nick: …`)
is to that person, and so are the author's following lines until they address another.
`adult_to_child` supposes the worst: each author is an adult who writes to one child of 13 to 15,
who says nothing.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Literal, get_args

from matchers.language.corpora import Talk, Turn

Reading = Literal["as_given", "pairs", "adult_to_child"]
READINGS: tuple[Reading, ...] = get_args(Reading)

_ADDRESSED = re.compile(r"\s*@?([^\s:,]{2,40})[:,]\s+(?=\S)")
_CHILD = "the child"


def read_as(talks: Iterable[Talk], reading: Reading) -> Iterator[Talk]:
    """The conversations in a reading; with `as_given` those that were given."""
    if reading == "as_given":
        yield from talks
        return
    split = _pairs if reading == "pairs" else _adults
    for talk in talks:
        yield from split(talk)


def _pairs(talk: Talk) -> Iterator[Talk]:
    names = {turn.author.casefold(): turn.author for turn in talk.turns}
    if len(names) < 3:
        yield talk
        return
    partner: dict[str, str] = {}
    pairs: dict[tuple[str, str], list[Turn]] = {}
    for turn in talk.turns:
        text = turn.text
        found = _ADDRESSED.match(text)
        addressed = None if found is None else names.get(found[1].casefold())
        if found is not None and addressed not in (None, turn.author):
            partner[turn.author] = addressed or ""
            text = text[found.end() :]
        other = partner.get(turn.author)
        if other is not None:
            one, two = sorted((turn.author, other))
            line = turn._replace(text=text, recipient=other)
            pairs.setdefault((one, two), []).append(line)
    for (one, two), turns in pairs.items():
        yield talk._replace(id=f"{talk.id}/{one}/{two}", turns=tuple(turns))


def _adults(talk: Talk) -> Iterator[Talk]:
    authors: dict[str, list[Turn]] = {}
    for turn in talk.turns:
        line = turn._replace(age_band="adult", recipient=_CHILD, recipient_age_band="13_15")
        authors.setdefault(turn.author, []).append(line)
    for author, turns in authors.items():
        yield talk._replace(id=f"{talk.id}/{author}", turns=tuple(turns))
