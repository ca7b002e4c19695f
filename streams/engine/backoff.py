"""How long to wait before trying again."""

import random

_SHARED = random.Random()  # noqa: S311 - not for secrets


class Backoff:
    """Exponential backoff with full jitter, in seconds.

    Full jitter (a uniform draw from zero to the bound) spreads the retries of many workers most
    evenly: Marc Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
    """

    def __init__(self, base: float = 0.1, cap: float = 10.0, draw: random.Random | None = None):
        self._base = base
        self._cap = cap
        self._draw = draw or _SHARED
        self._tries = 0

    def next(self) -> float:
        """The next wait; the bound doubles each time up to the cap."""
        bound = min(self._cap, self._base * 2 ** min(self._tries, 30))
        self._tries += 1
        return self._draw.uniform(bound / 10, bound)

    def reset(self) -> None:
        """Start over, after a success."""
        self._tries = 0
