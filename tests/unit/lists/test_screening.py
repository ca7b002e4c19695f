from datetime import UTC, datetime

import msgspec
import pytest

from matchers.hashing.outcome import StillHashes, VariantPdq
from matchers.hashing.screen import PDQ_DRIFT, PHASH_DRIFT, QUALITY_DRIFT
from matchers.lists.entry import Algorithm, ListEntry, ListInfo
from matchers.lists.matcher import PDQ_RADIUS, PHASH_RADIUS, ListMatcher
from matchers.lists.screening import could_match


def flipped(width: int, bits: int) -> str:
    """Zeros but for some bits, spread out."""
    return sum(1 << (bit * 8 * width // bits) for bit in range(bits)).to_bytes(width).hex()


def turned(pdq: int, quality: int = 100) -> StillHashes:
    """A picture that is far away, and near when turned."""
    view = VariantPdq(variant="rotate90", pdq=flipped(32, pdq), quality=quality)
    return msgspec.structs.replace(still(quality=quality), variants=(view,))


def still(pdq: int = 128, quality: int = 100, phash: int = 32, dhash: int = 32) -> StillHashes:
    """Hashes so many bits away from zero."""
    return StillHashes(
        pdq=flipped(32, pdq) if pdq else "0" * 64,
        quality=quality,
        phash=flipped(8, phash),
        dhash=flipped(8, dhash),
        exact=False,
    )


LISTED: dict[Algorithm, str] = {"pdq": "0" * 64, "phash": "0" * 16, "dhash": "0" * 16}
MATCHER = ListMatcher(
    {"one": ListInfo(name="one")},
    [
        ListEntry(list="one", id=algorithm, algorithm=algorithm, value=value)
        for algorithm, value in LISTED.items()
    ],
    loaded_at=datetime(2026, 1, 1, tzinfo=UTC),
)
WIDE_PDQ, WIDE_PHASH = PDQ_RADIUS + PDQ_DRIFT, PHASH_RADIUS + PHASH_DRIFT


@pytest.mark.parametrize(
    ("picture", "could"),
    [
        (still(), False),
        (still(pdq=WIDE_PDQ), True),
        (still(pdq=WIDE_PDQ + 1), False),
        (still(pdq=WIDE_PDQ, quality=50 - QUALITY_DRIFT), True),
        (still(pdq=0, quality=49 - QUALITY_DRIFT), False),
        (still(phash=WIDE_PHASH), True),
        (still(phash=WIDE_PHASH + 1), False),
        (still(dhash=WIDE_PHASH, quality=0), True),
        (turned(WIDE_PDQ), True),
        (turned(WIDE_PDQ + 1), False),
        (turned(WIDE_PDQ, quality=49 - QUALITY_DRIFT), False),
    ],
)
def test_whatever_could_match_within_the_drift_is_hashed_exactly(
    picture: StillHashes, could: bool
) -> None:
    assert could_match(lambda: MATCHER)([still(), picture]) == [False, could]
