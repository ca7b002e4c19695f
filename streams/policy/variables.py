"""What a rule's condition may name: typed variables of the event, its signals, and one signal.

`event.*` are of the event, without its text; `signals.*` count what was found, by type; and
`signal.*` are of the signal that the rule is `on`. All are flat: filling a nested context costs
a condition language a hundred times what a few plain values do.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, get_args

from matchers.language.categories import CATEGORIES
from matchers.language.conversation import LEVELS
from matchers.language.state import Pattern
from matchers.lists.entry import PHOTODNA_BYTES
from streams.contracts.event import ContentEvent
from streams.contracts.signal import Signal
from streams.contracts.values import (
    MINOR_BANDS,
    AgeBand,
    AgeSource,
    Algorithm,
    EventKind,
    HashOrigin,
    Origin,
    SourceKind,
    Surface,
)
from streams.policy.facts import (
    Closeness,
    SignalType,
    hash_match_kind,
    signal_type,
    text_match_kind,
)
from streams.policy.priority import is_generated

Kind = Literal["bool", "int", "double", "string", "list"]
Value = bool | int | float | str | tuple[str, ...]
UNBOUNDED = 2**53
"""The `most` of a number that has no bound of its own."""
FURTHEST = PHOTODNA_BYTES * 255**2
"""The most that a hash can be from another: the sum of squared differences of PhotoDNA's bytes."""


class Judged(NamedTuple):
    """What a condition is about: one signal of an event, and all that count beside it."""

    event: ContentEvent
    signal: Any
    signals: Sequence[Signal]
    closeness: Closeness


@dataclass(frozen=True)
class Variable:
    """A variable's type, how it is read, and what it may be.

    `values` are all that a string (or a list's member) can be, `None` where any may come;
    `least` and `most` bound a number.
    """

    kind: Kind
    read: Callable[[Judged], Value]
    help: str
    values: tuple[str, ...] | None = None
    least: float = 0
    most: float = UNBOUNDED
    names_list: bool = False


def _event(name: str, help: str, values: tuple[str, ...] | None = None) -> Variable:
    return Variable("string", lambda of: getattr(of.event, name) or "", help, values)


def _text(name: str, help: str, values: tuple[str, ...] | None = None) -> Variable:
    return Variable("string", lambda of: getattr(of.signal, name) or "", help, values)


def _flag(name: str, help: str) -> Variable:
    return Variable("bool", lambda of: getattr(of.signal, name), help)


def _optional(values: tuple[str, ...]) -> tuple[str, ...]:
    return (*values, "")


EVENT: dict[str, Variable] = {
    "event.tenant": _event("tenant", "the tenant's id"),
    "event.kind": _event("kind", "what happened", get_args(EventKind)),
    "event.origin": _event("origin", "live, or read again", get_args(Origin)),
    "event.surface": _event("surface", "where", get_args(Surface)),
    "event.language": _event("language", 'as the platform says, "" unknown'),
    "event.jurisdiction": _event("jurisdiction", 'as the platform says, "" unknown'),
    "event.encrypted": Variable("bool", lambda of: of.event.encrypted, "hashes and metadata only"),
    "event.in_conversation": Variable(
        "bool", lambda of: of.event.conversation_id is not None, "it has a conversation_id"
    ),
    "event.author_age_band": Variable(
        "string", lambda of: of.event.author.age_band, "the author's", get_args(AgeBand)
    ),
    "event.author_age_source": Variable(
        "string",
        lambda of: of.event.author.age_source or "",
        'how it is known, "" unknown',
        _optional(get_args(AgeSource)),
    ),
    "event.child_author": Variable(
        "bool", lambda of: of.event.author.age_band in MINOR_BANDS, "the author is under 18"
    ),
    "event.child_recipient": Variable(
        "bool",
        lambda of: any(person.age_band in MINOR_BANDS for person in of.event.recipients),
        "a recipient is under 18",
    ),
    "event.recipient_count": Variable(
        "int",
        lambda of: (
            len(of.event.recipients)
            if of.event.recipient_count is None
            else of.event.recipient_count
        ),
        "recipients",
    ),
}


def _count(kind: SignalType) -> Variable:
    return Variable(
        "int",
        lambda of: sum(signal_type(signal) == kind for signal in of.signals),
        f"signals of the type {kind}",
    )


COUNTS: dict[str, Variable] = {f"signals.{kind}": _count(kind) for kind in get_args(SignalType)}

_ROLES = ("block", "hold", "review")

