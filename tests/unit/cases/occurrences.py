"""Cases to build: openings as the stage makes them, from events and signals."""

from datetime import UTC, datetime

import msgspec

from streams.cases.opening import opened_cases
from streams.contracts.case_record import CaseOpening
from streams.contracts.decision import Decision, Reason, Target, decision_id
from streams.contracts.envelope import Envelope
from streams.contracts.event import Author, ContentEvent, Media, MediaHashes, Recipient
from streams.contracts.outcome import ReviewOutcome, ReviewTarget
from streams.contracts.signal import HashMatch, Provenance, Signal, TextRisk, UrlMatch

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECEIVED = int(AT.timestamp() * 1000) + 1_000
SHA = "ab" * 32
PDQ = "0f" * 32


def picture(media_id="m1", origin="server", **hashes) -> Media:
    return Media(
        media_id=media_id,
        media_type="image/jpeg",
        hashes=MediaHashes(**(hashes or {"sha256": SHA, "md5": "cd" * 16, "pdq": PDQ})),
        hash_origin=origin,
    )


def claimed(media_id="m1", **hashes) -> Media:
    """With hashes that nobody vouches for."""
    return picture(media_id, "client_unverified", **hashes)


def event(event_id="e1", author="a1", band="adult", recipients=("13_15",), **changes):
    fields = {
        "event_id": event_id,
        "tenant": "acme",
        "kind": "created",
        "occurred_at": AT,
        "content_id": f"c-{event_id}",
        "surface": "message",
        "author": Author(id=author, age_band=band),
        "recipients": [Recipient(id=f"r{i}", age_band=b) for i, b in enumerate(recipients)],
        "conversation_id": "k1",
        "media": [picture()],
    }
    return ContentEvent(**(fields | changes))


def match(**changes) -> HashMatch:
    fields = {
        "media_id": "m1",
        "list": "hotline-a",
        "entry": "7",
        "algorithm": "sha256",
        "distance": 0,
        "radius": 0,
        "role": "block",
        "category": "known",
        "source_kind": "hotline",
        "verified": True,
        "verified_by": "Example Trust",
        "hash_origin": "server",
    }
    return HashMatch(**(fields | changes))


def near(**changes) -> HashMatch:
    fields = {"algorithm": "pdq", "distance": 28, "radius": 31, "quality": 90}
    return match(**(fields | changes))


def risk(**changes) -> TextRisk:
    fields = {
        "scope": "conversation",
        "score": 6.0,
        "level": "review",
        "categories": ("image_request",),
        "hits": (),
        "parts": (),
    }
    return TextRisk(**(fields | changes))


def url(**changes) -> UrlMatch:
    fields = {
        "list": "addresses",
        "entry": "9",
        "role": "block",
        "category": "known",
        "source_kind": "hotline",
        "verified": True,
        "url_index": 0,
    }
    return UrlMatch(**(fields | changes))


def generated(standing="claimed", **changes) -> Provenance:
    fields = {"media_id": "m1", "evidence": "iptc: trainedAlgorithmicMedia"}
    return Provenance(**(fields | {"standing": standing} | changes))


def decision(happened: ContentEvent, signals: list[Signal], **changes) -> Decision:
    fields = {
        "decision_id": decision_id(happened.tenant, happened.event_id),
        "event_id": happened.event_id,
        "tenant": happened.tenant,
        "content_id": happened.content_id,
        "author_id": happened.author.id,
        "conversation_id": happened.conversation_id,
        "surface": happened.surface,
        "targets": (Target(kind="media", id="m1", action="block"),),
        "action": "block",
        "report": True,
        "priority": 4,
        "reasons": (Reason(rule="known-material", ground="Identical to listed material."),),
        "signals": signals,
        "policy_version": "p1",
        "lists_version": "l1",
        "decided_at": AT,
    }
    return Decision(**(fields | changes))


def openings(happened: ContentEvent, signals: list[Signal], **changes) -> list[CaseOpening]:
    envelope = Envelope(event=happened, received_at=RECEIVED, signals=signals)
    _, cases = opened_cases([envelope], [decision(happened, signals, **changes)])
    return [msgspec.json.decode(case.value, type=CaseOpening) for case in cases]


def opening(happened: ContentEvent | None = None, *signals: Signal, **changes) -> CaseOpening:
    [one] = openings(happened or event(), list(signals or (match(),)), **changes)
    return one


def outcome(of: CaseOpening, result="confirmed", target=("media", "m1"), **changes):
    fields = {
        "decision_id": of.decision.decision_id,
        "target": ReviewTarget(kind=target[0], id=target[1]),
        "outcome": result,
        "reviewed_at": AT,
        "reviewer_role": "moderator",
    }
    return ReviewOutcome(**(fields | changes))


def viewing(**changes) -> dict:
    return {"viewed_by": "reviewer-1", "viewed_at": AT} | changes
