"""`MemoryStore`: state in this process, for tests, the demo and runs without a broker."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from streams.contracts.stage import StateKey, StateValue
from streams.state.store import Fenced, Partition
from streams.state.versions import Version, Versions, as_of, moved_from, owner_tag, succeed


class _Slot(NamedTuple):
    """Where versions stand: conversations have one slot, senders one for each partition."""

    key: StateKey
    owner: bytes | None


class _Kept(NamedTuple):
    versions: Versions
    expires_at: float


class MemoryStore:
    """A `StateStore` in one process, shared by its partitions and gone with it.

    `ttl` is in seconds, counted from a key's last save; `clock` gives seconds and never runs
    backwards.
    """

    def __init__(self, ttl: float, clock: Callable[[], float] = time.monotonic) -> None:
        if ttl <= 0:
            raise ValueError(f"ttl must be above 0 seconds, not {ttl}")
        self._ttl = ttl
        self._clock = clock
        self._fences: dict[Partition, int] = {}
        self._kept: dict[_Slot, _Kept] = {}  # in the order of expiry: the ttl is one for all
        self._owners: dict[StateKey, set[bytes]] = {}  # who has a slot of a sender

    async def claim(self, partition: Partition) -> int:
        fence = self._fences.get(partition, 0) + 1
        self._fences[partition] = fence
        return fence

    async def load(
        self, partition: Partition, committed: int, keys: Sequence[StateKey]
    ) -> dict[StateKey, StateValue]:
        self._expire()
        owner = owner_tag(partition)
        return {key: self._value(key, owner, committed) for key in keys}

    async def save(
        self,
        partition: Partition,
        fence: int,
        committed: int,
        next_offset: int,
        changes: Mapping[StateKey, bytes | None],
    ) -> None:
        self._expire()
        if fence < self._fences.get(partition, 0):
            raise Fenced(f"{partition.topic}/{partition.number}: fence {fence} is not the newest")
        owner = owner_tag(partition)
        expires_at = self._clock() + self._ttl
        for key, value in changes.items():
            slot = _slot(key, owner)
            base = as_of(self._versions(slot), owner, committed)
            self._remove(slot)
            versions = succeed(base, Version(owner, next_offset, value))
            if versions:
                self._kept[slot] = _Kept(versions, expires_at)
                if slot.owner is not None:
                    self._owners.setdefault(key, set()).add(slot.owner)

    async def forget(self, key: StateKey) -> bool:
        self._expire()
        slots = list(self._slots(key))
        for slot in slots:
            self._remove(slot)
        return bool(slots)

    async def close(self) -> None:
        """Nothing to give back."""

    def _value(self, key: StateKey, owner: bytes, committed: int) -> StateValue:
        own = as_of(self._versions(_slot(key, owner)), owner, committed)
        others = tuple(
            value
            for slot in self._slots(key)
            if slot.owner not in (None, owner)
            and (value := self._versions(slot)[0].value) is not None
        )
        moved = key.scope == "conversation" and moved_from(own, owner)
        return StateValue(own.value if own else None, others, moved)

    def _slots(self, key: StateKey) -> Iterator[_Slot]:
        """The slots of a key that hold something, senders' in the order of their owners."""
        if key.scope == "conversation":
            slot = _Slot(key, None)
            if slot in self._kept:
                yield slot
        else:
            for owner in sorted(self._owners.get(key, ())):
                yield _Slot(key, owner)

    def _versions(self, slot: _Slot) -> Versions:
        kept = self._kept.get(slot)
        return kept.versions if kept else ()

    def _remove(self, slot: _Slot) -> None:
        if self._kept.pop(slot, None) is None or slot.owner is None:
            return
        owners = self._owners[slot.key]
        owners.discard(slot.owner)
        if not owners:
            del self._owners[slot.key]

    def _expire(self) -> None:
        now = self._clock()
        while self._kept:
            slot, kept = next(iter(self._kept.items()))
            if kept.expires_at > now:
                return
            self._remove(slot)


def _slot(key: StateKey, owner: bytes) -> _Slot:
    return _Slot(key, None if key.scope == "conversation" else owner)
