from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matchers.indexes import hamming
from matchers.indexes.flat_file import FlatFileWriter, open_flat_file
from matchers.indexes.hamming import Codes, HammingHits, HammingIndex


def brute_force(codes: Codes, queries: Codes, radius: int) -> set[tuple[int, int, int]]:
    """The oracle: NumPy alone, every query against every code."""
    distance = np.bitwise_count(queries[:, None, :] ^ codes[None]).sum(2, dtype=np.int64)
    return {
        (int(query), int(row), int(distance[query, row]))
        for query, row in zip(*np.nonzero(distance <= radius), strict=True)
    }


def triples(hits: HammingHits) -> list[tuple[int, int, int]]:
    return list(zip(hits.query.tolist(), hits.row.tolist(), hits.distance.tolist(), strict=True))


def flipped(rng: np.random.Generator, code: Codes, bits: int) -> Codes:
    changed = code.copy()
    for bit in rng.choice(64 * len(code), bits, replace=False):
        changed[bit >> 6] ^= np.uint64(1) << np.uint64(bit & 63)
    return changed


def clustered(rng: np.random.Generator, n: int, words: int) -> Codes:
    """Mostly uniform; a tenth are variants of others, a hundredth share a flat shape."""
    codes = rng.integers(0, 1 << 64, (n, words), dtype=np.uint64)
    for row in range(n // 10):
        codes[row] = flipped(rng, codes[n - 1 - row], int(rng.integers(0, 21)))
    codes[n // 2 : n // 2 + n // 100] = 0xFF
    return codes


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    n=st.sampled_from([0, 1, 5, 300, 3000]),
    words=st.sampled_from([1, 4]),
    radius=st.integers(0, 60),
)
def test_every_code_within_the_radius_is_found_once(
    seed: int, n: int, words: int, radius: int
) -> None:
    rng = np.random.default_rng(seed)
    codes = clustered(rng, n, words)
    queries = rng.integers(0, 1 << 64, (20, words), dtype=np.uint64)
    if n:
        for at in range(12):
            near = min(64 * words, radius + int(rng.integers(-3, 3)))
            queries[at] = flipped(rng, codes[int(rng.integers(n))], max(0, near))
        queries[12] = 0xFF
    hits = triples(HammingIndex.build(codes).search(queries, radius))
    assert len(hits) == len(set(hits))
    assert set(hits) == brute_force(codes, queries, radius)


def test_every_distance_from_0_to_the_radius_and_none_beyond() -> None:
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 1 << 64, (hamming.COMPARED_BELOW * 2, 4), dtype=np.uint64)
    index = HammingIndex.build(codes)
    for distance in range(34):
        queries = np.array([flipped(rng, codes[row], distance) for row in range(50)])
        hits = triples(index.search(queries, 31))
        wanted = [(row, row, distance) for row in range(50)] if distance <= 31 else []
        assert sorted(hits) == wanted


@pytest.mark.parametrize(("words", "radius"), [(4, 31), (4, 47), (1, 6), (1, 14)])
def test_fifty_thousand_codes_in_a_file_against_brute_force(
    tmp_path: Path, words: int, radius: int
) -> None:
    rng = np.random.default_rng(50)
    codes = clustered(rng, 50_000, words)
    with FlatFileWriter(tmp_path / "index", "test") as file:
        HammingIndex.write(file, "codes", codes)
        file.finish({})
    index = HammingIndex.read(open_flat_file(tmp_path / "index", "test"), "codes")
    queries = rng.integers(0, 1 << 64, (4 * (radius + 1), words), dtype=np.uint64)
    for at in range(3 * (radius + 1)):
        queries[at] = flipped(rng, codes[rng.integers(len(codes))], at % (radius + 1))
    hits = triples(index.search(queries, radius))
    assert len(hits) == len(set(hits))
    wanted = set[tuple[int, int, int]]()
    for at, query in enumerate(queries):
        wanted |= {(at, row, d) for _, row, d in brute_force(codes, query[None], radius)}
    assert set(hits) == wanted


def test_threads_can_search_at_once() -> None:
    rng = np.random.default_rng(6)
    codes = rng.integers(0, 1 << 64, (hamming.COMPARED_BELOW * 2, 4), dtype=np.uint64)
    index = HammingIndex.build(codes)
    rows = np.arange(len(codes))

    def search(start: int) -> bool:
        chosen = rows[start::4]
        hits = index.search(codes[chosen], 31)
        return bool(np.array_equal(np.sort(chosen[hits.query]), np.sort(hits.row)))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(search, [0, 1, 2, 3] * 3))


def test_bits_all_in_one_chunk_or_spread_over_all() -> None:
    rng = np.random.default_rng(4)
    codes = rng.integers(0, 1 << 64, (hamming.COMPARED_BELOW * 2, 4), dtype=np.uint64)
    index = HammingIndex.build(codes)
    packed = codes[7].copy()
    packed[0] ^= np.uint64(0x7FFFFFFF)
    spread = codes[7].copy()
    for bit in [*range(0, 256, 16), *range(1, 240, 16)]:
        spread[bit >> 6] ^= np.uint64(1) << np.uint64(bit & 63)
    hits = triples(index.search(np.array([packed, spread]), 31))
    assert sorted(hits) == [(0, 7, 31), (1, 7, 31)]


def test_more_hits_than_room_are_all_given() -> None:
    codes = np.zeros((5000, 4), np.uint64)
    hits = HammingIndex.build(codes).search(np.zeros((2, 4), np.uint64), 31)
    assert len(set(triples(hits))) == 10_000


@pytest.mark.parametrize("n", [1000, 5000])
def test_hits_come_in_parts_of_whole_queries_and_none_is_lost(
    monkeypatch: pytest.MonkeyPatch, n: int
) -> None:
    """Amid a large cluster each query has a hit for every code: held together, those of a chunk's
    queries would be more than there is memory for."""
    monkeypatch.setattr(hamming, "PART", 3 * n)
    rng = np.random.default_rng(11)
    codes = rng.integers(0, 1 << 64, (n, 4), dtype=np.uint64)
    codes[n // 2 :] = codes[0] ^ rng.integers(0, 16, (n - n // 2, 1), dtype=np.uint64)
    queries = np.concatenate([codes[n // 2 : n // 2 + 40], codes[:40]])
    parts = [triples(part) for part in HammingIndex.build(codes).search_in_parts(queries, 31)]
    assert len(parts) > 5
    assert max(map(len, parts)) <= 3 * n
    owners = [{query for query, _, _ in part} for part in parts]
    assert sum(map(len, owners)) == len(set[int]().union(*owners)), "a query is in one part alone"
    hits = [hit for part in parts for hit in part]
    assert hits == sorted(hits, key=lambda hit: hit[0])
    assert len(hits) == len(set(hits))
    assert set(hits) == brute_force(codes, queries, 31)


def test_a_negative_radius_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 0"):
        HammingIndex.build(np.zeros((1, 4), np.uint64)).search(np.zeros((1, 4), np.uint64), -1)
