"""Why a policy says what it says of one event, as `seawall policy explain` shows it."""

from datetime import UTC, datetime

from msgspec import Struct

from streams.contracts.envelope import Envelope
from streams.contracts.values import Action, Scan
from streams.policy.facts import SignalType, signal_type
from streams.policy.policy import Policy, without_allowed
from streams.stages.enforcement import decide


class AppliedRow(Struct, frozen=True):
    """A row of the scan basis that decides for the event; `number` counts from 0."""

    number: int
    tenant: str
    surface: str
    jurisdiction: str
    scans: tuple[Scan, ...]
    valid: bool
    basis: str


class AppliedRule(Struct, frozen=True):
    """A rule that matched a signal; `signal` is its place among the event's, from 0."""

    signal: int
    type: SignalType
    rule: str
    action: Action
    report: bool
    tentative: bool


class Outcome(Struct, frozen=True):
    """What the decision would say."""

    action: Action
    report: bool
    priority: int


class Explanation(Struct, frozen=True):
    """Which rows and rules apply, and what they come to. `passed_over` are the places of `allow`
    matches, of what those take out, and of all signals of deleted content."""

    policy_version: str
    rows: tuple[AppliedRow, ...]
    permitted: tuple[Scan, ...]
    withheld: tuple[Scan, ...]
    rules: tuple[AppliedRule, ...]
    passed_over: tuple[int, ...]
    decision: Outcome


class PolicySummary(Struct, frozen=True):
    """A policy in a few words; `next_lapse` is RFC 3339, `lapsing` the row's columns and scans."""

    version: str
    rules: int
    scan_basis_rows: int
    next_lapse: str | None = None
    lapsing: str | None = None


def explain(policy: Policy, envelope: Envelope) -> Explanation:
    """The explanation for one envelope, decided as the enforcement stage would."""
    event = envelope.event
    basis = policy.scan_basis.basis(
        event.tenant, event.surface, event.jurisdiction, envelope.received_at
    )
    decision = decide(policy, envelope)
    signals = decision.signals
    counted = [] if event.kind == "deleted" else list(without_allowed(signals))
    places = {id(signal): place for place, signal in enumerate(signals)}
    rules = [
        AppliedRule(
            signal=places[id(each.signal)],
            type=signal_type(each.signal),
            rule=each.rule.id,
            action=each.action,
            report=each.report,
            tentative=each.tentative,
        )
        for each in policy.apply_rules(event, counted)
    ]
    kept = {id(signal) for signal in counted}
    rows = policy.scan_basis.rows
    return Explanation(
        policy_version=policy.version,
        rows=tuple(
            AppliedRow(
                number=number,
                tenant=rows[number].tenant,
                surface=rows[number].surface,
                jurisdiction=rows[number].jurisdiction,
                scans=rows[number].scans,
                valid=number in basis.valid,
                basis=rows[number].basis,
            )
            for number in basis.decided_by
        ),
        permitted=basis.permitted,
        withheld=basis.withheld,
        rules=tuple(rules),
        passed_over=tuple(place for place, signal in enumerate(signals) if id(signal) not in kept),
        decision=Outcome(decision.action, decision.report, decision.priority),
    )


def summarize(policy: Policy, now_ms: int) -> PolicySummary:
    """What `seawall policy check` says of a policy that can be used."""
    lapse = policy.scan_basis.next_lapse(now_ms)
    rows = len(policy.scan_basis.rows)
    if lapse is None:
        return PolicySummary(policy.version, len(policy.rules), rows)
    return PolicySummary(
        policy.version,
        len(policy.rules),
        rows,
        datetime.fromtimestamp(lapse.at_ms / 1000, UTC).isoformat(),
        f"{lapse.tenant} {lapse.surface} {lapse.jurisdiction}: {', '.join(lapse.scans)}",
    )
