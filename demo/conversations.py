"""The messages of the demo: everyday talk, and mild phrases of the published literature on
grooming and financial sextortion. None is a real person's."""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from demo.expectations import Decided

ALLOW = Decided(actions=frozenset({"allow"}))
EVERYDAY = (
    "good luck with the exam tomorrow",
    "that was a great goal",
    "did you finish the homework",
    "the bus is late again",
    "happy birthday",
    "which page are we on",
    "i liked the second song better",
    "see you at the match",
    "the dog ate half of the cake",
    "can you bring the tent on saturday",
    "rehearsal moved to half past four",
    "our team is third now",
    "thanks for the notes",
    "it rained all weekend",
    "i finally beat that level",
    "the library closes at six",
    "what colour should we paint the bikes",
    "my brother is learning the drums",
    "lunch was pasta again",
    "the museum trip is on thursday",
)
"""Followed by a number, so that no two messages are alike."""


class Person(NamedTuple):
    """An account, as events show it."""

    id: str
    age_band: str = "unknown"
    account_created_at: str | None = None


class Said(NamedTuple):
    """One message of a conversation. `by_first`: the first person wrote it."""

    by_first: bool
    text: str
    expected: Decided


def everyday(
    draw_from: Random, number: int, messages: int
) -> tuple[tuple[Person, Person], list[Said]]:
    """An ordinary conversation: friends, family, a coach and a child."""
    bands = draw_from.choice(
        [("13_15", "13_15"), ("adult", "adult"), ("adult", "16_17"), ("unknown", "unknown")]
    )
    people = (Person(f"p{number}-a", bands[0]), Person(f"p{number}-b", bands[1]))
    said = [
        Said(
            draw_from.random() < 0.5,
            f"{draw_from.choice(EVERYDAY)} {draw_from.randrange(1000)}",
            ALLOW,
        )
        for _ in range(messages)
    ]
    return people, said


def everyday_lines(draw_from: Random) -> Iterator[str]:
    """Everyday messages without end."""
    while True:
        yield f"{draw_from.choice(EVERYDAY)} {draw_from.randrange(10_000)}"


_MAYBE = Decided(
    actions=frozenset({"allow", "review"}),
    rules=frozenset({"asked-to-move", "contact-risk", "sextortion"}),
)
"""While a conversation builds up: when the scale tips is the text-risk model's to say."""
_APPROACH = Decided(
    actions=frozenset({"review"}),
    rules=frozenset({"asked-to-move", "contact-risk"}),
    priorities=frozenset({0, 1}),
    signals=frozenset({"text_risk"}),
    notices=frozenset({"talking-to-strangers"}),
)
_SEXTORTION = Decided(
    actions=frozenset({"review"}),
    rules=frozenset({"sextortion"}),
    priorities=frozenset({0}),
    signals=frozenset({"text_risk"}),
    notices=frozenset({"sextortion-help"}),
)

APPROACH = (
    Said(True, "hi, how old are you?", ALLOW),
    Said(False, "i'm 13", ALLOW),
    Said(True, "you seem so mature for your age", _MAYBE),
    Said(True, "are you home alone?", _MAYBE),
    Said(True, "don't tell your mum about this", _MAYBE),
    Said(True, "let's switch to another app", _MAYBE),
    Said(True, "and remember, it's our little secret", _APPROACH),
)
"""Between an adult and a child: no message says much, all of them together do."""
THREAT_APART = (
    Said(True, "hello, nice to meet you here", ALLOW),
    Said(True, "i will send your photos to all your friends", _MAYBE),
    Said(True, "buy a gift card and send me the code", _SEXTORTION),
)
THREAT_AT_ONCE = (
    Said(
        True,
        "i will send your photos to all your friends unless you buy a gift card and "
        "send me the code",
        _SEXTORTION,
    ),
)
REHEARSED_LINE = Said(
    True,
    THREAT_AT_ONCE[0].text,
    Decided(
        actions=frozenset({"review"}),
        rules=frozenset({"sextortion"}),
        priorities=frozenset({1}),
        signals=frozenset({"text_risk"}),
        notices=frozenset({"sextortion-help"}),
    ),
)
"""Between adults who learn their parts: the words are the same, and only people can tell."""
ADVICE = (
    Said(
        True,
        "if somebody says they will send your photos to all your friends, never pay "
        "and do not buy a gift card: tell an adult you trust",
        ALLOW,
    ),
)
"""The same words in safety advice."""
REHEARSAL = (Said(False, "shall we go through the second act", ALLOW), REHEARSED_LINE)
WITHHELD = frozenset({"text", "provenance"})
NOT_READ = tuple(
    Said(s.by_first, s.text, Decided(actions=frozenset({"allow"}), withheld=WITHHELD))
    for s in THREAT_APART
)
"""The same where the scan basis forbids reading messages."""


def people_at_risk(name: str) -> tuple[Person, Person]:
    """A new adult account and a child."""
    return (
        Person(f"{name}-adult", "adult", "2026-01-01T00:00:00Z"),
        Person(f"{name}-child", "13_15"),
    )


def two_adults(name: str) -> tuple[Person, Person]:
    """Two adults who have been there for long."""
    return (
        Person(f"{name}-one", "adult", "2019-01-01T00:00:00Z"),
        Person(f"{name}-other", "adult", "2019-01-01T00:00:00Z"),
    )
