"""The benchmark's events are what its README says."""

from itertools import islice

import pytest

from benchmarks.pipeline_events import (
    EVENT_BYTES,
    ID_MARK,
    MEDIA_SHARE,
    PARTITIONS,
    WORKLOADS,
    Workload,
    events,
    partition_of,
)
from streams.contracts.decoding import EventDecoder
from streams.contracts.event import event_key


@pytest.mark.parametrize("workload", WORKLOADS)
def test_every_event_is_accepted_and_keyed_as_a_platform_would(workload: Workload) -> None:
    decode = EventDecoder().decode
    for number, made in enumerate(islice(events(workload), 300)):
        event = decode(made.with_id(f"{number:0{len(ID_MARK)}d}"))
        assert event.event_id == f"{number:024d}"
        assert made.key == event_key(event)
        assert made.partition == partition_of(made.key) < PARTITIONS


@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_shorter_run_is_the_beginning_of_a_longer_one(workload: Workload) -> None:
    assert list(islice(events(workload), 50)) == list(islice(events(workload), 200))[:50]


def test_text_events_have_the_size_that_is_claimed() -> None:
    assert {len(made.value) for made in islice(events("text"), 300)} == {EVENT_BYTES}


def test_the_mixed_workload_has_its_share_of_media_without_text() -> None:
    decode = EventDecoder().decode
    mixed = [decode(made.value) for made in islice(events("mixed"), 2_000)]
    media = [event for event in mixed if event.media]
    assert len(media) / len(mixed) == pytest.approx(MEDIA_SHARE, abs=0.03)
    assert all(event.encrypted and event.text is None for event in media)
