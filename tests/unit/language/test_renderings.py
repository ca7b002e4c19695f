"""What a message looks like, where its characters spell something else."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from matchers.language.catalogue import load
from matchers.language.indicators import Hit, IndicatorMatcher
from matchers.language.renderings import apart, as_written, shown
from matchers.language.views import words
from matchers.language.vocabulary import Vocabulary

MATCHER = IndicatorMatcher(load())
KNOWN = Vocabulary(
    ["hey", "how", "old", "are", "you", "is", "so", "me", "ti", "mes", "the", "re", "there", "hn"],
    [],
)
PLAIN = ["how old are you?", "don't tell your mum", "send me a pic"]
CATEGORIES = {"how old are you?": "age_question", "don't tell your mum": "secrecy",
              "send me a pic": "image_request"}  # fmt: skip

sentences = st.sampled_from(PLAIN)
WITHIN_WORDS = st.sampled_from(["**", "__", "~~", "||", "***", "____"])
FOREIGN_MARKS = "\u0e4a\u0e34\u0951\u0941\u0730\U0001d165\u05b8\u0eb1\u17b7\u302a"


def found(text: str) -> dict[str, Hit]:
    return {hit.category: hit for hit in MATCHER.find(text)}


def is_found(sentence: str, disguised: str) -> bool:
    """Whether what the sentence holds is found, at a place in the disguised text that is read."""
    hit = found(disguised).get(CATEGORIES[sentence])
    return hit is not None and 0 <= hit.start < hit.end <= len(disguised)


def each_letter(sentence: str, change: dict[str, str]) -> str:
    return "".join(change.get(char, char) for char in sentence)


def in_words(sentence: str, at: int, mark: str) -> str:
    return " ".join(f"{w[:at]}{mark}{w[at:]}{mark}" if len(w) > at else w for w in sentence.split())


@given(sentences, st.booleans())
def test_a_sentence_shown_backwards_is_read(sentence: str, closed: bool) -> None:
    text = "\u202e" + sentence[::-1] + ("\u202c" if closed else "")
    assert is_found(sentence, text)


@given(sentences)
def test_words_shown_backwards_one_by_one_are_read(sentence: str) -> None:
    runs = ["\u202e" + word[::-1] + "\u202c" for word in sentence.split()]
    assert is_found(sentence, " ".join(runs))
    assert is_found(sentence, " ".join(reversed(runs)))
    assert is_found(sentence, " ".join(f"\u2066{run}\u2069" for run in runs))


@given(sentences)
def test_words_in_reverse_order_within_a_right_to_left_isolate_are_read(sentence: str) -> None:
    isolated = " ".join(f"\u2066{word}\u2069" for word in reversed(sentence.split()))
    assert is_found(sentence, f"\u2067{isolated}\u2069")


def test_the_place_of_what_is_shown_backwards_is_raw() -> None:
    text = "ok \u202euoy era dlo woh\u202c fine"
    hit = found(text)["age_question"]
    assert text[hit.start : hit.end] == "uoy era dlo woh"


@given(sentences, WITHIN_WORDS, st.integers(0, 3))
def test_marks_that_show_as_none_part_no_word(sentence: str, mark: str, at: int) -> None:
    assert is_found(sentence, in_words(sentence, at, mark))


def test_a_mark_without_its_pair_is_shown() -> None:
    assert shown("how**old") == []
    assert shown("2**3") == []


@given(sentences)
def test_words_without_spaces_are_parted(sentence: str) -> None:
    assert is_found(sentence, sentence.replace(" ", ""))
    assert is_found(sentence, "".join(word.capitalize() for word in sentence.split()))
    assert is_found(sentence, "Hey" + "".join(word.capitalize() for word in sentence.split()))


@pytest.mark.parametrize(
    "sentence",
    ["Hey Tomasz how old are you?", "no le digas a tu mama", "Anna dont tell your mum ok"],
)
@pytest.mark.parametrize("gap", ["", "\u200b"])
def test_a_name_or_short_words_among_joined_ones_hide_nothing(sentence: str, gap: str) -> None:
    assert found(gap.join(f"{word[:1].upper()}{word[1:]}" for word in sentence.split()))


@pytest.mark.parametrize(
    ("text", "parted"),
    [
        ("HeyHowOldAreYou", "Hey How Old Are You"),
        ("hey\u200bhow\u200bold\u200b", "hey how old "),
        ("HeyTomaszHowOld", "Hey Tomasz How Old"),
        ("HeyTomaszHow", None),
        ("QuiteOtherWords", None),
        ("sO\u200bmEtI\u200bmEs", None),
        ("the\u200bre", None),
        ("jo\u200bhn\u200bis\u200bold", None),
    ],
)  # fmt: skip
def test_gaps_are_guessed_where_they_part_into_known_words(text: str, parted: str | None) -> None:
    look = apart(as_written(text), KNOWN)
    assert (look and look.text) == parted


@given(sentences, st.sampled_from("\u200b\u180e\u2060\ufeff"))
def test_characters_without_width_between_words_part_them(sentence: str, gap: str) -> None:
    for last in ("", gap):
        assert is_found(sentence, sentence.replace(" ", gap) + last)
        assert is_found("send me a pic", f"send{gap}pics{last}")


def test_a_phrase_within_longer_words_without_spaces_is_found() -> None:
    assert "secrecy" in found("iloveyoudonttellyourmum")


def test_words_without_spaces_count_less() -> None:
    joined, plain = found("howoldareyou?")["age_question"], found("how old are you?")
    assert joined.view == "despaced"
    assert joined.weight < plain["age_question"].weight
    assert (joined.start, joined.end) == (0, 12)


@pytest.mark.parametrize(
    "text",
    [
        "use JavaScript and OpenStreetMap in LibreOffice", "getElementsByTagName('a')",
        "donaudampfschifffahrtsgesellschaft", "internationalization", "the giftcardservice",
        "hottentottententententoonstelling", "#throwbackthursday", "showoldarena", "a || b || c",
        "x = y ** 2 ** 3", "__init__ and __main__", "thisisthelongestwordiknow",
    ],
)  # fmt: skip
def test_ordinary_long_words_hold_nothing(text: str) -> None:
    assert MATCHER.find(text) == ()


@given(sentences, st.sampled_from(FOREIGN_MARKS))
def test_marks_of_other_scripts_hide_no_letter(sentence: str, mark: str) -> None:
    text = "".join(char + mark for char in sentence)
    assert is_found(sentence, text)
    assert [token.word for token in words(text)] == [token.word for token in words(sentence)]


@pytest.mark.parametrize("text", ["ที่นี่", "กี่ปี", "नमस्ते", "हिन्दी", "বাংলা", "שָׁלוֹם", "ភាសាខ្មែរ", "ம் க்"])
def test_marks_stay_on_the_letters_of_their_script(text: str) -> None:
    kept = "".join(token.word for token in words(text))
    marks = {c for c in text if unicodedata.category(c) == "Mn"}
    assert marks <= set(unicodedata.normalize("NFD", kept)) | {"\u093c"}


@pytest.mark.parametrize(
    "letters",
    [
        dict(zip("aeou", "ⱥɇɵʉ", strict=True)),
        dict(zip("hdyopt", "ɦɗƴⱺƥƭ", strict=True)),
        dict(zip("aeou", "ɑɛɔʊ", strict=True)),
        dict(zip("abdefghiklmnoprstuvwyz", "ꓮꓐꓓꓰꓝꓖꓧꓲꓗꓡꓟꓠꓳꓑꓣꓢꓔꓴꓦꓪꓬꓜ", strict=True)),
        dict(zip("aoehkmnpyc", "ⲁⲟⲉⲏⲕⲙⲛⲣⲩⲥ", strict=True)),
        dict(zip("aeoswdlmhtkg", "ꭺꭼꮎꮪꮃꭰꮮꮇꮋꭲꮶꮐ", strict=True)),
        dict(zip("howldareyunms", "ʜᴏᴡʟᴅᴀʀᴇʏᴜɴᴍꜱ", strict=True)),
        {"o": "𐐄"},
    ],
    ids=["barred", "hooked", "phonetic", "lisu", "coptic", "cherokee", "small capitals", "deseret"],
)
@pytest.mark.parametrize("sentence", PLAIN)
def test_letters_of_the_same_shape_are_read(sentence: str, letters: dict[str, str]) -> None:
    assert is_found(sentence, each_letter(sentence, letters))


@pytest.mark.parametrize("sentence", PLAIN)
@pytest.mark.parametrize("form", ["&#{};", "&#x{:x};"])
def test_character_references_are_resolved(sentence: str, form: str) -> None:
    assert is_found(sentence, "".join(form.format(ord(char)) for char in sentence))
    assert is_found(sentence, each_letter(sentence, {c: form.format(ord(c)) for c in "oe"}))


@pytest.mark.parametrize("sentence", PLAIN)
def test_letters_two_spaces_apart_are_rejoined(sentence: str) -> None:
    assert is_found(sentence, "  ".join(sentence))


@given(
    st.text(
        st.one_of(
            st.characters(),
            st.sampled_from(
                "aB ** __ || ~~&#65;\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068"
                "\u2069\u200b\u200f\u05d0\u0627\u0301\n"
            ),
        ),
        max_size=60,
    )
)
@example("\u202e\u2067a\u202c\u2069b")
def test_every_rendering_leads_back_to_the_raw_text(text: str) -> None:
    looks = [*shown(text), as_written(text)]
    for look in [*looks, *(parted for one in looks if (parted := apart(one, KNOWN)) is not None)]:
        assert len(look.text) == len(look.starts) == len(look.ends)
        for start, end in zip(look.starts, look.ends, strict=True):
            assert 0 <= start <= end <= len(text)
    for hit in MATCHER.find(text):
        assert 0 <= hit.start < hit.end <= len(text)
