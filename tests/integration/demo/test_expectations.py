"""The demo fails loudly: whatever went wrong, it says so."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from demo.expectations import Decided, Outcome, Place, Refused, Sent, differences
from streams.contracts.case_record import CaseOpening
from streams.contracts.codec import encode_decision
from streams.contracts.dead_letter import DeadLetter
from streams.contracts.decision import Decision, Reason, decision_id
from streams.contracts.event import Author

BLOCK = Decided(actions=frozenset({"block"}), rules=frozenset({"known-address"}))
GOOD = Sent(
    kind="good",
    about="a listed address",
    key=b"k",
    value=b"{}",
    expected=BLOCK,
    event_id="e1",
    tenant="t",
    text='see "this" page',
)
BAD = Sent(
    kind="bad", about="no tenant", key=b"k", value=b"", expected=Refused(error="empty", field="$.a")
)
SENT = [(GOOD, Place(0, 0)), (BAD, Place(0, 1))]
DECISION = Decision(
    decision_id=decision_id("t", "e1"),
    event_id="e1",
    tenant="t",
    content_id="c",
    author_id="a",
    surface="post",
    action="block",
    case_id="case-1",
    reasons=(Reason(rule="known-address", ground="listed"),),
    policy_version="p",
    lists_version="l",
    decided_at=datetime(2026, 1, 1, tzinfo=UTC),
)
CASE = CaseOpening(
    case_id="case-1",
    fold_key="f",
    decision=DECISION,
    kind="created",
    occurred_at=DECISION.decided_at,
    received_at=0,
    author=Author(id="a"),
)
LETTER = DeadLetter(
    topic="in",
    partition=0,
    offset=1,
    stage="all",
    error="empty",
    field="$.a",
    message="nothing",
    at=datetime(2026, 1, 1, tzinfo=UTC),
    sha256="0",
    size=0,
)


def outcome(decisions=(DECISION,), letters=(LETTER,), urgent=(), raw=b"", cases=None):
    raw = raw or b"\n".join(map(encode_decision, decisions))
    if cases is None:
        cases = [replace(CASE, decision=d) for d in decisions if d.action != "allow"]
    return Outcome(decisions, urgent, letters, cases, raw)


def test_nothing_differs_when_all_is_as_expected():
    assert differences(SENT, outcome()) == []


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (outcome(decisions=()), "1 decision(s)"),
        (outcome(decisions=(DECISION, DECISION)), "1 decision(s)"),
        (outcome(letters=()), "one dead letter"),
        (outcome(letters=(LETTER, LETTER)), "one dead letter"),
        (outcome(letters=(replace(LETTER, field="$.b"),)), "one dead letter"),
        (outcome(letters=(LETTER, replace(LETTER, offset=0))), "a decision"),
        (outcome(letters=(LETTER, replace(LETTER, offset=9))), "no dead letter"),
        (outcome(decisions=(replace(DECISION, action="hold"),)), "action block"),
        (outcome(decisions=(replace(DECISION, reasons=()),)), "only rules known-address"),
        (outcome(decisions=(replace(DECISION, report=True),)), "report False"),
        (outcome(decisions=(replace(DECISION, scans_withheld=("text",)),)), "withheld none"),
        (outcome(decisions=(replace(DECISION, decision_id="x"),)), "decision_id"),
        (
            outcome(decisions=(DECISION, replace(DECISION, event_id="e2"))),
            "no decision: it was never sent",
        ),
        (outcome(decisions=(replace(DECISION, priority=1),)), "priority 0 and 1"),
        (outcome(urgent=(DECISION,)), "priority 0 and 1"),
        (outcome(cases=()), "one for each of 1 decisions"),
        (outcome(cases=(CASE, CASE)), "one for each of 1 decisions"),
        (outcome(decisions=(replace(DECISION, case_id=None),)), "one for each of 1 decisions"),
        (outcome(raw=rb'{"text":"see \"this\" page"}'), "its text in no output"),
    ],
)
def test_each_fault_is_named_once(found, word):
    (difference,) = differences(SENT, found)
    assert word in difference.expected


def test_a_repeated_event_has_a_decision_for_each_record():
    sent = [*SENT, (GOOD, Place(0, 2))]
    assert differences(sent, outcome(decisions=(DECISION, DECISION))) == []
    (difference,) = differences(sent, outcome())
    assert difference.expected == "2 decision(s)"
