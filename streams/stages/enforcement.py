"""The enforcement stage: one decision for every event."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from streams.contracts.decision import Decision, decision_id
from streams.contracts.envelope import Envelope
from streams.contracts.event import ContentEvent
from streams.contracts.signal import Signal, UserReport
from streams.contracts.stage import StageResult, StateKey, StateValue
from streams.contracts.values import StageName
from streams.policy.policy import NOTHING, Policy

_LATEST = 253_402_300_799_999
"""The end of the year 9999: a record may be dated by its producer, in whatever unit."""


class Enforcement:
    """Turns signals into decisions by a policy.

    `policy` may be replaced between batches; a batch is judged by one. `decided_at` is the
    event's `received_at`, so that the stage stays pure: the engine knows the worker's clock.
    """

    name: StageName = "enforcement"

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    def keys(self, batch: Sequence[Envelope]) -> Sequence[StateKey]:
        """None: a decision needs nothing but its event's signals."""
        return ()

    def run(self, batch: Sequence[Envelope], state: Mapping[StateKey, StateValue]) -> StageResult:
        """One decision for each envelope, in order; the envelopes as they came."""
        policy = self.policy
        return StageResult(batch, decisions=[decide(policy, envelope) for envelope in batch])


def decide(policy: Policy, envelope: Envelope) -> Decision:
    """The decision about one event.

    A `user_report` event counts as a report by a person, whatever else was found. A `deleted`
    event is always allowed: nothing is left to act upon, and its signals are handed on.
    """
    event = envelope.event
    signals = envelope.signals
    if event.kind == "user_report":
        signals = _with_report(event, signals)
    verdict = policy.judge(event, signals) if signals and event.kind != "deleted" else NOTHING
    return Decision(
        decision_id=decision_id(event.tenant, event.event_id),
        event_id=event.event_id,
        tenant=event.tenant,
        content_id=event.content_id,
        author_id=event.author.id,
        conversation_id=event.conversation_id,
        surface=event.surface,
        targets=verdict.targets,
        action=verdict.action,
        report=verdict.report,
        priority=verdict.priority,
        notices=verdict.notices,
        reasons=verdict.reasons,
        signals=signals,
        would_have=verdict.would_have,
        scans_performed=tuple(envelope.scans_performed),
        scans_withheld=tuple(envelope.scans_withheld),
        degraded=tuple(envelope.degraded),
        policy_version=policy.version,
        lists_version=envelope.lists_version,
        decided_at=datetime.fromtimestamp(max(min(envelope.received_at, _LATEST), 0) / 1000, UTC),
    )


def _with_report(event: ContentEvent, signals: list[Signal]) -> list[Signal]:
    """With one `UserReport`, of which the event's author is the reporter: an earlier stage may
    have added it, but not where it had no text to read."""
    if any(isinstance(signal, UserReport) for signal in signals):
        return signals
    return [*signals, UserReport(reporter_age_band=event.author.age_band)]
