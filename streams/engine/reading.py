"""Reads one partition's records for its task, in order, and says what is missing."""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Literal, NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError, OffsetOutOfRangeError

from streams.contracts.dead_letter import BadRecord
from streams.engine.chain import Rejected, SourceRecord
from streams.engine.clients import Consumer

log = logging.getLogger(__name__)

POLL_MS = 500
SLICE = 125
"""Records taken from the client at once: what it has is compressed, and how large a record is shows
only when it is taken."""


class Unreadable(NamedTuple):
    """Stands for a record that the Kafka client cannot parse: its value is not known."""

    offset: int
    timestamp: int
    key: bytes | None = None
    value: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


class PartitionReader:
    """`excluded` gathers rejections of records that could not be read at all, by offset. `nowhere`
    is an offset from which the log has nothing to give, since it begins above or has ended below:
    once nothing is held, nothing is read until `start_at` says where."""

    def __init__(
        self, consumer: Consumer, tp: TopicPartition, chunk_records: int, chunk_bytes: int
    ) -> None:
        self._consumer = consumer
        self._tp = tp
        self._chunk_records = chunk_records
        self._chunk_bytes = chunk_bytes
        self._held: Sequence[SourceRecord] = ()
        self._position = 0
        self._astray = True
        self._limit = chunk_records
        self._unreadable_end = 0
        self.excluded: dict[int, Rejected] = {}
        self.nowhere: int | None = None

    @property
    def held(self) -> int:
        """Records that were read and are not yet done."""
        return len(self._held)

    @property
    def position(self) -> int:
        """Everything below this offset is done."""
        return self._position

    @property
    def oldest_ms(self) -> int | None:
        """The broker's time of the oldest of them."""
        return self._held[0].timestamp if self._held else None

    def begin_at(self, committed: int) -> None:
        """Everything below this offset is done, whoever did it."""
        self._position = max(self._position, committed)
        if not self._held or self._held[-1].offset < committed:
            self._held = ()
        else:
            self._held = [record for record in self._held if record.offset >= committed]
        self.excluded = {at: r for at, r in self.excluded.items() if at >= committed}

    def start_at(self, offset: int) -> None:
        """Read from here, above or below what was read before."""
        self._position, self._unreadable_end = offset, 0
        self._held, self.excluded = (), {}
        self._astray, self.nowhere = True, None

    async def read(self, closed: asyncio.Task[Literal[True]]) -> Sequence[SourceRecord]:
        """The next records, oldest first, of no more bytes than a chunk may have unless one alone
        has more; the same ones until `begin_at` says that they are done. Empty when there are none
        for now, when `closed` is done, or with `nowhere` set."""
        if not self._held:
            self._held = await self._fetch(closed)
        return _first_bytes(self._held, self._chunk_bytes)

    async def _fetch(self, closed: asyncio.Task[Literal[True]]) -> Sequence[SourceRecord]:
        if self._position < self._unreadable_end:
            return self._give_up()
        if self.nowhere is not None:
            return ()
        if self._astray:
            try:
                self._consumer.seek(self._tp, self._position)
            except IllegalStateError:  # taken away in this moment: `closed` follows
                await asyncio.wait([closed], timeout=POLL_MS / 1000)
                return ()
            self._astray = False
        try:
            records = await self._gather(closed)
        except UnicodeDecodeError:
            return await self._after_unreadable(closed)
        if records is None:
            return ()
        self._limit = min(2 * self._limit, self._chunk_records)
        if not records or records[0].offset >= self._position:
            return records
        return [record for record in records if record.offset >= self._position]

    async def _gather(self, closed: asyncio.Task[Literal[True]]) -> Sequence[SourceRecord] | None:
        """A chunk's records, slice by slice. As `_get`."""
        found: list[SourceRecord] = []
        size = 0
        while True:
            asked = min(self._limit - len(found), SLICE)
            records = await self._get(closed, asked, 0 if found else POLL_MS)
            if records is None:
                return None
            found += records
            size += sum(len(record.value or b"") for record in records)
            if len(records) < asked or len(found) >= self._limit or size >= self._chunk_bytes:
                return found

    async def _get(
        self, closed: asyncio.Task[Literal[True]], limit: int, timeout_ms: int = POLL_MS
    ) -> Sequence[SourceRecord] | None:
        """`None` when `closed` is done before; none, and `nowhere` set, when they are out of the
        log. Raises `UnicodeDecodeError`."""
        # Not waited for alone: during a rebalance getmany() waits for the new assignment, which
        # waits for this task to end.
        getting = asyncio.ensure_future(
            self._consumer.getmany(self._tp, timeout_ms=timeout_ms, max_records=limit)
        )
        await asyncio.wait([getting, closed], return_when=asyncio.FIRST_COMPLETED)
        if not getting.done():
            getting.cancel()
            await asyncio.wait([getting])
        if getting.cancelled():
            return None
        try:
            return getting.result().get(self._tp, [])
        except OffsetOutOfRangeError as error:
            asked: dict[TopicPartition, int] = error.args[0]
            self.nowhere = asked[self._tp]
            return []

    async def _after_unreadable(
        self, closed: asyncio.Task[Literal[True]]
    ) -> Sequence[SourceRecord]:
        """aiokafka cannot parse a record whose header's name is not UTF-8, nor what stands behind
        it in its batch, and has lost the records before it. Read those again, first one, then two,
        then four, and give up on what stays unreadable."""
        if self._limit > 1:
            self._limit = 1
            self._consumer.seek(self._tp, self._position)
            return ()
        end = await self._end_of_unreadable(closed)
        self._consumer.seek(self._tp, self._position if end is None else end)
        if end is None:
            return ()
        self._limit = self._chunk_records
        self._unreadable_end = end
        log.error(
            "partition %d: offsets %d to %d cannot be parsed: a header's name is not UTF-8",
            self._tp.partition,
            self._position,
            end - 1,
        )
        return self._give_up()

    async def _end_of_unreadable(self, closed: asyncio.Task[Literal[True]]) -> int | None:
        """Where reading works again, `None` when `closed` is done before. A batch of thousands must
        not take thousands of fetches: steps are doubled until one is readable, then halved. What
        is readable between two unreadable steps is given up with them."""
        failed, step = self._position, 1
        while True:
            readable = failed + step
            can_read = await self._can_read(readable, closed)
            if can_read is None:
                return None
            if can_read:
                break
            failed, step = readable, step * 2
        while readable - failed > 1:
            middle = (failed + readable) // 2
            can_read = await self._can_read(middle, closed)
            if can_read is None:
                return None
            failed, readable = (failed, middle) if can_read else (middle, readable)
        return readable

    async def _can_read(self, offset: int, closed: asyncio.Task[Literal[True]]) -> bool | None:
        """Whether no unreadable record comes from `offset` on first, or none at all for now; `None`
        when `closed` is done before."""
        if offset >= (self._consumer.last_stable_offset(self._tp) or 0):
            return True  # as of the last fetch: what has come since is looked at in its turn
        self._consumer.seek(self._tp, offset)
        try:
            return True if await self._get(closed, 1) is not None else None
        except UnicodeDecodeError:
            return False

    def _give_up(self) -> Sequence[SourceRecord]:
        """The next unreadable records, as many as a chunk takes, to be dead-lettered."""
        error = BadRecord("not_utf8", "a header's name is not UTF-8: the record cannot be read")
        end = min(self._unreadable_end, self._position + self._chunk_records)
        offsets = range(self._position, end)
        self.excluded |= {offset: Rejected(0, error, "read") for offset in offsets}
        now_ms = time.time_ns() // 1_000_000
        return [Unreadable(offset, now_ms) for offset in offsets]


def _first_bytes(records: Sequence[SourceRecord], most: int) -> Sequence[SourceRecord]:
    """As many as together have no more bytes, and at least one."""
    size = 0
    for place, record in enumerate(records):
        size += len(record.value or b"")
        if size > most and place:
            return records[:place]
    return records
