"""The same matches for less work: screen every picture, hash exactly what could match."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from matchers.hashing.decoder_pool import DecoderPool, MediaSource
from matchers.hashing.outcome import HashResult, StillHashes

CouldMatch = Callable[[Sequence[StillHashes]], Sequence[bool]]
"""Which of these screen hashes could match once they are exact: looked up with radii widened by
the drifts in screen.py, and whatever their quality above that minus its drift."""


class ScreeningHasher:
    """Hashes with a pool, exactly where it matters.

    A result whose hashes are not `exact` could not match what `could_match` looked in. They fit a
    look-up in the same lists, not one in lists that grew since, nor keeping for later: where
    hashes are stored or matched elsewhere, use the pool itself.
    """

    def __init__(self, pool: DecoderPool, could_match: CouldMatch) -> None:
        self._pool = pool
        self._could_match = could_match

    def hash_many(self, items: Sequence[MediaSource]) -> list[HashResult]:
        """As `DecoderPool.hash_many`. A file behind a uri is read again if it could match."""
        results = self._pool.hash_many(items, "screen")
        screened = [
            (place, result.still)
            for place, result in enumerate(results)
            if result.still is not None and not result.still.exact
        ]
        chosen = self._could_match([still for _, still in screened]) if screened else ()
        again = [place for (place, _), could in zip(screened, chosen, strict=True) if could]
        for place, exact in zip(
            again, self._pool.hash_many([items[place] for place in again]), strict=True
        ):
            # Where it changed, went away or took too long since, it was not looked up, and says so.
            results[place] = (
                exact
                if exact.still is not None
                else replace(results[place], still=None, error=exact.error or "unavailable")
            )
        return results
