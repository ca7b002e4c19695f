"""Plain words of extortion and of self-harm, which no joke, word of care or quotation takes away,
and numbers that are no age."""

import pytest

from matchers.language.catalogue import load
from matchers.language.indicators import Hit, IndicatorMatcher
from matchers.language.weights import SOLID

CATALOGUE = load()
MATCHER = IndicatorMatcher(CATALOGUE)


def weights(text: str) -> dict[str, float]:
    strongest: dict[str, float] = {}
    for hit in MATCHER.find(text):
        strongest[hit.category] = max(hit.weight, strongest.get(hit.category, 0.0))
    return strongest


def ages(text: str) -> list[Hit]:
    return [hit for hit in MATCHER.find(text) if hit.category == "age_statement"]


def is_extortion(text: str) -> bool:
    found = weights(text)
    return min(found.get("exposure_threat", 0), found.get("payment_demand", 0)) >= SOLID


@pytest.mark.parametrize(
    "text",
    [
        "people will see your pics if you dont pay me 200",
        "it will be all over your school unless you send me 200",
        "it will be posted to your family unless you pay me 200",
        "they will see your pics if you dont pay me 200",
        "who wants your pics all over school? send me 200 or i post your pics",
        "a friend sent me your pics, send me 200 or i post your pics",
        "go to the police and i post your pics, send me 200",
        "if you report me i post your pics, send me 200",
        "on veut 200 euros sinon on envoie tes photos à ta famille",
        "si vas a la policía publico tus fotos, págame 200 euros",
    ],
)
def test_extortion_is_no_report_of_it(text: str) -> None:
    assert is_extortion(text), weights(text)


@pytest.mark.parametrize(
    "text",
    [
        "he says send me 200 or i post your pics",
        "this guy said send me 200 or i post your pics",
        "my friend told me a guy wrote send me 200 or i post your pics",
        "scammers will say send me 200 or i post your pics",
        "people may say send me 200 or i post your pics",
        "he wants 200 on paypal or he will post my pics",
        "police said he wrote send me 200 or i post your pics",
    ],
)
def test_a_report_of_extortion_is_none(text: str) -> None:
    assert not is_extortion(text), weights(text)


@pytest.mark.parametrize(
    "text",
    [
        "be careful, send me 200 or i post your pics",
        "send me 200 or i post your pics, watch out",
        "send me 200 or i post your pics watch out",
        '"send me 200 or i post your pics" understood?',
        "> send me 200 or i post your pics\nyou have one hour",
        "dont report it, send me 200 or i post your pics",
    ],
)
def test_a_word_of_care_or_quotation_marks_hide_no_extortion(text: str) -> None:
    assert is_extortion(text), weights(text)


@pytest.mark.parametrize(
    "text",
    [
        "be careful of send me 200 or i post your pics",
        "Be careful, if someone says send me 200 or i post your pics, tell a trusted adult",
        'he wrote "send me 200 or i post your pics"',
        '"send me 200 or i post your pics" what do i do',
        "> send me 200 or i post your pics\nthis is what i got",
        '"schick mir 200 euro oder ich poste deine bilder" und nun',
    ],
)
def test_advice_and_quotations_of_extortion_are_none(text: str) -> None:
    assert not is_extortion(text), weights(text)


@pytest.mark.parametrize(
    "text",
    [
        "i want to die if it goes on like this",
        "i want to kill myself if my dad finds out",
        "i failed my exams i want to kill myself",
        "i want to kill myself, my server friends hate me",
        "my boss. i want to die",
        "quiero morirme, suspendi el examen",
        "suspendi el examen quiero morirme",
    ],
)
def test_plain_words_of_self_harm_are_no_joke(text: str) -> None:
    assert weights(text)["self_harm"] >= SOLID


@pytest.mark.parametrize(
    "text",
    [
        "i want to kill myself over this homework",
        "i want to die because of this meeting",
        "this driver makes me want to kill myself",
        "lol i want to die",
        "i want to die. haha",
        "i want to kill myself if i have to reinstall windows again",
        "quiero morirme por el examen",
    ],
)
def test_figures_of_speech_about_trifles_are_no_words_of_self_harm(text: str) -> None:
    assert weights(text).get("self_harm", 0.0) < SOLID


@pytest.mark.parametrize(
    "text",
    [
        "ik ben 15 minuten te laat", "ben 15 dakika uzaktayım",
        "im 12 episodes in already", "im 15 chapters in", "im 15 years sober",
        "im 10 years older than you", "im 14 years into this job", "im 10 stone now",
        "im 15, 000 steps in", "tengo 15 años de experiencia",
        "j'ai 12 ans de métier", "mam 15 lat doświadczenia", "мне 15 лет стажа",
        "ik ben 12 jaar getrouwd", "saya 15 tahun bekerja di sini", "ich bin 30 jahre dabei",
    ],
)  # fmt: skip
def test_a_number_of_something_is_no_age_in_any_language(text: str) -> None:
    assert ages(text) == []


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("im 13 in march", 13), ("im 13, 165 cm tall", 13), ("ik ben 15", 15), ("ben 15", 15),
        ("tengo 15 años", 15), ("j'ai 12 ans", 12), ("mam 15 lat", 15), ("мне 15 лет", 15),
        ("ik ben 12 jaar", 12), ("saya 15 tahun", 15), ("ik ben 13 of zo", 13),
        ("tengo 13 mi hermana 15", 13), ("im 15 years old", 15),
    ],
)  # fmt: skip
def test_an_age_is_one_before_other_words(text: str, age: int) -> None:
    assert age in {hit.age for hit in ages(text)}
