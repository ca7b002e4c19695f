"""From records to cases, feedback and what follows."""

import itertools
import sqlite3
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from matchers.lists.entry import ListInfo
from matchers.lists.librarian.proposals import proposals
from matchers.lists.librarian.store import ListStore
from streams.audit.log import AuditLog
from streams.canary.probes import TENANT as CANARY
from streams.cases.building import build_case
from streams.cases.desk import Desk, DeskTopics
from streams.cases.service import review_budget
from streams.cases.store import CaseStore
from streams.contracts.codec import decision_headers
from streams.contracts.decision import Decision, Target
from streams.settings import CaseSettings, FeedbackSettings
from tests.unit.cases.occurrences import (
    AT,
    RECEIVED,
    decision,
    event,
    match,
    near,
    opening,
    outcome,
    picture,
    risk,
    viewing,
)

TOPICS = DeskTopics("decisions", "cases", "outcomes")


@dataclass
class Record:
    topic: str
    value: bytes | None
    key: bytes | None = b"k1"
    headers: list[tuple[str, bytes]] = field(default_factory=list)
    timestamp: int = RECEIVED


@dataclass
class Office:
    desk: Desk
    audit: AuditLog
    now: list

    def take(self, *records: Record) -> None:
        self.desk.take(records, [("decisions", 0, 1)])


@pytest.fixture
def office(tmp_path: Path):
    now = [AT + timedelta(days=2)]  # what is told below was found before
    with CaseStore.open(tmp_path / "c.db") as store, AuditLog(tmp_path / "a.db") as audit:
        desk = Desk(store, TOPICS, lambda: now[0], CaseSettings(), FeedbackSettings(), audit)
        yield Office(desk, audit, now)


def decided(one: Decision, traceparent: bytes | None = None) -> Record:
    headers = decision_headers(one, [("traceparent", traceparent)])
    return Record("decisions", msgspec.json.encode(one), headers=headers)


def opened(one) -> Record:
    return Record("cases", msgspec.json.encode(one))


def told(one) -> Record:
    return Record("outcomes", msgspec.json.encode(one))


def sent(office: Office) -> list[Decision]:
    waiting = office.desk.store.reviews.outgoing()
    return [msgspec.json.decode(out.value, type=Decision) for out in waiting]


def proposed(office: Office) -> list[dict]:
    return [msgspec.json.decode(value) for _, value in office.desk.store.reviews.proposals()]


def test_a_rejected_perceptual_match_closes_its_case_and_proposes_an_allowance(office) -> None:
    one = opening(event(), near(), action="hold", report=False)
    office.take(opened(one), decided(one.decision), told(outcome(one, "rejected")))
    [state] = office.desk.store.cases()
    assert state.status == "closed"
    [proposal] = proposed(office)
    assert proposal["kind"] == "allow"
    assert [h["algorithm"] for h in proposal["hashes"]] == ["sha256", "pdq"]
    kinds = [(row.kind, msgspec.json.decode(row.what)["done"]) for row in office.audit.entries()]
    assert kinds == [("feedback", "outcome"), ("feedback", "proposal")]


@pytest.mark.parametrize(
    ("looked", "reviewed", "states"),
    [
        (1, 9, ["closed", "open"]),  # between the look and the outcome
        (6, 9, ["closed"]),
        (None, 4, ["closed", "open"]),  # nobody says when they looked: no later than they decided
        (None, 9, ["closed"]),
        (9, 4, ["closed", "open"]),  # nobody decides before they look
    ],
)
def test_what_came_after_the_look_is_not_closed_by_its_outcome(
    office, looked, reviewed, states
) -> None:
    def minute(number: int):
        return AT + timedelta(minutes=number)

    first, repeat = opening(), opening(event("e2"))
    later = opened(repeat)
    later.timestamp = int(minute(5).timestamp() * 1000)
    view = {} if looked is None else viewing(viewed_at=minute(looked))
    office.take(opened(first), decided(first.decision), later, decided(repeat.decision))
    office.take(told(outcome(first, "rejected", reviewed_at=minute(reviewed), **view)))
    found = office.desk.store.cases()
    assert sorted(state.status for state in found) == states
    waiting = [task.decision_id for task in review_budget(office.desk, 9).within]
    assert waiting == ([repeat.decision.decision_id] if "open" in states else [])
    noted = [msgspec.json.decode(row.what) for row in office.audit.entries()]
    again = [what["case"] for what in noted if what["done"] == "open again"]
    assert again == ([repeat.case_id] if "open" in states else [])


