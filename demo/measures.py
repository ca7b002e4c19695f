"""What the worker's own metrics say, read as Prometheus would read them."""

import math
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

LATENCY = "seawall_event_latency_since_received_seconds"


class Measures(NamedTuple):
    """Every sample of one scrape."""

    samples: list[Sample]

    def total(self, name: str, **labels: str) -> float:
        """The sum over a metric's children that have these labels."""
        return sum(s.value for s in self._of(name, labels))

    def latest(self, name: str, **labels: str) -> float:
        """The largest value among a metric's children; NaN without any."""
        return max((s.value for s in self._of(name, labels)), default=math.nan)

    def quantile(self, name: str, q: float, **labels: str) -> float:
        """A histogram's quantile, linear within its bucket, as Prometheus' `histogram_quantile`;
        NaN without observations."""
        counts: dict[float, float] = defaultdict(float)
        for sample in self._of(f"{name}_bucket", labels):
            counts[float(sample.labels["le"])] += sample.value
        return bucket_quantile(sorted(counts.items()), q)

    def _of(self, name: str, labels: dict[str, str]) -> Iterable[Sample]:
        return (s for s in self.samples if s.name == name and labels.items() <= s.labels.items())


def bucket_quantile(buckets: list[tuple[float, float]], q: float) -> float:
    """From (upper bound, cumulative count) in order, the last bound infinite. In the last bucket
    it is the bound before."""
    if not buckets or not buckets[-1][1]:
        return math.nan
    rank = q * buckets[-1][1]
    lower, below = 0.0, 0.0
    for bound, count in buckets:
        if count >= rank and count > below:
            if math.isinf(bound):
                return lower
            return lower + (bound - lower) * (rank - below) / (count - below)
        lower, below = bound, count
    return lower


def scrape_counted(address: str, right: Callable[[Measures], bool], seconds: float) -> Measures:
    """The metrics of the worker at `address` once they are `right`, or as they are after `seconds`.
    A worker counts a chunk once it is committed, which a reader may see before."""
    deadline = time.monotonic() + seconds
    while not right(found := scrape(address)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def scrape(address: str) -> Measures:
    """The metrics of the worker at `address`."""
    with urllib.request.urlopen(f"{address}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return Measures(
        [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    )
