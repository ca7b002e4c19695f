import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.cases.retention import delete_after, due_for_deletion, preserve_until
from streams.cases.schema import UnusableCases
from streams.cases.store import CaseStore, NoSuchCase
from streams.contracts.case_record import CaseOpening
from streams.contracts.signal import UserReport
from streams.feedback.effects import reversal_of
from streams.settings import CaseSettings
from tests.unit.cases.occurrences import (
    AT,
    claimed,
    event,
    match,
    opening,
    outcome,
    picture,
    risk,
    url,
)


@pytest.fixture
def store(tmp_path: Path):
    with CaseStore.open(tmp_path / "cases.db") as opened:
        yield opened


def take(store: CaseStore, *found) -> None:
    with store.writing():
        for one in found:
            store.open_case(one)
            store.reviews.keep_decision(one.decision, b"k", None)


def test_repeats_of_the_same_content_fold_and_are_not_lost(store: CaseStore) -> None:
    first = opening()
    for number in range(5):
        assert store.open_case(opening(event(f"e{number + 1}", author=f"a{number}")))
    assert not store.open_case(first)
    [state] = store.cases()
    assert (state.case_id, state.repeats) == (first.case_id, 4)
    file = store.case_file(first.case_id)
    assert len(file.repeats) == 4
    folded = file.repeats[2].case_id
    assert store.state(folded).case_id == first.case_id
    assert store.case_file(folded) == file


def test_a_case_becomes_as_urgent_as_what_folds_into_it(store: CaseStore) -> None:
    store.open_case(opening(event("e1"), risk(), priority=3, report=False, action="review"))
    store.open_case(opening(event("e2"), risk(), priority=0))
    [state] = store.cases()
    assert (state.priority, state.report) == (0, "yes")


def test_what_comes_after_a_submission_or_a_close_is_a_case_of_its_own(store: CaseStore) -> None:
    one, two, three = (opening(event(f"e{n}")) for n in (1, 2, 3))
    store.open_case(one)
    store.submit(one.case_id, 1, {}, "desk", AT)
    store.open_case(two)
    store.settle(two.decision.decision_id, closed=True, reversed=False)
    store.open_case(three)
    statuses = {state.case_id: state.status for state in store.cases()}
    assert statuses == {one.case_id: "submitted", two.case_id: "closed", three.case_id: "open"}
    assert [s.case_id for s in store.cases("open")] == [three.case_id]


def test_a_submission_keeps_its_time_and_gathers_ids_of_files(store: CaseStore) -> None:
    one = opening()
    store.open_case(one)
    store.submit(one.case_id, 7, {}, "desk", AT)
    later = store.submit(one.case_id, 7, {"m1": "f1"}, "other", AT + timedelta(days=9))
    assert later.submission is not None
    assert (later.submission.at, later.submission.by) == (AT, "desk")
    assert later.submission.file_ids == {"m1": "f1"}
    with pytest.raises(NoSuchCase, match="was submitted as report 7"):
        store.submit(one.case_id, 8, {}, "desk", AT)


def test_each_hold_stands_until_it_is_released_by_itself(store: CaseStore) -> None:
    one = opening()
    store.open_case(one)
    with pytest.raises(NoSuchCase, match="is not on hold"):
        store.release(one.case_id)
    assert store.hold(one.case_id, "request 17", "desk", AT).holds == ((AT, "desk", "request 17"),)
    later = AT + timedelta(days=1)
    assert len(store.hold(one.case_id, "request 18", "other", later).holds) == 2
    with pytest.raises(NoSuchCase, match=r"already: 'request 17', since 2026-03-01, by desk"):
        store.hold(one.case_id, "request 17", "third", later)
    with pytest.raises(NoSuchCase, match=r"more than once: 'request 17'.*'request 18'"):
        store.release(one.case_id)
    with pytest.raises(NoSuchCase, match="not on hold for that, but: 'request 17'"):
        store.release(one.case_id, "request 19")
    assert store.release(one.case_id, "request 17").by == "desk"
    assert store.state(one.case_id).holds == ((later, "other", "request 18"),)
    assert store.release(one.case_id).reason == "request 18"
    assert store.state(one.case_id).holds == ()


