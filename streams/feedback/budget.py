"""What people can look at in a day, and what they cannot."""

from collections import Counter
from collections.abc import Container, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from streams.contracts.decision import Decision
from streams.policy.limits import REPORTS_PAUSED

URGENT = 1


class Task(NamedTuple):
    """A decision to look at. `repeats` is how many more it stands for."""

    decision_id: str
    case_id: str | None
    priority: int
    action: str
    sampled: bool
    rules: tuple[str, ...]
    at: datetime
    repeats: int


class Budget(NamedTuple):
    """`within` is in the order in which to look; `below` is what falls below the line."""

    within: list[Task]
    below: list[Task]

    def below_by(self) -> list[tuple[int, str, int]]:
        """How many fall below, by priority and rule."""
        counts = Counter((t.priority, rule) for t in self.below for rule in t.rules or ("",))
        return [(priority, rule, count) for (priority, rule), count in sorted(counts.items())]


def tasks(
    decisions: Iterable[Decision],
    reviewed: Container[str],
    folded: Mapping[str, str],
) -> list[Task]:
    """The decisions that ask for a person and were not reviewed: those to review, to hold or to
    report, and the control sample.

    `folded` gives the decision that a repeat stands behind, and whose task it is: it is as urgent
    as the most urgent of them. A decision of the control sample is a task of its own.
    """
    ordered = list(decisions)
    known = {decision.decision_id: decision for decision in ordered}
    found: dict[str, Task] = {}
    for decision in ordered:
        if decision.kind != "original" or not asks_for_a_person(decision):
            continue
        head = folded.get(decision.decision_id)
        if decision.sampled or head is None or head not in known:
            own = decision.decision_id
            if own not in reviewed:
                found[own] = _merged(found.get(own), decision, 0)
        elif head not in reviewed:
            found[head] = _merged(found.get(head), known[head], 1, decision.priority)
    return list(found.values())


def ranked(waiting: Iterable[Task], budget: int) -> Budget:
    """Priorities 0 and 1 first, then the control sample (which says nothing when only its urgent
    part is looked at), then the rest by priority; what has waited longest first within each."""
    order = sorted(waiting, key=_rank)
    return Budget(order[:budget], order[budget:])


def asks_for_a_person(decision: Decision) -> bool:
    """Whether a decision is a task: it is to be reviewed, held or reported, its report waits since
    a limit of the policy was reached, or it is of the sample."""
    return (
        decision.sampled
        or decision.report
        or decision.action in ("review", "hold")
        or REPORTS_PAUSED in decision.degraded
    )


def _merged(known: Task | None, decision: Decision, more: int, priority: int = 4) -> Task:
    return Task(
        decision.decision_id,
        decision.case_id,
        min(decision.priority, priority, known.priority if known else 4),
        decision.action,
        decision.sampled,
        tuple(reason.rule for reason in decision.reasons),
        decision.decided_at,
        (known.repeats if known else 0) + more,
    )


def _rank(task: Task) -> tuple[int, int, int, datetime, str]:
    urgent = task.priority <= URGENT
    place = 0 if urgent else 1 if task.sampled else 2
    return (place, task.priority, -task.repeats if urgent else 0, task.at, task.decision_id)
