"""Whether a worker is ready, and whether it is alive."""

from dataclasses import dataclass, field
from typing import NamedTuple


class Verdict(NamedTuple):
    """`why` names every reason for a no; empty for a yes."""

    ok: bool
    why: tuple[str, ...]


@dataclass
class PartitionHealth:
    """What a partition's task says of itself; times are of a monotonic clock, in seconds.
    `behind` while it has records in hand; `queued` while these wait for their turn in the stages'
    threads, of which each that is had counts from its beginning."""

    progressed_at: float
    behind: bool = False
    queued: bool = False
    waiting_for: str | None = None

    def has_records(self, now: float) -> None:
        """Records came. The time until they are done counts from here, not from the last ones."""
        if not self.behind:
            self.behind = True
            self.progressed_at = now


@dataclass
class Health:
    """Ready: partitions were assigned and every precondition (such as lists loaded) is met.
    Alive: each partition finished a chunk lately, or has nothing to do, or waits for a dependency
    that is away (starting again would not bring it back)."""

    stall_seconds: float
    joined: bool = False
    missing: set[str] = field(default_factory=set[str])
    partitions: dict[int, PartitionHealth] = field(default_factory=dict[int, PartitionHealth])

    def ready(self) -> Verdict:
        """For a readiness probe."""
        why = [f"not yet: {name}" for name in sorted(self.missing)]
        if not self.joined:
            why.append("no assignment from the consumer group yet")
        return Verdict(not why, tuple(why))

    def alive(self, now: float) -> Verdict:
        """For a liveness probe."""
        why = [
            f"partition {number} has records, finished no chunk for {now - p.progressed_at:.0f} s"
            for number, p in sorted(self.partitions.items())
            if p.behind
            and not p.queued
            and p.waiting_for is None
            and now - p.progressed_at > self.stall_seconds
        ]
        return Verdict(not why, tuple(why))
