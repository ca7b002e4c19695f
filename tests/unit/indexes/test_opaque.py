import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matchers.indexes.hamming import joined
from matchers.indexes.opaque import Metric, OpaqueIndex


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), n=st.sampled_from([0, 1, 200]), limit=st.integers(0, 60_000))
@pytest.mark.parametrize("metric", ["squared_euclidean", "manhattan"])
def test_every_vector_within_the_distance_is_found(
    metric: Metric, seed: int, n: int, limit: int
) -> None:
    rng = np.random.default_rng(seed)
    if metric == "manhattan":
        limit //= 20
    vectors = rng.integers(0, 256, (n, 144), dtype=np.uint8)
    queries = rng.integers(0, 256, (10, 144), dtype=np.uint8)
    if n:
        queries[:8] = vectors[rng.integers(0, n, 8)]
        shaken = queries[:8].astype(np.int64) + rng.integers(-20, 21, (8, 144))
        queries[:8] = np.clip(shaken, 0, 255)
    apart = np.abs(queries[:, None].astype(np.int64) - vectors[None].astype(np.int64))
    distance = (apart**2 if metric == "squared_euclidean" else apart).sum(2)
    wanted = {
        (int(query), int(row), int(distance[query, row]))
        for query, row in zip(*np.nonzero(distance <= limit), strict=True)
    }
    hits = joined(OpaqueIndex.build(vectors).search_in_parts(queries, limit, metric))
    found = list(zip(hits.query.tolist(), hits.row.tolist(), hits.distance.tolist(), strict=True))
    assert len(found) == len(wanted)
    assert set(found) == wanted
