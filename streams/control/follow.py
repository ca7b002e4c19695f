"""Follows changes of lists on the control topic, from the offset that the snapshot in use names."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

import faust
import msgspec
from aiokafka.errors import ConsumerStoppedError, KafkaError

from streams.contracts.refusal import DecodeFailure
from streams.control.agent import ControlMessage
from streams.control.list_changes import ListMessage, Offset
from streams.control.lists import LiveLists
from streams.control.topic import POLL_MS, ControlRecord, TopicFollower

MAX_READ = 2_000
REST = 2.0
"""Times as long as a step took that a running worker does without one: taking thousands of changes
into use needs Python's lock, and so do decisions."""

_decoder = msgspec.json.Decoder(ControlMessage)


class ListFollower(TopicFollower):
    """Reads the control topic's one partition and hands changes of lists to `LiveLists`.

    A broker that is away is waited for, with the lists as they are.
    """

    def __init__(self, lists: LiveLists, client: Mapping[str, Any], topic: str) -> None:
        super().__init__(client, topic, "lists")
        self._lists = lists
        self._at: int | None = None
        self.lag = 0
        """Records of the topic that were there at the last look and are not followed yet."""

    @property
    def position(self) -> int:
        """The offset up to which changes are in use; 0 for lists that follow none."""
        return self._lists.position or 0

    async def _catch_up(self, ending: Callable[[], bool]) -> None:
        end: int | None = None
        while not ending() and (at := self._lists.position) is not None:
            try:
                if end is None:
                    end = await self._end()
                if end is None or at >= end:
                    return
                await self._step()
            except ConsumerStoppedError:
                return  # by `on_stop`
            except (KafkaError, OSError) as error:
                await self._wait(error)

    @faust.Service.task
    async def _follow(self) -> None:
        while not self.should_stop:
            if self._lists.position is None:
                await self.sleep(1.0)
                continue
            try:
                await self.sleep(REST * await self._step())
            except ConsumerStoppedError:
                return  # by `on_stop`
            except (KafkaError, OSError) as error:
                await self._wait(error)

    async def _step(self) -> float:
        """Read what there is, wherever the lists in use want to read on; the seconds that it took
        to take that into use."""
        async with self._turn:
            consumer, position = await self._ready(), self._lists.position
            if position is None:
                return 0.0
            if position != self._at:
                consumer.seek(self._partition, position)
            got = await consumer.getmany(self._partition, timeout_ms=POLL_MS, max_records=MAX_READ)
            records = got.get(self._partition, [])
            # Past markers and compacted records, and back to the beginning of a topic made anew.
            self._at = await consumer.position(self._partition)
            self.lag = max(0, (consumer.highwater(self._partition) or 0) - self._at)
            if self._at == position or self._lists.position != position:
                return 0.0
            started = time.monotonic()
            await asyncio.to_thread(self._take, records, self._at)
            return time.monotonic() - started

    def _take(self, records: list[ControlRecord], position: int) -> None:
        changes = [change for record in records if (change := _change(record)) is not None]
        self._lists.follow(changes, position)


def _change(record: ControlRecord) -> Offset | None:
    """The change of a record; `None` for other messages, and what cannot be read."""
    if record.value is None:
        return None
    try:
        message = _decoder.decode(record.value)
    except DecodeFailure:
        # The control agent reads it too, and says so.
        return None
    return Offset(record.offset, message) if isinstance(message, ListMessage) else None
