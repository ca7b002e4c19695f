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
        "sabihin mo sa mama mo hi", "sabihin mo sa pamilya mo merry christmas",
        "bilang ke orang tuamu selamat natal",
        "kirim salam ke ibumu",
    ],
)  # fmt: skip
def test_greetings_and_thanks_are_no_plain_threat(text: str) -> None:
    threats = [hit for hit in MATCHER.find(text) if hit.category == "exposure_threat"]
    assert all("outing" in {cue.name for cue in hit.cues} for hit in threats)


@pytest.mark.parametrize(
    "text",
    [
        "ich sag deiner mama alles", "ich sag deiner mama nichts wenn du zahlst",
        "sag deiner mama nichts sonst schick ich ihr alles",
        "zahl 200 euro und ich zeig deinen eltern nichts",
        "gib mir 200 euro, dann erzähle ich deinen eltern nichts",
        "wenn du zahlst sag ich deinen eltern nichts", "ich sag deiner mama nichts für 200 euro",
        "aku bilang ke ibumu kasih 500 ribu sekarang",
    ],
)  # fmt: skip
def test_what_is_said_beside_takes_no_threat_away(text: str) -> None:
    assert "exposure_threat" in {hit.category for hit in MATCHER.find(text)}