HELD_IN_2 = """
BEGIN; DROP TABLE holds; ALTER TABLE cases DROP COLUMN came_at;
ALTER TABLE cases ADD COLUMN held_at INTEGER; ALTER TABLE cases ADD COLUMN held_by TEXT;
ALTER TABLE cases ADD COLUMN hold_reason TEXT;
UPDATE cases SET held_at = 1000, held_by = 'desk', hold_reason = 'request 17'
  WHERE folded_into IS NULL;
PRAGMA user_version = 2; COMMIT;
"""


def test_a_store_of_the_version_before_keeps_its_holds(tmp_path: Path) -> None:
    path = tmp_path / "cases.db"
    with CaseStore.open(path) as store:
        store.open_case(opening())
        store.open_case(opening(event("e2")))
    with closing(sqlite3.connect(path)) as database:
        database.executescript(HELD_IN_2)
    with pytest.raises(UnusableCases, match="seawall cases build brings it up to 3"):
        CaseStore.open(path, create=False)
    for _ in range(2):
        with CaseStore.open(path) as store:
            [state] = store.cases()
            assert [(hold.by, hold.reason) for hold in state.holds] == [("desk", "request 17")]
            assert state.repeats == 1
    with CaseStore.open(path, create=False) as store:
        store.settle(opening().decision.decision_id, closed=True, reversed=False, seen=AT)
        statuses = {state.status for state in store.cases()}
        assert statuses == {"closed", "open"}, "when it came is known"


def test_what_reads_makes_no_store(tmp_path: Path) -> None:
    empty = tmp_path / "empty.db"
    empty.touch()
    for path in (empty, tmp_path / "none.db"):
        with pytest.raises(UnusableCases, match=path.name):
            CaseStore.open(path, create=False)
    assert [(path.name, path.stat().st_size) for path in tmp_path.iterdir()] == [("empty.db", 0)]


def test_a_deleted_case_takes_its_repeats_with_it(store: CaseStore) -> None:
    one, again, other = opening(), opening(event("e2")), opening(event("e3"), risk())
    for each in (one, again, other):
        store.open_case(each)
        store.reviews.keep_decision(each.decision, b"k", None)
    store.delete_case(one.case_id)
    assert [state.case_id for state in store.cases()] == [other.case_id]
    assert store.reviews.decision(again.decision.decision_id) is None
    with pytest.raises(NoSuchCase):
        store.case_file(again.case_id)


def test_a_failure_within_writing_leaves_everything_as_it_was(store: CaseStore) -> None:
    def half() -> None:
        with store.writing():
            store.open_case(opening())
            store.set_position("t", 0, 9)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert store.cases() == []
    assert store.position("t", 0) is None


def test_a_store_is_known_again_and_others_are_refused(tmp_path: Path) -> None:
    with CaseStore.open(tmp_path / "a.db") as one:
        name = one.store_id
    with CaseStore.open(tmp_path / "a.db") as again, CaseStore.open(tmp_path / "b.db") as other:
        assert again.store_id == name != other.store_id
    assert (tmp_path / "a.db").stat().st_mode & 0o077 == 0
    (tmp_path / "c.db").write_bytes(b"something else" * 100)
    with pytest.raises(UnusableCases, match=r"c\.db"):
        CaseStore.open(tmp_path / "c.db")


@settings(deadline=None)
@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1)),
    st.none() | st.sampled_from(["DE", "DE-BY", "FR", "us-ca", ""]),
    st.dictionaries(
        st.sampled_from(["*", "DE", "DE-BY", "US-CA"]), st.integers(1, 3000), max_size=4
    ),
    st.none() | st.integers(0, 3000),
)
def test_nothing_is_deleted_before_it_may(opened, jurisdiction, days, submitted) -> None:
    opened = opened.replace(tzinfo=UTC)
    kept = (
        preserve_until(opened + timedelta(days=submitted), 365) if submitted is not None else None
    )
    due = delete_after(opened, jurisdiction, days, kept)
    if due is None:
        assert "*" not in days
        return
    assert due >= opened + timedelta(days=min(days.values()))
    assert kept is None or due >= kept


def test_the_narrowest_jurisdiction_decides() -> None:
    days = {"*": 100, "DE": 50, "DE-BY": 10}
    due = [delete_after(AT, place, days, None) for place in ("DE-BY", "DE-NW", "fr", None)]
    assert [(each - AT).days for each in due if each] == [10, 50, 100, 100]
    assert delete_after(AT, "FR", {"DE": 1}, None) is None


