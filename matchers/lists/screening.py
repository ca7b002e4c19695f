"""Which pictures, hashed roughly, could match a list once they are hashed exactly."""

import threading
from collections.abc import Callable, Sequence

from matchers.hashing.decoder_pool import DecoderPool, MediaSource
from matchers.hashing.outcome import HashResult, StillHashes
from matchers.hashing.screen import PDQ_DRIFT, PHASH_DRIFT, QUALITY_DRIFT
from matchers.hashing.screening import CouldMatch, ScreeningHasher
from matchers.lists.matcher import PDQ_QUALITY_FLOOR, ListMatcher


def could_match(matcher: Callable[[], ListMatcher]) -> CouldMatch:
    """What a `ScreeningHasher` asks: looks up with radii widened by the worst drift of a screen
    hash, so that no picture is passed over that would match exactly. Neither is one whose quality
    could be on either side of the floor: a picture that is too poor to be matched is said to be."""

    def could(stills: Sequence[StillHashes]) -> list[bool]:
        lists = matcher()
        views = [
            (at, bytes.fromhex(view.pdq))
            for at, still in enumerate(stills)
            for view in (still, *still.variants)
        ]
        near = lists.any_within("pdq", [view for _, view in views], lists.radii.pdq + PDQ_DRIFT)
        pdq = {at for (at, _), found in zip(views, near, strict=True) if found}
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
            (at in pdq and still.quality >= PDQ_QUALITY_FLOOR - QUALITY_DRIFT)
            or phash[at]
            or dhash[at]
            or abs(still.quality - PDQ_QUALITY_FLOOR) <= QUALITY_DRIFT
            for at, still in enumerate(stills)
        ]

    return could


class ListScreening:
    """Hashes media with a pool, exactly where the lists could match, for a look-up that follows in
    the same thread: `matcher` gives it the very lists that the media were screened against, so
    that an entry that comes in between is not looked up among rough hashes."""

    def __init__(self, pool: DecoderPool, lists: Callable[[], ListMatcher]) -> None:
        self._pool = pool
        self._lists = lists
        self._used = threading.local()

    def hash_many(self, items: Sequence[MediaSource]) -> list[HashResult]:
        """As `ScreeningHasher.hash_many`."""
        lists = self._lists()
        self._used.lists = None
        results = ScreeningHasher(self._pool, could_match(lambda: lists)).hash_many(items)
        self._used.lists = lists
        return results

    def matcher(self) -> ListMatcher:
        """The lists that the last media of this thread were screened against, once; without such
        media those in use."""
        used: ListMatcher | None = getattr(self._used, "lists", None)
        self._used.lists = None
        return used or self._lists()
