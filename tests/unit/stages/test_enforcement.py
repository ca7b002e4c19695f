from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.contracts.decision import Decision, decision_id
from streams.contracts.envelope import Envelope
from streams.contracts.signal import UserReport
from streams.contracts.stage import Stage
from streams.policy.load import default_policy
from streams.stages.enforcement import Enforcement
from tests.unit.policy.signals import digest, event, events, evidence, risk

POLICY = default_policy()
RECEIVED = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp() * 1000) + 7


def envelope(happened=None, signals=(), **changes) -> Envelope:
    return Envelope(
        event=happened or event(), received_at=RECEIVED, signals=list(signals), **changes
    )


def decide(*envelopes: Envelope) -> list[Decision]:
    stage: Stage = Enforcement(POLICY)
    result = stage.run(envelopes, {})
    assert list(result.batch) == list(envelopes)
    assert not result.changes
    return list(result.decisions)


def test_an_event_without_signals_is_allowed_and_says_how_it_was_looked_at():
    [decision] = decide(
        envelope(
            scans_performed=["hash"],
            scans_withheld=["text"],
            degraded=["media_error"],
            lists_version="7",
        )
    )
    assert (decision.action, decision.report, decision.priority) == ("allow", False, 4)
    assert decision.scans_performed == ("hash",)
    assert decision.scans_withheld == ("text",)
    assert decision.degraded == ("media_error",)
    assert decision.lists_version == "7"
    assert decision.policy_version == POLICY.version
    assert decision.decision_id == decision_id("acme", "e1")
    assert decision.decided_at == datetime(2026, 3, 1, 12, 0, 0, 7000, tzinfo=UTC)
    assert (decision.content_id, decision.author_id) == ("c1", "a1")
    assert (decision.conversation_id, decision.surface) == ("k1", "message")


def test_a_match_is_carried_over_with_what_is_done_about_it():
    [decision] = decide(envelope(signals=[digest()]))
    assert (decision.action, decision.report) == ("block", True)
    assert [(t.kind, t.id, t.action) for t in decision.targets] == [("media", "m1", "block")]
    assert [reason.rule for reason in decision.reasons] == ["known-material"]
    assert decision.signals == [digest()]


def test_a_user_report_becomes_a_signal_once():
    reported = event("13_15", ["adult"], kind="user_report")
    [decision, again] = decide(
        envelope(reported), envelope(reported, [UserReport(reporter_age_band="adult")])
    )
    assert decision.signals == [UserReport(reporter_age_band="13_15")]
    assert (decision.action, decision.priority) == ("review", 2)
    assert [(t.kind, t.id) for t in decision.targets] == [("conversation", "k1")]
    assert again.signals == [UserReport(reporter_age_band="adult")]


def test_a_report_never_acts_upon_the_account_of_the_reporter():
    reported = event(kind="user_report", conversation_id=None)
    [decision] = decide(envelope(reported, [risk(scope="sender"), risk()]))
    assert {target.kind for target in decision.targets} == {"text"}


def test_deleted_content_is_allowed():
    [decision] = decide(envelope(event(kind="deleted"), [digest()]))
    assert (decision.action, decision.report, decision.targets) == ("allow", False, ())
    assert decision.signals == [digest()]


@pytest.mark.parametrize("received_at", [-1, 0, RECEIVED * 1000, 2**63 - 1])
def test_any_timestamp_of_a_record_is_survived(received_at):
    strange = envelope()
    strange.received_at = received_at
    [decision] = decide(strange)
    assert decision.action == "allow"


def test_another_policy_holds_from_the_next_batch():
    stage = Enforcement(POLICY)
    before = stage.run([envelope(signals=[risk()])], {}).decisions[0]
    stage.policy = type(POLICY)("none", POLICY.scan_basis, (), POLICY.closeness)
    after = stage.run([envelope(signals=[risk()])], {}).decisions[0]
    assert (before.action, after.action, after.policy_version) == ("review", "allow", "none")


envelopes = st.lists(
    st.builds(
        envelope,
        st.builds(
            lambda made, kind: msgspec.structs.replace(made, kind=kind),
            events,
            st.sampled_from(["created", "edited", "deleted", "user_report"]),
        ),
        st.lists(evidence, max_size=3),
    ),
    max_size=6,
)


@given(envelopes)
def test_every_envelope_gets_one_decision_however_they_are_batched(batch):
    before = msgspec.json.encode(batch)
    together = decide(*batch)
    assert len(together) == len(batch)
    assert together == [decide(one)[0] for one in batch]
    assert msgspec.json.encode(batch) == before


@given(envelopes)
def test_decisions_survive_json(batch):
    for decision in decide(*batch):
        assert msgspec.json.decode(msgspec.json.encode(decision), type=Decision) == decision


@given(envelopes)
def test_the_action_is_the_strongest_targets(batch):
    for decision in decide(*batch):
        actions = {target.action for target in decision.targets}
        assert decision.action in (actions or {"allow"})
        assert not decision.report or decision.action == "block"


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_decision_has_a_time_whatever_the_record_says(received_at):
    [decision] = decide(Envelope(event=event(), received_at=received_at))
    assert msgspec.json.decode(msgspec.json.encode(decision), type=Decision) == decision
