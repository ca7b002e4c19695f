"""Quantiles as Prometheus' `histogram_quantile` gives them."""

import math

import pytest

from demo.measures import bucket_quantile

BUCKETS = [(0.1, 10.0), (0.2, 30.0), (0.5, 40.0), (math.inf, 40.0)]


@pytest.mark.parametrize(
    ("q", "seconds"), [(0.25, 0.1), (0.5, 0.15), (0.75, 0.2), (0.875, 0.35), (1.0, 0.5)]
)
def test_it_is_linear_within_a_bucket(q, seconds):
    assert bucket_quantile(BUCKETS, q) == pytest.approx(seconds)


def test_beyond_the_last_bound_it_is_that_bound():
    assert bucket_quantile([(0.1, 1.0), (math.inf, 10.0)], 0.99) == 0.1


def test_empty_buckets_are_passed_over():
    assert bucket_quantile([(0.1, 0.0), (0.2, 0.0), (0.4, 5.0), (math.inf, 5.0)], 0.5) == (
        pytest.approx(0.3)
    )


@pytest.mark.parametrize("buckets", [[], [(0.1, 0.0), (math.inf, 0.0)]])
def test_without_observations_there_is_none(buckets):
    assert math.isnan(bucket_quantile(buckets, 0.5))