def test_a_report_that_a_limit_paused_is_told(store: CaseStore) -> None:
    paused = opening(event("e1"), report=False, degraded=("limited:known", "reports_paused"))
    store.open_case(paused)
    store.open_case(opening(event("e2"), report=False))
    assert [state.report for state in store.cases()] == ["paused"]
    with store.writing():
        store.reviews.keep_decision(paused.decision, None, None)
    assert list(store.reviews.asking()) == [paused.decision]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5)), min_size=1, max_size=8),
    st.integers(0, 12),
    st.booleans(),
)
def test_nothing_that_came_after_the_look_is_closed_with_it(
    tmp_path_factory, lags, look, held
) -> None:
    """`lags`: when, in minutes, an occurrence was received, and how long until its case came."""
    minute = 60_000
    came: dict[str, int] = {}
    with CaseStore.open(tmp_path_factory.mktemp("s") / "c.db") as store:
        for number, (at, lag) in enumerate(lags):
            priority = number % 5
            one = opening(event(f"e{number}"), report=number % 2 == 0, priority=priority)
            one = msgspec.structs.replace(one, received_at=at * minute)
            came[one.case_id] = at + lag
            with store.writing():
                store.open_case(one, (at + lag) * minute)
        [head] = store.cases()
        if held:
            store.hold(head.case_id, "request 17", "desk", AT)
        decision_id = opening(event("e0")).decision.decision_id
        seen = datetime.fromtimestamp(look * 60, UTC)
        store.settle(decision_id, closed=True, reversed=False, seen=seen)
        states = store.cases()
        found: list[str] = []
        for state in states:
            file = store.case_file(state.case_id)
            ids = [one.case_id for one in file.openings]
            found += ids
            assert state.priority == file.priority
            assert state.report == (
                "yes" if any(o.decision.report for o in file.openings) else "no"
            )
            assert bool(state.holds) == held, "what was held stays held"
            if state.status == "closed":
                assert all(came[each] <= look for each in ids[1:])
            else:
                assert all(came[each] > look for each in ids)
        assert sorted(found) == sorted(came), "nothing is lost"
        assert len(states) <= 2, "what nobody saw is one case"


def page(event_id: str, *urls: str, **changes) -> CaseOpening:
    return opening(event(event_id, media=[], urls=list(urls), **changes), url())


PAGE = "https://listed.example/gallery/one"
OTHER_PAGES = [
    (page("e1", PAGE), page("e2", "https://listed.example/gallery/two"), "another page"),
    (page("e1", PAGE), opening(event("e2", media=[]), url(url_index=None)), "in a text"),
    (
        opening(event("e1", media=[]), url(url_index=None)),
        opening(event("e2", media=[]), url(url_index=None)),
        "both in texts",
    ),
    (opening(event("e1"), risk()), opening(event("e2"), risk(), match()), "a listed file too"),
    (
        opening(event("e1"), risk(), match()),
        opening(event("e2", media=[picture(sha256="00" * 32)]), risk(), match()),
        "another listed file",
    ),
    (opening(event("e1"), risk()), opening(event("e2"), risk(), UserReport()), "reported too"),
    (
        opening(event("e1", conversation_id=None), risk()),
        opening(event("e2", conversation_id=None, recipients=("13_15", "under_13")), risk()),
        "to others",
    ),
    (
        opening(event("e1", conversation_id=None, recipients=()), risk()),
        opening(event("e2", conversation_id=None, recipients=()), risk()),
        "posts to nobody by name",
    ),
    (
        opening(event("e1", media=[claimed()])),
        opening(event("e2", author="a2", media=[claimed()])),
        "files that clients claim",
    ),
]
SAME = [
    (page("e1", PAGE), page("e2", PAGE, author="a2", conversation_id="k2")),
    (opening(event("e1"), risk(), match()), opening(event("e2"), risk())),
    (opening(event("e1"), risk()), opening(event("e2"), risk(score=9.0, pattern="grooming"))),
    (opening(event("e1")), opening(event("e2"), match(algorithm="md5", entry="8"))),
    (
        opening(event("e1", conversation_id=None), risk()),
        opening(event("e2", conversation_id=None), risk()),
    ),
]


