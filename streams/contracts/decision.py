"""`Decision`: what the pipeline says should be done, and why."""

import hashlib
import uuid
from typing import Literal

from msgspec import Struct

from streams.contracts.event import Timestamp
from streams.contracts.signal import Signal
from streams.contracts.values import (
    Action,
    AgeBand,
    AgeSource,
    EventKind,
    Id,
    Origin,
    Priority,
    Scan,
    Surface,
)

DecisionKind = Literal["original", "amendment", "reversal"]
TargetKind = Literal["media", "url", "text", "conversation", "account"]

DECISION_NAMESPACE = uuid.UUID("6e7b9a4e-5f0d-5b1c-9c3e-2f6d3c1a8b47")
_NAMESPACE_HASH = hashlib.sha1(DECISION_NAMESPACE.bytes, usedforsecurity=False)


class Target(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One thing to act upon: a media id, `url:<index>`, `text`, a conversation or an account id."""

    kind: TargetKind
    id: str
    action: Action


class Notice(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Safety advice to show: `advice` is an id, `audience` is who sees it."""

    advice: str
    audience: Literal["author", "recipient"]


class Reason(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A rule that decided, with its ground for a statement of reasons."""

    rule: str
    ground: str


class WouldHave(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What a rule on trial would have done."""

    rule: str
    action: Action
    report: bool = False


class EventFacts(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What of the event a policy may have looked at, beside what the decision says anyhow: with
    its signals, all that a policy needs to judge it again. `recipient_age_bands` holds each band
    once, in order of first appearance, and none where no recipient is named."""

    kind: EventKind
    origin: Origin = "live"
    author_age_band: AgeBand = "unknown"
    author_age_source: AgeSource | None = None
    recipient_age_bands: tuple[AgeBand, ...] = ()
    recipient_count: int = 0
    language: str | None = None
    jurisdiction: str | None = None
    encrypted: bool = False


class Decision(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One decision about one event. `author_id` is the event's author: of a `user_report`, who
    reported. `action` is the strongest of the targets' actions.

    `event_facts` is there wherever there are signals. `degraded` holds fixed words for what was
    not as usual: of the policy's limits, `limited:<rule>` for a rule past its limit, and
    `reports_paused` where such a rule would have set `report`, and none other did.

    `decision_id` is the same for a producer's repeats of an `event_id`: act once per id.
    `decided_at` is the worker's clock; everything else is computed from the record alone.
    `sampled`: it is of the uniform control sample of the decisions with signals, which people
    review whatever was decided.
    """

    schema_version: Literal[1] = 1
    decision_id: str
    kind: DecisionKind = "original"
    supersedes: str | None = None
    event_id: Id
    tenant: Id
    content_id: Id
    author_id: Id
    conversation_id: Id | None = None
    surface: Surface
    targets: tuple[Target, ...] = ()
    action: Action
    report: bool = False
    priority: Priority = 4
    notices: tuple[Notice, ...] = ()
    reasons: tuple[Reason, ...] = ()
    signals: list[Signal] = []
    event_facts: EventFacts | None = None
    would_have: tuple[WouldHave, ...] = ()
    scans_performed: tuple[Scan, ...] = ()
    scans_withheld: tuple[Scan, ...] = ()
    degraded: tuple[str, ...] = ()
    policy_version: str
    lists_version: str
    automated: bool = True
    decided_at: Timestamp
    case_id: str | None = None
    sampled: bool = False


def decision_id(tenant: str, event_id: str, revision: int = 0) -> str:
    """UUIDv5 (RFC 9562) of tenant, event id and revision in Seawall's namespace.

    The three parts are length-prefixed, so that no two triples share a name. Hashing by hand is
    three times faster than `uuid.uuid5` and gives the same value (tested).
    """
    seeded = _NAMESPACE_HASH.copy()
    seeded.update(decision_name(tenant, event_id, revision).encode())
    digest = seeded.digest()
    h = digest.hex()
    variant = "89ab"[digest[8] >> 4 & 3]
    return f"{h[:8]}-{h[8:12]}-5{h[13:16]}-{variant}{h[17:20]}-{h[20:32]}"


def decision_name(tenant: str, event_id: str, revision: int) -> str:
    """The name that `decision_id` hashes."""
    return f"{len(tenant)}:{tenant}{len(event_id)}:{event_id}{revision}"
