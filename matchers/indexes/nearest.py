"""The nearest of a query's hits, and the nearest of each kind: what is kept of a crowd."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from matchers.hashing.pdq import compiled


@compiled
def mark_nearest(
    query: NDArray[np.int64],
    row: NDArray[np.int64],
    distance: NDArray[np.int64],
    kind: NDArray[np.int64],
    kinds: int,
    most: int,
) -> NDArray[np.bool_]:
    """Which hits are among the `most` nearest of their query, or the nearest of their kind there
    (0 to `kinds` − 1); of equally near ones, the lower row. Hits of a query are together."""
    kept = np.zeros(query.shape[0], np.bool_)
    first = np.full(kinds, -1)
    nearest = np.empty(most, np.int64)
    begin = 0
    while begin < query.shape[0]:
        held = 0
        end = begin
        while end < query.shape[0] and query[end] == query[begin]:
            # What an earlier query has left there lies before `begin`.
            if first[kind[end]] < begin or _nearer(row, distance, end, first[kind[end]]):
                first[kind[end]] = end
            if held < most:
                held += 1
            elif not _nearer(row, distance, end, nearest[held - 1]):
                end += 1
                continue
            at = held - 1
            while at > 0 and _nearer(row, distance, end, nearest[at - 1]):
                nearest[at] = nearest[at - 1]
                at -= 1
            nearest[at] = end
            end += 1
        for at in range(held):
            kept[nearest[at]] = True
        for place in range(begin, end):
            if first[kind[place]] == place:
                kept[place] = True
        begin = end
    return kept


@compiled
def _nearer(row: NDArray[np.int64], distance: NDArray[np.int64], one: Any, other: Any) -> bool:
    if distance[one] != distance[other]:
        return bool(distance[one] < distance[other])
    return bool(row[one] < row[other])
