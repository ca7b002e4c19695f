"""Emoji within words and between them: what they part."""

import pytest

from matchers.language.catalogue import load
from matchers.language.disguise_generator import EMOJI
from matchers.language.indicators import Hit, IndicatorMatcher

CATALOGUE = load()
MATCHER = IndicatorMatcher(CATALOGUE)


def found(text: str) -> dict[str, Hit]:
    return {hit.category: hit for hit in MATCHER.find(text)}


@pytest.mark.parametrize(
    ("text", "piece"),
    [
        ("can they s😀end you th😀e invoice", "end you"),
        ("can they s👍🏽end you th❤️\u200d🔥e invoice", "end you"),
        ("where do i s😀end the mess😀age", "age"),
    ],
)
def test_a_piece_of_a_word_is_no_word(text: str, piece: str) -> None:
    assert MATCHER.find(piece)
    assert MATCHER.find(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        "how old are you😀im new here",
        "anna😀how old are you😀",
        "how❤️old😀are👍🏽you",
        "s😀end it, ok😀how old are you",
        "love you😍r u new here😍how old are you",
    ],
)
def test_emoji_between_words_part_them(text: str) -> None:
    hit = found(text)["age_question"]
    assert hit.view == "raw"
    assert (hit.start, hit.end) == (text.index("how"), text.index("you", text.index("how")) + 3)


def test_emoji_between_all_letters_hide_no_indicator() -> None:
    sentences = [
        (indicator.category, sentence)
        for language in CATALOGUE.languages
        for indicator in language.indicators
        for sentence in indicator.match
        if sentence.replace(" ", "").isalpha()
    ]
    assert len(sentences) > 500
    assert [
        sentence
        for category, sentence in sentences
        if category not in found(" ".join(EMOJI[0].join(word) for word in sentence.split()))
    ] == []


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("i want to kill myself😭ong s😭top", "self_harm"),
        ("i wanna die😭istg st😭op", "self_harm"),
        ("dont tell your mom😘kiko w😘hy", "secrecy"),
        ("are you home alone😍kiko pl😍ease", "isolation"),
    ],
)
def test_a_broken_word_elsewhere_hides_nothing(text: str, category: str) -> None:
    assert category in {found.category for found in MATCHER.find(text)}
