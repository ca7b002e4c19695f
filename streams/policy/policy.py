"""`Policy`: the scan basis, the rules, and what they make of an event's signals."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from streams.contracts.decision import Notice, Reason, Target, TargetKind, WouldHave
from streams.contracts.event import ContentEvent
from streams.contracts.signal import (
    HashMatch,
    MediaError,
    Provenance,
    Signal,
    TextMatch,
    TextRisk,
    UrlMatch,
)
from streams.contracts.values import ACTION_STRENGTH, Action, Role
from streams.policy.facts import (
    Closeness,
    Facts,
    SignalType,
    facts_of,
    is_perceptual,
    signal_type,
)
from streams.policy.priority import LEAST, priority
from streams.policy.rules import CompiledRule, Rule, compile_rule
from streams.policy.scan_basis import ScanBasis

ROLE_CAP: dict[Role, Action] = {
    "block": "block",
    "hold": "hold",
    "review": "review",
    "observe": "block",
    "allow": "allow",
}
"""The most that a list's role asks for. A rule never does more, and reports only where it does
all that it says. `observe` has the cap of `block` since its outcome is only noted."""


class Verdict(NamedTuple):
    """What a policy makes of an event: the parts of a decision that it answers for."""

    action: Action = "allow"
    report: bool = False
    priority: int = LEAST
    targets: tuple[Target, ...] = ()
    reasons: tuple[Reason, ...] = ()
    notices: tuple[Notice, ...] = ()
    would_have: tuple[WouldHave, ...] = ()


class Applied(NamedTuple):
    """A rule that matched a signal. `action` is what it comes to after the list's role;
    `tentative` when it is only noted, because rule, list or catalogue is on trial."""

    signal: Signal
    rule: Rule
    action: Action
    report: bool
    tentative: bool
    decides: bool
    about_self: bool


NOTHING = Verdict()


class Policy:
    """A compiled policy. `version` names it in decisions."""

    def __init__(
        self,
        version: str,
        scan_basis: ScanBasis,
        rules: Sequence[Rule],
        closeness: Closeness,
    ) -> None:
        self.version = version
        self.scan_basis = scan_basis
        self.rules = tuple(rules)
        self.closeness = closeness
        self._by_type: dict[SignalType, list[CompiledRule]] = {}
        for rule in rules:
            self._by_type.setdefault(rule.on, []).append(compile_rule(rule))

    def judge(self, event: ContentEvent, signals: Sequence[Signal]) -> Verdict:
        """What to do about the event.

        A match of a list with the role `allow` takes out the perceptual matches of the same media
        item (or text) that are no closer than itself; it never touches an exact match.
        """
        if not signals:
            return NOTHING
        counted = list(without_allowed(signals))
        action: Action = "allow"
        report = False
        targets: dict[tuple[TargetKind, str], Action] = {}
        reasons: dict[str, Reason] = {}
        would_have: dict[str, WouldHave] = {}
        applied = list(self.apply_rules(event, counted))
        urgency = priority(event, counted)
        notices: dict[Notice, None] = {}
        for each in applied:
            rule = each.rule
            if each.tentative:
                if each.action != "allow" or each.report:
                    _note(would_have, each)
                continue
            given = [n for n in rule.notices if _may_show(n, urgency, each.about_self)]
            notices.update(dict.fromkeys(given))
            acts = each.decides and each.action != "allow"
            if acts or given:
                reasons.setdefault(rule.id, Reason(rule=rule.id, ground=rule.ground))
            if acts:
                place = target_of(event, each.signal)
                targets[place] = stronger(targets.get(place, "allow"), each.action)
                action = stronger(action, each.action)
                report = report or each.report
        return Verdict(
            action,
            report,
            urgency,
            tuple(Target(kind=kind, id=id, action=act) for (kind, id), act in targets.items()),
            tuple(reasons.values()),
            tuple(notices),
            tuple(would_have.values()),
        )

    def apply_rules(self, event: ContentEvent, signals: Iterable[Signal]) -> Iterator[Applied]:
        """The rules that match each signal, in order, up to the one that decides about it."""
        for signal in signals:
            on_trial = _on_trial(signal)
            facts: Facts | None = None
            for compiled in self._by_type.get(signal_type(signal), ()):
                if facts is None:
                    facts = facts_of(signal, self.closeness)
                if not compiled.matches(facts, event):
                    continue
                rule = compiled.rule
                capped = _capped(rule.action, signal)
                live = rule.mode == "live"
                yield Applied(
                    signal,
                    rule,
                    capped,
                    rule.report and capped == rule.action,
                    tentative=on_trial or not live,
                    decides=live,
                    about_self=compiled.about_self,
                )
                if live:
                    break


def stronger(one: Action, other: Action) -> Action:
    """The stronger of two actions."""
    return one if ACTION_STRENGTH[one] >= ACTION_STRENGTH[other] else other


def target_of(event: ContentEvent, signal: Signal) -> tuple[TargetKind, str]:
    """What of the event a signal is about, as a target of a decision. The author of a report is
    the reporter, whose account is never one."""
    if isinstance(signal, HashMatch | Provenance | MediaError):
        return "media", signal.media_id
    if isinstance(signal, UrlMatch):
        if signal.url_index is not None:
            return "url", f"url:{signal.url_index}"
        return "text", "text"
    if isinstance(signal, TextMatch):
        return "text", "text"
    reported = event.kind == "user_report"
    if isinstance(signal, TextRisk) and signal.scope == "sender" and not reported:
        return "account", event.author.id
    if event.conversation_id is not None:
        return "conversation", event.conversation_id
    return ("text", "text") if reported else ("account", event.author.id)


def _capped(action: Action, signal: Signal) -> Action:
    if not isinstance(signal, HashMatch | UrlMatch | TextMatch):
        return action
    cap = ROLE_CAP[signal.role]
    return action if ACTION_STRENGTH[action] <= ACTION_STRENGTH[cap] else cap


def _on_trial(signal: Signal) -> bool:
    if isinstance(signal, HashMatch | UrlMatch | TextMatch):
        return signal.role == "observe"
    return isinstance(signal, TextRisk) and signal.on_trial


def _may_show(notice: Notice, urgency: int, about_self: bool) -> bool:
    """To the author of an urgent case a notice would be a warning."""
    return notice.audience != "author" or urgency > 1 or about_self


def _note(would_have: dict[str, WouldHave], applied: Applied) -> None:
    noted = would_have.get(applied.rule.id)
    if noted is None:
        noted = WouldHave(rule=applied.rule.id, action="allow")
    would_have[applied.rule.id] = WouldHave(
        rule=applied.rule.id,
        action=stronger(noted.action, applied.action),
        report=noted.report or applied.report,
    )


def without_allowed(signals: Sequence[Signal]) -> Iterator[Signal]:
    """The signals that rules judge: without `allow` matches, and what those take out."""
    allowed = [
        signal
        for signal in signals
        if isinstance(signal, HashMatch | TextMatch | UrlMatch) and signal.role == "allow"
    ]
    for signal in signals:
        if isinstance(signal, HashMatch | TextMatch | UrlMatch) and signal.role == "allow":
            continue
        if not (is_perceptual(signal) and any(_takes_out(allow, signal) for allow in allowed)):
            yield signal


def _takes_out(allow: Signal, match: Signal) -> bool:
    if isinstance(allow, HashMatch) and isinstance(match, HashMatch):
        if allow.media_id != match.media_id:
            return False
        return not is_perceptual(allow) or (
            allow.algorithm == match.algorithm and allow.distance <= match.distance
        )
    return (
        isinstance(allow, TextMatch)
        and isinstance(match, TextMatch)
        and allow.similarity >= match.similarity
    )
