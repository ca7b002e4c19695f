"""The engine on a real broker: what goes in comes out once, or is dead-lettered with a reason."""

import asyncio
import json

import pytest
from aiokafka import AIOKafkaProducer
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
)

from streams.contracts.stage import DependencyUnavailable, StageResult, StateKey
from streams.engine.partition import TooManyInternalErrors
from streams.engine.service import WrongTopics
from streams.localbroker import LocalCluster
from tests.integration.engine.rig import PassOn, Rig, encoded, ids, until

MODES = ["exactly_once", "at_least_once"]


@pytest.mark.parametrize("mode", MODES)
def test_every_event_comes_out_once_and_in_order(broker, prefix, mode) -> None:
    async def scenario() -> None:
        rig = Rig(broker.bootstrap, prefix)
        await rig.create_topics()
        await rig.produce([encoded(n) for n in range(2000)])
        async with rig.running(delivery=mode, chunk_records=100):
            records = await rig.read(rig.sink, 2000)
        assert sorted(map(int, ids(records))) == list(range(2000))
        for partition in range(rig.partitions):
            mine = [int(i) for i in ids([r for r in records if r.partition == partition])]
            assert mine == sorted(mine)

    asyncio.run(scenario())


def broken(number: int) -> tuple[bytes, str, str | None]:
    """A broken value, with the class and the field that its dead letter must name."""
    kinds = [
        (b"not json at all", "not_json", None),
        (b'{"event_id": "1"', "not_json", None),
        (encoded(number, author=7), "wrong_type", "$.author"),
        (encoded(number, surface="moon"), "invalid_value", "$.surface"),
        (encoded(number).replace(b'"tenant": "t", ', b""), "missing_field", "$.tenant"),
        (b'{"later": ' + b"[" * 50_000, "too_deep", None),
        (b'{"event_id": "\xff\xfe"}', "not_utf8", None),
        (encoded(number, recipient_count=10**400), "invalid_value", "$.recipient_count"),
        (b"", "empty", None),
    ]
    return kinds[number % len(kinds)]


