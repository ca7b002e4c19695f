"""When the indicators hit, the alarm follows: by the second category that an approach shows.

Weights are those of ordinary entries; texts are left out, so that the model alone is tried.
"""

import pytest

from matchers.language.categories import Category
from matchers.language.conversation import Score, advance, score
from matchers.language.state import AgeBand, Conversation, Finding, Message, Participant

START = 1_700_000_000_000
MINUTE = 60_000
WEIGHTS: dict[Category, float] = {
    "age_question": 0.55,
    "flattery": 0.55,
    "isolation": 0.75,
    "secrecy": 0.75,
    "platform_move": 0.55,
    "image_request": 0.65,
    "gift_offer": 0.6,
    "meeting": 0.6,
    "live_camera": 0.7,
    "exposure_threat": 0.75,
    "payment_demand": 0.7,
    "self_harm": 0.7,
}


def approach(
    *categories: Category,
    author: AgeBand = "unknown",
    child: AgeBand = "unknown",
    says_age: int = 0,
    every: int = MINUTE,
    unverified: bool = False,
) -> Score:
    """One message for each category, after the other person said an age, if any."""
    state: Conversation | None = None
    one, other = Participant(1, author), Participant(2, child)
    now = START
    if says_age:
        said = (Finding("age_statement", 0.6, age=says_age),)
        state = advance(state, Message(999, other, (one,), 1, said), now)
    for number, category in enumerate(categories, start=1):
        now += every
        finding = Finding(category, WEIGHTS[category])
        message = Message(number, one, (other,), 1, (finding,), unverified=unverified)
        state = advance(state, message, now)
    assert state is not None
    return score(state, 1, now)


PAIRS_TO_A_MINOR: list[tuple[Category, Category]] = [
    ("age_question", "isolation"),
    ("age_question", "secrecy"),
    ("isolation", "secrecy"),
    ("platform_move", "secrecy"),
    ("flattery", "isolation"),
    ("gift_offer", "image_request"),
    ("image_request", "secrecy"),
    ("isolation", "live_camera"),
    ("exposure_threat", "secrecy"),
]
PAIRS_TO_ANYONE: list[tuple[Category, Category]] = [
    ("age_question", "isolation"),
    ("age_question", "secrecy"),
    ("platform_move", "secrecy"),
    ("secrecy", "platform_move"),
    ("isolation", "platform_move"),
    ("isolation", "secrecy"),
    ("exposure_threat", "secrecy"),
    ("exposure_threat", "payment_demand"),
    ("payment_demand", "exposure_threat"),
]


@pytest.mark.parametrize("unverified", [False, True], ids=["text", "client"])
@pytest.mark.parametrize("pair", PAIRS_TO_A_MINOR)
def test_to_a_minor_the_second_category_is_enough(
    pair: tuple[Category, Category], unverified: bool
) -> None:
    known = approach(*pair, child="13_15", unverified=unverified)
    said = approach(*pair, says_age=13, unverified=unverified)
    assert known.level == said.level == "review"
    assert known.unverified is unverified


@pytest.mark.parametrize("unverified", [False, True], ids=["text", "client"])
@pytest.mark.parametrize("pair", PAIRS_TO_ANYONE)
def test_where_no_age_is_known_it_is_enough_too(
    pair: tuple[Category, Category], unverified: bool
) -> None:
    assert approach(*pair, unverified=unverified).level == "review"


@pytest.mark.parametrize("last", ["meeting", "gift_offer"])
def test_an_adult_who_wants_to_meet_a_minor(last: Category) -> None:
    assert approach("age_question", last, author="adult", child="13_15").level == "review"
    assert approach("age_question", last, child="13_15").level == "watch"
    steps: tuple[Category, ...] = ("age_question", "flattery", "platform_move", last)
    assert approach(*steps, says_age=13).level == "review"


def test_an_image_is_asked_of_a_child_that_said_its_age() -> None:
    assert approach("image_request", says_age=13).pattern == "minor_image_request"
    assert approach("image_request", says_age=30).level != "review"


@pytest.mark.parametrize("every", [MINUTE, 11 * 60 * MINUTE])
def test_a_threat_and_a_demand_in_different_messages(every: int) -> None:
    found = approach("exposure_threat", "payment_demand", every=every)
    assert found.pattern == "sextortion"
    adults = approach("payment_demand", "exposure_threat", author="adult", child="adult")
    assert adults.level == "review"


def test_a_call_for_help_needs_nothing_else() -> None:
    assert approach("self_harm").pattern == "self_harm"


@pytest.mark.parametrize(
    "categories",
    [
        ("age_question", "flattery", "platform_move", "meeting"),
        ("image_request", "live_camera"),
        ("payment_demand", "platform_move"),
        ("isolation", "meeting"),
        ("secrecy", "image_request"),
    ],
)
def test_family_and_strangers_alike_say_so_where_no_child_is_known(
    categories: tuple[Category, ...],
) -> None:
    assert approach(*categories).level != "review"
