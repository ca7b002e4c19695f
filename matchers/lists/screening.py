"""Which pictures, hashed roughly, could match a list once they are hashed exactly."""

from collections.abc import Callable, Sequence

from matchers.hashing.outcome import StillHashes
from matchers.hashing.screen import PDQ_DRIFT, PHASH_DRIFT, QUALITY_DRIFT
from matchers.hashing.screening import CouldMatch
from matchers.lists.matcher import PDQ_QUALITY_FLOOR, ListMatcher


def could_match(matcher: Callable[[], ListMatcher]) -> CouldMatch:
    """What a `ScreeningHasher` asks: looks up with radii widened by the worst drift of a screen
    hash, so that no picture is passed over that would match exactly."""

    def could(stills: Sequence[StillHashes]) -> list[bool]:
        lists = matcher()
        pdq = lists.any_within(
            "pdq", [bytes.fromhex(still.pdq) for still in stills], lists.radii.pdq + PDQ_DRIFT
        )
        phash = lists.any_within(
            "phash",
            [bytes.fromhex(still.phash) for still in stills],
            lists.radii.phash + PHASH_DRIFT,
        )
        dhash = lists.any_within(
            "dhash",
            [bytes.fromhex(still.dhash) for still in stills],
            lists.radii.dhash + PHASH_DRIFT,
        )
        return [
            (pdq[at] and still.quality >= PDQ_QUALITY_FLOOR - QUALITY_DRIFT)
            or phash[at]
            or dhash[at]
            for at, still in enumerate(stills)
        ]

    return could
