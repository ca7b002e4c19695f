"""What is remembered of a conversation: compact, bounded, without text or ids.

People are kept as hashes salted with the conversation, so that states cannot be joined. A state
is a msgspec array of a few hundred bytes; `VERSION` changes when its meaning does.
"""

import hashlib
from typing import Annotated, Literal, NamedTuple, get_args

import msgspec
from msgspec import Meta, Struct

from matchers.language.categories import CATEGORIES, Category
from matchers.language.stored import Int64, read_stored

VERSION = 1
PEOPLE_CAP = 8
SEEN_CAP = 64
NUMBERS_CAP = 16
REPORTERS_CAP = 8

AgeBand = Literal["under_13", "13_15", "16_17", "adult", "unknown"]
AgeSource = Literal["declared", "estimated", "verified"]
Pattern = Literal["sextortion", "minor_image_request", "self_harm"]
PATTERNS: tuple[Pattern, ...] = get_args(Pattern)
MINOR_BANDS: frozenset[str] = frozenset(("under_13", "13_15", "16_17"))


class Strength(Struct, frozen=True, array_like=True, gc=False):
    """Evidence of one person in one category: `strength` (0–1) as of `at` (ms). `first` and
    `last` are the conversation's evidence messages (counted from 1) that it was in; `solid_at`
    is when it was last plain, 0 for never. `trial` and `unverified` hold while all of it is."""

    category: Annotated[int, Meta(ge=0, lt=len(CATEGORIES))]
    strength: Annotated[float, Meta(ge=0, le=1)]
    at: Int64
    first: Int64
    last: Int64
    solid_at: Int64 = 0
    trial: bool = False
    unverified: bool = False


class Latched(Struct, frozen=True, array_like=True, gc=False):
    """A pattern that was complete at `at` (ms)."""

    pattern: Pattern
    at: Int64
    trial: bool = False
    unverified: bool = False


class Person(Struct, frozen=True, array_like=True):
    """A person: band as the platform last said, the least and most age stated of them in the
    conversation (0: none; apart, those in languages on trial), evidence of what they wrote.
    `messages` counts their messages with evidence."""

    key: Int64
    band: AgeBand = "unknown"
    source: AgeSource | None = None
    account_at: Int64 = 0
    spoke: bool = False
    stated_least: Int64 = 0
    stated_most: Int64 = 0
    messages: Int64 = 0
    strengths: Annotated[tuple[Strength, ...], Meta(max_length=len(CATEGORIES))] = ()
    patterns: Annotated[tuple[Latched, ...], Meta(max_length=len(PATTERNS))] = ()
    trial_least: Int64 = 0
    trial_most: Int64 = 0


class Conversation(Struct, frozen=True, array_like=True):
    """`started` and `now` are in ms; `count` is the number of messages with evidence; `crowd` the
    most people that the platform said were there; `question_trial` says that the question for the
    age was in a language on trial. `seen` are the latest events with evidence, `numbers` those
    that were bare numbers, and no answers. `asked_by` is who else asked before `question_by`, and
    `answered` are those who gave their age since they were asked last. Without `people` nothing
    else is remembered yet."""

    version: int
    started: Int64
    now: Int64
    count: Int64 = 0
    crowd: Int64 = 0
    people: Annotated[tuple[Person, ...], Meta(max_length=PEOPLE_CAP)] = ()
    seen: Annotated[tuple[Int64, ...], Meta(max_length=SEEN_CAP)] = ()
    reporters: Annotated[tuple[Int64, ...], Meta(max_length=REPORTERS_CAP)] = ()
    question_by: Int64 = 0
    question_at: Int64 = 0
    question_trial: bool = False
    numbers: Annotated[tuple[Int64, ...], Meta(max_length=NUMBERS_CAP)] = ()
    asked_by: Int64 = 0
    asked_at: Int64 = 0
    asked_trial: bool = False
    answered: Annotated[tuple[Int64, ...], Meta(max_length=PEOPLE_CAP)] = ()


class Participant(NamedTuple):
    """A person as an event shows them."""

    key: int
    band: AgeBand = "unknown"
    source: AgeSource | None = None
    account_at: int = 0


class Finding(NamedTuple):
    """One category's strongest evidence in a message. `about_other`: an age statement about the
    other person; `answer`: a bare number, an age only as the answer to a question; `asks`: an age
    statement that asks back."""

    category: Category
    weight: float
    trial: bool = False
    age: int = 0
    about_other: bool = False
    answer: bool = False
    asks: bool = False


class Message(NamedTuple):
    """What a conversation learns from one event."""

    event: int
    author: Participant
    recipients: tuple[Participant, ...] = ()
    recipient_count: int = 0
    findings: tuple[Finding, ...] = ()
    report: bool = False
    unverified: bool = False


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Conversation)


def encode(state: Conversation) -> bytes:
    """The stored form."""
    return _encoder.encode(state)


def decode(stored: bytes) -> Conversation | None:
    """Read a stored state. `None` for one of another version (after an upgrade that changes the
    meaning of states, conversations start anew), and for what is no state: damaged."""
    return read_stored(_decoder, stored, VERSION)


def short_hash(salt: str, value: str) -> int:
    """A 63-bit hash of `value` under `salt` (BLAKE2b); never 0."""
    digest = hashlib.blake2b(f"{salt}\x00{value}".encode(errors="replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1 or 1
