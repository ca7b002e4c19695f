"""Videos that share frames: vPDQ, exact.

A video is the PDQ of its frames. Two are alike by the share of one's frames that are within the
radius of any frame of the other, counted both ways (facebook/ThreatExchange, vpdq/).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from matchers.indexes.flat_file import FlatFile, FlatFileWriter
from matchers.indexes.hamming import Codes, HammingIndex


class VideoHit(NamedTuple):
    """Query `query` is like row `row`: `query_share` of its frames match, and `compared_share` of
    the row's (0–1). `distance` is that of the nearest pair of frames, in bits."""

    query: int
    row: int
    distance: int
    query_share: float
    compared_share: float


class VideoIndex:
    """Videos by their frames. Rows are counted as they were given."""

    def __init__(self, frames: HammingIndex, ends: NDArray[np.uint64]) -> None:
        """`ends[i]` is the number of frames in videos 0 to i."""
        self._frames = frames
        self._ends = ends

    @classmethod
    def build(cls, videos: Sequence[Codes]) -> Self:
        """Index videos, each an array of codes of shape (frames, 4) with at least one frame."""
        lengths = np.array([len(video) for video in videos], np.uint64)
        frames = np.concatenate(videos) if videos else np.zeros((0, 4), np.uint64)
        return cls(HammingIndex.build(frames), np.cumsum(lengths, dtype=np.uint64))

    @classmethod
    def write(
        cls,
        file: FlatFileWriter,
        prefix: str,
        frames: Codes,
        ends: NDArray[np.uint64],
        progress: Callable[[float], None] | None = None,
    ) -> None:
        """Index videos in a file, in sections whose names start with `prefix`."""
        file.section(f"{prefix}.videos", "<u8", ends.shape)[:] = ends
        HammingIndex.write(file, prefix, frames, progress)

    @classmethod
    def read(cls, file: FlatFile, prefix: str) -> Self:
        """The index that `write` wrote, memory-mapped."""
        return cls(HammingIndex.read(file, prefix), file.arrays[f"{prefix}.videos"])

    def __len__(self) -> int:
        return len(self._ends)

    def search(
        self,
        queries: Sequence[Codes],
        radius: int,
        query_share: float,
        compared_share: float,
    ) -> list[VideoHit]:
        """All videos of which both shares are reached, with at least one pair of frames."""
        if not queries or not len(self._ends):
            return []
        lengths = np.array([len(query) for query in queries], np.int64)
        asker = np.repeat(np.arange(len(queries)), lengths)
        hits = self._frames.search(np.concatenate(queries), radius)
        if not len(hits.row):
            return []
        owner = np.searchsorted(self._ends, hits.row.astype(np.uint64), side="right")
        pair = asker[hits.query] * len(self._ends) + owner
        pairs, place = np.unique(pair, return_inverse=True)
        from_query = _distinct(place, hits.query, len(pairs))
        from_row = _distinct(place, hits.row, len(pairs))
        nearest = np.full(len(pairs), 1 << 16, np.int64)
        np.minimum.at(nearest, place, hits.distance)
        sizes = np.diff(self._ends.astype(np.int64), prepend=0)
        found: list[VideoHit] = []
        for at, both in enumerate(pairs.tolist()):
            query, row = divmod(both, len(self._ends))
            shares = (
                int(from_query[at]) / int(lengths[query]),
                int(from_row[at]) / int(sizes[row]),
            )
            if shares[0] >= query_share and shares[1] >= compared_share:
                found.append(VideoHit(query, row, int(nearest[at]), *shares))
        return found


def _distinct(
    group: NDArray[np.int64], member: NDArray[np.int64], groups: int
) -> NDArray[np.int64]:
    """How many different members each group has."""
    most = int(member.max()) + 1
    both = np.unique(group * most + member)
    return np.bincount(both // most, minlength=groups)
