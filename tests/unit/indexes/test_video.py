import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matchers.indexes import hamming
from matchers.indexes.hamming import Codes
from matchers.indexes.video import VideoIndex

RADIUS = 31


Found = tuple[int, int, int, float, float]
"""Query, row, distance, and both shares."""


def brute_force(
    videos: list[Codes], queries: list[Codes], shares: tuple[float, float]
) -> list[Found]:
    """The oracle, from the definition: every frame of one against every frame of the other."""
    found: list[Found] = []
    for query, frames in enumerate(queries):
        for row, others in enumerate(videos):
            distance = np.bitwise_count(frames[:, None] ^ others[None]).sum(2, dtype=np.int64)
            near = distance <= RADIUS
            if not near.any():
                continue
            mine, theirs = near.any(1).mean(), near.any(0).mean()
            if mine >= shares[0] and theirs >= shares[1]:
                found.append((query, row, int(distance.min()), float(mine), float(theirs)))
    return found


def found_by(index: VideoIndex, queries: list[Codes], shares: tuple[float, float]) -> list[Found]:
    parts = index.search_in_parts(queries, RADIUS, *shares)
    return [
        hit for part in parts for hit in zip(*(column.tolist() for column in part), strict=True)
    ]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    lengths=st.lists(st.integers(1, 12), max_size=8),
    asked=st.lists(st.integers(1, 12), max_size=4),
    shares=st.tuples(st.sampled_from([0.0, 0.5, 0.8, 1.0]), st.sampled_from([0.0, 0.5, 1.0])),
)
def test_shares_are_those_of_the_definition(
    seed: int, lengths: list[int], asked: list[int], shares: tuple[float, float]
) -> None:
    rng = np.random.default_rng(seed)
    scenes = rng.integers(0, 1 << 64, (6, 4), dtype=np.uint64)

    def video(frames: int) -> Codes:
        taken = scenes[rng.integers(0, len(scenes), frames)].copy()
        taken[:, 0] ^= np.uint64(2) ** rng.integers(0, 40, frames).astype(np.uint64) - np.uint64(1)
        return taken

    videos, queries = [video(n) for n in lengths], [video(n) for n in asked]
    found = found_by(VideoIndex.build(videos), queries, shares)
    assert found == brute_force(videos, queries, shares)


def test_videos_that_share_their_frames_are_counted_right_over_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hamming, "PART", 100)
    rng = np.random.default_rng(9)
    frame = rng.integers(0, 1 << 64, 4, dtype=np.uint64)
    near = frame ^ np.array([[n & 7, 0, n >> 3 & 7, 0] for n in range(40)], np.uint64)
    videos = [
        np.concatenate([near[n : n + 2], rng.integers(0, 1 << 64, (n % 3, 4), dtype=np.uint64)])
        for n in range(30)
    ]
    queries = [near[:25], rng.integers(0, 1 << 64, (3, 4), dtype=np.uint64), near[20:]]
    for shares in ((0.0, 0.0), (0.8, 0.6), (1.0, 1.0)):
        found = found_by(VideoIndex.build(videos), queries, shares)
        assert found == brute_force(videos, queries, shares)
