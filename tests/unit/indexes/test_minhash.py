from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matchers.hashing.text import SAMPLE, minhash, shingles
from matchers.indexes.flat_file import FlatFileWriter, open_flat_file
from matchers.indexes.hamming import HammingHits, joined
from matchers.indexes.minhash import MOST_MISSING, STRETCH, MinhashIndex, Shingles, Signatures
from tests.unit.hashing.prose import edited, prose

Found = set[tuple[int, int, int]]


def signatures(texts: list[str]) -> Signatures:
    values = [minhash(text) for text in texts]
    assert None not in values
    return np.array([np.frombuffer(value or b"", "<u4") for value in values], np.uint32)


def looked_up(texts: list[str]) -> list[Shingles]:
    return [np.frombuffer(shingles(text) or b"", "<u4").astype(np.uint32) for text in texts]


def brute_force(queries: list[Shingles], rows: Signatures, limit: int) -> Found:
    """Every query against every row, over the stretches that begin with a sampled shingle."""
    found: Found = set()
    for r, (length, *words) in enumerate(rows.tolist()):
        sample = set(words[: min(length, SAMPLE)])
        for q, query in enumerate(queries):
            hits = [(at, word) for at, word in enumerate(query.tolist()) if word in sample]
            held = max(
                (
                    len({word for at, word in hits if begin <= at < begin + STRETCH * length})
                    for begin, _ in hits
                ),
                default=0,
            )
            missing = -(-1000 * (len(sample) - held) // len(sample))
            if missing <= limit:
                found.add((q, r, missing))
    return found


def said(parts: Iterable[HammingHits]) -> Found:
    hits = joined(parts)
    rows = list(zip(hits.query.tolist(), hits.row.tolist(), hits.distance.tolist(), strict=True))
    assert len(rows) == len(set(rows))
    return set(rows)


def crowd(rng: np.random.Generator, n: int) -> tuple[Signatures, list[Shingles]]:
    """Samples of which some shingles are common; and texts made of parts of rows, apart and
    repeated, and of other shingles."""
    rows = np.full((n, 1 + SAMPLE), 0xFFFFFFFF, np.uint32)
    for row in rows:
        size = int(rng.integers(3, SAMPLE + 1))
        row[0] = size if size < SAMPLE else rng.integers(SAMPLE, 400)
        common = rng.choice(60, min(size - 1, int(rng.integers(0, 40))), replace=False)
        rest = rng.integers(60, 2**32, 3 * SAMPLE)
        row[1 : 1 + size] = np.sort(np.unique(np.concatenate([common, rest]))[:size])
    queries: list[Shingles] = []
    for _ in range(12):
        parts = [rng.integers(0, 80, int(rng.integers(0, 60)))]
        for row in rng.integers(0, n, 2) if n else ():
            sample = rows[row, 1 : 1 + min(int(rows[row, 0]), SAMPLE)]
            kept = rng.permutation(sample[rng.random(len(sample)) < rng.uniform(0.4, 1)])
            gap = rng.integers(0, 2**32, int(rng.choice([0, 50, 900])))
            often = np.repeat(kept[:9], int(rng.choice([1, 12])))
            parts += [kept[: len(kept) // 2], gap, kept[len(kept) // 2 :], often]
        queries.append(np.concatenate(parts).astype(np.uint32))
    return rows, queries


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    n=st.sampled_from([0, 1, 20]),
    limit=st.sampled_from([0, 1, 100, 300, 499, MOST_MISSING]),
)
def test_every_row_within_the_limit_is_found(seed: int, n: int, limit: int) -> None:
    rows, queries = crowd(np.random.default_rng(seed), n)
    index = MinhashIndex.build(rows)
    assert len(index) == n
    assert said(index.search_in_parts(queries, limit)) == brute_force(queries, rows, limit)
    assert [index.value(row) for row in range(n)] == [row.tobytes() for row in rows]


def test_a_written_index_says_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    for n in (0, 40):
        rows, queries = crowd(rng, n)
        with FlatFileWriter(tmp_path / "index", "test") as file:
            MinhashIndex.write(file, "m", rows)
            file.finish({})
        opened = MinhashIndex.read(open_flat_file(tmp_path / "index", "test"), "m")
        built = MinhashIndex.build(rows)
        assert said(opened.search_in_parts(queries, 400)) == said(
            built.search_in_parts(queries, 400)
        )


def test_more_than_the_index_holds_may_not_be_missing() -> None:
    with pytest.raises(ValueError, match="at most 500 thousandths"):
        list(MinhashIndex.build(signatures([prose(1, 50)])).search_in_parts([], MOST_MISSING + 1))


def test_copies_are_found_and_strangers_are_not() -> None:
    """What docs/own-the-lists.md says of the default of 0.7, over 1,000 listed texts."""
    texts = [prose(seed, 40 + seed % 160) for seed in range(1_000)]
    index = MinhashIndex.build(signatures(texts))
    every = range(0, 1_000, 5)

    def found(queries: list[str]) -> float:
        hits = said(index.search_in_parts(looked_up(queries), 300))
        own = {(at, row) for at, row in enumerate(every)}
        assert {(query, row) for query, row, _ in hits} <= own, "a stranger"
        return len({(query, row) for query, row, _ in hits} & own) / len(own)

    assert found([texts[at] for at in every]) == 1
    assert found([edited(texts[at], at, 0.125) for at in every]) == 1
    assert found([edited(texts[at], at, 0.17) for at in every]) > 0.95
    inside = [f"{prose(at + 9_000, 400)} {texts[at]} {prose(at + 19_000, 400)}" for at in every]
    assert found(inside) == 1
    assert found([prose(at + 30_000, 800) for at in every]) == 0


@pytest.mark.parametrize("length", [40, 200])
def test_a_bad_sample_writes_nowhere_and_takes_nothing_from_its_neighbours(length: int) -> None:
    """A control message or an old store may hold what no list would take in."""
    (good,) = signatures([prose(1, 60)])
    bad = np.zeros(1 + SAMPLE, np.uint32)
    bad[0] = length
    for word in (0, int(good[1])):
        bad[1:] = word
        index = MinhashIndex.build(np.array([bad, good], np.uint32))
        (query,) = looked_up([prose(1, 60)])
        query = np.concatenate([query, np.full(8, word, np.uint32)])
        found = said(index.search_in_parts([query], 300))
        assert (0, 1, 0) in found
