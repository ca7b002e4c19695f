from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matchers.indexes.flat_file import FlatFileWriter, open_flat_file
from matchers.indexes.hamming import joined
from matchers.indexes.tlsh import Hashes, TlshIndex
from tests.unit.hashing.prose import edited, prose

tlsh = pytest.importorskip("tlsh", reason="py-tlsh is not installed")

TEXTS = [prose(seed, 60) for seed in range(60)]
TEXTS += [edited(text, seed, 0.05) for seed, text in enumerate(TEXTS)]
SPELLED = [tlsh.hash(text.encode()) for text in TEXTS]
HASHES: Hashes = np.array([list(bytes.fromhex(value[2:])) for value in SPELLED], np.uint8)


def wanted(rows: list[int], limit: int) -> set[tuple[int, int, int]]:
    return {
        (query, place, distance)
        for query in range(len(SPELLED))
        for place, row in enumerate(rows)
        if (distance := tlsh.diffxlen(SPELLED[query], SPELLED[row])) <= limit
    }


def said(index: TlshIndex, limit: int) -> set[tuple[int, int, int]]:
    hits = joined(index.search_in_parts(HASHES, limit))
    found = list(zip(hits.query.tolist(), hits.row.tolist(), hits.distance.tolist(), strict=True))
    assert len(found) == len(set(found))
    return set(found)


@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(st.integers(0, len(TEXTS) - 1), max_size=60),
    limit=st.sampled_from([0, 1, 30, 60, 120, 500]),
)
def test_every_row_within_the_librarys_distance_is_found(rows: list[int], limit: int) -> None:
    index = TlshIndex.build(HASHES[rows].reshape(-1, 35))
    assert len(index) == len(rows)
    assert said(index, limit) == wanted(rows, limit)
    assert [index.value(place) for place in range(len(rows))] == [
        HASHES[row].tobytes() for row in rows
    ]


def test_a_written_index_says_the_same(tmp_path: Path) -> None:
    with FlatFileWriter(tmp_path / "index", "test") as file:
        TlshIndex.write(file, "t", HASHES)
        file.finish({})
    opened = TlshIndex.read(open_flat_file(tmp_path / "index", "test"), "t")
    assert said(opened, 60) == wanted(list(range(len(TEXTS))), 60)
