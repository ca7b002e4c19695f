"""`ValkeyStore`: state in Valkey (or Redis 7 and later).

One primary, with replicas and failover if wanted: scripts touch keys of many hash slots, so a
cluster refuses them, with an error that says so. Each conversation is a string and each sender a
hash with a field for each input partition; `versions.py` has their form. A chunk costs one round
trip to load and one to save.

Everything expires, so that every `maxmemory-policy` but `noeviction` may evict it: an evicted
record is a conversation forgotten. So is one that cannot be read (damaged, or of a later format):
its `StateValue` says so, and the next save replaces it. A replica that takes over may lack the
primary's last writes: state can then be a few chunks old, while decisions stay exactly once.
"""

import itertools
import logging
import struct
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar, cast

from valkey.asyncio import Valkey
from valkey.exceptions import NoScriptError, ResponseError

from streams.contracts.stage import StateKey, StateValue
from streams.state.names import StateNames, guard_name
from streams.state.outage import unavailable_on_outage
from streams.state.scripts import CLAIM, LOAD, SAVE
from streams.state.store import Fenced, Partition
from streams.state.versions import (
    Version,
    Versions,
    as_of,
    is_of_later_format,
    moved_from,
    owner_tag,
    pack,
    succeed,
    unpack,
)

log = logging.getLogger(__name__)

BATCH_KEYS = 500
"""Keys of one script call: a call of this size holds the server for about a millisecond."""

_EXPIRY = struct.Struct("<I")  # before a sender's record: its end in seconds since the epoch

_WRONG_TYPE = 0  # what the script for loading gives for a key of another type

Fields = dict[bytes, bytes]
Item = TypeVar("Item")


class _Found(NamedTuple):
    """What `load` saw of a key, which `save` builds on. `stale` are a sender's fields that are
    expired or cannot be read."""

    name: bytes
    base: Version | None
    stale: tuple[bytes, ...] = ()


class _Seen:
    """What a partition loaded as of one committed offset; a chunk's worth, then replaced."""

    def __init__(self, committed: int) -> None:
        self.committed = committed
        self.found: dict[StateKey, _Found] = {}


