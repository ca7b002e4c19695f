"""What a worker's log shows of its Kafka client's own words."""

import logging

import pytest
from aiokafka import errors

from streams.logs import (
    ASSIGNED_PERSIST_SECONDS,
    PERSIST_SECONDS,
    RepeatFilter,
    TransientFilter,
)

COORDINATOR = "aiokafka.consumer.group_coordinator"
LOOKUP = "Group Coordinator Request failed: %s"
PRODUCE = "Got error produce response on topic-partition %s, retrying. Error: %s"


class Clock:
    """Time that a test sets, in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def record(name: str, message: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, "file", 1, message, arguments, None)


def shown(kept_back: TransientFilter, clock: Clock, seconds: float, *of: object) -> list[float]:
    """When a line was shown that comes every half second for so long."""
    began = clock.now
    times: list[float] = []
    while clock.now - began < seconds:
        if kept_back.filter(record(*of)):  # type: ignore[arg-type]
            times.append(clock.now - began)
        clock.now += 0.5
    return times


STARTING = [
    (COORDINATOR, LOOKUP, errors.GroupCoordinatorNotAvailableError()),
    ("aiokafka.producer.sender", PRODUCE, "a/1", errors.NotEnoughReplicasError),
    (COORDINATOR, "Heartbeat failed for group %s because it is rebalancing", "a group"),
    ("aiokafka.cluster", "Topic %s not found in cluster metadata", "a topic"),
]


@pytest.mark.parametrize("line", STARTING, ids=lambda line: str(line[1])[:20])
def test_what_a_healthy_start_says_is_shown_only_when_it_goes_on(line: tuple[object, ...]) -> None:
    clock = Clock()
    kept_back = TransientFilter(clock)
    assert shown(kept_back, clock, PERSIST_SECONDS - 1, *line) == []
    # A later start, or rebalance, is a new one.
    clock.now += PERSIST_SECONDS * 3
    times = shown(kept_back, clock, PERSIST_SECONDS * 2, *line)
    assert times[0] == PERSIST_SECONDS
    assert len(times) == 20


def test_a_partition_that_has_just_been_assigned_is_no_error() -> None:
    line = "[^----AIOKafkaConsumerThread]: Aiokafka has not sent fetch request for %r since start"
    faust = record("faust.transport.drivers.aiokafka", line, "review.outcomes")
    clock = Clock()
    kept_back = TransientFilter(clock)
    for _ in range(3):  # rebalances
        assert not kept_back.filter(faust)
        clock.now += ASSIGNED_PERSIST_SECONDS
    looks = []
    for _ in range(12):
        looks.append(kept_back.filter(faust))
        clock.now += 7
    assert looks == [False] * 9 + [True] * 3, "it never fetches"


def test_what_trying_again_does_not_help_is_shown_at_once() -> None:
    kept_back = TransientFilter(Clock())
    refused = errors.GroupAuthorizationFailedError("a group")
    assert kept_back.filter(record(COORDINATOR, LOOKUP, refused))
    assert kept_back.filter(record("aiokafka", "Unable connect to node with id %s: %s", 1, "no"))
    assert kept_back.filter(record("streams.app", LOOKUP, "words of our own"))


def test_a_line_that_is_repeated_is_shown_once_in_a_while() -> None:
    repeated = RepeatFilter()
    assert [repeated.filter(record("aiokafka", "Unable connect")) for _ in range(3)] == [
        True,
        False,
        False,
    ]
