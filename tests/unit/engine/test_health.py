"""Readiness and liveness differ: one is about taking work, the other about being stuck."""

from streams.engine.health import Health, PartitionHealth


def test_ready_needs_an_assignment_and_every_precondition() -> None:
    health = Health(stall_seconds=10, missing={"lists"})
    assert not health.ready().ok
    health.joined = True
    assert health.ready().why == ("not yet: lists",)
    health.missing.clear()
    assert health.ready().ok


def test_an_idle_partition_is_alive_however_long() -> None:
    health = Health(stall_seconds=10, partitions={0: PartitionHealth(0.0, behind=False)})
    assert health.alive(1e6).ok


def test_a_partition_with_records_and_no_progress_is_not_alive() -> None:
    health = Health(stall_seconds=10, partitions={3: PartitionHealth(100.0, behind=True)})
    assert health.alive(110.0).ok
    verdict = health.alive(111.0)
    assert not verdict.ok
    assert "partition 3" in verdict.why[0]


def test_waiting_for_a_dependency_is_alive() -> None:
    waiting = PartitionHealth(0.0, behind=True, waiting_for="state")
    assert Health(stall_seconds=10, partitions={0: waiting}).alive(1e6).ok


def test_waiting_for_a_turn_is_alive_and_having_it_for_too_long_is_not() -> None:
    partitions = {n: PartitionHealth(0.0, behind=True, queued=n > 0) for n in range(3)}
    health = Health(stall_seconds=10, partitions=partitions)
    [why] = health.alive(11.0).why
    assert "partition 0" in why
