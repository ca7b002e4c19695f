import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from matchers.indexes.hamming import Codes
from matchers.indexes.video import VideoHit, VideoIndex

RADIUS = 31


def brute_force(
    videos: list[Codes], queries: list[Codes], shares: tuple[float, float]
) -> list[VideoHit]:
    """The oracle, from the definition: every frame of one against every frame of the other."""
    found: list[VideoHit] = []
    for query, frames in enumerate(queries):
        for row, others in enumerate(videos):
            distance = np.bitwise_count(frames[:, None] ^ others[None]).sum(2, dtype=np.int64)
            near = distance <= RADIUS
            if not near.any():
                continue
            mine, theirs = near.any(1).mean(), near.any(0).mean()
            if mine >= shares[0] and theirs >= shares[1]:
                hit = VideoHit(query, row, int(distance.min()), float(mine), float(theirs))
                found.append(hit)
    return found


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
    found = VideoIndex.build(videos).search(queries, RADIUS, *shares)
    assert found == brute_force(videos, queries, shares)
