"""Answers to a question for the age: the number with what may stand around it, and nothing else."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matchers.language.answer_words import (
    AFTER,
    ALMOST,
    BEFORE,
    GLUED_AFTER,
    GLUED_BEFORE,
    UNITS,
)
from matchers.language.answers import ANSWER_INDICATOR, ANSWER_LENGTH, FILLERS_MOST, Answers, listed
from matchers.language.catalogue import load
from matchers.language.conversation import Message, advance, score
from matchers.language.findings import findings_of
from matchers.language.indicators import IndicatorMatcher
from matchers.language.state import Conversation, Participant

CATALOGUE = load()
MATCHER = IndicatorMatcher(CATALOGUE)
ANSWERS = Answers((language, not language.reviewed) for language in CATALOGUE.languages)


def ages(text: str) -> list[int | None]:
    hits = MATCHER.find(text)
    assert all(hit.category == "age_statement" for hit in hits)
    return [hit.age for hit in hits]


@pytest.mark.parametrize(
    ("age", "texts"),
    [
        (10, ["ten", "ten, u?"]),
        (12, ["twelve", "only twelve", "TWELVE!!"]),
        (13, [
            "thirteen", "thirteen lol", "thirteen years old", "turning 13", "i will be 13",
            "i'll be 13", "ok 13", "um 13", "same, 13", "me? 13", "13 btw", "13 n u", "13 nd u",
            "13 going on 14", "13 turning 14 soon", "13 and a half", "13 y/o", "13lol", "13 ❤",
            "13, and you?",
        ]),
        (14, ["nearly 14", "14 in may", "14 next month", "im about to be 14"]),
        (15, ["almost 15"]),
    ],
)  # fmt: skip
def test_an_answer_in_english(age: int, texts: Sequence[str]) -> None:
    assert {text: ages(text) for text in texts} == {text: [age] for text in texts}
    assert not any(hit.trial for text in texts for hit in MATCHER.find(text))


@pytest.mark.parametrize(
    "text",
    [
        "trece", "casi trece", "dreizehn", "fast dreizehn", "bin dreizehn", "treize", "bientôt 13",
        "tredici", "quasi 13", "dertien", "bijna 13", "prawie 13", "trzynaście", "тринадцать",
        "почти 13", "tiga belas", "on üç", "十三", "十三岁", "もうすぐ13", "열세살", "kumi na tatu",
        "ثلاثة عشر", "तेरह", "trese po", "１３ですよ", "١٣ وانت", "ich werde bald 13", "13, e você?",
    ],
)  # fmt: skip
def test_an_answer_in_other_languages(text: str) -> None:
    assert ages(text) == [13]


@pytest.mark.parametrize(
    "text",
    [
        "13 km", "13 min", "13 Euro", "13:30", "13 Uhr", "13点", "200", "$13", "13 %", "13°",
        "10 minutes", "12 am", "in 10", "at 13", "am 13", "13 dollars", "13 usd", "once",
        "only once", "on", "come on", "ten minutes", "ok ten people", "13 14", "1 3", "二十三",
        "ok", "lol", "no, me", "7",
    ],
)  # fmt: skip
def test_a_number_of_something_else_and_a_word_are_none(text: str) -> None:
    assert MATCHER.find(text) == ()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("thirteen lol", "thirteen"), ("ok ... 13!", "13"), ("１３歳", "１３"), ("十三岁", "十三"),
        ("tiga belas kak", "tiga belas"), ("13yo", "13"), ("🎂 Thirteen", "Thirteen"),
    ],
)  # fmt: skip
def test_the_hit_is_where_the_age_stands(text: str, place: str) -> None:
    (hit,) = MATCHER.find(text)
    assert (hit.indicator, hit.view) == (ANSWER_INDICATOR, "raw")
    assert text[hit.start : hit.end] == place


def test_a_number_word_is_on_trial_with_its_languages() -> None:
    assert MATCHER.find("dreizehn")[0].trial
    assert not IndicatorMatcher(CATALOGUE, ["de"]).find("dreizehn")[0].trial
    assert not MATCHER.find("fast 13")[0].trial  # digits are of no language


@pytest.mark.parametrize("text", ["ik ben 15", "ich bin 15", "tengo 15"])
def test_a_statement_on_trial_needs_no_question_though_it_would_be_an_answer(text: str) -> None:
    (hit,) = MATCHER.find(text)
    assert (hit.age, hit.trial) == (15, True)
    assert hit.indicator.endswith(".age_statement.self")


def test_what_is_said_of_the_other_person_is_no_answer() -> None:
    (hit,) = MATCHER.find("13 years old ka lang")
    assert (hit.indicator, hit.about_other) == ("tl.age_statement.other", True)


def test_an_answer_on_trial_takes_nothing_away_that_is_not() -> None:
    assert [hit.category for hit in MATCHER.find("treize, how old are you?")] == [
        "age_statement",
        "age_question",
    ]


def test_a_catalogue_without_number_words_has_answers_in_digits() -> None:
    answers = Answers([])
    assert [hit.age for hit in answers.find("almost 13") or ()] == [13]
    assert answers.find("almost thirteen") is None
    assert answers.find("almost") is None


_BEFORE = sorted(listed(BEFORE) | listed(ALMOST))
_AFTER = sorted(listed(AFTER))
_UNITS = ["", *sorted(listed(UNITS))]
_NUMBERS = st.sampled_from([("13", 13), ("thirteen", 13), ("dreizehn", 13), ("9", 9), ("40", 40)])


def some(words: Sequence[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(words), max_size=FILLERS_MOST)


@given(some(_BEFORE), _NUMBERS, st.sampled_from(_UNITS), some(_AFTER))
def test_whatever_fillers_stand_around_it_the_age_is_the_answer(
    before: list[str], number: tuple[str, int], unit: str, after: list[str]
) -> None:
    text = " ".join(filter(None, [*before, number[0], unit, *after]))
    hits = ANSWERS.find(text)
    assert hits is not None
    (hit,) = hits
    assert (hit.age, text[hit.start : hit.end]) == (number[1], number[0])
    if len(text) <= ANSWER_LENGTH:
        assert number[1] in {hit.age for hit in MATCHER.find(text)}


@given(
    st.sampled_from(sorted(listed(GLUED_BEFORE))),
    st.sampled_from(["13", "１３", "十三", "열세"]),
    st.sampled_from(sorted(listed(GLUED_AFTER))),
)
def test_fillers_without_spaces_are_read_too(before: str, number: str, after: str) -> None:
    assert 13 in {hit.age for hit in MATCHER.find(before + number + after)}


@given(some(_BEFORE), some(_AFTER), st.data())
def test_one_word_that_is_not_listed_and_it_is_no_answer(
    before: list[str], after: list[str], data: st.DataObject
) -> None:
    words = [*before, "13", *after]
    words.insert(data.draw(st.integers(0, len(words))), data.draw(st.sampled_from(_FOREIGN)))
    assert ANSWERS.find(" ".join(words)) is None


_FOREIGN = ["km", "at", "by", "about", "minutes", "euro", "uhr", "pm", "people", "zebra", "点"]


@pytest.mark.parametrize("answer", ["dreizehn", "thirteen", "almost 13", "十三岁", "bin fast 13"])
def test_who_answers_so_and_is_asked_for_a_picture_is_a_minor(answer: str) -> None:
    state: Conversation | None = None
    asks, child = Participant(1), Participant(2)
    said = [
        (asks, child, "how old are you?"),
        (child, asks, answer),
        (asks, child, "send me a pic of you"),
    ]
    for number, (author, other, text) in enumerate(said, start=1):
        message = Message(number, author, (other,), 1, findings_of(MATCHER.find(text)))
        state = advance(state, message, 1_700_000_000_000 + number * 60_000)
    assert state is not None
    assert score(state, asks.key, state.now).pattern == "minor_image_request"
