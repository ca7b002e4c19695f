from pathlib import Path

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.cases.store import CaseStore
from streams.contracts.outcome import ReviewOutcome
from streams.contracts.schemas import json_schema
from streams.feedback.budget import tasks
from tests.unit.cases.occurrences import AT, event, match, near, opening, outcome, viewing


@pytest.fixture
def store(tmp_path: Path):
    with CaseStore.open(tmp_path / "cases.db") as opened:
        yield opened


def take(store: CaseStore, *found) -> None:
    with store.writing():
        for one in found:
            store.open_case(one)
            store.reviews.keep_decision(one.decision, None, None)


def waiting(store: CaseStore) -> list[tuple[str, int]]:
    reviews = store.reviews
    found = tasks(reviews.asking(), reviews.reviewed_ids(), reviews.folded_decisions())
    return [(task.decision_id, task.repeats) for task in found]


def test_repeats_are_one_task_until_it_is_reviewed(store: CaseStore) -> None:
    head, *again = (
        opening(event(f"e{n}", author=f"a{n}"), near(), action="hold") for n in range(4)
    )
    take(store, head, *again)
    assert waiting(store) == [(head.decision.decision_id, 3)]
    with store.writing():
        store.reviews.add_outcome(outcome(head))
    assert waiting(store) == []


def test_a_head_that_asks_for_nobody_itself_still_stands_for_its_repeats(store: CaseStore) -> None:
    head = opening(event("e1"), match(), report=False)
    again = opening(event("e2"), match(), report=True)
    take(store, head, again)
    assert waiting(store) == [(head.decision.decision_id, 1)]


def test_decisions_are_forgotten_but_for_those_of_cases(store: CaseStore) -> None:
    kept, loose = opening(event("e1")), opening(event("e2"))
    take(store, kept)
    with store.writing():
        store.reviews.keep_decision(loose.decision, None, None)
        store.reviews.add_outcome(outcome(loose))
        assert store.reviews.forget_decisions(AT.replace(year=2027)) == 1
    assert store.reviews.decision(kept.decision.decision_id) is not None
    assert store.reviews.reviewed_ids() == set()


FIELDS = {
    "viewed_by": "r1",
    "viewed_at": "2026-03-01T12:00:00Z",
    "exif_viewed_by": "r1",
    "exif_viewed_at": "2026-03-01T12:00:00Z",
    "classification": "A1",
    "annotations": ["viral"],
    "sampled": True,
}
VALIDATOR = jsonschema.Draft202012Validator(json_schema("review-outcome"))


@settings(deadline=None)
@given(st.sets(st.sampled_from(sorted(FIELDS))))
def test_type_and_schema_say_the_same_of_what_must_come_together(names) -> None:
    raw = msgspec.to_builtins(outcome(opening())) | {name: FIELDS[name] for name in names}
    try:
        msgspec.convert(raw, ReviewOutcome)
        taken = True
    except msgspec.ValidationError:
        taken = False
    assert VALIDATOR.is_valid(raw) == taken


def test_an_outcome_survives_its_journey() -> None:
    full = outcome(opening(), **viewing(classification="A2", annotations=("viral",)))
    assert msgspec.json.decode(msgspec.json.encode(full), type=ReviewOutcome) == full


def test_who_is_unsure_leaves_the_task_to_others(store: CaseStore) -> None:
    head, again = opening(event("e1")), opening(event("e2"))
    take(store, head)
    with store.writing():
        store.reviews.add_outcome(outcome(head, "unsure"))
    take(store, again)
    assert waiting(store) == [(head.decision.decision_id, 1)]


def test_what_comes_after_a_review_is_a_task_again(store: CaseStore) -> None:
    head, again = opening(event("e1")), opening(event("e2"))
    take(store, head)
    with store.writing():
        store.reviews.add_outcome(outcome(head))
    take(store, again)
    assert waiting(store) == [(again.decision.decision_id, 0)]