FOUND = {
    "first": lambda head, repeat: [outcome(repeat), outcome(head, "rejected")],
    "last": lambda head, repeat: [outcome(head, "rejected"), outcome(repeat)],
    "after it was rejected": lambda head, repeat: [
        outcome(repeat, "rejected"),
        outcome(head, "rejected"),
        outcome(repeat, reviewed_at=AT + timedelta(hours=2)),
    ],
    "before somebody was unsure": lambda head, repeat: [
        outcome(repeat),
        outcome(repeat, "unsure"),
        outcome(head, "rejected"),
    ],
}


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("order", FOUND)
def test_a_repeat_that_was_confirmed_is_not_closed_with_another(office, order, together) -> None:
    """It came before the look: nothing but the outcome about it keeps it open."""
    head, repeat, third = (opening(event(f"e{n}")) for n in range(3))
    for one in (head, repeat, third):
        office.take(opened(one), decided(one.decision))
    office.desk.store.hold(head.case_id, "request 17", "desk", AT)
    seen = viewing(viewed_at=AT + timedelta(hours=1), reviewed_at=AT + timedelta(hours=1))
    outcomes = [
        msgspec.structs.replace(one, **seen) if one.outcome == "rejected" else one
        for one in FOUND[order](head, repeat)
    ]
    for records in [outcomes] if together else [[one] for one in outcomes]:
        office.take(*map(told, records))
    found = {s.case_id: (s.status, s.repeats) for s in office.desk.store.cases()}
    assert found == {head.case_id: ("closed", 1), repeat.case_id: ("open", 0)}
    assert office.desk.store.state(repeat.case_id).holds, "what was held stays held"
    noted = [msgspec.json.decode(row.what) for row in office.audit.entries()]
    assert [what["case"] for what in noted if what["done"] == "open again"] == [repeat.case_id]


@pytest.mark.parametrize("repeat_first", [True, False])
def test_a_repeat_in_which_people_found_nothing_either_is_closed_with_the_other(
    office, repeat_first
) -> None:
    head, repeat = opening(), opening(event("e2"))
    for one in (head, repeat):
        office.take(opened(one), decided(one.decision))
    office.take(told(outcome(repeat)))
    later = {"reviewed_at": AT + timedelta(hours=1)}
    told_now = [outcome(repeat, "rejected", **later), outcome(head, "rejected", **later)]
    for one in told_now if repeat_first else reversed(told_now):
        office.take(told(one))
    assert {state.status for state in office.desk.store.cases()} == {"closed"}


def test_a_confirmed_repeat_of_a_submitted_case_stays_with_it(office) -> None:
    head, repeat = opening(), opening(event("e2"))
    for one in (head, repeat):
        office.take(opened(one), decided(one.decision))
    office.desk.store.submit(head.case_id, 7, {}, "desk", AT)
    office.take(told(outcome(head, "rejected")), told(outcome(repeat)))
    assert [(s.status, s.repeats) for s in office.desk.store.cases()] == [("submitted", 1)]


def test_a_rejected_exact_match_proposes_nothing(office) -> None:
    one = opening(event(), match(), near())
    office.take(opened(one), decided(one.decision), told(outcome(one, "rejected")))
    assert proposed(office) == []


def test_a_confirmed_new_item_is_proposed_once_somebody_has_seen_it(office) -> None:
    one = opening(event(), risk())
    office.take(opened(one), decided(one.decision), told(outcome(one, "confirmed")))
    assert proposed(office) == []
    seen = outcome(one, **viewing(classification="B1", reviewed_at=AT + timedelta(hours=1)))
    office.take(told(seen))
    [proposal] = proposed(office)
    assert (proposal["kind"], proposal["category"]) == ("add", "b1")


def test_a_hash_that_nobody_vouches_for_is_not_proposed(office) -> None:
    item = event().media[0]
    loose = event(media=[msgspec.structs.replace(item, hash_origin="client_unverified")])
    one = opening(loose, risk())
    office.take(opened(one), decided(one.decision), told(outcome(one, **viewing())))
    assert proposed(office) == []


