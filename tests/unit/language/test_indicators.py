import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matchers.language.answers import ANSWER_INDICATOR
from matchers.language.catalogue import CatalogueError, load, parse_language
from matchers.language.checks import check
from matchers.language.indicators import Hit, IndicatorMatcher
from matchers.language.weights import SOLID, VIEW_FACTORS

CATALOGUE = load()
MATCHER = IndicatorMatcher(CATALOGUE)
SENTENCES = [s for c in CATALOGUE.languages for i in c.indicators for s in i.match]


def found(text: str) -> dict[str, Hit]:
    return {hit.category: hit for hit in MATCHER.find(text)}


def test_the_catalogue_passes_its_own_tests() -> None:
    assert check(CATALOGUE, MATCHER) == []


@pytest.mark.parametrize(
    ("text", "view"),
    [
        ("how old are you", "raw"),
        ("HOW OLD are you?", "folded"),
        ("how oooooold are youuuu", "folded"),
        ("hоw оld аrе yоu", "folded"),
        ("h\u200bow old a\u200dre you", "folded"),
        ("ｈｏｗ ｏｌｄ ａｒｅ ｙｏｕ", "folded"),
        ("h0w 0ld 4r3 y0u", "leet"),
        ("h o w  o l d  a r e  y o u", "despaced"),
        ("h o w o l d a r e y o u", "despaced"),
        ("h.o.w o.l.d a.r.e y.o.u", "despaced"),
        ("h😀o😀w old are you", "despaced"),
    ],
)
def test_a_disguised_question_is_found_in_its_view(text: str, view: str) -> None:
    hit = found(text)["age_question"]
    assert hit.view == view
    assert (hit.start, hit.end) == (0, len(text.rstrip("?")))


def test_what_had_to_be_undisguised_counts_less() -> None:
    assert (
        found("h0w 0ld 4r3 y0u")["age_question"].weight
        < found("how old are you")["age_question"].weight
    )


@pytest.mark.parametrize(
    "text",
    [
        "I'm 13 minutes away", "im 13km from you", "I am 13% done", "im 13:30 ready",
        "it took 14 days", "I am 15.04 user", "call me at 13:00", "im 200", "im 13 st",
    ],
)  # fmt: skip
def test_quantities_are_not_ages(text: str) -> None:
    assert "age_statement" not in found(text)


@pytest.mark.parametrize(("text", "age"), [("I'm 13", 13), ("i am thirteen", 13), ("14f here", 14)])
def test_the_age_stated_is_read(text: str, age: int) -> None:
    assert found(text)["age_statement"].age == age


@pytest.mark.parametrize(
    "text",
    [
        "13", "13 kak", "13 po", "13です", "13歳です", "13살이요", "13 jahre", "13 jaar oud",
        "13 лет", "13 साल", "١٣ سنة", "13 años y tu?", "13, a ty?", "13 tahun, kamu?",
        "13 лет а тебе?", "13岁 你呢",
    ],
)  # fmt: skip
def test_a_bare_number_answers_a_question_for_the_age(text: str) -> None:
    (hit,) = [hit for hit in MATCHER.find(text) if hit.category == "age_statement"]
    assert (hit.indicator, hit.age, hit.start, hit.end) == ("any.age_answer", 13, 0, 2)


@pytest.mark.parametrize("text", ["13 km", "13 min", "13 Euro", "13:30", "13 Uhr", "13点", "200"])
def test_a_number_of_something_else_is_no_answer(text: str) -> None:
    assert MATCHER.find(text) == ()


@pytest.mark.parametrize("text", ["dont tell me. mom knows", "Don't tell! Not your mom, your boss"])
def test_a_gap_does_not_reach_over_the_end_of_a_sentence(text: str) -> None:
    own = parse_language("own.json", OWN.replace(b'"blorp glorp"]', b'"tell <3> mom"]', 1))
    matcher = IndicatorMatcher(type(CATALOGUE)(languages=(own,), files=("own.json",), version="x"))
    assert matcher.find(text) == ()
    assert matcher.find(text.replace(".", "").replace("!", ""))


