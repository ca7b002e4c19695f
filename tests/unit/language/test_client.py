import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matchers.language.catalogue import load
from matchers.language.client import ClientReader, client_file
from matchers.language.indicators import IndicatorMatcher

CATALOGUE = load()
MATCHER = IndicatorMatcher(CATALOGUE)
READER = ClientReader(client_file(MATCHER))


def test_the_reader_finds_what_the_pipeline_finds_in_plain_text() -> None:
    for language in CATALOGUE.languages:
        for indicator in language.indicators:
            for sentence in indicator.match:
                for hit in MATCHER.find(sentence):
                    if hit.view in ("raw", "folded") and hit.indicator in MATCHER.indicators:
                        assert hit.indicator in READER.find(sentence)


def test_unless_holds_on_the_client_too() -> None:
    assert "en.image_request.of_you" in READER.find("send me a pic of you")
    for sentence in ("send me a pic of the receipt", "send me a picture of your homework"):
        assert not any(".image_request." in found for found in READER.find(sentence))


@given(
    st.lists(
        st.sampled_from(
            [s for lang in CATALOGUE.languages for i in lang.indicators for s in i.match]
        ),
        min_size=1,
        max_size=3,
    ),
    st.sampled_from([". ", " ", "!! ", "\n"]),
)
@settings(max_examples=60, deadline=None)
def test_the_pipeline_says_no_id_of_plain_text_that_the_client_does_not(
    sentences: list[str], between: str
) -> None:
    text = between.join(sentences)
    plain = {hit.indicator for hit in MATCHER.find(text) if hit.view in ("raw", "folded")}
    assert plain & set(MATCHER.indicators) <= set(READER.find(text))


def test_ordinary_words_hold_nothing() -> None:
    assert READER.find("see you at practice tomorrow") == []


def test_another_file_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        ClientReader(b"{}")
