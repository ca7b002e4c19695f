"""Videos that share frames: vPDQ, exact.

A video is the PDQ of its frames. Two are alike by the share of one's frames that are within the
radius of any frame of the other, counted both ways (facebook/ThreatExchange, vpdq/).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from matchers.hashing.pdq import compiled
from matchers.indexes.flat_file import FlatFile, FlatFileWriter
from matchers.indexes.hamming import Codes, HammingIndex


class VideoHits(NamedTuple):
    """Query `query[i]` is like row `row[i]`: `query_share[i]` of its frames match, and
    `compared_share[i]` of the row's (0–1). `distance[i]` is that of the nearest pair of frames, in
    bits. In the order of the queries, then of the rows."""

    query: NDArray[np.int64]
    row: NDArray[np.int64]
    distance: NDArray[np.int64]
    query_share: NDArray[np.float64]
    compared_share: NDArray[np.float64]


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

    def search_in_parts(
        self,
        queries: Sequence[Codes],
        radius: int,
        query_share: float,
        compared_share: float,
    ) -> Iterator[VideoHits]:
        """All videos of which both shares are reached, with at least one pair of frames; the hits
        of each query are a part."""
        tally: Tally | None = None
        for number, query in enumerate(queries):
            met = 0
            for hits in self._frames.search_in_parts(query, radius):
                if tally is None:
                    tally = Tally.of(len(self._ends), len(self._frames))
                owner = np.searchsorted(self._ends, hits.row.astype(np.uint64), side="right")
                met = count_frames(number + 1, *hits, owner, met, tally)
            if tally is None or not met:
                continue
            rows = np.sort(tally.met[:met])
            sizes = self._ends[rows] - np.where(rows > 0, self._ends[rows - 1], 0)
            found = VideoHits(
                np.full(met, number),
                rows,
                tally.nearest[rows],
                tally.from_query[rows] / len(query),
                tally.from_row[rows] / sizes,
            )
            alike = (found.query_share >= query_share) & (found.compared_share >= compared_share)
            if alike.any():
                yield VideoHits._make(column[alike] for column in found)


class Tally(NamedTuple):
    """What was counted of each listed video for one query after another. An array of zeros takes
    no memory where nothing is written: what a query met, it alone begins anew."""

    asker: NDArray[np.int64]
    """The last query that met a video."""
    seen: NDArray[np.uint32]
    """The last query that met a frame."""
    last: NDArray[np.int64]
    """The last of the query's frames that met a video."""
    from_query: NDArray[np.int64]
    """Frames of the query that match any of a video."""
    from_row: NDArray[np.int64]
    """Frames of a video that match any of the query."""
    nearest: NDArray[np.int64]
    met: NDArray[np.int64]
    """The videos that the query has met."""

    @classmethod
    def of(cls, videos: int, frames: int) -> Self:
        """Of no query yet."""
        asker, last, from_query, from_row, nearest, met = (
            np.zeros(videos, np.int64) for _ in range(6)
        )
        seen = np.zeros(frames, np.uint32)
        return cls(asker, seen, last, from_query, from_row, nearest, met)


@compiled
def count_frames(
    asker: int,
    query: NDArray[np.int64],
    row: NDArray[np.int64],
    distance: NDArray[np.int64],
    owner: NDArray[np.int64],
    met: int,
    tally: Tally,
) -> int:
    """Count pairs of frames, in the order of the query's, whose listed ones are in videos `owner`;
    how many videos query `asker` (from 1) has met by then, who had met `met`."""
    for hit in range(row.shape[0]):
        video = owner[hit]
        if tally.asker[video] != asker:
            tally.asker[video] = asker
            tally.from_query[video] = 0
            tally.from_row[video] = 0
            tally.nearest[video] = distance[hit]
            tally.met[met] = video
            met += 1
        if tally.from_query[video] == 0 or tally.last[video] != query[hit]:
            tally.last[video] = query[hit]
            tally.from_query[video] += 1
        if tally.seen[row[hit]] != asker:
            tally.seen[row[hit]] = asker
            tally.from_row[video] += 1
        tally.nearest[video] = min(tally.nearest[video], distance[hit])
    return met