def test_a_granted_appeal_is_one_reversal_however_often_it_is_told(office) -> None:
    one = opening()
    granted = outcome(one, "appeal_granted")
    office.take(opened(one), decided(one.decision, b"00-1-2-01"), told(granted), told(granted))
    office.take(told(granted))
    again = outcome(one, "appeal_granted", reviewed_at=AT + timedelta(days=1))
    office.take(told(again))
    [reversal] = sent(office)
    assert (reversal.kind, reversal.supersedes) == ("reversal", one.decision.decision_id)
    assert (reversal.action, reversal.report, reversal.automated) == ("allow", False, False)
    assert reversal.decided_at == AT
    [out] = office.desk.store.reviews.outgoing()
    assert (out.key, out.traceparent) == (b"k1", b"00-1-2-01")
    [state] = office.desk.store.cases()
    assert (state.status, state.reversed) == ("closed", True)


@pytest.mark.parametrize("decision_last", [False, True])
def test_an_appeal_that_is_contradicted_already_reverses_nothing(office, decision_last) -> None:
    """Both lay on the topic while the desk was stopped."""
    one = opening()
    granted = outcome(one, "appeal_granted", reviewed_at=AT + timedelta(hours=1))
    confirmed = outcome(one, "confirmed", reviewed_at=AT + timedelta(hours=2))
    known = [opened(one), decided(one.decision)]
    said = [told(granted), told(confirmed)]
    office.take(*(said + known if decision_last else known + said))
    assert sent(office) == []
    [state] = office.desk.store.cases()
    assert state.status == "open"


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_what_somebody_confirmed_later_is_in_no_reversal(office, order) -> None:
    """In whatever order they lay on the topic."""
    one = opening(event(media=[picture("m1"), picture("m2")]), match(), match(media_id="m2"))
    said = [
        outcome(one, "appeal_granted", ("media", "m1"), reviewed_at=AT + timedelta(hours=1)),
        outcome(one, "appeal_granted", ("media", "m2"), reviewed_at=AT + timedelta(hours=2)),
        outcome(one, "confirmed", ("media", "m1"), reviewed_at=AT + timedelta(hours=3)),
    ]
    office.take(opened(one), decided(one.decision), *(told(said[n]) for n in order))
    [reversal] = sent(office)
    assert {t.id: t.action for t in reversal.targets} == {"m1": "block", "m2": "allow"}


def test_an_outcome_waits_for_its_decision(office) -> None:
    one = opening()
    office.take(told(outcome(one, "appeal_granted")))
    assert office.desk.store.reviews.waiting_outcomes() == 1
    assert sent(office) == []
    office.take(opened(one), decided(one.decision))
    assert len(sent(office)) == 1
    assert office.desk.store.reviews.waiting_outcomes() == 0


@pytest.mark.parametrize("result", ["rejected", "appeal_granted"])
def test_an_outcome_waits_for_the_case_of_its_decision(office, result) -> None:
    """The desk catches up: each topic is read for itself."""
    one = opening(event(), near(), action="hold", report=False)
    reviews = office.desk.store.reviews
    office.take(decided(one.decision))
    office.take(told(outcome(one, result)))
    assert (reviews.waiting_outcomes(), proposed(office)) == (1, [])
    assert len(sent(office)) == (result == "appeal_granted"), "whose case may be lost"
    office.take()
    office.take(opened(one))
    [state] = office.desk.store.cases()
    assert (state.status, state.reversed) == ("closed", result == "appeal_granted")
    assert [each["kind"] for each in proposed(office)] == ["allow"]
    assert len(sent(office)) == (result == "appeal_granted")
    assert (reviews.waiting_outcomes(), reviews.unhandled()) == (0, [])
    noted = [msgspec.json.decode(row.what)["done"] for row in office.audit.entries()]
    assert sorted(set(noted)) == sorted(noted)


def test_an_outcome_about_a_decision_without_a_case_waits_for_none(office) -> None:
    one = opening()
    plain = msgspec.structs.replace(one.decision, case_id=None)
    office.take(decided(plain), told(outcome(one, "rejected")))
    reviews = office.desk.store.reviews
    assert (reviews.waiting_outcomes(), reviews.unhandled()) == (0, [])


def test_an_outcome_that_was_made_before_another_does_not_take_its_place(office) -> None:
    head, repeat = (opening(event(f"e{n}"), near(), action="hold") for n in range(2))
    for one in (head, repeat):
        office.take(opened(one), decided(one.decision))
    noon, before = {"reviewed_at": AT + timedelta(hours=2)}, {"reviewed_at": AT}
    office.take(told(outcome(repeat, **noon)), told(outcome(repeat, "rejected", **before)))
    assert proposed(office) == [], "what was confirmed since is not allowed"
    office.take(told(outcome(head, "rejected", **noon)))
    found = {state.case_id: state.status for state in office.desk.store.cases()}
    assert found == {head.case_id: "closed", repeat.case_id: "open"}


