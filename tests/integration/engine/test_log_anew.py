"""What is not where the worker reads on: a log made anew, and what retention removed."""

import asyncio
import threading
from contextlib import closing

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka import TopicPartition as EnginePartition
from aiokafka.errors import OffsetOutOfRangeError
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import TopicAlreadyExistsError

from streams.exits import NotUsable
from streams.localbroker import LocalCluster
from tests.integration.engine.rig import PassOn, Rig, encoded, ids, until
from tests.integration.engine.test_service import MODES

EXPIRED = "seawall_records_expired_total"


class Gate(PassOn):
    """Lets chunks through while it is open; `waits` says that one does not get through."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.waits = threading.Event()

    def run(self, batch, state):
        if not self.open.is_set():
            self.waits.set()
            assert self.open.wait(60)
        return super().run(batch, state)


def expired(rig: Rig) -> float:
    return rig.value(EXPIRED, stage="hash-matching")


def remove_up_to(rig: Rig, before_end: int = 0) -> int:
    """Remove the first partition's records but for the last offsets; where its log begins then."""
    tp = TopicPartition(rig.source, 0)
    with (
        closing(KafkaConsumer(bootstrap_servers=rig.bootstrap)) as consumer,
        closing(KafkaAdminClient(bootstrap_servers=rig.bootstrap)) as admin,
    ):
        begin = consumer.end_offsets([tp])[tp] - before_end
        admin.delete_records({tp: begin})
    return begin


async def make_anew(rig: Rig) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=rig.bootstrap)) as admin:
        admin.delete_topics([rig.source])
        while True:
            try:
                admin.create_topics([NewTopic(rig.source, rig.partitions, 1)])
                return
            except TopicAlreadyExistsError:
                await asyncio.sleep(0.1)


async def in_transactions(rig: Rig, numbers: range, size: int = 5) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=rig.bootstrap, transactional_id=rig.prefix + "p")
    await producer.start()
    try:
        for begin in range(numbers.start, numbers.stop, size):
            async with producer.transaction():
                for number in range(begin, begin + size):
                    await producer.send(rig.source, encoded(number), partition=0)
    finally:
        await producer.stop()


def committed(rig: Rig) -> int | None:
    group = f"{rig.prefix}group"
    with closing(KafkaConsumer(bootstrap_servers=rig.bootstrap, group_id=group)) as consumer:
        return consumer.committed(TopicPartition(rig.source, 0))


@pytest.mark.parametrize("mode", MODES)
def test_a_topic_made_anew_amid_work_is_read_from_its_beginning(
    broker, prefix, mode, caplog
) -> None:
    async def scenario() -> None:
        rig = Rig(broker.bootstrap, prefix, partitions=1)
        await rig.create_topics()
        async with rig.running(delivery=mode):
            await rig.produce([encoded(n) for n in range(300)])
            await rig.read(rig.sink, 300)
            await make_anew(rig)
            await rig.produce([encoded(1000 + n) for n in range(100)])
            await rig.read(rig.sink, 400)
            await until(lambda: rig.value("seawall_events_in_total", stage="hash-matching") >= 400)
            assert committed(rig) == 100
        # Past where the old log had been read, too, and by another worker.
        async with rig.running(delivery=mode):
            await rig.produce([encoded(2000 + n) for n in range(300)])
            found = [int(i) for i in ids(await rig.read(rig.sink, 700))]
        assert found == [*range(300), *range(1000, 1100), *range(2000, 2300)]
        assert expired(rig) == 0
        assert "made anew or cut" in caplog.text

    asyncio.run(scenario())


@pytest.mark.parametrize("mode", MODES)
def test_a_broker_that_wakes_and_has_not_heard_of_all_repeats_nothing(broker, prefix, mode) -> None:
    """A leader that was frozen answers once that the log ends below; it is whole elsewhere."""

    async def scenario() -> None:
        rig = Rig(broker.bootstrap, prefix, partitions=1)
        await rig.create_topics()
        async with rig.running(delivery=mode) as service:
            await rig.produce([encoded(n) for n in range(200)])
            await rig.read(rig.sink, 200)
            tp, fetcher = EnginePartition(rig.source, 0), service._consumer._fetcher
            await until(lambda: tp not in fetcher._records)
            position = await service._consumer.position(tp)
            fetcher._set_error(tp, OffsetOutOfRangeError({tp: position}))
            for waiter in list(fetcher._fetch_waiters):
                fetcher._notify(waiter)
            await rig.produce([encoded(n) for n in range(200, 300)])
            found = [int(i) for i in ids(await rig.read(rig.sink, 300))]
        assert found == [*range(300)]
        assert expired(rig) == 0

    asyncio.run(scenario())


