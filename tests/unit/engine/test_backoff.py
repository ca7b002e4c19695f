"""Waits grow, stay under the cap, differ between workers, and start over."""

import random

from hypothesis import given
from hypothesis import strategies as st

from streams.engine.backoff import Backoff


@given(st.integers(0, 2**32), st.integers(1, 200))
def test_waits_are_positive_and_bounded(seed, tries) -> None:
    backoff = Backoff(0.1, 5.0, random.Random(seed))
    for turn in range(tries):
        wait = backoff.next()
        assert 0 < wait <= min(5.0, 0.1 * 2**turn)


def test_a_reset_starts_over() -> None:
    backoff = Backoff(0.1, 5.0)
    for _ in range(10):
        backoff.next()
    backoff.reset()
    assert backoff.next() <= 0.1


def test_two_workers_do_not_wait_in_step() -> None:
    one, other = Backoff(), Backoff()
    assert [one.next() for _ in range(5)] != [other.next() for _ in range(5)]