def test_an_appeal_about_somebody_else_reverses_nothing(office, caplog) -> None:
    one = opening()
    office.take(opened(one), decided(one.decision))
    office.take(told(outcome(one, "appeal_granted", ("account", "somebody-else"))))
    assert sent(office) == []
    assert "(account) that decision" in caplog.text
    assert "somebody-else" not in caplog.text
    office.take(told(outcome(one, "appeal_granted", ("account", one.decision.author_id))))
    assert len(sent(office)) == 1


def test_a_view_reaches_the_cases_report(office) -> None:
    one = opening()
    office.take(opened(one), decided(one.decision))
    case = office.desk.store.case_file(one.case_id)
    assert not build_case(case).files[0].details.file_viewed_by_esp
    office.take(told(outcome(one, **viewing())))
    case = office.desk.store.case_file(one.case_id)
    assert build_case(case).files[0].details.file_viewed_by_esp


def test_decisions_that_allow_are_not_kept_but_for_the_sample(office) -> None:
    plain = decision(event("e1"), [match()], action="allow", report=False)
    sampled = decision(event("e2"), [match()], action="allow", report=False, sampled=True)
    office.take(decided(plain), decided(sampled))
    reviews = office.desk.store.reviews
    assert reviews.decision(plain.decision_id) is None
    known = reviews.decision(sampled.decision_id)
    assert known is not None
    assert known.decision == sampled


def test_what_cannot_be_read_is_counted_and_loses_nothing_else(office) -> None:
    one = opening()
    half = msgspec.to_builtins(outcome(one)) | {"viewed_by": "r"}
    bad = [b"{", b"\xff", b"[]", b"{}", msgspec.json.encode(half), None]
    office.take(*(Record("outcomes", value) for value in bad), opened(one))
    assert office.desk.unreadable == {"outcomes": 5}
    assert len(office.desk.store.cases()) == 1


def test_an_outcome_names_an_id_that_was_cut_in_an_emoji_as_its_tool_does(office) -> None:
    cut = "m\ufffd"
    target = Target(kind="media", id=cut, action="hold")
    happened = event(media=[picture(cut)])
    one = opening(happened, near(media_id=cut), action="hold", report=False, targets=(target,))
    office.take(opened(one), decided(one.decision))
    whole = msgspec.json.encode(outcome(one, "rejected", ("media", "m!")))
    office.take(Record("outcomes", whole.replace(b"m!", rb"m\ud83d")))
    assert office.desk.unreadable == {}
    [state] = office.desk.store.cases()
    assert state.status == "closed"


@pytest.mark.parametrize(("ahead", "taken"), [(5, True), (6, False), (60 * 24 * 3650, False)])
def test_an_outcome_of_the_future_is_left_out_and_told(office, caplog, ahead, taken) -> None:
    one = opening(event(), near(), action="hold", report=False)
    then = office.now[0] + timedelta(minutes=ahead)
    office.take(opened(one), decided(one.decision))
    office.take(told(outcome(one, "rejected", reviewed_at=then)))
    [state] = office.desk.store.cases()
    assert state.status == ("closed" if taken else "open")
    assert office.desk.unreadable == ({} if taken else {"outcomes": 1})
    assert ("$.reviewed_at: is more than 5 minutes in the future" in caplog.text) is not taken


def test_a_case_is_deleted_when_its_time_has_come_unless_it_is_held(office) -> None:
    kept, gone = opening(event("e1"), risk()), opening(event("e2"))
    office.take(opened(kept), opened(gone))
    store = office.desk.store
    store.hold(kept.case_id, "request 17", "desk", AT)
    office.now[0] = AT + timedelta(days=364)
    assert office.desk.expire() == 0
    office.now[0] = AT + timedelta(days=366)
    assert office.desk.expire() == 1
    assert [state.case_id for state in store.cases()] == [kept.case_id]
    last = list(office.audit.entries())[-1]
    assert msgspec.json.decode(last.what) == {"done": "deleted", "case": gone.case_id}


def test_a_submitted_case_is_preserved_for_its_year(office) -> None:
    one = opening()
    office.take(opened(one))
    office.desk.store.submit(one.case_id, 1, {}, "desk", AT + timedelta(days=300))
    office.now[0] = AT + timedelta(days=664)
    assert office.desk.expire() == 0
    office.now[0] = AT + timedelta(days=666)
    assert office.desk.expire() == 1


