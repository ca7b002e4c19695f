"""`Policy`: the scan basis, the rules, and what they make of an event's signals."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from matchers.lists.entry import FLAGGED, NO_REPORT
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
from streams.policy.facts import Closeness, SignalType, is_perceptual, list_of
from streams.policy.limits import ANY, LIMITED, REPORTS_PAUSED, Limit, Meter, contained
from streams.policy.priority import LEAST, priority
from streams.policy.rule_index import RuleIndex
from streams.policy.rules import FurtherTarget, Rule, compile_rule
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
    degraded: tuple[str, ...] = ()


class Applied(NamedTuple):
    """A rule that matched a signal. `action` is what it comes to after the list's role;
    `tentative` when it is only noted, because rule, list or catalogue is on trial."""

    signal: Signal
    rule: Rule
    action: Action
    report: bool
    tentative: bool
    about_self: bool


NOTHING = Verdict()


class Policy:
    """A compiled policy. `version` names it in decisions.

    Raises `BadRule` for a rule that can never do anything.
    """

    def __init__(
        self,
        version: str,
        scan_basis: ScanBasis,
        rules: Sequence[Rule],
        closeness: Closeness,
        limits: Sequence[Limit] = (),
        control_share: float = 0.0,
    ) -> None:
        self.version = version
        self.scan_basis = scan_basis
        self.rules = tuple(rules)
        self.closeness = closeness
        self.limits = tuple(limits)
        self.control_share = control_share
        self.limited = frozenset[SignalType](
            rule.on for rule in rules if any(limit.rule in (ANY, rule.id) for limit in self.limits)
        )
        """The types of signal that a rule with a limit is on."""
        self.rule_ids = frozenset(rule.id for rule in rules)
        self._compiled = [compile_rule(rule) for rule in rules]
        self._index = RuleIndex(self._compiled, closeness)

    @property
    def lists_named(self) -> set[str]:
        """The lists that rules are for, or limits."""
        of_limits = (limit.list for limit in self.limits if limit.list not in (ANY, ""))
        return {*of_limits, *(name for rule in self._compiled for name in rule.lists)}

    def judge(
        self,
        event: ContentEvent,
        signals: Sequence[Signal],
        meter: Meter | None = None,
        now_ms: int = 0,
    ) -> Verdict:
        """What to do about the event. `meter` counts what rules do at `now_ms` (milliseconds
        since the epoch); without one nothing is limited.

        A match of a list with the role `allow` takes out the perceptual matches of the same media
        item (or text) that are no closer than itself; it never touches an exact match.
        """
        if not signals:
            return NOTHING
        counted = list(without_allowed(signals))
        applied = list(self.apply_rules(event, counted))
        suspect = any(
            isinstance(s, TextRisk) and not s.of_other and s.level in ("watch", "review")
            for s in counted
        )
        verdict = _Tally(event, _urgency(priority(event, counted), applied), suspect=suspect)
        limited: dict[tuple[str, str], bool] = {}
        for each in applied:
            if each.tentative:
                verdict.note(each)
                continue
            tripped = False
            if meter is not None and _acts(event, each):
                pair = (each.rule.id, list_of(each.signal))
                if pair not in limited:
                    limited[pair] = meter.trips(*pair, now_ms)
                tripped = limited[pair]
            verdict.take(each, tripped=tripped)
        return verdict.verdict()

    def samples(self, decision_id: str) -> bool:
        """Whether a decision, if it has signals, is in the control sample: by the first 32 bits of
        its id, which are those of a hash."""
        share = self.control_share
        return share > 0 and int(decision_id[:8], 16) / 2**32 < share

    def apply_rules(self, event: ContentEvent, signals: Sequence[Signal]) -> Iterator[Applied]:
        """The rules that match each signal, in order, up to the one that decides about it."""
        for signal in signals:
            on_trial = _on_trial(signal)
            for compiled in self._index.matching(event, signal, signals):
                rule = compiled.rule
                capped = _capped(rule.action, signal)
                live = compiled.is_live(event)
                yield Applied(
                    signal,
                    rule,
                    capped,
                    rule.report and capped == rule.action and _may_report(signal),
                    tentative=on_trial or not live,
                    about_self=compiled.about_self,
                )
                if live:
                    break


class _Tally:
    """A verdict in the making."""

    def __init__(self, event: ContentEvent, urgency: int, *, suspect: bool) -> None:
        self._event = event
        self._urgency = urgency
        self._suspect = suspect
        self._action: Action = "allow"
        self._report = self._paused = False
        self._targets: dict[tuple[TargetKind, str], Action] = {}
        self._reasons: dict[str, Reason] = {}
        self._notices: dict[Notice, None] = {}
        self._would_have: dict[str, WouldHave] = {}
        self._limited: dict[str, None] = {}

    def note(self, applied: Applied) -> None:
        """A rule, list or catalogue on trial: the most that it would have done to any target."""
        action = applied.action
        for further in applied.rule.targets.values():
            action = stronger(action, _capped(further, applied.signal))
        if action == "allow":
            return
        noted = self._would_have.get(applied.rule.id)
        self._would_have[applied.rule.id] = WouldHave(
            rule=applied.rule.id,
            action=stronger(noted.action, action) if noted else action,
            report=applied.report or (noted is not None and noted.report),
        )

    def take(self, applied: Applied, *, tripped: bool) -> None:
        """A rule that decides about a signal; `tripped` when it is past its limit."""
        rule = applied.rule
        given = _shown(applied, self._urgency, suspect=self._suspect)
        self._notices.update(dict.fromkeys(given))
        acts = applied.action != "allow" or bool(rule.targets)
        if acts or given:
            self._reasons.setdefault(rule.id, Reason(rule=rule.id, ground=rule.ground))
        if not acts:
            return
        if tripped:
            self._limited[f"{LIMITED}{rule.id}"] = None
        self._aim(target_of(self._event, applied.signal), applied.action, applied, tripped=tripped)
        for kind, action in rule.targets.items():
            place = _further_target(self._event, kind, applied.signal)
            if place is not None:
                capped = _capped(action, applied.signal)
                self._aim(place, capped, applied, tripped=tripped)
        self._report = self._report or (applied.report and not tripped)
        self._paused = self._paused or (applied.report and tripped)

    def _aim(
        self, place: tuple[TargetKind, str], action: Action, applied: Applied, *, tripped: bool
    ) -> None:
        if tripped:
            action = contained(action, applied.signal)
        if action != "allow":
            self._targets[place] = stronger(self._targets.get(place, "allow"), action)
            self._action = stronger(self._action, action)

    def verdict(self) -> Verdict:
        """What it came to."""
        if self._paused and not self._report:
            self._limited[REPORTS_PAUSED] = None
        return Verdict(
            self._action,
            self._report,
            self._urgency,
            tuple(
                Target(kind=kind, id=id, action=action)
                for (kind, id), action in self._targets.items()
            ),
            tuple(self._reasons.values()),
            tuple(self._notices),
            tuple(self._would_have.values()),
            tuple(self._limited),
        )


def _urgency(found: int, applied: Sequence[Applied]) -> int:
    """The function's priority, or a live rule's where that is more urgent."""
    asked = (
        each.rule.priority
        for each in applied
        if each.rule.priority is not None and not each.tentative
    )
    return min(found, *asked, LEAST)


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
    if isinstance(signal, TextRisk) and signal.of_other and event.conversation_id is None:
        named = signal.account_id
        return ("text", "text") if named is None else ("account", named)
    if isinstance(signal, TextRisk) and signal.scope == "sender" and not reported:
        return "account", event.author.id
    if event.conversation_id is not None:
        return "conversation", event.conversation_id
    return ("text", "text") if reported else ("account", event.author.id)


def _further_target(
    event: ContentEvent, kind: FurtherTarget, signal: Signal
) -> tuple[TargetKind, str] | None:
    """A target beside what the signal is about; `None` where the event has none. The author of a
    report is the reporter; of a risk `of_other`, who is at risk."""
    if kind == "conversation":
        return (kind, event.conversation_id) if event.conversation_id is not None else None
    if isinstance(signal, TextRisk) and signal.of_other:
        named = signal.account_id if kind == "account" else None
        return None if named is None else ("account", named)
    if kind == "text":
        return "text", "text"
    return (kind, event.author.id) if event.kind != "user_report" else None


def _capped(action: Action, signal: Signal) -> Action:
    if not isinstance(signal, HashMatch | UrlMatch | TextMatch):
        return action
    cap = ROLE_CAP[signal.role]
    return action if ACTION_STRENGTH[action] <= ACTION_STRENGTH[cap] else cap


def _acts(event: ContentEvent, applied: Applied) -> bool:
    """Whether a rule does anything, to whatever of the event."""
    return (
        applied.action != "allow"
        or applied.report
        or any(
            action != "allow" and _further_target(event, kind, applied.signal) is not None
            for kind, action in applied.rule.targets.items()
        )
    )


def _may_report(signal: Signal) -> bool:
    """Whether a signal is enough for a report without a person, whatever a rule says. Never what
    language is taken to mean, a hash that only a client vouches for, or a list of victims, who
    asked for removal. Never by a list that does not permit it, nor by a flagged hash that is only
    like the item's (docs/decisions/0010-flagged-hashes.md)."""
    if isinstance(signal, TextRisk):
        return False
    if not isinstance(signal, HashMatch | UrlMatch | TextMatch):
        return True
    if signal.source_kind == "victim":
        return False
    if isinstance(signal, HashMatch) and signal.hash_origin == "client_unverified":
        return False
    return NO_REPORT not in signal.labels and not (
        FLAGGED in signal.labels and is_perceptual(signal)
    )


