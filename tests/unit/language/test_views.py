import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from matchers.language.scripts import unmix
from matchers.language.views import fold, words

TRICKY = st.text(
    alphabet=st.one_of(
        st.characters(),
        st.sampled_from(
            "aAеЕοОaaa  ＡＢﬁ①½é\u0301\u200b\u200c\u200d\u00adمیक़़が\u3099ﾞ👨👩\ufe0fİıß"
        ),
    ),
    max_size=60,
)


@given(TRICKY)
def test_spans_lie_in_the_raw_text(text: str) -> None:
    view = fold(text)
    assert len(view.text) == len(view.starts) == len(view.ends)
    for start, end in zip(view.starts, view.ends, strict=True):
        assert 0 <= start < end <= len(text)
    assert list(view.starts) == sorted(view.starts)
    last = 0
    for token in words(text):
        assert last <= token.start < token.end <= len(text)
        last = token.start


@given(TRICKY)
@example("%\u314f")
@example("\u314e\u314f")
@settings(max_examples=300)
def test_folding_twice_is_folding_once(text: str) -> None:
    once = fold(text).text
    assert fold(once).text == once


@given(st.text(alphabet=st.characters(max_codepoint=127), max_size=80))
def test_plain_ascii_keeps_its_places(text: str) -> None:
    for token in words(text):
        assert text[token.start : token.end].replace("'", "").replace("`", "").lower() == token.word


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("ＨＥＬＬＯ", "hello"),
        ("h\u200be\u00adl\u2060lo", "hello"),
        ("𝓱𝒆𝕝𝗅𝟶", "hell0"),
        ("hеllо", "hello"),
        ("Ｄón’t", "dont"),
        ("soooooo", "soo"),
        ("١٣", "13"),
    ],
)
def test_disguises_are_folded(text: str, folded: str) -> None:
    assert fold(text).text == folded


@pytest.mark.parametrize("text", ["привет как дела", "сор", "καλημερα", "ορα", "привет hello"])
def test_ordinary_cyrillic_and_greek_stay(text: str) -> None:
    assert fold(text).text == text


def test_a_latin_letter_in_a_russian_word_becomes_cyrillic() -> None:
    assert unmix("скoлько") == "сколько"


@pytest.mark.parametrize(
    ("mixed", "one"),
    [
        ("cкoлькo тeбe лeт", "сколько тебе лет"),
        ("нe гoвoри мaмe", "не говори маме"),
        ("пришли фoтo", "пришли фото"),
        ("sеnd mе а рhоtо", "send me а photo"),
        ("ѕеnd mе уоur рісs", "send me your pics"),
        ("στειλε μoυ φωτο", "στειλε μου φωτο"),
    ],
)
def test_a_word_is_of_the_script_that_one_letter_or_its_text_tells(mixed: str, one: str) -> None:
    assert fold(mixed).text == one
    assert [token.word for token in words(mixed)] == one.split()


@pytest.mark.parametrize("blank", ["\u2800", "\u3164", "\uffa0"])
def test_what_looks_like_a_gap_parts_words(blank: str) -> None:
    text = f"how{blank}old{blank}are{blank}you"
    assert [token.word for token in words(text)] == ["how", "old", "are", "you"]
    assert [text[token.start : token.end] for token in words(text)] == ["how", "old", "are", "you"]


@pytest.mark.parametrize(
    "text", ["مي\u200cخواهم", "क\u094d\u200dष", "👨\u200d👩\u200d👧", "❤️\u200d🔥"]
)
def test_joiners_that_spell_survive(text: str) -> None:
    assert "\u200c" in fold(text).text or "\u200d" in fold(text).text