@pytest.mark.parametrize("every", [100, 2])
def test_bad_records_become_dead_letters_and_good_ones_decisions(broker, prefix, every) -> None:
    total = 1800

    async def scenario() -> None:
        rig = Rig(broker.bootstrap, prefix)
        await rig.create_topics()
        bad = {n: broken(n // every) for n in range(0, total, every)}
        await rig.produce([bad[n][0] if n in bad else encoded(n) for n in range(total)])
        async with rig.running(chunk_records=150):
            records = await rig.read(rig.sink, total - len(bad))
            letters = await rig.read(rig.dead, len(bad))
        assert sorted(map(int, ids(records))) == [n for n in range(total) if n not in bad]
        told = {}
        for letter in letters:
            body = json.loads(letter.value)
            told[body["offset"] * rig.partitions + body["partition"]] = body
            assert "moon" not in body["message"]
        assert set(told) == set(bad)
        for number, (_, error, field) in bad.items():
            assert told[number]["error"] == error
            if field is not None:
                assert told[number]["field"] == field
        assert rig.value(
            "seawall_events_out_total", stage="hash-matching", outcome="dead_lettered"
        ) == len(bad)

    asyncio.run(scenario())


def test_a_five_megabyte_record_is_a_dead_letter_and_not_a_loop(broker, prefix) -> None:
    async def scenario() -> None:
        rig = Rig(broker.bootstrap, prefix, partitions=1)
        rig.topic_configs[rig.source] = {"max.message.bytes": "10000000"}
        await rig.create_topics()
        huge = encoded(1, text="a" * 5_000_000)
        await rig.produce([encoded(0), huge, encoded(2)])
        async with rig.running(dead_letter_payload=True):
            records = await rig.read(rig.sink, 2)
            (letter,) = await rig.read(rig.dead, 1)
        assert ids(records) == ["0", "2"]
        body = json.loads(letter.value)
        assert body["error"] == "too_large"
        assert body["size"] == len(huge)
        assert "payload" not in body
        assert ("seawall-payload", b"cut") in letter.headers

    asyncio.run(scenario())


@pytest.mark.parametrize("mode", MODES)
def test_a_result_that_its_topic_refuses_is_a_dead_letter(broker, prefix, mode) -> None:
    async def scenario() -> None:
        rig = Rig(broker.bootstrap, prefix, partitions=1)
        rig.topic_configs[rig.sink] = {"max.message.bytes": "4000"}
        await rig.create_topics()
        large = {3, 7}
        values = [encoded(n, text="a" * (6000 if n in large else 10)) for n in range(12)]
        await rig.produce(values)
        async with rig.running(delivery=mode):
            records = await rig.read(rig.sink, 10)
            letters = await rig.read(rig.dead, 2)
        assert {int(i) for i in ids(records)} == set(range(12)) - large
        if mode == "exactly_once":
            assert len(records) == 10
        bodies = [json.loads(letter.value) for letter in letters]
        assert {b["offset"] for b in bodies} == large
        assert {b["error"] for b in bodies} == {"output_too_large"}
        assert all(rig.sink in b["message"] for b in bodies)

    asyncio.run(scenario())


def test_an_aborted_transaction_upstream_never_reaches_a_later_stage(broker, prefix) -> None:
    async def scenario() -> None:
        rig = Rig(broker.bootstrap, prefix, partitions=1)
        await rig.create_topics()
        producer = AIOKafkaProducer(
            bootstrap_servers=rig.bootstrap, transactional_id=prefix + "upstream"
        )
        await producer.start()
        for start, commits in ((0, True), (10, False), (20, True)):
            await producer.begin_transaction()
            for n in range(start, start + 10):
                await producer.send_and_wait(rig.source, encoded(n), partition=0)
            await (producer.commit_transaction() if commits else producer.abort_transaction())
        await producer.stop()
        async with rig.running():
            records = await rig.read(rig.sink, 20)
            await until(
                lambda: (
                    rig.value("seawall_consumer_lag_records", stage="hash-matching", partition="0")
                    == 0
                )
            )
        assert [int(i) for i in ids(records)] == [*range(10), *range(20, 30)]

    asyncio.run(scenario())


def test_a_dependency_that_is_away_means_waiting_and_skipping_nothing(broker, prefix) -> None:
    class AwayAtFirst(PassOn):
        calls = 0

        def run(self, batch, state):
            self.calls += 1
            if self.calls <= 3:
                for envelope in batch:
                    envelope.degraded.append("left over from a try that failed")
                raise DependencyUnavailable("media", "connection refused")
            return StageResult(batch)

    async def scenario() -> None:
        rig = Rig(broker.bootstrap, prefix, partitions=1)
        await rig.create_topics()
        await rig.produce([encoded(n) for n in range(50)])
        async with rig.running(AwayAtFirst()):
            records = await rig.read(rig.sink, 50)
        assert [int(i) for i in ids(records)] == list(range(50))
        assert not any("degraded" in json.loads(r.value) for r in records)
        waits = rig.value(
            "seawall_dependency_waits_total", stage="hash-matching", dependency="media"
        )
        assert waits == 3
        waiting = rig.value("seawall_dependency_waiting", stage="hash-matching", dependency="media")
        assert waiting == 0

    asyncio.run(scenario())


def test_one_record_that_breaks_a_stage_is_a_dead_letter(broker, prefix) -> None:
    class Breaks(PassOn):
        def run(self, batch, state):
            if any(e.event.event_id == "13" for e in batch):
                raise ZeroDivisionError("of this text: see you at the match")
            return StageResult(batch)

    async def scenario() -> None:
        rig = Rig(broker.bootstrap, prefix, partitions=1)
        await rig.create_topics()
        await rig.produce([encoded(n) for n in range(100)])
        async with rig.running(Breaks()):
            records = await rig.read(rig.sink, 99)
            (letter,) = await rig.read(rig.dead, 1)
        assert [int(i) for i in ids(records)] == [n for n in range(100) if n != 13]
        body = json.loads(letter.value)
        assert (body["error"], body["offset"]) == ("internal_error", 13)
        assert (body["message"], body["stage"]) == ("ZeroDivisionError", "hash-matching")

    asyncio.run(scenario())


def test_a_defect_that_hits_every_record_stops_the_worker_before_it_eats_the_stream(
    broker, prefix
) -> None:
    class Defective(PassOn):
        def run(self, batch, state):
            raise ZeroDivisionError

    async def scenario() -> None:
        rig = Rig(broker.bootstrap, prefix, partitions=1)
        await rig.create_topics()
        await rig.produce([encoded(n) for n in range(100)])
        service = rig.service(Defective())
        await service.start()
        await until(lambda: service.crash_reason is not None)
        assert isinstance(service.crash_reason, TooManyInternalErrors)
        await service.stop()
        # A mended worker finds everything where it was.
        async with rig.running():
            records = await rig.read(rig.sink, 100)
        assert [int(i) for i in ids(records)] == list(range(100))

    asyncio.run(scenario())


def test_missing_topics_are_named_with_what_to_do(broker, prefix) -> None:
    async def scenario() -> None:
        rig = Rig(broker.bootstrap, prefix)
        with pytest.raises(WrongTopics, match=r"content\.events does not exist.*topics apply"):
            await rig.service().start()

    asyncio.run(scenario())


def test_workers_join_and_leave_without_loss_or_double(broker, prefix) -> None:
    total = 6000

    async def scenario() -> None:
        rig = Rig(broker.bootstrap, prefix, partitions=4)
        await rig.create_topics()
        values = [encoded(n) for n in range(total)]
        async with rig.running(chunk_records=20):
            producing = asyncio.create_task(rig.produce(values))
            for _ in range(2):
                async with rig.running(chunk_records=20):
                    await asyncio.sleep(1.5)
            await producing
            records = await rig.read(rig.sink, total, seconds=60, settle=1.0)
        assert sorted(map(int, ids(records))) == list(range(total))

    asyncio.run(scenario())


def test_a_result_larger_than_a_batch_gets_through_where_its_topic_allows(broker, prefix) -> None:
    async def scenario() -> None:
        rig = Rig(broker.bootstrap, prefix, partitions=1)
        for topic in (rig.source, rig.sink):
            rig.topic_configs[topic] = {"max.message.bytes": "5000000"}
        await rig.create_topics()
        values = [encoded(n, later="a" * (950_000 if n == 1 else 10)) for n in range(3)]
        values += [encoded(3, urls=["http://example.com/" + "a" * 8000] * 200)]
        await rig.produce(values)
        async with rig.running(max_bytes=4_000_000):
            records = await rig.read(rig.sink, 4)
        assert ids(records) == ["0", "1", "2", "3"]
        assert len(records[3].value) > 1_500_000

    asyncio.run(scenario())


def test_a_topic_that_takes_small_batches_only_still_gets_everything(broker, prefix) -> None:
    async def scenario() -> None:
        rig = Rig(broker.bootstrap, prefix, partitions=1)
        rig.topic_configs[rig.sink] = {"max.message.bytes": "4000"}
        await rig.create_topics()
        await rig.produce([encoded(n) for n in range(50)])
        async with rig.running():
            records = await rig.read(rig.sink, 50)
        assert [int(i) for i in ids(records)] == list(range(50))

    asyncio.run(scenario())


def test_a_dead_letter_that_its_topic_refuses_goes_without_payload_and_key(broker, prefix) -> None:
    async def scenario() -> None:
        rig = Rig(broker.bootstrap, prefix, partitions=1)
        rig.topic_configs[rig.dead] = {"max.message.bytes": "3000"}
        await rig.create_topics()
        producer = AIOKafkaProducer(bootstrap_servers=rig.bootstrap)
        await producer.start()
        await producer.send_and_wait(rig.source, b"{" * 5000, key=b"k" * 5000, partition=0)
        await producer.send_and_wait(rig.source, encoded(1), partition=0)
        await producer.stop()
        async with rig.running(dead_letter_payload=True):
            (letter,) = await rig.read(rig.dead, 1)
            records = await rig.read(rig.sink, 1)
        assert ids(records) == ["1"]
        assert letter.key is None
        assert ("seawall-payload", b"cut") in letter.headers
        assert json.loads(letter.value)["size"] == 5000

    asyncio.run(scenario())


def test_a_header_that_is_not_utf8_stops_nobody(broker, prefix) -> None:
    async def scenario() -> None:
        rig = Rig(broker.bootstrap, prefix, partitions=1)
        await rig.create_topics()
        await rig.produce([encoded(n) for n in range(10)])
        produce_with_header(rig.bootstrap, rig.source, encoded(10))
        await rig.produce([encoded(n) for n in range(11, 20)])
        async with rig.running():
            records = await rig.read(rig.sink, 19)
            (letter,) = await rig.read(rig.dead, 1)
        assert [int(i) for i in ids(records)] == [n for n in range(20) if n != 10]
        body = json.loads(letter.value)
        assert (body["error"], body["offset"]) == ("not_utf8", 10)

    asyncio.run(scenario())


def test_a_whole_batch_that_cannot_be_read_takes_few_fetches(broker, prefix) -> None:
    """Sixteen thousand records in it, for each of which there was one fetch at least."""

    async def scenario() -> None:
        rig = Rig(broker.bootstrap, prefix, partitions=1)
        await rig.create_topics()
        await rig.produce([encoded(0)])
        count = 16_000
        produce_with_header(rig.bootstrap, rig.source, b"{}", behind=count)
        await rig.produce([encoded(1)])
        async with rig.running():
            records = await rig.read(rig.sink, 2)
            letters = await rig.read(rig.dead, count + 1)
        assert ids(records) == ["0", "1"]
        bodies = [json.loads(letter.value) for letter in letters]
        assert [body["offset"] for body in bodies] == list(range(1, count + 2))
        assert {body["error"] for body in bodies} == {"not_utf8"}

    asyncio.run(scenario())


def produce_with_header(bootstrap: str, topic: str, value: bytes, behind: int = 0) -> None:
    """Sends what a client in C may send: a header whose name is not UTF-8, and more `behind` it in
    its batch. Python's clients
    encode names, so that the name's bytes are changed on their way to the socket."""
    from kafka import KafkaProducer
    from kafka.record import default_records

    class Name(str):
        def encode(self, *_):
            return b"\xff\xfe"

    assert default_records  # kafka-python lays records out in Python, with str.encode()
    producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=5000, batch_size=900_000)
    producer.send(topic, value, partition=0, headers=[(Name("x"), b"y")])
    for _ in range(behind):
        producer.send(topic, value, partition=0)
    producer.flush()
    producer.close()


def test_a_worker_that_its_group_denies_stops_rather_than_hangs(prefix) -> None:
    async def scenario(bootstrap: str) -> None:
        rig = Rig(bootstrap, prefix, partitions=1)
        await rig.create_topics()
        admin = KafkaAdminClient(bootstrap_servers=bootstrap)
        group = ResourcePattern(ResourceType.GROUP, f"{prefix}group")
        admin.create_acls(
            [ACL("User:somebody-else", "*", ACLOperation.ALL, ACLPermissionType.ALLOW, group)]
        )
        admin.close()
        service = rig.service()
        await service.start()
        await until(lambda: service.crash_reason is not None)
        assert "GroupAuthorizationFailed" in type(service.crash_reason).__name__
        await service.stop()

    properties = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "true",
    }
    with LocalCluster(1, properties=properties) as guarded:
        asyncio.run(scenario(guarded.bootstrap))


