"""The published match percentages of the published vPDQ rows (facebook/ThreatExchange, vpdq/)."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from matchers.lists.entry import ListEntry, ListInfo, normal_value
from matchers.lists.matcher import HashQuery, ListMatcher, Match, Radii

VECTORS = os.environ.get("SEAWALL_VECTORS")
pytestmark = pytest.mark.skipif(not VECTORS, reason="SEAWALL_VECTORS is unset: no test vectors")
CHAIRS = ("chair-19-sd-bar", "chair-20-sd-bar")
DOORKNOB = "doorknob-hd-no-bar"


def value(name: str) -> str:
    rows = Path(VECTORS or "", "vpdq", f"{name}.txt").read_text("utf-8")
    return normal_value("vpdq", rows)


def matches(query: str, compared: str) -> list[Match]:
    entry = ListEntry(list="one", id=compared, algorithm="vpdq", value=value(compared))
    lists = ListMatcher(
        {"one": ListInfo(name="one")},
        [entry],
        loaded_at=datetime(2026, 1, 1, tzinfo=UTC),
        radii=Radii(video_query_share=0, video_compared_share=0),
    )
    return lists.match_hashes([HashQuery("vpdq", bytes.fromhex(value(query)))])[0]


def test_the_chairs_match_by_the_published_shares() -> None:
    (match,) = matches(*CHAIRS)
    assert match.query_share == 1
    assert match.compared_share == pytest.approx(0.9276, abs=5e-5)


@pytest.mark.parametrize("chair", CHAIRS)
def test_no_frame_of_a_chair_is_in_the_doorknob(chair: str) -> None:
    assert matches(chair, DOORKNOB) == []
