"""One of each contract that leaves a stage, with every kind of signal."""

from datetime import UTC, datetime

import msgspec

from streams.contracts.dead_letter import DeadLetter
from streams.contracts.decision import Decision, Notice, Reason, Target, WouldHave, decision_id
from streams.contracts.envelope import Envelope
from streams.contracts.event import ContentEvent
from streams.contracts.signal import (
    HashMatch,
    IndicatorHit,
    MediaError,
    Provenance,
    ScorePart,
    Signal,
    TextMatch,
    TextRisk,
    UrlMatch,
    UserReport,
)
from tests.unit.contracts.examples import FULL

SIGNALS: list[Signal] = [
    HashMatch(
        media_id="m-1",
        list="example",
        entry="1",
        algorithm="pdq",
        distance=12,
        radius=31,
        role="hold",
        category="c",
        source_kind="own",
        verified=True,
        hash_origin="server",
        quality=80,
        labels=("a",),
    ),
    UrlMatch(
        list="example",
        entry="2",
        role="block",
        category="c",
        source_kind="hotline",
        verified=True,
        url_index=0,
    ),
    TextMatch(
        list="example",
        entry="3",
        algorithm="minhash",
        similarity=0.9,
        role="review",
        category="c",
        source_kind="industry",
        verified=False,
    ),
    TextRisk(
        scope="conversation",
        score=3.5,
        level="high",
        categories=("secrecy",),
        hits=(IndicatorHit(indicator="i-1", category="secrecy", start=0, end=4),),
        parts=(ScorePart(name="secrecy", value=3.5),),
        pattern="sextortion",
    ),
    UserReport(reporter_age_band="13_15"),
    Provenance(media_id="m-1", standing="claimed", evidence="png text chunk"),
    MediaError(media_id="m-2", reason="truncated"),
]

ENVELOPE = Envelope(
    event=msgspec.convert(FULL, ContentEvent),
    received_at=1_769_860_800_000,
    signals=SIGNALS,
    scans_performed=["hash"],
    scans_withheld=["text"],
    degraded=["lists_stale"],
    lists_version="7+12",
)

DECISION = Decision(
    decision_id=decision_id("example", "e-1"),
    event_id="e-1",
    tenant="example",
    content_id="c-1",
    author_id="u-1",
    conversation_id="conv-1",
    surface="message",
    targets=(Target(kind="media", id="m-1", action="hold"),),
    action="hold",
    report=True,
    priority=1,
    notices=(Notice(advice="a-1", audience="recipient"),),
    reasons=(Reason(rule="r-1", ground="g"),),
    signals=SIGNALS,
    would_have=(WouldHave(rule="r-2", action="block"),),
    scans_performed=("hash",),
    policy_version="1",
    lists_version="7+12",
    decided_at=datetime(2026, 1, 31, 12, tzinfo=UTC),
)

DEAD_LETTER = DeadLetter(
    topic="content.events",
    partition=0,
    offset=17,
    stage="hash-matching",
    error="missing_field",
    message="this required field is missing",
    field="$.author.id",
    at=datetime(2026, 1, 31, 12, tzinfo=UTC),
    sha256="0" * 64,
    size=12,
    payload=b"{}",
)
