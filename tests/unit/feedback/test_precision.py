import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.contracts.decision import Reason
from streams.contracts.signal import IndicatorHit
from streams.feedback.precision import precision, wilson
from tests.unit.cases.occurrences import event, match, near, opening, outcome, risk, url


def reviewed(*found):
    return [(one.decision, said) for one, said in found]


def rows(*found) -> dict[tuple[str, str, str], tuple[int, int]]:
    return {
        (row.kind, row.name, row.sample): (row.confirmed, row.rejected)
        for row in precision(reviewed(*found))
    }


def test_lists_rules_and_indicators_are_credited_by_what_they_are_about() -> None:
    hits = (IndicatorHit(indicator="asks-age", category="age_question", start=0, end=3),)
    one = opening(event(), match(list="a"), near(list="b"), risk(hits=hits))
    found = rows(
        (one, outcome(one, "confirmed")), (one, outcome(one, "rejected", ("conversation", "k1")))
    )
    assert found == {
        ("list", "a", "queue"): (1, 0),
        ("list", "b", "queue"): (1, 0),
        ("indicator", "asks-age", "queue"): (0, 1),
        ("rule", "known-material", "queue"): (1, 0),
    }


def test_an_address_is_credited_by_its_index() -> None:
    one = opening(event(urls=["https://b.example"]), url(), url(list="other", url_index=1))
    assert ("list", "other", "queue") not in rows((one, outcome(one, target=("url", "url:0"))))


def test_the_sample_is_kept_apart_and_both_must_say_so() -> None:
    sampled = opening(event("e1"), sampled=True)
    plain = opening(event("e2"))
    found = rows(
        (sampled, outcome(sampled, "rejected", sampled=True)),
        (plain, outcome(plain, "confirmed", sampled=True)),
        (opening(event("e3"), sampled=True), outcome(opening(event("e3")), "confirmed")),
    )
    assert found["list", "hotline-a", "control"] == (0, 1)
    assert found["list", "hotline-a", "queue"] == (2, 0)


def test_the_last_word_about_a_target_counts_and_appeals_do_not() -> None:
    one = opening()
    found = rows(
        (one, outcome(one, "rejected")),
        (one, outcome(one, "confirmed")),
        (one, outcome(one, "unsure")),
        (one, outcome(one, "appeal_granted")),
    )
    assert found["list", "hotline-a", "queue"] == (1, 0)


def test_a_rule_is_credited_once_a_decision() -> None:
    two = (Reason(rule="r1", ground="g"), Reason(rule="r2", ground="g"))
    one = opening(reasons=two)
    found = rows((one, outcome(one, "rejected")), (one, outcome(one, "rejected", ("media", "m2"))))
    assert found["rule", "r1", "queue"] == found["rule", "r2", "queue"] == (0, 1)


@settings(deadline=None)
@given(st.integers(1, 10_000), st.data())
def test_the_interval_holds_the_share_and_narrows(trials, data) -> None:
    successes = data.draw(st.integers(0, trials))
    low, high = wilson(successes, trials)
    assert 0 <= low <= successes / trials <= high <= 1
    more_low, more_high = wilson(successes * 4, trials * 4)
    assert more_high - more_low < high - low


def test_the_interval_is_wilsons() -> None:
    low, high = wilson(8, 10)  # statsmodels' proportion_confint(8, 10, method="wilson")
    assert math.isclose(low, 0.49016, abs_tol=1e-4)
    assert math.isclose(high, 0.94332, abs_tol=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("role", ["allow"])
def test_an_allowance_is_not_a_find(role) -> None:
    one = opening(event(), match(), near(list="ours", role=role))
    assert ("list", "ours", "queue") not in rows((one, outcome(one)))
