import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.state.store import Partition
from streams.state.versions import Version, as_of, owner_tag, pack, succeed, unpack

P, Q = owner_tag(Partition("g", "t", 0)), owner_tag(Partition("g", "t", 1))
versions = st.builds(
    Version, st.sampled_from([P, Q]), st.integers(0, 2**63 - 1), st.none() | st.binary(max_size=50)
)


with_value = versions.filter(lambda version: version.value is not None)


@given(versions, st.none() | with_value)
def test_packing_keeps_everything(newest, previous):
    some = (newest, previous) if previous else (newest,)
    assert unpack(pack(some)) == some


@given(st.binary(max_size=40))
def test_unpacking_what_is_no_record_raises_only_value_error(data):
    with contextlib.suppress(ValueError):
        unpack(data)


def test_a_record_of_a_later_format_is_refused():
    data = bytearray(pack((Version(P, 1, b"x"),)))
    data[0] |= 8
    with pytest.raises(ValueError, match="version of Seawall"):
        unpack(bytes(data))


def test_partitions_have_different_tags():
    names = [Partition(g, t, n) for g in ("g", "g2") for t in ("t", "t2") for n in (0, 1)]
    assert len({owner_tag(name) for name in names}) == len(names)


@given(versions, versions.filter(lambda v: v.owner == P), st.integers(0, 100))
def test_after_a_crash_the_base_is_found_again(base, new, committed):
    if (base.owner == P and base.offset > committed) or new.offset <= committed:
        return
    found = as_of(succeed(base, new), P, committed)
    assert (found.value if found else None) == base.value


def test_another_partitions_version_counts_as_committed():
    assert as_of((Version(Q, 99, b"q"),), P, 0) == Version(Q, 99, b"q")