def test_records_that_wait_count_as_lag(broker, prefix) -> None:
    class Away(PassOn):
        def run(self, batch, state):
            raise DependencyUnavailable("media", "connection refused")

    async def scenario() -> None:
        rig = Rig(broker.bootstrap, prefix, partitions=1)
        await rig.create_topics()
        await rig.produce([encoded(n) for n in range(30)])
        async with rig.running(Away()) as service:
            labels = {"stage": "hash-matching", "partition": "0"}
            await until(lambda: rig.value("seawall_consumer_lag_records", **labels) == 30)
            await until(lambda: rig.value("seawall_consumer_lag_seconds", **labels) > 1)
            assert service.health.alive(1e9).ok  # starting again would not help
            for more in (40, 50, 60):  # which nobody fetches while those in hand wait
                await rig.produce([encoded(n) for n in range(more - 10, more)])
                await until(
                    lambda count=more: rig.value("seawall_consumer_lag_records", **labels) == count
                )

    asyncio.run(scenario())


def test_whoever_is_asked_to_end_does_not_fail_by_it(broker, prefix) -> None:
    """Nor a member without a partition, whose consumer is gone at once."""

    async def scenario() -> None:
        rig = Rig(broker.bootstrap, prefix, partitions=1)
        await rig.create_topics()
        async with rig.running() as busy:
            await until(lambda: bool(busy.health.partitions))
            for _ in range(3):
                idle = rig.service()
                await idle.start()
                await until(lambda service=idle: service.health.joined)
                await idle.stop()
                assert idle.crash_reason is None
        assert busy.crash_reason is None

    asyncio.run(scenario())


