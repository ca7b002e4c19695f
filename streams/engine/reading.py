"""Reads one partition's records for its task, in order, and says what is missing."""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Literal, NamedTuple

from aiokafka import TopicPartition

from streams.contracts.dead_letter import BadRecord
from streams.engine.chain import Rejected, SourceRecord
from streams.engine.clients import Consumer

log = logging.getLogger(__name__)

POLL_MS = 500
GAP_SECONDS = 1.0


class Unreadable(NamedTuple):
    """Stands for a record that the Kafka client cannot parse: its value is not known."""

    offset: int
    timestamp: int
    key: bytes | None = None
    value: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


class PartitionReader:
    """`excluded` gathers rejections of records that could not be read at all, by offset."""

    def __init__(self, consumer: Consumer, tp: TopicPartition, chunk_records: int) -> None:
        self._consumer = consumer
        self._tp = tp
        self._chunk_records = chunk_records
        self._held: Sequence[SourceRecord] = ()
        self._position = 0
        self._careful = False
        self._gap_checked_at = -GAP_SECONDS
        self.excluded: dict[int, Rejected] = {}

    @property
    def held(self) -> int:
        """Records that were read and are not yet done."""
        return len(self._held)

    @property
    def oldest_ms(self) -> int | None:
        """The broker's time of the oldest of them."""
        return self._held[0].timestamp if self._held else None

    def begin_at(self, committed: int) -> None:
        """Everything below this offset is done, whoever did it."""
        self._position = max(self._position, committed)
        self._held = [record for record in self._held if record.offset >= committed]
        self.excluded = {at: r for at, r in self.excluded.items() if at >= committed}

    async def read(self, closed: asyncio.Task[Literal[True]]) -> Sequence[SourceRecord]:
        """The next records, oldest first; the same ones until `begin_at` says that they are done.
        Empty when there are none for now, or when `closed` is done."""
        if not self._held:
            self._held = await self._fetch(closed)
        return self._held

    async def lost(self) -> int:
        """How many records at most retention removed before those in hand were read. Asked for at
        most once a second: transaction markers leave gaps too."""
        gap = self._held[0].offset - self._position if self._held else 0
        now = time.monotonic()
        if gap <= 0 or now - self._gap_checked_at < GAP_SECONDS:
            return 0
        self._gap_checked_at = now
        first = (await self._consumer.beginning_offsets([self._tp]))[self._tp]
        return max(first - self._position, 0)

    async def _fetch(self, closed: asyncio.Task[Literal[True]]) -> Sequence[SourceRecord]:
        # Not waited for alone: during a rebalance getmany() waits for the new assignment, which
        # waits for this task to end.
        limit = 1 if self._careful else self._chunk_records
        getting = asyncio.ensure_future(
            self._consumer.getmany(self._tp, timeout_ms=POLL_MS, max_records=limit)
        )
        await asyncio.wait([getting, closed], return_when=asyncio.FIRST_COMPLETED)
        if not getting.done():
            getting.cancel()
            await asyncio.wait([getting])
        if getting.cancelled():
            return ()
        try:
            records = getting.result().get(self._tp, [])
        except UnicodeDecodeError:
            return self._after_unreadable()
        self._careful = False
        return [record for record in records if record.offset >= self._position]

    def _after_unreadable(self) -> Sequence[SourceRecord]:
        """aiokafka cannot parse a record whose header's name is not UTF-8, nor what stands behind
        it in its batch, and has lost the records before it. Read again, one at a time, and give
        up on those that stay unreadable."""
        if not self._careful:
            self._careful = True
            self._consumer.seek(self._tp, self._position)
            return ()
        offset = self._position
        log.error("partition %d: the record at offset %d cannot be parsed: a header's name is not "
                  "UTF-8", self._tp.partition, offset)  # fmt: skip
        self._consumer.seek(self._tp, offset + 1)
        self._careful = False
        error = BadRecord("not_utf8", "a header's name is not UTF-8: the record cannot be read")
        self.excluded[offset] = Rejected(0, error, "read")
        return [Unreadable(offset, time.time_ns() // 1_000_000)]
