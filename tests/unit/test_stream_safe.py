"""Runs of marks are bounded, and nothing else is touched."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matchers.hashing import text as written
from matchers.language.phrases import fold_words
from matchers.language.views import fold
from matchers.stream_safe import MOST_MARKS, stream_safe

MARKS = "\u0301\u0327\u05b0\u064b\u0e38\u3099\U0001d165\U0001e94a"
EVERY_MARK = {p for p in range(0x110000) if unicodedata.combining(chr(p))}


def longest_run(text: str) -> int:
    longest = run = 0
    for char in text:
        run = run + 1 if unicodedata.combining(char) else 0
        longest = max(longest, run)
    return longest


@given(st.lists(st.sampled_from(["a", "e", " ", "한", "\u200d", *MARKS]), max_size=200))
def test_a_run_of_marks_keeps_its_first_thirty(pieces):
    text = "".join(pieces)
    safe = stream_safe(text)
    assert longest_run(safe) <= MOST_MARKS
    assert [c for c in safe if not unicodedata.combining(c)] == [
        c for c in text if not unicodedata.combining(c)
    ]
    if longest_run(text) <= MOST_MARKS:
        assert safe == text


def test_every_mark_that_unicode_puts_in_order_counts():
    for point in EVERY_MARK:
        assert stream_safe("a" + chr(point) * (MOST_MARKS + 5)) == "a" + chr(point) * MOST_MARKS


@pytest.mark.parametrize("marks", ["\u0301\u0327", "\u064b\u0651", "\u0323\u0307\u0331"])
def test_what_reads_texts_hands_no_longer_run_to_the_normaliser(monkeypatch, marks):
    runs: list[int] = []
    normalize = unicodedata.normalize

    def spy(form, text):
        runs.append(longest_run(text))
        return normalize(form, text)

    monkeypatch.setattr(unicodedata, "normalize", spy)
    text = "how old are you a" + marks * 500 + " b"
    view = fold(text)
    assert view.text.split()[:4] == ["how", "old", "are", "you"]
    assert view.ends[-1] == len(text)
    fold_words(text)
    written.normal_text(text)
    assert max(runs) <= MOST_MARKS
