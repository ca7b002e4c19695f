import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from matchers.indexes.exact import Digests, ExactIndex


def packed(digests: list[bytes], width: int) -> Digests:
    return np.frombuffer(b"".join(digests), np.uint8).reshape(len(digests), width)


@given(st.data(), st.sampled_from([16, 20, 32]))
def test_equal_digests_are_found_and_no_others(data: st.DataObject, width: int) -> None:
    # Few values for the first eight bytes, so that digests share them and differ in the rest.
    digest = st.builds(
        lambda head, tail: bytes([head]) * 8 + bytes([tail]) * (width - 8),
        st.integers(0, 3),
        st.integers(0, 3),
    )
    digests = data.draw(st.lists(digest, max_size=40))
    queries = data.draw(st.lists(digest, max_size=10))
    hits = ExactIndex.build(packed(digests, width)).search(packed(queries, width))
    assert list(zip(hits.query.tolist(), hits.row.tolist(), strict=True)) == [
        (query, row)
        for query, wanted in enumerate(queries)
        for row, held in enumerate(digests)
        if wanted == held
    ]
