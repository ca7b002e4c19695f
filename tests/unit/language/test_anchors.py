"""Anchors only save work: whatever a phrase matches, the index names."""

import random
import re
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matchers.language.anchors import AnchorChooser
from matchers.language.catalogue import load
from matchers.language.folding import ASCII_DROP, ASCII_FOLD, FOLD
from matchers.language.indicators import IndicatorMatcher
from matchers.language.phrase_index import PhraseIndex
from matchers.language.phrases import PhraseError, Spacing, parse, pattern
from tests.conversations.generate import conversations

WORD = st.text(alphabet="abc1é", min_size=1, max_size=3)
PHRASE = st.recursive(
    st.one_of(WORD, WORD.map(lambda word: f"{word}*")),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(" <1> ".join),
        st.lists(inner, min_size=1, max_size=3).map(" ".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"({'|'.join(parts)})"),
        inner.map(lambda part: f"({part})?"),
    ),
    max_leaves=8,
).map(lambda phrase: f"x {phrase} y")


def named(index: PhraseIndex, words: Iterable[str]) -> set[int]:
    kept = [*words]
    normal = f" {' '.join(kept)} "
    found = set(index.phrases(index.literals(normal.encode()), kept))
    if normal.isascii():
        parts = [word.encode() for word in kept]
        assert set(index.ascii_phrases(index.literals(normal.encode()), parts)) <= found
        found = set(index.ascii_phrases(index.literals(normal.encode()), parts))
    return found


@given(
    st.lists(PHRASE, min_size=1, max_size=4),
    st.lists(WORD, max_size=8),
    st.sampled_from(["words", "none", "glued"]),
)
@settings(deadline=None)
def test_whatever_a_phrase_matches_it_is_looked_for(
    phrases: list[str], words: list[str], spacing: Spacing
) -> None:
    nodes = [parse(phrase, {}) for phrase in phrases]
    chooser = AnchorChooser([["a", "b"]])
    index = PhraseIndex([chooser.choose(one, spacing) for one in nodes])
    text = ["x", *words, "y"]
    normal = f" {' '.join(text)} "
    matched = {
        number
        for number, one in enumerate(nodes)
        if re.search(pattern(one, spacing), normal) is not None
    }
    assert matched <= named(index, text)


def test_the_catalogue_s_phrases_are_found_as_by_trying_all_of_them() -> None:
    matcher = IndicatorMatcher(load())
    chance = random.Random(20_261_126)
    texts = [turn.text for talk in conversations("families", 5, 1) for turn in talk.turns]
    picked = chance.sample(texts, 60)
    for _ in range(40):
        mixed = " ".join(chance.sample(texts, 4)).split()
        chance.shuffle(mixed)
        picked.append(" ".join(mixed[:40]))
    matched = 0
    for text in picked:
        words = text.translate(FOLD).split()
        if text.isascii():
            parts = text.encode().translate(ASCII_FOLD, ASCII_DROP).split()
            assert [part.decode() for part in parts] == words
        normal = f" {' '.join(words)} "
        brute = {n for n, p in enumerate(matcher.phrases) if p.regex.search(normal)}
        assert brute <= named(matcher._index, words)  # pyright: ignore[reportPrivateUsage]
        matched += len(brute)
    assert matched > 50


def test_a_phrase_without_a_sure_part_is_refused() -> None:
    with pytest.raises(PhraseError, match="always there"):
        AnchorChooser().choose(parse("(a)? <2>", {}), "words")
