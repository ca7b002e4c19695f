from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.cases.retention import delete_after, preserve_until
from streams.cases.schema import UnusableCases
from streams.cases.store import CaseStore, NoSuchCase
from tests.unit.cases.occurrences import AT, event, opening, risk


@pytest.fixture
def store(tmp_path: Path):
    with CaseStore.open(tmp_path / "cases.db") as opened:
        yield opened


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


def test_a_hold_is_put_on_and_lifted(store: CaseStore) -> None:
    one = opening()
    store.open_case(one)
    assert store.hold(one.case_id, "request 17", "desk", AT).held == (AT, "desk", "request 17")
    assert store.hold(one.case_id, None, "desk", AT).held is None


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
