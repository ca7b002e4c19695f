"""Sentences in which a child says how old it is, and those with other numbers."""

import pytest

from matchers.language.catalogue import load
from matchers.language.indicators import IndicatorMatcher

MATCHER = IndicatorMatcher(load([]))


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("im 13 years at middle school", 13),
        ("i am 13 years in 7th grade", 13),
        ("i am 14 years at the moment", 14),
        ("im 15 years as you know", 15),
        ("im 13 years with two cats", 13),
        ("im 13 years working on my grades", 13),
        ("i am 13 years of this summer", 13),
        ("im fourteen years in total", 14),
        ("im 14 k wbu", 14),
        ("im 13 in line with you lol", 13),
    ],
)
def test_a_stated_age_is_read(text: str, age: int) -> None:
    assert age in {hit.age for hit in MATCHER.find(text)}


@pytest.mark.parametrize(
    "text",
    ["im 15 years sober", "im 10 years older than you", "im 12 episodes in already", "im 10 stone"],
)
def test_other_numbers_are_no_age(text: str) -> None:
    assert not {hit.age for hit in MATCHER.find(text)} - {None}
