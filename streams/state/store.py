"""What a state store promises to the engine.

The delivery promise needs that a replayed chunk starts from the state that its first run started
from. So for each key a store keeps the newest version and the one before, each tagged with its
input partition and the offset after the chunk that wrote it. The engine saves before the Kafka
commit; after a crash it resumes at committed offset C, and `load` gives the newest version that
is tagged at most C (or that another partition wrote). Every partition has a fence: `claim` raises
it, and a `save` with a lower one is refused, so that a worker that lost a partition while frozen
cannot write.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from streams.contracts.stage import StateKey, StateValue


class Partition(NamedTuple):
    """An input partition, as the owner of versions and fences. `group` is the consumer group."""

    group: str
    topic: str
    number: int


class Fenced(Exception):
    """A newer owner has claimed the partition: this worker must let go of it at once."""


class StateStore(Protocol):
    """Async, because stores are reached over a network. Every method raises
    `DependencyUnavailable` when the store cannot be reached; the engine waits and tries again."""

    async def claim(self, partition: Partition) -> int:
        """Raise the partition's fence and return it. Call after the transactional producer has
        started, so that the order of owners in the store is that of Kafka."""
        ...

    async def load(
        self, partition: Partition, committed: int, keys: Sequence[StateKey]
    ) -> dict[StateKey, StateValue]:
        """The state of `keys` as of committed offset `committed`; a missing key has `own=None`."""
        ...

    async def save(
        self,
        partition: Partition,
        fence: int,
        committed: int,
        next_offset: int,
        changes: Mapping[StateKey, bytes | None],
    ) -> None:
        """Write `changes` as versions tagged `next_offset`, made from the state as of
        `committed`. Versions tagged above `committed` by this partition are what a crash left
        behind and are dropped. Raises `Fenced`. Idempotent: a repeat has no further effect."""
        ...

    async def forget(self, key: StateKey) -> bool:
        """Remove every version of a key; true if there was one."""
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...