_LISTED: dict[str, Variable] = {
    "signal.list": replace(_text("list", "the list's name"), names_list=True),
    "signal.category": _text("category", "the entry's category"),
    "signal.role": Variable(
        "string",
        lambda of: "block" if of.signal.role == "observe" else of.signal.role,
        "what the list asks for; `observe` reads as block, and is only noted",
        _ROLES,
    ),
    "signal.source_kind": _text("source_kind", "who made the list", get_args(SourceKind)),
    "signal.verified": _flag("verified", "the list names who verified it"),
    "signal.labels": Variable("list", lambda of: of.signal.labels, "the entry's labels"),
}

SIGNAL: dict[SignalType, dict[str, Variable]] = {
    "hash_match": {
        "signal.match": Variable(
            "string",
            lambda of: hash_match_kind(of.signal, of.closeness),
            "exact (the same bytes), close, or near the radius: see [closeness]",
            ("exact", "close", "near"),
        ),
        "signal.algorithm": _text("algorithm", "the hash", get_args(Algorithm)),
        "signal.hash_origin": _text("hash_origin", "who made it", get_args(HashOrigin)),
        "signal.distance": Variable(
            "int",
            lambda of: of.signal.distance,
            "bits, at most 256; of PhotoDNA by its metric",
            most=FURTHEST,
        ),
        "signal.radius": Variable("int", lambda of: of.signal.radius, "the distance asked for"),
        "signal.quality": Variable(
            "int",
            lambda of: -1 if of.signal.quality is None else of.signal.quality,
            "PDQ's, -1 unknown",
            least=-1,
            most=100,
        ),
        "signal.query_share": Variable(
            "double",
            lambda of: 1.0 if of.signal.query_share is None else of.signal.query_share,
            "share of a video's frames that match, else 1",
            most=1,
        ),
        **_LISTED,
    },
    "url_match": {
        "signal.in_text": Variable(
            "bool", lambda of: of.signal.url_index is None, "it stood in the text"
        ),
        **_LISTED,
    },
    "text_match": {
        "signal.match": Variable(
            "string",
            lambda of: text_match_kind(of.signal, of.closeness),
            "close, or near: see [closeness]",
            ("close", "near"),
        ),
        "signal.algorithm": _text("algorithm", "the digest", get_args(Algorithm)),
        "signal.similarity": Variable("double", lambda of: of.signal.similarity, "0-1", most=1),
        **_LISTED,
    },
    "text_risk": {
        "signal.level": _text("level", "what the model makes of it", LEVELS),
        "signal.score": Variable(
            "double", lambda of: of.signal.score, "the sum of its parts", least=-1e6, most=1e6
        ),
        "signal.categories": Variable(
            "list", lambda of: of.signal.categories, "categories found", CATEGORIES
        ),
        "signal.only_category": Variable(
            "string",
            lambda of: of.signal.categories[0] if len(set(of.signal.categories)) == 1 else "",
            'the category when there is one only, else ""',
            _optional(CATEGORIES),
        ),
        "signal.pattern": _text(
            "pattern", 'a composite such as sextortion, "" none', _optional(get_args(Pattern))
        ),
        "signal.scope": _text("scope", "about whom", ("conversation", "sender")),
        "signal.minor_involved": _flag("minor_involved", "somebody there is under 18"),
        "signal.unverified": _flag("unverified", "rests on what a client says"),
        "signal.of_other": _flag("of_other", "about somebody else there than the author"),
    },
    "user_report": {
        "signal.reporter_age_band": _text("reporter_age_band", "who reports", get_args(AgeBand)),
    },
    "provenance": {
        "signal.standing": _text("standing", "how it is known", ("signed", "claimed")),
        "signal.evidence": _text("evidence", "what the file says"),
        "signal.generator": _text("generator", 'what made it, "" unknown'),
        "signal.generated": Variable(
            "bool", lambda of: is_generated(of.signal), "a generator made it"
        ),
    },
    "media_error": {"signal.reason": _text("reason", "a fixed word")},
}


def variables_of(kind: SignalType) -> Mapping[str, Variable]:
    """Every variable that a condition on signals of this type may name."""
    return _ALL[kind]


def _counts(on: SignalType) -> dict[str, Variable]:
    """The signal that a condition is on is among those that are counted."""
    own = f"signals.{on}"
    return {**COUNTS, own: replace(COUNTS[own], least=1)}


_ALL: dict[SignalType, dict[str, Variable]] = {
    kind: {**EVENT, **_counts(kind), **own} for kind, own in SIGNAL.items()
}
