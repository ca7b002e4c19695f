"""The enforcement stage: one decision for every event."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache

from streams.contracts.decision import Decision, decision_id
from streams.contracts.envelope import Envelope
from streams.contracts.event import ContentEvent
from streams.contracts.signal import Signal, UserReport
from streams.contracts.stage import StageResult, StateKey, StateValue
from streams.contracts.values import StageName
from streams.policy import limits
from streams.policy.facts import list_of, signal_type
from streams.policy.policy import NOTHING, Policy
from streams.policy.recorded import facts_of

_LATEST = 253_402_300_799_999
"""The end of the year 9999: a record may be dated by its producer, in whatever unit."""


class Enforcement:
    """Turns signals into decisions by a policy.

    `policy` may be replaced between batches; a batch is judged by one. `partitions` is the number
    of the input topic's, among which limits are shared out; set before the first batch, once it is
    known. `decided_at` is the event's
    `received_at`, so that the stage stays pure: the engine knows the worker's clock.
    """

    name: StageName = "enforcement"

    def __init__(self, policy: Policy, partitions: int = 1) -> None:
        self.policy = policy
        self.partitions = partitions

    def keys(self, batch: Sequence[Envelope]) -> Sequence[StateKey]:
        """The counts of limits that the batch may come to: of the lists that its signals name."""
        limited = self.policy.limited
        if not limited:
            return ()
        lists: set[str] = set()
        for envelope in batch:
            for signal in envelope.signals:
                if signal_type(signal) in limited:
                    lists.add(list_of(signal))
            if envelope.event.kind == "user_report" and "user_report" in limited:
                lists.add("")
        return [limits.count_key(list) for list in sorted(lists)]

    def run(self, batch: Sequence[Envelope], state: Mapping[StateKey, StateValue]) -> StageResult:
        """One decision for each envelope, in order; the envelopes as they came."""
        policy = self.policy
        meter = limits.Meter(policy.limits, self.partitions, state)
        decisions = [decide(policy, envelope, meter) for envelope in batch]
        changes = meter.saved(policy.rule_ids)
        return StageResult(batch, changes, decisions, unreadable=meter.unreadable)


def decide(policy: Policy, envelope: Envelope, meter: limits.Meter | None = None) -> Decision:
    """The decision about one event; `meter` counts what is limited.

    A `user_report` event counts as a report by a person, whatever else was found. A `deleted`
    event is always allowed: nothing is left to act upon, and its signals are handed on.
    """
    event = envelope.event
    signals = envelope.signals
    if event.kind == "user_report":
        signals = _with_report(event, signals)
    if not signals:
        # Most events: what the decision leaves out is its defaults.
        return Decision(
            decision_id=decision_id(event.tenant, event.event_id),
            event_id=event.event_id,
            tenant=event.tenant,
            content_id=event.content_id,
            author_id=event.author.id,
            conversation_id=event.conversation_id,
            surface=event.surface,
            action="allow",
            scans_performed=tuple(envelope.scans_performed),
            scans_withheld=tuple(envelope.scans_withheld),
            degraded=tuple(envelope.degraded),
            policy_version=policy.version,
            lists_version=envelope.lists_version,
            decided_at=_time(envelope.received_at),
        )
    if event.kind == "deleted":
        verdict = NOTHING
    else:
        verdict = policy.judge(event, signals, meter, envelope.received_at)
    id = decision_id(event.tenant, event.event_id)
    return Decision(
        decision_id=id,
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
        event_facts=facts_of(event),
        would_have=verdict.would_have,
        scans_performed=tuple(envelope.scans_performed),
        scans_withheld=tuple(envelope.scans_withheld),
        degraded=(*envelope.degraded, *verdict.degraded),
        policy_version=policy.version,
        lists_version=envelope.lists_version,
        sampled=policy.samples(id),
        decided_at=_time(envelope.received_at),
    )


@lru_cache(maxsize=1)  # of one batch, most records share their time
def _time(received_at: int) -> datetime:
    return datetime.fromtimestamp(max(min(received_at, _LATEST), 0) / 1000, UTC)


def _with_report(event: ContentEvent, signals: list[Signal]) -> list[Signal]:
    """With one `UserReport`, of which the event's author is the reporter: an earlier stage may
    have added it, but not where it had no text to read."""
    if any(isinstance(signal, UserReport) for signal in signals):
        return signals
    return [*signals, UserReport(reporter_age_band=event.author.age_band)]
