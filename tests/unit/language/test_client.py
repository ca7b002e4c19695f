import msgspec
import pytest

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


def test_ordinary_words_hold_nothing() -> None:
    assert READER.find("see you at practice tomorrow") == []


def test_another_file_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        ClientReader(b"{}")