def _on_trial(signal: Signal) -> bool:
    if isinstance(signal, HashMatch | UrlMatch | TextMatch):
        return signal.role == "observe"
    return isinstance(signal, TextRisk) and signal.on_trial


def _shown(applied: Applied, urgency: int, *, suspect: bool) -> list[Notice]:
    """The notices of a rule that are shown. To the author of an urgent case one would be a
    warning. Of a risk `of_other` the author is who is to be advised, unless they are one too."""
    notices = applied.rule.notices
    if isinstance(applied.signal, TextRisk) and applied.signal.of_other:
        return (
            []
            if suspect
            else [replace(n, audience="author") for n in notices if n.audience == "recipient"]
        )
    if urgency > 1 or applied.about_self:
        return list(notices)
    return [notice for notice in notices if notice.audience != "author"]


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
        if (allow.media_id, allow.item) != (match.media_id, match.item):
            return False
        return not is_perceptual(allow) or (
            allow.algorithm == match.algorithm
            and allow.distance <= match.distance
            and (allow.frame, allow.track) == (match.frame, match.track)  # another is unlike it
        )
    return (
        isinstance(allow, TextMatch)
        and isinstance(match, TextMatch)
        and allow.algorithm == match.algorithm  # each has a measure of its own
        and allow.similarity >= match.similarity
    )
