"""What a rule may ask of a signal: named facts, each with its allowed values.

Every fact is a set of words: most signals have one word for a fact, a text risk has several
categories. A rule's condition names a fact and the words of which one must be there.
"""

from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct

from matchers.language.categories import CATEGORIES
from matchers.language.conversation import LEVELS
from matchers.language.state import Pattern
from streams.contracts.signal import (
    HashMatch,
    MediaError,
    Provenance,
    Signal,
    TextMatch,
    TextRisk,
    UrlMatch,
    UserReport,
)
from streams.contracts.values import AgeBand, Algorithm, HashOrigin, SourceKind

SignalType = Literal[
    "hash_match",
    "url_match",
    "text_match",
    "text_risk",
    "user_report",
    "provenance",
    "media_error",
]
Facts = dict[str, tuple[str, ...]]
Vocabulary = dict[str, tuple[str, ...] | None]
"""The facts of a signal type with their allowed words, `None` where any word may come."""

DIGESTS = frozenset({"md5", "sha1", "sha256"})
"""Algorithms whose match means the same bytes: exact. All others are perceptual."""


class Closeness(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a perceptual match is close rather than near its radius.

    `distance` gives the largest close distance (bits) by algorithm; an algorithm that is not
    named is never close. A match whose quality is unknown or below `quality` is not close either.
    `similarity` is the least of a close text. The PDQ authors match within 31 of 256 bits and
    discard quality below 50 (Facebook, "The TMK+PDQF Video-Hashing Algorithm and the PDQ
    Image-Hashing Algorithm", 2019); the default policy takes half that distance and a quality
    well above, which are choices of its own: set them by what your reviewers find.
    """

    distance: dict[Algorithm, Annotated[int, Meta(ge=0)]]
    quality: Annotated[int, Meta(ge=0, le=100)]
    similarity: Annotated[float, Meta(ge=0, le=1)]


_BOOLEAN = ("true", "false")
_MATCH = ("exact", "close", "near")
_LISTED: Vocabulary = {
    "list": None,
    "category": None,
    "role": ("block", "hold", "review"),
    "source_kind": get_args(SourceKind),
    "verified": _BOOLEAN,
    "label": None,
}

VOCABULARY: dict[SignalType, Vocabulary] = {
    "hash_match": {
        "match": _MATCH,
        "algorithm": get_args(Algorithm),
        "hash_origin": get_args(HashOrigin),
        **_LISTED,
    },
    "url_match": _LISTED,
    "text_match": {"match": _MATCH, **_LISTED},
    "text_risk": {
        "level": LEVELS,
        "category": CATEGORIES,
        "only_category": CATEGORIES,
        "pattern": get_args(Pattern),
        "scope": ("conversation", "sender"),
        "minor_involved": _BOOLEAN,
        "unverified": _BOOLEAN,
    },
    "user_report": {"reporter_age_band": get_args(AgeBand)},
    "provenance": {"standing": ("signed", "claimed"), "evidence": None},
    "media_error": {"reason": None},
}
"""What a rule's `where` is checked against when a policy is loaded."""

Listed = HashMatch | UrlMatch | TextMatch


def signal_type(signal: Signal) -> SignalType:
    """The tag that the signal has in JSON."""
    return _TYPES[type(signal)]


def is_perceptual(signal: Signal) -> bool:
    """Whether a match is of something alike rather than of the very same thing."""
    return isinstance(signal, TextMatch) or (
        isinstance(signal, HashMatch) and signal.algorithm not in DIGESTS
    )


def facts_of(signal: Signal, closeness: Closeness) -> Facts:
    """The facts of a signal. A list's role `observe` reads as `block`: a rule's answer is then
    what it would have done."""
    if isinstance(signal, HashMatch):
        return {
            "match": (_hash_match(signal, closeness),),
            "algorithm": (signal.algorithm,),
            "hash_origin": (signal.hash_origin,),
            **_listed(signal),
        }
    if isinstance(signal, TextMatch):
        close = signal.similarity >= closeness.similarity
        return {"match": ("close" if close else "near",), **_listed(signal)}
    if isinstance(signal, UrlMatch):
        return _listed(signal)
    if isinstance(signal, TextRisk):
        return {
            "level": (signal.level,),
            "category": signal.categories,
            "only_category": signal.categories if len(set(signal.categories)) == 1 else (),
            "pattern": (signal.pattern,) if signal.pattern else (),
            "scope": (signal.scope,),
            "minor_involved": _word(signal.minor_involved),
            "unverified": _word(signal.unverified),
        }
    if isinstance(signal, UserReport):
        return {"reporter_age_band": (signal.reporter_age_band,)}
    if isinstance(signal, Provenance):
        return {"standing": (signal.standing,), "evidence": (signal.evidence,)}
    return {"reason": (signal.reason,)}


def _hash_match(match: HashMatch, closeness: Closeness) -> str:
    if match.algorithm in DIGESTS:
        return "exact"
    furthest = closeness.distance.get(match.algorithm)
    if furthest is None or match.distance > furthest:
        return "near"
    good = match.quality is not None and match.quality >= closeness.quality
    return "close" if good else "near"


def _listed(match: Listed) -> Facts:
    return {
        "list": (match.list,),
        "category": (match.category,),
        "role": ("block" if match.role == "observe" else match.role,),
        "source_kind": (match.source_kind,),
        "verified": _word(match.verified),
        "label": match.labels,
    }


def _word(value: bool) -> tuple[str]:
    return ("true",) if value else ("false",)


_TYPES: dict[type[Signal], SignalType] = {
    HashMatch: "hash_match",
    UrlMatch: "url_match",
    TextMatch: "text_match",
    TextRisk: "text_risk",
    UserReport: "user_report",
    Provenance: "provenance",
    MediaError: "media_error",
}