def test_proposals_reach_the_librarian_once_and_wait_for_people(office, tmp_path: Path) -> None:
    one = opening(event(), near(), action="hold", report=False)
    office.take(opened(one), decided(one.decision), told(outcome(one, "rejected")))
    lists = tmp_path / "lists.db"
    assert office.desk.hand_over(lists) == 0  # no librarian yet
    with ListStore.open(lists) as store:
        pass
    assert office.desk.hand_over(lists) == 0  # it does not have the list
    assert len(proposed(office)) == 1
    with ListStore.open(lists) as store:
        store.define(ListInfo(name="own"), origin="t", at=AT)
    assert office.desk.hand_over(lists) == 1
    assert office.desk.hand_over(lists) == 0
    with ListStore.open(lists) as store:
        waiting = proposals(store)
        assert {(p.entry.algorithm, p.entry.role, p.decided) for p in waiting} == {
            ("sha256", "allow", None),
            ("pdq", "allow", None),
        }
        assert list(store.entries("own")) == []


def test_a_failure_saves_no_position(office) -> None:
    class Breaks(Record):
        @property
        def headers(self):  # pyright: ignore
            raise RuntimeError

        @headers.setter
        def headers(self, _) -> None: ...

    one = opening()
    with pytest.raises(RuntimeError):
        office.take(opened(one), Breaks("decisions", b"{}"))
    assert office.desk.store.position("decisions", 0) is None
    assert office.desk.store.cases() == []


def test_the_canary_is_no_case_no_task_and_no_sample(office) -> None:
    happened = event(tenant=CANARY)
    probe = decision(happened, [match()], action="review", sampled=True, report=False)
    one = msgspec.structs.replace(opening(), decision=probe)
    office.take(opened(one), decided(probe), told(outcome(one)))
    store = office.desk.store
    assert store.cases() == []
    assert list(store.reviews.asking()) == []
    assert list(store.reviews.reviewed_since(AT - timedelta(days=1))) == []


def test_what_is_nested_too_deeply_stops_nobody(office) -> None:
    deep = b'{"more":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    office.take(*(Record(topic, deep) for topic in TOPICS), opened(opening()))
    assert office.desk.unreadable == dict.fromkeys(TOPICS, 1)
    assert len(office.desk.store.cases()) == 1


def test_proposals_wait_while_the_librarian_writes(office, tmp_path: Path, monkeypatch) -> None:
    one = opening(event(), near(), action="hold", report=False)
    office.take(opened(one), decided(one.decision), told(outcome(one, "rejected")))
    lists = tmp_path / "lists.db"
    connect = sqlite3.connect
    with ListStore.open(lists) as store:
        store.define(ListInfo(name="own"), origin="t", at=AT)
        # Who waits for the lock gives up at once.
        monkeypatch.setattr(
            sqlite3, "connect", lambda path, **how: connect(path, **how | {"timeout": 0.01})
        )
        with store.writing():
            assert office.desk.hand_over(lists) == 0
    assert office.desk.hand_over(lists) == 1


def two_files(event_id: str):
    targets = (
        Target(kind="media", id="m1", action="block"),
        Target(kind="media", id="m2", action="hold"),
        Target(kind="text", id="text", action="allow"),
    )
    files = [picture(), picture("m2", sha256="11" * 32)]
    signals = match(), match(media_id="m2", item=1)
    return opening(event(event_id, media=files), *signals, targets=targets)


@pytest.mark.parametrize(
    ("results", "waits"),
    [
        ([("m1", "rejected")], True),
        ([("m2", "rejected")], True),
        ([("m1", "unsure"), ("m2", "rejected")], True),
        ([("m1", "rejected"), ("m2", "appeal_granted")], False),
        ([("m2", "confirmed")], False),
        ([("m1", "appeal_denied")], False),
    ],
)
def test_a_decision_of_several_files_waits_until_all_were_looked_at(office, results, waits) -> None:
    """Also with one that was folded behind it."""
    one, again = two_files("e1"), two_files("e2")
    for each in (one, again):
        office.take(opened(each), decided(each.decision))
    for target, result in results:
        office.take(told(outcome(one, result, target=("media", target))))
    waiting = {task.decision_id: task for task in review_budget(office.desk, 9).within}
    assert (one.decision.decision_id in waiting) == waits
    if waits:
        assert waiting[one.decision.decision_id].repeats == 1, "what stands behind it waits too"
