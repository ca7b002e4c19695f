from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.feedback.budget import ranked, tasks
from tests.unit.cases.occurrences import AT, decision, event, match


def decided(number=1, action="hold", report=False, hours=0, **changes):
    at = AT + timedelta(hours=hours)
    happened = event(f"e{number}")
    return decision(happened, [match()], action=action, report=report, decided_at=at, **changes)


def order(decisions, budget=99, reviewed=(), folded=None):
    line = ranked(tasks(decisions, set(reviewed), folded or {}), budget)
    return [t.decision_id for t in line.within], [t.decision_id for t in line.below]


def test_urgent_first_then_the_sample_then_by_priority_and_age() -> None:
    late, early = decided(1, priority=3, hours=2), decided(2, priority=3)
    sampled = decided(3, "allow", sampled=True)
    urgent, most = decided(4, priority=1, hours=5), decided(5, priority=0, hours=9)
    within, below = order([late, early, sampled, urgent, most], budget=4)
    assert within == [d.decision_id for d in (most, urgent, sampled, early)]
    assert below == [late.decision_id]


def test_what_asks_for_nobody_is_no_task_and_what_was_reviewed_is_none_any_more() -> None:
    plain = decided(1, "block")
    asks = [decided(2, "review"), decided(3, "hold"), decided(4, "block", report=True)]
    within, _ = order([plain, *asks])
    assert set(within) == {d.decision_id for d in asks}
    assert order(asks, reviewed=within) == ([], [])


def test_repeats_are_one_task_as_urgent_as_the_most_urgent() -> None:
    head, again, urgent = decided(1), decided(2), decided(3, priority=0)
    folded = {d.decision_id: head.decision_id for d in (again, urgent)}
    [task] = tasks([head, again, urgent], set(), folded)
    assert (task.decision_id, task.repeats, task.priority) == (head.decision_id, 2, 0)
    assert tasks([head, again, urgent], {head.decision_id}, folded) == []


def test_a_repeat_in_the_sample_is_a_task_of_its_own() -> None:
    head, again = decided(1), decided(2, sampled=True)
    folded = {again.decision_id: head.decision_id}
    assert len(tasks([head, again], set(), folded)) == 2


def test_a_repeat_whose_head_is_gone_is_its_own_task() -> None:
    again = decided(2)
    [task] = tasks([again], set(), {again.decision_id: "gone"})
    assert task.decision_id == again.decision_id


def test_below_is_told_by_priority_and_rule() -> None:
    line = ranked(tasks([decided(1), decided(2), decided(3, priority=2)], set(), {}), 0)
    assert line.below_by() == [(2, "known-material", 1), (4, "known-material", 2)]


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.integers(0, 50)), max_size=20),
    st.integers(0, 25),
)
def test_nothing_is_lost_and_nothing_urgent_stands_behind_what_is_not(kinds, budget) -> None:
    decisions = [decided(n, priority=p, sampled=s, hours=h) for n, (p, s, h) in enumerate(kinds)]
    line = ranked(tasks(decisions, set(), {}), budget)
    whole = [*line.within, *line.below]
    assert sorted(t.decision_id for t in whole) == sorted(d.decision_id for d in decisions)
    assert len(line.within) == min(budget, len(decisions))
    urgent = [task.priority <= 1 for task in whole]
    assert urgent == sorted(urgent, reverse=True)
