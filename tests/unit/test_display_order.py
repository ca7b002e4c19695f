import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matchers.display_order import _reordered, displayed, runs_reversed

LATIN = st.text("abcxyz 1,.?", max_size=30)
MIXED = st.text(
    "ab אב\u0627 1?\u0301\u200f\u200e\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\n"
)


def read(text: str) -> str:
    order = displayed(text)
    shown = text if order is None else order.text
    return "".join(c for c in shown if unicodedata.category(c) != "Cf")


@given(LATIN)
def test_an_override_shows_latin_from_right_to_left(text: str) -> None:
    assert read("\u202e" + text[::-1]) == text


@given(LATIN)
def test_an_override_ends_where_it_is_closed(text: str) -> None:
    assert read(f"ab\u202e{text[::-1]}\u202ccd") == f"ab{text}cd"


@pytest.mark.parametrize(
    ("text", "as_read"),
    [
        ("\u202eolleh\nhello", "hello\nhello"),
        ("שלום עולם\u200f", "שלום עולם"),
        ("\u202bשלום abc def עולם\u202c", "עולם abc def שלום"),
        ("\u202dםולש\u202c", "שלום"),
        ("\u2067\u2066c d\u2069 \u2066a b\u2069\u2069", "a b c d"),
        ("\u202ed\u0301c", "cd\u0301"),
        ("\u202eba\u202dcd\u202cfe", "efcdab"),
    ],
)
def test_what_is_shown_is_read(text: str, as_read: str) -> None:
    assert read(text) == as_read


def test_text_without_controls_of_direction_is_read_as_written() -> None:
    assert displayed("hello") is None
    assert displayed("שלום") is None
    assert displayed("\u202ahello\u202c") is None
    assert runs_reversed("hello\u200f") is None


@given(MIXED)
def test_every_character_is_read_at_most_once(text: str) -> None:
    for order in (displayed(text), runs_reversed(text)):
        if order is not None:
            assert len(set(order.places)) == len(order.places)
            assert order.text == "".join(text[place] for place in order.places)
            kept = {i for i, c in enumerate(text) if unicodedata.category(c) != "Cf"}
            assert kept <= set(order.places)


def test_a_span_is_of_the_raw_text() -> None:
    order = displayed("x \u202eolleh\u202c y")
    assert order is not None
    at = order.text.index("hell")
    assert order.span(at, at + 4) == (4, 8)


def by_levels(levels: list[int]) -> list[int]:
    """UAX #9, L2, as it is written."""
    order = list(range(len(levels)))
    lowest_odd = min((level for level in levels if level % 2), default=0)
    for least in range(max(levels, default=0), lowest_odd - 1, -1) if lowest_odd else ():
        at = 0
        while at < len(order):
            end = at
            while end < len(order) and levels[order[end]] >= least:
                end += 1
            order[at:end] = order[at:end][::-1]
            at = max(end, at + 1)
    return order


@given(st.lists(st.integers(0, 9), max_size=40))
def test_levels_are_turned_as_the_standard_says(levels: list[int]) -> None:
    assert _reordered(levels) == by_levels(levels)
