"""Greetings, thanks and good wishes to somebody's family, which are sent as threats are."""

import pytest

from matchers.language.catalogue import load
from matchers.language.indicators import IndicatorMatcher

MATCHER = IndicatorMatcher(load())


@pytest.mark.parametrize(
    "text",
    [
        "sag deiner mama liebe grüße", "sag deinem papa schöne grüße", "sag deiner oma danke",
        "sag deiner oma alles gute", "sag deiner oma hallo", "sag deinen eltern gute besserung",
        "sag deiner mama ganz liebe grüße", "sag deinem bruder viel erfolg",
        "sag deiner mama nichts", "sag deinen eltern davon nichts", "sag es deiner mama nicht",
        "sabihin mo sa mama mo hi", "sabihin mo sa pamilya mo merry christmas",
        "bilang ke ibumu terima kasih", "bilang ke orang tuamu selamat natal",
        "kirim salam ke ibumu",
    ],
)  # fmt: skip
def test_greetings_and_thanks_are_no_plain_threat(text: str) -> None:
    threats = [hit for hit in MATCHER.find(text) if hit.category == "exposure_threat"]
    assert all("outing" in {cue.name for cue in hit.cues} for hit in threats)


@pytest.mark.parametrize(
    "text",
    ["ich sag deiner mama alles", "ich sag deiner mama nichts wenn du zahlst",
     "sag deiner mama nichts sonst schick ich ihr alles"],
)  # fmt: skip
def test_a_condition_makes_a_threat_of_silence(text: str) -> None:
    assert "exposure_threat" in {hit.category for hit in MATCHER.find(text)}


def test_tell_your_mom_nothing_is_secrecy_alone() -> None:
    assert {hit.category for hit in MATCHER.find("sag deiner mama nichts")} == {"secrecy"}
