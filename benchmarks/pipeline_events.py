"""The events of the pipeline benchmark: ordinary chat of about 500 bytes, made from a seed.

The sequence for a seed is always the same, so that a shorter run is a prefix of a longer one.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal, NamedTuple, get_args

import msgspec
from aiokafka.partitioner import murmur2

from streams.contracts.event import Author, ContentEvent, Media, MediaHashes, Recipient, event_key
from streams.contracts.values import AgeBand

Workload = Literal["text", "mixed"]
WORKLOADS: tuple[Workload, ...] = get_args(Workload)

PARTITIONS = 8
CONVERSATIONS = 5_000
EVENT_BYTES = 500
MEDIA_SHARE = 0.1
"""Of the mixed workload: events beside end-to-end encryption, with hashes and no text."""
URL_SHARE = 0.03
LISTED_SHARE = 0.02
"""Of media: hashes that are on the benchmark's list."""
LISTED = 20_000
"""Entries of the benchmark's list, half of them PDQ and half SHA-256."""
ID_MARK = "0" * 24
"""Stands where an event's id goes; ids all have this length."""

_PIECES = (
    "see you at practice tomorrow", "did you finish the maths homework", "the bus was late again",
    "that was such a good match", "can you bring the blue folder", "my brother says hello",
    "we are having pasta tonight", "it rained all day here", "the new level is really hard",
    "thanks for helping with the project", "what time does the film start",
    "our dog learned a new trick", "I left my scarf in the hall", "the library closes at six",
    "happy birthday to your sister", "let me know when you are home", "good luck with the test",
    "we could go swimming on Saturday", "the concert was great", "I still have to do the dishes",
    "which book did you pick", "the train leaves at half past nine", "save me a seat please",
    "I will call grandma first", "the bakery has the good rolls again", "ok sounds good",
    "that joke was terrible", "my phone is almost empty", "they changed the timetable",
    "I am making soup", "do we need our gym shoes", "the garden looks nice now", "haha yes",
    "no idea, ask the teacher", "it starts on Monday", "you played really well today",
)  # fmt: skip
_ENDS = (". ", "! ", "? ", ", ", " :) ", "... ")
_PAIRS: tuple[tuple[tuple[AgeBand, AgeBand], float], ...] = (
    (("adult", "adult"), 0.60),
    (("13_15", "13_15"), 0.15),
    (("16_17", "16_17"), 0.10),
    (("unknown", "adult"), 0.10),
    (("adult", "16_17"), 0.05),
)
_encode = msgspec.json.Encoder().encode


class Made(NamedTuple):
    """An event as a record; its id still reads `ID_MARK`."""

    partition: int
    key: bytes
    value: bytes

    def with_id(self, event_id: str) -> bytes:
        """The value with its id, of `len(ID_MARK)` characters."""
        return self.value.replace(ID_MARK.encode(), event_id.encode(), 1)


class _People(NamedTuple):
    conversation: str
    one: tuple[str, AgeBand]
    other: tuple[str, AgeBand]


def partition_of(key: bytes) -> int:
    """The partition that Kafka's default partitioner gives a key."""
    return (murmur2(key) & 0x7FFFFFFF) % PARTITIONS


def listed_hash(number: int, digest_bytes: int = 32) -> str:
    """Entry `number` of the benchmark's list, in hexadecimal."""
    return random.Random(f"listed-{number}").randbytes(digest_bytes).hex()


def events(workload: Workload, seed: int = 1) -> Iterator[Made]:
    """An endless sequence of events, each conversation in one partition."""
    draw = random.Random(f"{workload}-{seed}")
    people = [_people(draw, number) for number in range(CONVERSATIONS)]
    while True:
        conversation = people[int(CONVERSATIONS * draw.random() ** 2)]
        encrypted = workload == "mixed" and draw.random() < MEDIA_SHARE
        event = _event(draw, conversation, encrypted)
        key = event_key(event)
        yield Made(partition_of(key), key, _encode(event))


def _people(draw: random.Random, number: int) -> _People:
    bands = draw.choices([pair for pair, _ in _PAIRS], [share for _, share in _PAIRS])[0]
    one, other = (f"user-{draw.randrange(10**9):09d}" for _ in range(2))
    return _People(f"conversation-{number:06d}", (one, bands[0]), (other, bands[1]))


def _event(draw: random.Random, people: _People, encrypted: bool) -> ContentEvent:
    (author, author_age), (other, other_age) = (
        (people.one, people.other) if draw.random() < 0.5 else (people.other, people.one)
    )
    event = ContentEvent(
        event_id=ID_MARK,
        tenant="benchmark",
        kind="created",
        occurred_at=datetime(2026, 1, 1, 12, 0, draw.randrange(60), tzinfo=UTC),
        content_id=f"message-{draw.randrange(10**12):012d}",
        surface="message",
        author=Author(id=author, age_band=author_age, age_source="declared"),
        recipients=[Recipient(id=other, age_band=other_age, age_source="declared")],
        conversation_id=people.conversation,
        encrypted=encrypted,
        media=[_media(draw)] if encrypted else [],
        language=None if encrypted else "en",
        jurisdiction="DE",
        text=None if encrypted else "",
    )
    if encrypted:
        return event
    size = max(EVENT_BYTES - len(_encode(event)), 20)
    return msgspec.structs.replace(event, text=_text(draw, size))


def _text(draw: random.Random, size: int) -> str:
    text = ""
    if draw.random() < URL_SHARE:
        text = f"look at https://pages.example/{draw.randrange(10**6)} "
    while len(text) < size:
        text += draw.choice(_PIECES) + draw.choice(_ENDS)
    return text[:size]


def _media(draw: random.Random) -> Media:
    if draw.random() < LISTED_SHARE:
        pdq, sha256 = listed_hash(2 * draw.randrange(LISTED // 2)), draw.randbytes(32).hex()
    else:
        pdq, sha256 = draw.randbytes(32).hex(), draw.randbytes(32).hex()
    return Media(
        media_id=f"media-{draw.randrange(10**12):012d}",
        media_type="image/jpeg",
        hashes=MediaHashes(sha256=sha256, pdq=pdq, pdq_quality=draw.randrange(50, 101)),
        hash_origin="client_attested",
    )
