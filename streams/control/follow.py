"""Follows changes of lists on the control topic, from the offset that the snapshot in use names."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

import faust
import msgspec
from aiokafka.errors import ConsumerStoppedError, KafkaError
from msgspec.structs import replace

from matchers.lists.bounds import within_bounds
from matchers.lists.entry import ListEntry, normal_value
from streams.contracts.refusal import DecodeFailure
from streams.control.list_changes import (
    EntryListed,
    EntryRemoved,
    ListMessage,
    Offset,
    ReloadLists,
)
from streams.control.lists import LiveLists
from streams.control.policy_change import PolicyChanged
from streams.control.requests import Request
from streams.control.topic import ControlRecord, TopicFollower

log = logging.getLogger(__name__)

REST = 4.0
"""Times as long as a step took that a running worker does without one: taking thousands of changes
into use needs Python's lock, and so do decisions."""

ControlMessage = ReloadLists | ListMessage | PolicyChanged | Request

_decoder = msgspec.json.Decoder(ControlMessage)


class ListFollower(TopicFollower):
    """Reads the control topic's one partition and hands changes of lists to `LiveLists`;
    `on_snapshot` hears that there is a new snapshot.

    A broker that is away is waited for, with the lists as they are. A message that cannot be read
    is logged and passed over: it must not stop the workers.
    """

    def __init__(
        self,
        lists: LiveLists,
        client: Mapping[str, Any],
        topic: str,
        on_snapshot: Callable[[], None],
    ) -> None:
        super().__init__(client, topic, "lists")
        self._lists = lists
        self._on_snapshot = on_snapshot
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
            records = await self._records(consumer)
            # Past markers and compacted records, and back to the beginning of a topic made anew.
            self._at = await consumer.position(self._partition)
            self.lag = max(0, (consumer.highwater(self._partition) or 0) - self._at)
            if self._at == position:
                return 0.0
            started = time.monotonic()
            if await asyncio.to_thread(self._take, records, position, self._at):
                self._on_snapshot()
            return time.monotonic() - started

    def _take(self, records: list[ControlRecord], begin: int, position: int) -> bool:
        """Take changes, read from `begin` on, into use; whether a snapshot was announced among
        them."""
        changes: list[Offset] = []
        announced = False
        for record in records:
            message = self._message(record)
            if isinstance(message, ListMessage):
                changes.append(Offset(record.offset, message))
            elif isinstance(message, ReloadLists):
                announced = True
        self._lists.follow(changes, begin, position)
        return announced

    def _message(self, record: ControlRecord) -> ControlMessage | None:
        """What a record says; `None` for what is compacted away, or cannot be read or used."""
        if record.value is None:
            return None
        try:
            message = _decoder.decode(record.value)
        except DecodeFailure as error:
            return self._pass_over(record, type(error).__name__)
        try:
            if isinstance(message, EntryListed):
                _check(message.entry)
                return replace(message, entry=within_bounds(message.entry))
            # What is removed has no bounds: it may have been listed before there were any.
            if isinstance(message, EntryRemoved):
                _check(message)
        except ValueError as error:  # its words repeat nothing of the entry
            return self._pass_over(record, str(error))
        return message

    def _pass_over(self, record: ControlRecord, why: str) -> None:
        log.error(
            "the message at offset %d of %s cannot be read, and is passed over: %s",
            record.offset,
            self._partition.topic,
            why,
        )


def _check(named: ListEntry | EntryRemoved) -> None:
    """Raises `ValueError` for a value that is not as the librarian writes it: indexes rely on it,
    and what is listed under one spelling could not be removed under another."""
    if normal_value(named.algorithm, named.value) != named.value:
        raise ValueError("the value is not in its one spelling")