class ValkeyStore:
    """A `StateStore` in Valkey.

    `hmac_key` names the keys; what was written under `previous_key` is still found, and moves on
    its next save. `ttl` is in seconds, counted from a key's last save; `wall_clock` gives seconds
    since the epoch. The client is closed with the store.
    """

    def __init__(
        self,
        client: Valkey,
        hmac_key: bytes,
        previous_key: bytes | None,
        ttl: float,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        if ttl < 1:
            raise ValueError(f"ttl must be at least 1 second, not {ttl}")
        self._client = client
        self._names = StateNames(hmac_key)
        self._previous = StateNames(previous_key) if previous_key else None
        self._ttl = ttl
        self._life = str(int(ttl * 1000)).encode()
        self._wall_clock = wall_clock
        self._seen: dict[Partition, _Seen] = {}
        self._attempts = itertools.count(1)
        self._digests: dict[str, bytes] = {}

    async def evicted(self) -> int:
        """How many keys the server has evicted since its start. Raises `DependencyUnavailable`,
        also where the user may not ask (`+info`)."""
        with unavailable_on_outage():
            stats: dict[str, Any] = await cast(Any, self._client).info("stats")
        return int(stats["evicted_keys"])

    async def claim(self, partition: Partition) -> int:
        self._seen.pop(partition, None)
        replies = await self._run(CLAIM, [(1, guard_name(partition), self._life)])
        fence, damaged = cast("tuple[bytes, int]", replies[0])
        if damaged:
            _warn_of_guard(partition)
        return int(fence)

    async def load(
        self, partition: Partition, committed: int, keys: Sequence[StateKey]
    ) -> dict[StateKey, StateValue]:
        if not keys:
            return {}
        seen = self._seen.get(partition)
        if seen is None or seen.committed != committed:
            seen = self._seen[partition] = _Seen(committed)
        distinct = list(dict.fromkeys(keys))
        records = await self._read(self._names, distinct)
        former = await self._read(self._previous, distinct) if self._previous else None
        owner = owner_tag(partition)
        now = self._wall_clock()
        state: dict[StateKey, StateValue] = {}
        for i, key in enumerate(distinct):
            name, record = records[i]
            older = former[i][1] if former else None
            if key.scope == "conversation":
                versions = _versions(record if record is not None else older)
                base = as_of(versions or (), owner, committed)
                state[key] = StateValue(
                    base.value if base else None,
                    moved=moved_from(base, owner),
                    unreadable=versions is None,
                )
                seen.found[key] = _Found(name, base)
            else:
                fields = _fields(older)
                fields.update(_fields(record))
                value, seen.found[key] = _sender(name, fields, owner, committed, now)
                if _WRONG_TYPE in (older, record):
                    value = value._replace(unreadable=True)
                state[key] = value
        return state

    async def save(
        self,
        partition: Partition,
        fence: int,
        committed: int,
        next_offset: int,
        changes: Mapping[StateKey, bytes | None],
    ) -> None:
        found = await self._found(partition, committed, changes)
        owner = owner_tag(partition)
        expiry = _EXPIRY.pack(int(self._wall_clock() + self._ttl) + 1)
        head = (guard_name(partition), str(fence).encode(), str(next(self._attempts)).encode())
        calls = [
            self._save_call(head, owner, expiry, next_offset, batch, found)
            for batch in _batches(changes.items())
        ]
        if not calls:
            calls = [self._save_call(head, owner, expiry, next_offset, [], found)]
        for reply in await self._run(SAVE, calls):
            if reply == b"fenced":
                self._seen.pop(partition, None)
                raise Fenced(f"{partition.topic}/{partition.number}: fence {fence} is not newest")
            if reply == b"late":
                raise RuntimeError(f"{partition.topic}/{partition.number}: two saves at once")
            if reply == b"mended":
                _warn_of_guard(partition)

    async def forget(self, key: StateKey) -> bool:
        names = [self._names.name(key)]
        if self._previous:
            names.append(self._previous.name(key))
        for seen in self._seen.values():
            seen.found.pop(key, None)
        with unavailable_on_outage():
            return bool(await cast("Awaitable[int]", self._client.delete(*names)))

    async def close(self) -> None:
        await self._client.aclose()

    async def _found(
        self, partition: Partition, committed: int, changes: Mapping[StateKey, bytes | None]
    ) -> Mapping[StateKey, _Found]:
        """What `changes` build on, from memory where this owner loaded it. The versions as of
        `committed` stay the same under a repeated save, so memory is as good as the store."""
        seen = self._seen.get(partition)
        if seen is None or seen.committed != committed or not changes.keys() <= seen.found.keys():
            await self.load(partition, committed, list(changes))
            seen = self._seen.get(partition)
        return seen.found if seen else {}

    def _save_call(
        self,
        head: tuple[bytes, bytes, bytes],
        owner: bytes,
        expiry: bytes,
        next_offset: int,
        batch: Sequence[tuple[StateKey, bytes | None]],
        found: Mapping[StateKey, _Found],
    ) -> Sequence[int | bytes]:
        guard, fence, attempt = head
        conversations: list[bytes] = []
        senders: list[bytes] = []
        remove: list[bytes] = []
        records: list[bytes] = []
        sender_records: list[bytes] = []
        remove_fields: list[bytes] = []
        for key, value in batch:
            name, base, stale = found[key]
            versions = succeed(base, Version(owner, next_offset, value))
            record = pack(versions) if versions else b""
            former = self._previous.name(key) if self._previous else None
            if key.scope == "conversation":
                conversations.append(name)
                records.append(record)
                if former:
                    remove.append(former)
            else:
                senders.append(name)
                sender_records.append(expiry + record if record else b"")
                for field in stale:
                    remove_fields += (name, field)
                if former:
                    for field in (owner, *stale):
                        remove_fields += (former, field)
        return (
            1 + len(conversations) + len(senders) + len(remove),
            guard,
            *conversations,
            *senders,
            *remove,
            fence,
            attempt,
            self._life,
            len(conversations),
            len(senders),
            owner,
            *records,
            *sender_records,
            *remove_fields,
        )

    async def _read(self, names: StateNames, keys: Sequence[StateKey]) -> list[tuple[bytes, Any]]:
        """The name and the raw record (string, field list, `_WRONG_TYPE` or `None`) of each
        key."""
        named = [(names.name(key), key) for key in keys]
        raw: dict[bytes, Any] = {}
        calls: list[Sequence[int | bytes]] = []
        asked: list[list[bytes]] = []
        for batch in _batches(named):
            conversations = [name for name, key in batch if key.scope == "conversation"]
            senders = [name for name, key in batch if key.scope == "sender"]
            order = conversations + senders
            calls.append((len(order), *order, len(conversations)))
            asked.append(order)
        for order, reply in zip(asked, await self._run(LOAD, calls), strict=True):
            raw.update(zip(order, reply, strict=True))
        return [(name, raw[name]) for name, _ in named]

    async def _run(self, script: str, calls: Sequence[Sequence[int | bytes]]) -> list[Any]:
        """Run a script for each of `calls` in one round trip; once more, with the script's text
        loaded, where the server does not know it (it restarted, or another took over)."""
        with unavailable_on_outage():
            digest = self._digests.get(script)
            if digest is None:
                digest = self._digests[script] = await self._load_script(script)
            try:
                return await self._pipeline(digest, calls)
            except NoScriptError:
                await self._load_script(script)
                return await self._pipeline(digest, calls)

    async def _load_script(self, script: str) -> bytes:
        digest = await cast("Awaitable[str | bytes]", self._client.script_load(script))
        return digest.encode() if isinstance(digest, str) else digest

    async def _pipeline(self, digest: bytes, calls: Sequence[Sequence[int | bytes]]) -> list[Any]:
        pipeline: Any  # the client types it for both its synchronous and asynchronous forms
        async with self._client.pipeline(transaction=False) as pipeline:
            for call in calls:
                pipeline.execute_command(b"EVALSHA", digest, *call)
            # Not raised by the client, whose message would hold the arguments.
            replies = cast("list[Any]", await pipeline.execute(raise_on_error=False))
        for reply in replies:
            if isinstance(reply, ResponseError):
                raise reply
        return replies


def _warn_of_guard(partition: Partition) -> None:
    log.warning(
        "the fence of %s/%d in the state store was damaged, and was made anew",
        partition.topic,
        partition.number,
    )


def _versions(record: Any) -> Versions | None:
    """A record's versions, none of no record; `None` for what cannot be read."""
    if record is None:
        return ()
    if record == _WRONG_TYPE:
        return None
    try:
        return unpack(cast(bytes, record))
    except ValueError:
        return None


def _fields(reply: Any) -> Fields:
    """A hash's fields, from the flat list that a script returns."""
    flat = cast("Sequence[bytes]", reply or ())
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _sender(
    name: bytes, fields: Fields, owner: bytes, committed: int, now: float
) -> tuple[StateValue, _Found]:
    base: Version | None = None
    others: list[bytes] = []
    stale: list[bytes] = []
    unreadable = False
    for field in sorted(fields):
        record = fields[field]
        if len(record) >= _EXPIRY.size and _EXPIRY.unpack_from(record)[0] <= now:
            stale.append(field)
            continue
        versions = _versions(record[_EXPIRY.size :])
        if not versions:
            unreadable = True
            if not is_of_later_format(record[_EXPIRY.size :]):
                stale.append(field)
        elif field == owner:
            base = as_of(versions, owner, committed)
        elif (value := versions[0].value) is not None:
            others.append(value)
    stale = [field for field in stale if field != owner]  # its next record replaces it
    value = StateValue(base.value if base else None, tuple(others), unreadable=unreadable)
    return value, _Found(name, base, tuple(stale))


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    rest = iter(items)
    while batch := list(itertools.islice(rest, BATCH_KEYS)):
        yield batch
