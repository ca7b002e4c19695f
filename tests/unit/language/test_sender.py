from hypothesis import given
from hypothesis import strategies as st

from matchers.language.sender import (
    OPENINGS_CAP,
    Sender,
    approach,
    decode_sender,
    encode_sender,
    merge,
    opening_signature,
    score_sender,
    similarity,
)
from matchers.language.weights import SENDER_WINDOW_DAYS

DAY = 86_400_000
START = 1_700_000_000_000
OPENING = ["hello", "there", "new", "friend", "how", "is", "your", "day", "going", "so", "far"]


def after(people: int, *, minor: bool = True, start: int = 0, at: int = START) -> Sender:
    state: Sender | None = None
    for number in range(start, start + people):
        state = approach(state, [(number * 7919 + 13, minor)], opening_signature(OPENING), at)
    assert state is not None
    return state


@given(st.integers(1, 200))
def test_recipients_are_counted(people: int) -> None:
    found = score_sender(after(people))
    assert abs(found.recipients - people) <= max(2, people * 0.2)
    assert found.recipients == found.minors


def test_more_people_more_points() -> None:
    points = [score_sender(after(people)).points for people in (1, 2, 4, 8, 16, 64)]
    assert points == sorted(points)
    assert score_sender(after(1)).level == "none"
    assert score_sender(after(16)).level == "review"
    assert score_sender(after(16, minor=False)).points < score_sender(after(16)).points


def test_partitions_add_up_and_do_not_count_twice() -> None:
    one, other = after(10), after(10, start=50)
    joined = merge([one, other])
    assert joined is not None
    assert 18 <= score_sender(joined).recipients <= 22
    again = merge([one, one])
    assert again is not None
    assert score_sender(again).recipients == score_sender(one).recipients


def test_old_windows_are_forgotten() -> None:
    state = after(16)
    later = approach(state, [(1, True)], b"", START + 3 * SENDER_WINDOW_DAYS * DAY)
    assert score_sender(later).recipients == 1


def test_near_identical_openings_are_alike() -> None:
    close = [
        "hello",
        "there",
        "new",
        "friend",
        "how",
        "is",
        "your",
        "day",
        "going",
        "so",
        "far",
        "ok",
    ]
    assert similarity(opening_signature(OPENING), opening_signature(close)) > 0.6
    other = ["do", "you", "want", "to", "trade", "a", "rare", "sword", "for", "two", "shields"]
    assert similarity(opening_signature(OPENING), opening_signature(other)) < 0.3
    assert opening_signature(["hi"]) == b""


def test_a_state_is_small_and_survives_storage() -> None:
    state: Sender | None = None
    for number in range(5_000):
        words = [f"w{number % 40}{letter}" for letter in "abcdefgh"]
        state = approach(
            state, [(number * 104_729, True)], opening_signature(words), START + number
        )
    assert state is not None
    assert len(state.running.openings) <= OPENINGS_CAP
    stored = encode_sender(state)
    assert len(stored) < 1_500
    assert decode_sender(stored) == state
