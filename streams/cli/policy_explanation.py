"""Why a policy says what it says of one event, as `seawall policy explain` shows it."""

from msgspec import Struct

from streams.cli.policy_outcome import Aimed, aimed
from streams.contracts.decision import Notice
from streams.contracts.envelope import Envelope
from streams.contracts.values import Action, Scan
from streams.policy.facts import SignalType, list_of, signal_type
from streams.policy.policy import Policy, without_allowed
from streams.policy.rules import compile_rule
from streams.policy.variables import Judged, Value, variables_of
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


class Considered(Struct, frozen=True):
    """A rule on a signal's type that did not match it, and why."""

    rule: str
    why: str


class Unmatched(Struct, frozen=True):
    """A signal that no rule matched, with the rules on its type in their order."""

    signal: int
    type: SignalType
    considered: tuple[Considered, ...]


class WithheldFrom(Struct, frozen=True):
    """A signal that a scan would have to find which is withheld for the event."""

    signal: int
    scan: Scan


class Outcome(Struct, frozen=True):
    """What the decision would say."""

    action: Action
    report: bool
    priority: int
    targets: tuple[Aimed, ...]
    notices: tuple[Notice, ...]


class Explanation(Struct, frozen=True):
    """Which rows and rules apply, and what they come to. `passed_over` are the places of `allow`
    matches, of what those take out, and of all signals of deleted content. `signals` is how many
    there are: without any, the decision is that for an event in which nothing is found."""

    policy_version: str
    rows: tuple[AppliedRow, ...]
    permitted: tuple[Scan, ...]
    withheld: tuple[Scan, ...]
    rules: tuple[AppliedRule, ...]
    unmatched: tuple[Unmatched, ...]
    passed_over: tuple[int, ...]
    withheld_from: tuple[WithheldFrom, ...]
    signals: int
    decision: Outcome


_FOUND_BY: dict[SignalType, tuple[Scan, ...]] = {
    "hash_match": ("hash",),
    "url_match": ("url",),
    "text_match": ("text",),
    "text_risk": ("text",),
    "provenance": ("provenance",),
}


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
    matched = {rule.signal for rule in rules}
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
        unmatched=tuple(
            Unmatched(
                places[id(signal)],
                signal_type(signal),
                _considered(policy, Judged(event, signal, counted, policy.closeness)),
            )
            for signal in counted
            if places[id(signal)] not in matched
        ),
        passed_over=tuple(place for place, signal in enumerate(signals) if id(signal) not in kept),
        withheld_from=tuple(
            WithheldFrom(place, scan)
            for place, signal in enumerate(signals)
            for scan in _FOUND_BY.get(signal_type(signal), ())
            if scan in basis.withheld
        ),
        signals=len(signals),
        decision=Outcome(
            decision.action,
            decision.report,
            decision.priority,
            aimed(decision.targets),
            decision.notices,
        ),
    )


def _considered(policy: Policy, judged: Judged) -> tuple[Considered, ...]:
    """Why each rule on the type of a signal does not match it, which none does."""
    kind = signal_type(judged.signal)
    variables = variables_of(kind)
    found: list[Considered] = []
    for rule in policy.rules:
        if rule.on != kind:
            continue
        compiled = compile_rule(rule)
        condition = compiled.condition
        if rule.lists and list_of(judged.signal) not in rule.lists:
            why = f"is for the lists {', '.join(rule.lists)}"
        elif condition is None or not compiled.is_for(judged.event):
            why = f"is for {', '.join((*rule.tenants, *rule.jurisdictions))}"
        else:
            read = [f"{name} is {_shown(variables[name].read(judged))}" for name in condition.names]
            why = f"{' '.join(condition.text.split())} does not hold: {', '.join(read)}"
        found.append(Considered(rule.id, why))
    return tuple(found)


def _shown(value: Value) -> str:
    """A value as a condition writes it."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, str):
        return f'"{value}"'
    return str(value).lower() if isinstance(value, bool) else f"{value:g}"
