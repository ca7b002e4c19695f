"""The reader with a client in its hands that says what the test wants."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError, OffsetOutOfRangeError

from streams.engine.reading import PartitionReader

TP = TopicPartition("t", 0)


class Client:
    """Answers with what is next in `answers`: offsets, or an error."""

    def __init__(self, *answers: Sequence[int] | Exception) -> None:
        self.answers = list(answers)
        self.sought: list[int] = []
        self.assigned = True

    def seek(self, partition, offset):
        if not self.assigned:
            raise IllegalStateError("not assigned")
        self.sought.append(offset)

    async def getmany(self, *partitions, timeout_ms, max_records):
        answer = self.answers.pop(0) if self.answers else []
        if isinstance(answer, Exception):
            raise answer
        return {TP: [SimpleNamespace(offset=at, timestamp=0, value=b"") for at in answer]}


def reading(client: Client, *steps):
    """What each step returns: a number begins there, `None` reads."""

    async def run() -> tuple[PartitionReader, list[list[int]]]:
        reader, closed, found = PartitionReader(client, TP, 100, 1000), asyncio.Event(), []
        closing = asyncio.ensure_future(closed.wait())
        for step in steps:
            if isinstance(step, int):
                reader.begin_at(step)
            elif step is None:
                found.append([r.offset for r in await reader.read(closing)])
            else:
                step(reader)
        closing.cancel()
        return reader, found

    return asyncio.run(run())


def test_it_says_where_to_read_once_and_then_reads_on() -> None:
    client = Client(range(7, 10), range(12, 15))
    _, found = reading(client, 7, None, 10, None, 15, None)
    assert found == [[7, 8, 9], [12, 13, 14], []]
    assert client.sought == [7]


def test_what_another_owner_did_is_passed_over() -> None:
    client = Client(range(5), range(5, 9))
    _, found = reading(client, 3, None, 7, None)
    assert found == [[3, 4], [7, 8]]


def test_out_of_range_stops_reading_until_it_is_told_where_to_go_on() -> None:
    client = Client(OffsetOutOfRangeError({TP: 300}), range(4))
    reader, found = reading(client, 300, None, None, lambda r: r.start_at(0), None)
    assert found == [[], [], [0, 1, 2, 3]]
    assert client.sought == [300, 0]
    assert reader.nowhere is None


def test_what_was_read_before_the_log_ended_is_still_handed_out() -> None:
    client = Client(range(125), OffsetOutOfRangeError({TP: 125}))

    async def run() -> None:
        reader = PartitionReader(client, TP, 1000, 1000)
        closing = asyncio.ensure_future(asyncio.Event().wait())
        assert len(await reader.read(closing)) == 125
        assert reader.nowhere == 125
        reader.begin_at(100)  # as after a delivery that broke
        assert [r.offset for r in await reader.read(closing)] == [*range(100, 125)]
        closing.cancel()

    asyncio.run(run())


def test_a_partition_that_is_taken_away_is_waited_for_and_holds_up_nobody() -> None:
    client = Client(range(3))
    client.assigned = False

    async def run() -> None:
        reader, closed = PartitionReader(client, TP, 100, 1000), asyncio.Event()
        closing = asyncio.ensure_future(closed.wait())
        reading = asyncio.ensure_future(reader.read(closing))
        await asyncio.sleep(0.01)
        assert not reading.done()
        closed.set()
        assert not await reading

    asyncio.run(run())
