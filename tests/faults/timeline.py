"""When how many records had come."""

import time
from bisect import bisect_right
from itertools import pairwise


class Timeline:
    """A running count with its times (monotonic seconds)."""

    def __init__(self) -> None:
        self._times: list[float] = []
        self._counts: list[int] = []

    def add(self, count: int) -> None:
        """So many more have come, now."""
        self._times.append(time.monotonic())
        self._counts.append((self._counts[-1] if self._counts else 0) + count)

    def exceeded(self, count: int) -> float | None:
        """When there were more than `count`; None when there never were."""
        place = bisect_right(self._counts, count)
        return self._times[place] if place < len(self._times) else None

    def longest_wait(self, source: "Timeline", since: float, until: float) -> float:
        """The longest time that something of `source` waited while nothing came, of the waits
        that overlap the span."""
        longest = 0.0
        points = list(zip(self._times, self._counts, strict=True))
        for (before, count), (after, _) in pairwise([(0.0, 0), *points]):
            there = source.exceeded(count)
            if there is not None and after > since and before < until:
                longest = max(longest, after - max(before, there))
        return longest

    def waits(self, source: "Timeline", since: float, until: float) -> list[float]:
        """How long each record of `source` that came within the span waited until as many had
        come here; without those for which that never was."""
        found: list[float] = []
        before = 0
        for at, count in zip(source._times, source._counts, strict=True):
            if since <= at <= until:
                ends = (self.exceeded(number) for number in range(before, count))
                found += [max(0.0, end - at) for end in ends if end is not None]
            before = count
        return found
