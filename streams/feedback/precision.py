"""How often what was found is what a person finds: by list, rule and indicator."""

import math
from collections import Counter
from collections.abc import Iterable
from typing import Literal, NamedTuple

from streams.contracts.decision import Decision, TargetKind
from streams.contracts.outcome import ReviewOutcome
from streams.contracts.signal import HashMatch, TextMatch, TextRisk, UrlMatch
from streams.feedback.subject import signals_about

Sample = Literal["control", "queue"]
SourceKind = Literal["list", "rule", "indicator"]
Z = 1.959964
"""The standard normal quantile of a two-sided interval of 95 %."""


class Precision(NamedTuple):
    """Of `confirmed + rejected` reviewed, the share that was confirmed, with its 95 % interval
    (Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference").

    Only `control` says something of all decisions: it is drawn evenly. `queue` is what was looked
    at because it was urgent, and says something of that alone.
    """

    kind: SourceKind
    name: str
    sample: Sample
    confirmed: int
    rejected: int

    @property
    def share(self) -> float:
        """Confirmed, of all reviewed."""
        return self.confirmed / (self.confirmed + self.rejected)

    @property
    def interval(self) -> tuple[float, float]:
        """Where the true share lies, at 95 %."""
        return wilson(self.confirmed, self.confirmed + self.rejected)


def precision(reviewed: Iterable[tuple[Decision, ReviewOutcome]]) -> list[Precision]:
    """Precision of everything that a reviewed decision names, from outcomes in their order: of
    several about one target the last counts. `unsure` and appeals count for nothing: who appeals is
    no sample.

    A list or indicator is credited by the targets that its signals are about. A rule is credited
    once a decision, and is right when any target of it was confirmed: a decision does not say which
    rule was for which.

    An outcome is of the control sample when both it and the decision say so.
    """
    last: dict[str, tuple[Decision, dict[tuple[TargetKind, str], ReviewOutcome]]] = {}
    for decision, outcome in reviewed:
        if outcome.outcome in ("confirmed", "rejected"):
            _, targets = last.setdefault(decision.decision_id, (decision, {}))
            targets[outcome.target.kind, outcome.target.id] = outcome
    counts: Counter[tuple[SourceKind, str, Sample, bool]] = Counter()
    for decision, targets in last.values():
        found: dict[Sample, bool] = {}
        for outcome in targets.values():
            sample: Sample = "control" if outcome.sampled and decision.sampled else "queue"
            confirmed = outcome.outcome == "confirmed"
            found[sample] = found.get(sample, False) or confirmed
            for kind, name in _sources(decision, outcome):
                counts[kind, name, sample, confirmed] += 1
        for sample, confirmed in found.items():
            for rule in {reason.rule for reason in decision.reasons}:
                counts["rule", rule, sample, confirmed] += 1
    named = {key[:3]: None for key in sorted(counts)}
    return [
        Precision(
            kind,
            name,
            sample,
            counts[kind, name, sample, True],
            counts[kind, name, sample, False],
        )
        for kind, name, sample in named
    ]


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The Wilson score interval at 95 %; (0, 1) without trials."""
    if not trials:
        return 0.0, 1.0
    share, z2 = successes / trials, Z * Z
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    spread = math.sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials))
    half = Z * spread / (1 + z2 / trials)
    # A share of 0 or 1 is an end of its interval, which rounding must not leave.
    return max(0.0, min(middle - half, share)), min(1.0, max(middle + half, share))


def _sources(decision: Decision, outcome: ReviewOutcome) -> set[tuple[SourceKind, str]]:
    sources: set[tuple[SourceKind, str]] = set()
    for signal in signals_about(decision, outcome.target):
        if isinstance(signal, HashMatch | UrlMatch | TextMatch):
            if signal.role != "allow":
                sources.add(("list", signal.list))
        elif isinstance(signal, TextRisk):
            sources.update(("indicator", hit.indicator) for hit in signal.hits)
    return sources
