"""The input of a fault run: conversations with mild risk wording, and broken records."""

import json
import random
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

TEXTS = (
    "see you at the match",
    "good luck with the exam tomorrow",
    "that was a great goal",
    "did you finish the homework",
    "how old are you",
    "i am 13",
    "dont tell your mum",
    "lets talk on another app",
    "you are so mature for your age",
    "are you home alone",
    "send me a pic",
    "i will send you a gift card",
)
"""Everyday messages and mild phrases of the published indicator literature."""

EXPECT = "fault-test-expect"
"""A header that says which dead letter a broken record must become: `class` or `class:$.field`."""

HUGE_BYTES = 5_000_000


class Made(NamedTuple):
    """A record to produce."""

    partition: int
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


class Wording(NamedTuple):
    """How much of the input is broken, and how many of all records are 5 MB values."""

    broken: float = 0.0
    huge_every: int = 0


GOOD = Wording()


def make_events(
    count: int, partitions: int, seed: int, wording: Wording = GOOD, start: int = 0
) -> Iterator[Made]:
    """`count` records with ids from `start` on, the same for the same arguments.

    A conversation stays in one partition. About one in eight messages holds an indicator, and one
    conversation in four is between an adult and a child, whose state each message changes.
    """
    draw = random.Random(f"{seed}/{start}")
    conversations = max(50, count // 40)
    for number in range(start, start + count):
        conversation = draw.randrange(conversations)
        key = f"v{seed}-{conversation}".encode()
        partition = zlib.crc32(key) % partitions
        if wording.huge_every and number % wording.huge_every == wording.huge_every - 1:
            yield _broken(partition, key, json.dumps({"pad": "a" * HUGE_BYTES}), "too_large")
        elif draw.random() < wording.broken:
            value, expected = draw.choice(BROKEN)(_event(number, conversation, draw))
            yield _broken(partition, key, value, expected)
        else:
            value = json.dumps(_event(number, conversation, draw)).encode()
            yield Made(partition, key, value, [])


def _event(number: int, conversation: int, draw: random.Random) -> dict[str, object]:
    risky = draw.random() < 0.125
    side = draw.randrange(2)
    people = (f"a{conversation}", f"b{conversation}")
    bands = ("adult", "13_15") if conversation % 4 == 0 else ("unknown", "unknown")
    return {
        "event_id": f"e{number}",
        "tenant": "fault-test",
        "kind": "created",
        "occurred_at": "2026-01-01T00:00:00Z",
        "content_id": f"c{number}",
        "surface": "message",
        "author": {"id": people[side], "age_band": bands[side]},
        "recipients": [{"id": people[1 - side], "age_band": bands[1 - side]}],
        "conversation_id": f"v{conversation}",
        "text": draw.choice(TEXTS[4:] if risky else TEXTS[:4]) + f" {number % 97}",
    }


def _broken(partition: int, key: bytes, value: str | bytes, expected: str) -> Made:
    raw = value.encode() if isinstance(value, str) else value
    return Made(partition, key, raw, [(EXPECT, expected.encode())])


Event = dict[str, object]


def _without(event: Event, field: str) -> str:
    return json.dumps({name: value for name, value in event.items() if name != field})


BROKEN: tuple[Callable[[Event], tuple[str | bytes, str]], ...] = (
    lambda _: ("not json at all", "not_json"),
    lambda event: (json.dumps(event)[:-20], "not_json"),
    lambda event: (json.dumps(event | {"author": 7}), "wrong_type:$.author"),
    lambda event: (json.dumps(event | {"surface": "moon"}), "invalid_value:$.surface"),
    lambda event: (_without(event, "tenant"), "missing_field:$.tenant"),
    lambda event: ('{"later": ' + "[" * 5_000, "too_deep"),
    lambda event: (b'{"event_id": "\xff\xfe"}', "not_utf8"),
    lambda event: (
        json.dumps(event | {"recipient_count": 10**400}),
        "invalid_value:$.recipient_count",
    ),
    lambda _: (b"", "empty"),
)
"""Each makes a broken value of an event, and says what its dead letter must name."""
