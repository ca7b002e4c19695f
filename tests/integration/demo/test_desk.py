"""The demo's second half fails loudly too: whatever the desk made wrong, it says so."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from demo import desk as seen
from demo.desk_checks import CANARY, desk_differences, things
from demo.expectations import Decided, Outcome, Sent
from demo.kinds import REPORTED_BY_CHILD, SENT_TO_CHILD
from demo.lists import UNLISTED, drawn
from demo.policies import TRIAL_RULE, write_policy
from demo.reviewing import (
    LOOKS,
    NothingToReview,
    expected_closed,
    expected_precision,
    expected_proposals,
    reviews,
)
from streams.cli.policy_testing import run_tests
from streams.contracts.decision import Decision, Reason, Target, WouldHave, decision_id
from streams.feedback.effects import reversal_of
from streams.policy.load import completed, parse_policy_file, policy_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def record(number: int, kind: str, **expected) -> Sent:
    digest = f"{number:032x}"
    return Sent(
        kind=kind,
        about=f"record {number}",
        key=b"k",
        value=b'{"kind":"created","media":[{"hashes":{"md5":"%s"}}]}' % digest.encode(),
        expected=Decided(actions=frozenset({"review"}), **expected),
        event_id=f"e{number}",
        tenant="t",
    )


def decided(number: int, **fields) -> Decision:
    return Decision(
        **{
            "decision_id": decision_id("t", f"e{number}"),
            "event_id": f"e{number}",
            "tenant": "t",
            "content_id": f"c{number}",
            "author_id": "a",
            "surface": "post",
            "action": "review",
            "targets": (Target(kind="media", id="m1", action="review"),),
            "reasons": (Reason(rule=f"rule-{number}", ground="g"),),
            "policy_version": "p",
            "lists_version": "l",
            "decided_at": NOW,
            "case_id": f"case-{number}",
            **fields,
        }
    )


KINDS = [*(look.kind for look in LOOKS), REPORTED_BY_CHILD, "sampled"]
SENT = [
    record(n, kind, would_have=frozenset({TRIAL_RULE} if kind == REPORTED_BY_CHILD else ()))
    for n, kind in enumerate(KINDS)
]
DECISIONS = [
    decided(
        n,
        priority=0 if kind == SENT_TO_CHILD else 4,
        report=kind == SENT_TO_CHILD,
        sampled=kind == "sampled",
        would_have=(WouldHave(rule=TRIAL_RULE, action="hold"),)
        if kind == REPORTED_BY_CHILD
        else (),
    )
    for n, kind in enumerate(KINDS)
]
OUTCOME = Outcome(DECISIONS, (), (), (), b"")
MADE = reviews(SENT, {d.decision_id: d for d in DECISIONS}, NOW)


def opened(viewed: bool) -> seen.OpenedCase:
    file = seen.CaseFile("m1", seen.Details(viewed))
    return seen.OpenedCase(seen.Document(seen.Summary("c", 0, True, []), {}, [file], []))


def case(decision: Decision, status: str = "open", reversed: bool = False) -> seen.KeptCase:
    report = "yes" if decision.report else "no"
    return seen.KeptCase(decision.case_id or "", decision.priority, status, report, 0, reversed)


def as_it_should_be() -> seen.Desk:
    appeal = MADE[-1]
    cases = sorted(map(case, DECISIONS), key=lambda each: each.priority)
    closed = expected_closed(MADE)
    after = [replace(c, status="closed") if c.case_id in closed else c for c in cases]
    turned = [replace(c, reversed=c.case_id == appeal.decision.case_id) for c in after]
    sha256 = drawn(UNLISTED).sha256
    return seen.Desk(
        cases=cases,
        opened=opened(False),
        made=MADE,
        reversals=[reversal_of(appeal.decision, appeal.outcome, [])],
        cases_after=turned,
        opened_after=opened(True),
        precision=[
            seen.PrecisionRow(*key, *counts, 0.5, (0.0, 1.0))
            for key, counts in expected_precision(MADE).items()
        ],
        proposals=[
            seen.WaitingProposal(id, kind, [seen.ProposedHash("sha256", sha256)])
            for id, kind in expected_proposals(MADE).items()
        ],
        replay=seen.Replay(
            len(DECISIONS), 1, 1, [seen.Change("action", "review", "hold", decisions=1)]
        ),
        audit=seen.AuditFound(len(MADE) + 4, None),
        canary=[seen.Probe(name, "found", 0.1) for name in CANARY],
    )


RIGHT = as_it_should_be()


def test_nothing_differs_when_all_is_as_it_should_be():
    assert desk_differences(SENT, OUTCOME, RIGHT) == []


@pytest.mark.parametrize(
    ("wrong", "about"),
    [
        (replace(RIGHT, cases=RIGHT.cases[1:]), "cases by priority"),
        (replace(RIGHT, cases=RIGHT.cases[::-1]), "the order of cases"),
        (replace(RIGHT, cases=[replace(c, report="no") for c in RIGHT.cases]), "cases by priority"),
        (replace(RIGHT, opened=opened(True)), "nobody viewed"),
        (replace(RIGHT, opened_after=opened(False)), "the file, viewed"),
        (replace(RIGHT, reversals=[]), "reversals"),
        (replace(RIGHT, reversals=RIGHT.reversals * 2), "reversals"),
        (replace(RIGHT, reversals=[replace(RIGHT.reversals[0], action="block")]), "reversals"),
        (replace(RIGHT, proposals=RIGHT.proposals[1:]), "propos"),
        (replace(RIGHT, precision=RIGHT.precision[1:]), "precision"),
        (replace(RIGHT, cases_after=RIGHT.cases), "cases closed"),
        (replace(RIGHT, replay=replace(RIGHT.replay, changes=[])), "what it would change"),
        (replace(RIGHT, replay=replace(RIGHT.replay, decisions=0)), "decisions replayed"),
        (replace(RIGHT, audit=seen.AuditFound(1, None)), "audit"),
        (replace(RIGHT, audit=replace(RIGHT.audit, fault={"seq": 3})), "audit"),
        (replace(RIGHT, canary=[]), "canary"),
        (replace(RIGHT, canary=[seen.Probe(n, "missing", None) for n in CANARY]), "canary"),
    ],
)
def test_each_fault_is_named(wrong, about):
    assert any(about in each.record for each in desk_differences(SENT, OUTCOME, wrong))


def test_a_rule_on_trial_that_acted_is_named():
    acted = [replace(d, action="hold") if d.would_have else d for d in DECISIONS]
    found = desk_differences(SENT, replace(OUTCOME, decisions=acted), RIGHT)
    assert [each.record for each in found] == ["what it did"]


def test_the_control_sample_is_reviewed_apart_and_the_appeal_comes_last():
    *others, appeal = MADE
    assert appeal.outcome.outcome == "appeal_granted"
    assert [r.record.kind for r in others if r.outcome.sampled] == ["sampled"]
    with pytest.raises(NothingToReview, match=LOOKS[0].kind):
        reviews(SENT[1:], {d.decision_id: d for d in DECISIONS}, NOW)


def test_the_same_file_is_one_thing():
    again = replace(SENT[0], event_id="again")
    copy = replace(DECISIONS[0], event_id="again", decision_id="other")
    found = things([*SENT, again], [*DECISIONS, copy])
    assert len(found) == len(DECISIONS)
    assert {DECISIONS[0].decision_id, "other"} in found.values()


def test_the_policy_passes_its_own_tests_with_the_rule_on_trial(tmp_path):
    path = write_policy(tmp_path)
    content = parse_policy_file(path.read_text(), str(path))
    outcomes = run_tests(policy_of(content, path.read_text()), completed(content).tests)
    assert len(outcomes) > 20
    assert [each.name for each in outcomes if each.wrong] == []