def test_a_match_over_the_end_of_a_sentence_does_not_hide_the_one_in_the_next() -> None:
    own = parse_language("own.json", OWN.replace(b'"blorp glorp"]', b'"tell <3> mom"]', 1))
    matcher = IndicatorMatcher(type(CATALOGUE)(languages=(own,), files=("own.json",), version="x"))
    (hit,) = matcher.find("tell. tell your mom")
    assert hit.start == 6


def test_a_latin_word_within_a_longer_one_is_none_in_a_script_without_spaces() -> None:
    own = OWN.replace(b'"reviewed"', b'"spacing": "none", "reviewed"')
    own = own.replace(b'"blorp glorp"]', b'"line <3> id"]', 1)
    catalogue = type(CATALOGUE)(
        languages=(parse_language("own.json", own),), files=("own.json",), version="x"
    )
    matcher = IndicatorMatcher(catalogue)
    assert matcher.find("LINEのID")
    assert matcher.find("line id")
    assert matcher.find("online id") == ()
    assert matcher.find("オンlineのidea") == ()


@pytest.mark.parametrize(
    ("text", "cue"),
    [
        ("Never send money to someone who threatens you.", "advice"),
        ('He wrote "how old are you" and I left.', "quotation"),
        ("some guy asked me how old are you", "reported"),
        ("I won't send me a pic of you", "negation"),
    ],
)
def test_what_stands_around_an_indicator_discounts_it(text: str, cue: str) -> None:
    hits = MATCHER.find(text)
    assert hits
    assert all(cue in {c.name for c in hit.cues} for hit in hits)
    assert all(hit.weight < 0.3 for hit in hits)


def test_a_negation_in_another_sentence_does_not_reach() -> None:
    assert found("I never do that. Send me a pic of you")["image_request"].cues == ()


@given(st.integers(), st.text(max_size=20), st.text(max_size=20))
@settings(max_examples=200, deadline=None)
def test_spans_are_of_the_raw_text_and_the_fast_path_agrees(
    seed: int, before: str, after: str
) -> None:
    chance = random.Random(seed)
    sentence = list(chance.choice(SENTENCES))
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(sentence))
        sentence[at] = chance.choice([sentence[at].upper(), sentence[at] + "\u200b", "0", "é", " "])
    text = f"{before} {''.join(sentence)} {after}"
    hits = MATCHER.find(text)
    for hit in hits:
        assert 0 <= hit.start < hit.end <= len(text)
        assert 0 < hit.weight <= 1
    slowly = MATCHER._find_slowly(text, MATCHER._looks(text))  # pyright: ignore[reportPrivateUsage]
    assert tuple(hits) == tuple(slowly) or MATCHER._answers.find(text) is not None  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize(
    "text", ["13 yaşındayım", "13 yasindayim", "13 saal ka hun", "13 साल का हूं", "13 살이에요"]
)
def test_a_number_that_says_whose_age_it_is_needs_no_question(text: str) -> None:
    (hit,) = IndicatorMatcher(load(), ["hi", "ko", "tr"]).find(text)
    assert hit.indicator.endswith(".age_statement.self")
    assert hit.age == 13
    # On trial it takes nothing from what the number is after a question.
    (hit,) = MATCHER.find(text)
    assert hit.indicator == ANSWER_INDICATOR


@pytest.mark.parametrize(
    "text", ["a" * 100_000, "how old are you " * 6_000, '"“' * 30_000, "h " * 50_000]
)
def test_a_long_text_is_read(text: str) -> None:
    assert len(MATCHER.find(text)) <= 16


def test_an_untrusted_language_is_on_trial_until_a_platform_trusts_it() -> None:
    own = parse_language("own.json", OWN)
    catalogue = type(CATALOGUE)(languages=(own,), files=("own.json",), version="x")
    assert IndicatorMatcher(catalogue).find("blorp glorp")[0].trial
    assert not IndicatorMatcher(catalogue, trusted=["xx"]).find("blorp glorp")[0].trial


