"""Metrics: the batch histogram says what prometheus_client's own would, and no label is an id."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from streams.metrics import LATENCY_BUCKETS, BatchHistogram, Metrics

SECONDS = st.one_of(st.floats(0, 1000), st.sampled_from(LATENCY_BUCKETS))


@given(st.lists(st.lists(SECONDS, max_size=30), min_size=1, max_size=5))
def test_batch_histogram_equals_the_librarys(batches) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    batch = BatchHistogram("x_seconds", "X.", ["stage"], ours)
    single = Histogram("x_seconds", "X.", ["stage"], registry=theirs, buckets=LATENCY_BUCKETS)
    single.labels("s")
    for values in batches:
        batch.observe(("s",), np.array(values, dtype=np.float64))
        for value in values:
            single.labels("s").observe(value)

    def samples(registry):
        families = text_string_to_metric_families(generate_latest(registry).decode())
        family = next(family for family in families if family.name == "x_seconds")
        return {
            (s.name, s.labels.get("le")): round(s.value, 6)
            for s in family.samples
            if not s.name.endswith("_created")
        }

    assert samples(ours) == samples(theirs)


def test_every_name_follows_the_conventions() -> None:
    metrics = Metrics()
    for family in metrics.registry.collect():
        assert family.name.startswith("seawall_"), family.name
        assert family.documentation.endswith("."), family.name
        if family.type == "counter":
            assert not family.name.endswith("_total")  # the client adds it
        for forbidden in ("millis", "_ms", "percent", "minutes"):
            assert forbidden not in family.name


def test_labels_are_few_and_never_ids() -> None:
    forbidden = {"event_id", "tenant", "content_id", "author", "author_id", "conversation_id"}
    for metric in vars(Metrics()).values():
        names = set(getattr(metric, "_labelnames", ()))
        assert not names & forbidden
        assert len(names) <= 4
