"""A policy's own test cases: an event with signals, and what the policy must make of it."""

from datetime import UTC, datetime
from typing import Annotated, Any, cast

import msgspec
from msgspec import Meta, Struct

from streams.contracts.event import ContentEvent
from streams.contracts.signal import Signal
from streams.contracts.values import Action, Priority
from streams.policy.recorded import uncountable


class Expectation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What must come out; what is left out is not looked at. `rules` are those that give reasons,
    `would_have` those on trial, in any order; `notices` are ids of advice."""

    action: Action | None = None
    report: bool | None = None
    priority: Priority | None = None
    rules: list[str] | None = None
    would_have: list[str] | None = None
    notices: list[str] | None = None


class PolicyTest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One case. `event` and `signals` name only the fields that matter: the others have plain
    values, those of a message between two people of unknown age, of a verified hotline's list, of
    a conversation at the level `review`."""

    name: Annotated[str, Meta(min_length=1)]
    event: dict[str, Any] = {}
    signals: list[dict[str, Any]] = []
    expect: Expectation


class BadPolicyTest(ValueError):
    """A case that cannot be run: a field is unknown or has a wrong value."""


def event_of(case: PolicyTest) -> ContentEvent:
    """The case's event. Raises `BadPolicyTest`."""
    given = dict(case.event)
    for person in ("author", "recipient"):
        band = given.pop(f"{person}_age_band", None)
        if band is not None:
            given["author" if person == "author" else "recipients"] = (
                {"id": "author", "age_band": band}
                if person == "author"
                else [{"id": "recipient", "age_band": band}]
            )
    return cast("ContentEvent", _convert(_EVENT | given, ContentEvent, "event"))


def signals_of(case: PolicyTest) -> list[Signal]:
    """The case's signals. Raises `BadPolicyTest`."""
    return [signal_of(given, f"signals[{number}]") for number, given in enumerate(case.signals)]


def signal_of(given: dict[str, Any], where: str) -> Signal:
    """A signal by the fields that matter; the others have plain values. Raises `BadPolicyTest`,
    whose message begins with `where`."""
    signal = cast("Signal", _convert(_signal(given), Signal, where))
    if (path := uncountable(None, [signal])) is not None:
        raise BadPolicyTest(
            f"{where}: a number that is too large - at `$.{path.rpartition('.')[2]}`"
        )
    return signal


def _convert(given: dict[str, Any], kind: Any, where: str) -> object:
    known = _known_fields(kind, given)
    if known and (unknown := sorted(given.keys() - known)):
        fields = ", ".join(sorted(known))
        raise BadPolicyTest(f"{where} has no {', '.join(unknown)}; it has {fields}")
    try:
        return msgspec.convert(given, kind)
    except RecursionError:
        raise BadPolicyTest(f"{where} is nested too deeply") from None
    except (msgspec.ValidationError, ValueError) as error:
        allowed = f"; allowed: {', '.join(_SIGNALS)}" if "`$.type`" in str(error) else ""
        raise BadPolicyTest(f"{where}: {error}{allowed}") from None


def _known_fields(kind: Any, given: dict[str, Any]) -> set[str]:
    if isinstance(kind, type):
        return {field.encode_name for field in msgspec.structs.fields(kind)}
    tag = given.get("type")
    struct = _SIGNALS.get(tag) if isinstance(tag, str) else None
    if struct is None:
        return set()
    return {"type", *(field.encode_name for field in msgspec.structs.fields(struct))}


def _signal(given: dict[str, Any]) -> dict[str, Any]:
    tag = given.get("type")
    return {**_DEFAULTS.get(tag if isinstance(tag, str) else "", {}), **given}


_SIGNALS: dict[str, type[Struct]] = {
    str(struct.__struct_config__.tag): struct for struct in cast("Any", Signal).__args__
}
_EVENT: dict[str, Any] = {
    "event_id": "event",
    "tenant": "tenant",
    "kind": "created",
    "occurred_at": datetime(2026, 1, 1, tzinfo=UTC),
    "content_id": "content",
    "surface": "message",
    "author": {"id": "author"},
    "recipients": [{"id": "recipient"}],
    "conversation_id": "conversation",
}
_LISTED: dict[str, Any] = {
    "list": "list",
    "entry": "entry",
    "role": "block",
    "category": "category",
    "source_kind": "hotline",
    "verified": True,
}
_DEFAULTS: dict[str, dict[str, Any]] = {
    "hash_match": {
        "media_id": "media",
        "algorithm": "md5",
        "distance": 0,
        "radius": 31,
        "hash_origin": "server",
        **_LISTED,
    },
    "url_match": {"url_index": 0, **_LISTED},
    "text_match": {"algorithm": "minhash", "similarity": 1.0, **_LISTED},
    "text_risk": {
        "scope": "conversation",
        "score": 5.0,
        "level": "review",
        "categories": ["secrecy"],
        "hits": [],
        "parts": [],
    },
    "provenance": {
        "media_id": "media",
        "standing": "claimed",
        "evidence": "trainedAlgorithmicMedia",
    },
    "media_error": {"media_id": "media", "reason": "truncated"},
}
