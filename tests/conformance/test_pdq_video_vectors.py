"""Per-frame PDQ of the published example videos against their published vPDQ rows."""

import os
from pathlib import Path
from typing import NamedTuple

import pytest

from matchers.hashing.outcome import Limits

pytest.importorskip("av", reason="PyAV is the extra `video`")
from matchers.hashing.video import video_hashes

VECTORS = os.environ.get("SEAWALL_VECTORS")
pytestmark = pytest.mark.skipif(not VECTORS, reason="SEAWALL_VECTORS is not set")
FOLDER = Path(VECTORS or ".") / "vpdq"
RADIUS = 31


class Row(NamedTuple):
    frame: int
    quality: int
    pdq: int
    seconds: float


def published(name: str) -> list[Row]:
    lines = (FOLDER / f"{name}.txt").read_text().split()
    rows = [line.split(",") for line in lines]
    return [Row(int(f), int(q), int(h, 16), float(s)) for f, q, h, s in rows]


def ours(name: str) -> list[Row]:
    content = (FOLDER / f"{name}.mp4").read_bytes()
    found = video_hashes(content, Limits(frames=10_000, pixels=4_000_000), seconds_between=0)
    return [Row(f.frame, f.quality, int(f.pdq, 16), f.seconds) for f in found]


def matching_share(query: list[Row], compared: list[Row]) -> float:
    """Per cent of `query`'s frames, at quality 50 and above, that match one of `compared`."""
    others = [row.pdq for row in compared if row.quality >= 50]
    mine = [row.pdq for row in query if row.quality >= 50]
    hits = sum(any((a ^ b).bit_count() <= RADIUS for b in others) for a in mine)
    return 100 * hits / len(mine)


@pytest.fixture(scope="module")
def hashed() -> dict[str, list[Row]]:
    return {
        name: ours(name) for name in ("chair-19-sd-bar", "chair-20-sd-bar", "doorknob-hd-no-bar")
    }


def test_frames_are_near_the_published_ones(hashed: dict[str, list[Row]]) -> None:
    for name, rows in hashed.items():
        answers = {row.frame: row for row in published(name)}
        distances = [(row.pdq ^ answers[row.frame].pdq).bit_count() for row in rows]
        assert max(distances) <= RADIUS, name
        assert sum(distances) / len(distances) <= 6, name
        for row in rows:
            assert abs(row.seconds - answers[row.frame].seconds) <= 0.001
            assert abs(row.quality - answers[row.frame].quality) <= 3


def test_shares_of_matching_frames(hashed: dict[str, list[Row]]) -> None:
    chair_19, chair_20, doorknob = hashed.values()
    assert matching_share(chair_19, published("chair-20-sd-bar")) == 100
    assert matching_share(published("chair-20-sd-bar"), chair_19) == pytest.approx(92.76, abs=1.5)
    assert matching_share(chair_20, doorknob) == 0
    assert matching_share(doorknob, chair_20) == 0