OWN = b"""{"language": "xx", "name": "Own", "reviewed": false, "indicators": [
 {"id": "xx.secrecy.a", "category": "secrecy", "weight": 0.5, "source": "own",
  "phrases": ["blorp glorp"], "match": ["blorp glorp"]}]}"""


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (OWN.replace(b'"secrecy"', b'"nonsense"'), "xx.secrecy.a"),
        (OWN.replace(b"0.5", b"7"), "xx.secrecy.a"),
        (b"{", "own.json"),
        (OWN.replace(b'"source"', b'"sauce"'), "sauce"),
    ],
)
def test_a_bad_catalogue_says_which_entry(data: bytes, why: str) -> None:
    with pytest.raises(CatalogueError, match=why):
        parse_language("own.json", data)


def test_a_bad_phrase_names_its_indicator() -> None:
    own = parse_language("own.json", OWN.replace(b'["blorp glorp"]', b'["(blorp"]', 1))
    with pytest.raises(CatalogueError, match=r"xx\.secrecy\.a.*not closed"):
        IndicatorMatcher(type(CATALOGUE)(languages=(own,), files=("own.json",), version="x"))


def test_a_unit_that_cannot_be_read_says_so() -> None:
    own = parse_language(
        "own.json", OWN.replace(b'"reviewed"', b'"units": ["a <2> b"], "reviewed"')
    )
    with pytest.raises(CatalogueError, match=r"own\.json: .*units"):
        IndicatorMatcher(type(CATALOGUE)(languages=(own,), files=("own.json",), version="x"))


def test_a_long_preface_hides_no_language() -> None:
    every = MATCHER.indicators.values()
    preface = " . ".join(s for x in every if x.id.startswith("en.") for s in x.near_miss)[:12_000]
    late = [
        (x.id, sentence)
        for x in every
        if x.id[:2] in ("tr", "zh") and x.category == "exposure_threat"
        for sentence in x.match[:1]
    ]
    assert len(late) > 4
    for id, sentence in late:
        found = {hit.indicator for hit in MATCHER.find(f"{preface} . {sentence}")}
        alone = {hit.indicator for hit in MATCHER.find(sentence)}
        assert alone & found, id


def test_full_stops_cost_no_more_than_their_number() -> None:
    """Their square, once: 25 s for this text."""
    text = "how old are you. " + "a. " * 30_000
    assert [hit.category for hit in MATCHER.find(text[:100_000])] == ["age_question"]


@pytest.mark.parametrize(
    "text",
    [
        "i have all your photos from the trip, ill send them to your mom tonight",
        "imagine what your coach will think when he opens the video of that goal",
        "el viernes tus padres van a ver el video de la obra y luego toda tu escuela",
        "am freitag sehen deine eltern das video vom theater, dann die ganze schule",
        "今晚把旅行的照片发给你妈",
    ],
)
def test_what_is_shown_gladly_is_no_plain_threat(text: str) -> None:
    hit = found(text)["exposure_threat"]
    assert [cue.name for cue in hit.cues] == ["outing"]
    assert hit.weight < SOLID


def test_the_same_without_an_outing_is_a_plain_threat() -> None:
    assert (
        found("i have all your photos, ill send them to your mom tonight")["exposure_threat"].weight
        >= SOLID
    )


@pytest.mark.parametrize("category", ["exposure_threat", "payment_demand"])
def test_a_plain_threat_or_demand_stays_plain_when_it_was_disguised(category: str) -> None:
    least = min(VIEW_FACTORS.values())
    assert [
        indicator.id
        for language in CATALOGUE.languages
        for indicator in language.indicators
        if indicator.category == category
        and indicator.weight >= SOLID
        and indicator.weight * least < SOLID
    ] == []
