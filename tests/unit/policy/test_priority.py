from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matchers.language.categories import CATEGORIES
from matchers.language.state import Pattern
from streams.contracts.signal import Provenance, UserReport
from streams.policy.priority import ACUTE, SELF_HARM, priority
from tests.unit.policy.signals import digest, event, events, evidence, perceptual, risk, url

GENERATED = Provenance(media_id="m1", standing="claimed", evidence="trainedAlgorithmicMedia")
CAMERA = Provenance(media_id="m1", standing="signed", evidence="digitalCapture")
TO_CHILD = event("adult", ["13_15"])
BY_CHILD = event("13_15", ["unknown"])


@pytest.mark.parametrize(
    ("happened", "signals", "expected"),
    [
        (event(), [], 4),
        (TO_CHILD, [], 4),
        (event(), [digest()], 4),
        (event(), [perceptual(30)], 4),
        (event(), [digest(source_kind="victim")], 3),
        (TO_CHILD, [digest()], 1),
        (BY_CHILD, [digest()], 2),
        (event(surface="live"), [url()], 1),
        (TO_CHILD, [digest(role="observe")], 4),
        (event(), [digest(), GENERATED], 3),
        (TO_CHILD, [digest(), GENERATED], 1),
        (event(), [digest(), CAMERA], 4),
        (TO_CHILD, [GENERATED], 4),
        (TO_CHILD, [risk("review", ("meeting",))], 0),
        (event(), [risk("review", ("meeting",))], 1),
        (event(), [risk("review", ("meeting",), minor_involved=True)], 0),
        (TO_CHILD, [risk("review", pattern="sextortion")], 0),
        (TO_CHILD, [risk("review")], 1),
        (event(), [risk("review")], 2),
        (TO_CHILD, [risk("watch", ("meeting",))], 2),
        (TO_CHILD, [risk("watch")], 3),
        (TO_CHILD, [risk("note", ("meeting",))], 3),
        (TO_CHILD, [risk("note")], 4),
        (BY_CHILD, [risk("review", ("self_harm",), pattern="self_harm")], 0),
        (event(), [risk("review", ("self_harm",), pattern="self_harm")], 1),
        (BY_CHILD, [risk("note", ("secrecy", "self_harm"))], 4),
        (TO_CHILD, [risk("review", ("meeting",), on_trial=True)], 4),
        (event(), [UserReport()], 3),
        (event(), [UserReport(reporter_age_band="13_15")], 2),
    ],
)
def test_the_table(happened, signals, expected):
    assert priority(happened, signals) == expected


def test_its_categories_exist():
    assert set(CATEGORIES) >= ACUTE
    assert SELF_HARM in get_args(Pattern)


@given(events, st.lists(evidence, max_size=5), evidence)
def test_a_further_signal_is_never_less_urgent(happened, signals, further):
    assert priority(happened, [*signals, further]) <= priority(happened, signals)


@given(st.lists(evidence, max_size=5), st.sampled_from(["message", "live"]))
def test_a_child_is_never_less_urgent(signals, surface):
    ages = ["unknown", "13_15"]
    for known in ages:
        before = priority(event(known, ["unknown"], surface=surface), signals)
        assert priority(event(known, ["13_15"], surface=surface), signals) <= before
        before = priority(event("unknown", [known], surface=surface), signals)
        assert priority(event("13_15", [known], surface=surface), signals) <= before