@pytest.mark.parametrize("mode", MODES)
def test_a_group_whose_offset_is_of_a_log_that_is_no_more_begins_anew(broker, prefix, mode) -> None:
    """As after a log was cut, or after a commit just when its topic was made anew."""

    async def scenario() -> None:
        rig = Rig(broker.bootstrap, prefix, partitions=1)
        await rig.create_topics()
        group = f"{prefix}group"
        with closing(
            KafkaConsumer(bootstrap_servers=rig.bootstrap, group_id=group, enable_auto_commit=False)
        ) as consumer:
            tp = TopicPartition(rig.source, 0)
            consumer.assign([tp])
            consumer.seek(tp, 300)
            consumer.commit()
        gate = Gate()
        gate.open.clear()
        async with rig.running(gate, delivery=mode):
            for _ in range(300):
                if committed(rig) == 0:
                    break
                await asyncio.sleep(0.1)
            # Before anything of it is done: whoever comes next must not ask for 300 again.
            assert committed(rig) == 0
            gate.open.set()
            await rig.produce([encoded(n) for n in range(400)])
            assert [int(i) for i in ids(await rig.read(rig.sink, 400))] == [*range(400)]

    asyncio.run(scenario())


def test_records_that_are_decided_are_not_lost_whatever_retention_removes(broker, prefix) -> None:
    async def scenario() -> None:
        rig, gate = Rig(broker.bootstrap, prefix, partitions=1), Gate()
        await rig.create_topics()
        async with rig.running(gate, chunk_records=20):
            await in_transactions(rig, range(5))
            await rig.read(rig.sink, 5)
            gate.open.clear()
            await in_transactions(rig, range(5, 10))
            assert await asyncio.to_thread(gate.waits.wait, 30)
            await in_transactions(rig, range(10, 15))
            await asyncio.sleep(1)  # the client has fetched it, and asks when it is taken
            gate.waits.clear()
            gate.open.set()
            await rig.read(rig.sink, 15)
            gate.open.clear()
            await in_transactions(rig, range(15, 20))
            assert await asyncio.to_thread(gate.waits.wait, 30)
            await asyncio.sleep(1)
            remove_up_to(rig)
            gate.open.set()
            await in_transactions(rig, range(20, 40))
            found = [int(i) for i in ids(await rig.read(rig.sink, 40))]
        assert found == [*range(40)]
        assert expired(rig) == 0

    asyncio.run(scenario())


def test_what_retention_removes_unread_is_counted_once(broker, prefix) -> None:
    async def scenario() -> None:
        rig, gate = Rig(broker.bootstrap, prefix, partitions=1), Gate()
        await rig.create_topics()
        async with rig.running(gate):
            await rig.produce([encoded(0)])
            await rig.read(rig.sink, 1)
            gate.open.clear()
            await rig.produce([encoded(1)])
            assert await asyncio.to_thread(gate.waits.wait, 30)
            await rig.produce([encoded(2)])
            await asyncio.sleep(1)  # the client has fetched it, and asks for more when it is taken
            await rig.produce([encoded(n) for n in range(3, 100)])
            remove_up_to(rig, before_end=10)
            gate.open.set()
            assert len(await rig.read(rig.sink, 13)) == 13
            assert expired(rig) == 87
        await rig.produce([encoded(n) for n in range(100, 200)])
        remove_up_to(rig, before_end=10)
        async with rig.running():
            assert len(await rig.read(rig.sink, 23)) == 23
            assert expired(rig) == 87 + 90

    asyncio.run(scenario())


def test_a_broker_that_allows_short_transactions_only_is_told_of(prefix) -> None:
    async def scenario(bootstrap: str) -> None:
        rig = Rig(bootstrap, prefix, partitions=1)
        await rig.create_topics()
        service = rig.service()
        await service.start()
        await until(lambda: service.crash_reason is not None)
        await service.stop()
        assert isinstance(service.crash_reason, NotUsable)  # exit code 2
        assert "transaction.max.timeout.ms" in str(service.crash_reason)
        assert "at least 15000" in str(service.crash_reason)

    with LocalCluster(1, properties={"transaction.max.timeout.ms": "10000"}) as short:
        asyncio.run(scenario(short.bootstrap))
