import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matchers.language.phrases import Node, PhraseError, Spacing, expand, parse, pattern

WORD = st.text(alphabet="abc", min_size=1, max_size=3)
PHRASE = st.recursive(
    WORD,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(" ".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"({'|'.join(parts)})"),
        inner.map(lambda part: f"({part})?"),
    ),
    max_leaves=6,
).map(lambda phrase: f"x {phrase} <1> y")


def compiled(nodes: Sequence[Node], spacing: Spacing) -> re.Pattern[str]:
    return re.compile(pattern(nodes, spacing))


@given(PHRASE)
def test_a_phrase_matches_its_own_expansions(phrase: str) -> None:
    nodes = parse(phrase.replace("<1> ", ""), {})
    for words in list(expand(nodes))[:50]:
        normal = f" {' '.join(word.text for word in words)} "
        assert compiled(nodes, "words").fullmatch(normal, 1)


def test_a_hit_inside_a_longer_word_is_none() -> None:
    regex = compiled(parse("old are", {}), "words")
    assert not regex.search(" cold are ")
    assert not regex.search(" old area ")
    assert regex.search(" old are ")


def test_prefix_words_gaps_and_spacing() -> None:
    assert compiled(parse("род* <2> дома", {}), "words").search(" родители твои сейчас дома ")
    assert not compiled(parse("a <1> b", {}), "words").search(" a x x b ")
    assert compiled(parse("几 岁", {}), "none").search(" 你几岁了 ")
    assert compiled(parse("엄마* 말하지", {}), "glued").search(" 엄마한테말하지마 ")


@pytest.mark.parametrize(
    ("phrase", "why"),
    [
        ("", "empty"),
        ("(a|b", "not closed"),
        ("a)", "outside"),
        ("{nobody}", "unknown word class"),
        ("? a", "must follow"),
        ("(a|)", "empty option"),
        ("...", "folds to nothing"),
        ("a <51> b", "<50> or less"),
        ("a <999999999999> b", "<50> or less"),
        (f"a <{'9' * 5000}> b", "<50> or less"),
        ("(" * 5000 + "a" + ")" * 5000, "more than 20 choices"),
        ("a" + "?" * 5000, "one is enough"),
    ],
)
def test_a_bad_phrase_says_why(phrase: str, why: str) -> None:
    with pytest.raises(PhraseError, match=re.escape(why)):
        parse(phrase, {})