class Remembers(PassOn):
    """A stage that keeps something of each conversation."""

    def keys(self, batch):
        return [StateKey("conversation", e.event.conversation_id) for e in batch]

    def run(self, batch, state):
        return StageResult(batch, dict.fromkeys(self.keys(batch), b"seen"))


def test_conversations_on_two_partitions_are_counted(broker, prefix) -> None:
    async def scenario() -> None:
        rig = Rig(broker.bootstrap, prefix)
        await rig.create_topics()

        def split() -> float:
            return rig.value("seawall_split_conversations_total", stage="hash-matching")

        async with rig.running(Remembers()):
            mine = [encoded(n, conversation_id=f"v{n % 2}") for n in range(10)]
            await rig.produce(mine, partition=0)
            await rig.read(rig.sink, 10)
            assert split() == 0
            await rig.produce([encoded(10, conversation_id="v1")], partition=1)
            await rig.produce([encoded(11, conversation_id="v2")], partition=1)
            await rig.read(rig.sink, 12)
            await until(lambda: split() == 1)
            await rig.produce([encoded(12, conversation_id="v1")], partition=1)
            await rig.read(rig.sink, 13)
            assert split() == 1, "it has moved, and stays"
            await rig.produce([encoded(13, conversation_id="v1")], partition=0)
            await until(lambda: split() == 2)

    asyncio.run(scenario())