@pytest.mark.parametrize(("first", "other", "what"), OTHER_PAGES, ids=[w for *_, w in OTHER_PAGES])
def test_what_shows_something_else_is_not_closed_with_it(store, first, other, what) -> None:
    """Pages of a listed prefix fold into one task, and so does all of a conversation; that
    somebody found nothing at one says nothing of the others."""
    take(store, first, other)
    assert [state.repeats for state in store.cases()] == [1]
    later = AT + timedelta(hours=1)
    parted = store.settle(first.decision.decision_id, closed=True, reversed=False, seen=later)
    assert parted == [other.case_id]
    assert {s.case_id: s.status for s in store.cases()} == {
        first.case_id: "closed",
        other.case_id: "open",
    }
    assert store.case_file(other.case_id).repeats == []


@pytest.mark.parametrize(("first", "other"), SAME)
def test_what_shows_the_same_is_closed_with_it(store, first, other) -> None:
    take(store, first, other)
    later = AT + timedelta(hours=1)
    assert not store.settle(first.decision.decision_id, closed=True, reversed=False, seen=later)
    assert [(s.status, s.repeats) for s in store.cases()] == [("closed", 1)]


def test_what_was_submitted_stays_as_it_was(store: CaseStore) -> None:
    take(store, opening(), opening(event("e2")))
    store.submit(opening().case_id, 7, {}, "desk", AT)
    assert store.settle(opening().decision.decision_id, closed=True, reversed=True, seen=AT) == []
    assert [(s.status, s.repeats) for s in store.cases()] == [("submitted", 1)]


def test_what_comes_after_a_review_opens_another_case_that_waits_to_be_seen(
    store: CaseStore,
) -> None:
    first, unsure, late, later = (opening(event(f"e{n}")) for n in range(4))
    take(store, first)
    store.reviews.add_outcome(outcome(first, "unsure"))
    take(store, unsure)
    assert [state.repeats for state in store.cases()] == [1]
    store.reviews.add_outcome(outcome(first, "confirmed", reviewed_at=AT + timedelta(hours=1)))
    take(store, late, later)
    assert {(state.case_id, state.repeats) for state in store.cases("open")} == {
        (first.case_id, 1),
        (late.case_id, 1),
    }


def test_a_case_is_kept_as_long_as_the_newest_and_longest_kept_of_what_folded_into_it(
    store: CaseStore,
) -> None:
    first = opening(event("e1", jurisdiction="DE"))
    second = msgspec.structs.replace(
        opening(event("e2", jurisdiction="FR")), received_at=first.received_at + 86_400_000
    )
    third = opening(event("e3", jurisdiction="DE"))
    for one in (first, second, third):
        store.open_case(one)
    [state] = store.cases()
    opened = datetime.fromtimestamp(first.received_at / 1000, UTC)
    assert state.newest_at == opened + timedelta(days=1)
    days = CaseSettings(delete_after_days={"DE": 10, "FR": 30})
    assert due_for_deletion(state, days) == opened + timedelta(days=31)
    assert due_for_deletion(state, CaseSettings(delete_after_days={"DE": 10})) is None


def test_what_was_sent_and_handed_over_goes_with_its_decision(
    store: CaseStore, tmp_path: Path
) -> None:
    def rows() -> tuple[int, int]:
        with closing(sqlite3.connect(tmp_path / "cases.db")) as database:
            [proposals] = database.execute("SELECT count(*) FROM proposals").fetchone()
            [outbox] = database.execute("SELECT count(*) FROM outbox").fetchone()
        return proposals, outbox

    one, other = opening(), opening(event("e2"), risk())
    take(store, one, other)
    for each in (one, other):
        granted = outcome(each, "appeal_granted")
        store.reviews.put_out(reversal_of(each.decision, granted, []), b"k", None)
        store.reviews.propose(each.case_id, each.decision.decision_id, b"{}", AT)
    store.reviews.set_handed([one.case_id])
    first, last = store.reviews.outgoing()
    store.reviews.set_sent(first.seq)
    store.delete_case(one.case_id)
    assert rows() == (1, 1)
    store.delete_case(other.case_id)
    assert rows() == (1, 1), "neither sent nor handed over yet"
    store.reviews.set_handed([other.case_id])
    store.reviews.set_sent(last.seq)
    store.reviews.forget_decisions(AT)
    assert rows() == (0, 0)
    store.reviews.put_out(one.decision, b"k", None)
    assert store.reviews.outgoing()[0].seq == last.seq + 1
