"""The faults of the drill, and in `FAULTS` which alerts are expected for each."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer

from streams.kafka.client import Consumer, TopicPartition, consumer_client, native
from tests.faults.events import Wording
from tests.faults.load import Load
from tests.integration.monitoring.rig import (
    KNOWN,
    PARTITIONS,
    PER_SECOND,
    Rig,
    hanging_producer,
)

Mend = Callable[[], Awaitable[None]]
LATE = frozenset({"SeawallTextLateFast", "SeawallTextLateSlow", "SeawallLagging"})


@dataclass(frozen=True)
class Fault:
    """`harm` does it and gives what mends it. `must` fire; `may` are other pages that it can bring
    with it, depending on how long it lasts: decisions come late, and the canary's probes with
    them. No other page may fire."""

    name: str
    harm: Callable[[Rig], Awaitable[Mend]]
    must: frozenset[str]
    may: frozenset[str] = frozenset()


async def broker_stopped(rig: Rig) -> Mend:
    """The cluster is stopped in order."""
    await asyncio.to_thread(rig.cluster.stop, 1)

    async def mend() -> None:
        await asyncio.to_thread(rig.cluster.start, 1)

    return mend


async def store_stopped(rig: Rig) -> Mend:
    """The state store stands still: its connections say nothing."""
    rig.state.freeze()

    async def mend() -> None:
        rig.state.thaw()

    return mend


async def poison(rig: Rig) -> Mend:
    """As many broken records as good ones."""
    load = Load(rig.cluster.bootstrap, rig.load.topic, PARTITIONS)
    task = rig.begin(load, Wording(broken=1.0), PER_SECOND)

    async def mend() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    return mend


async def unreadable_list(rig: Rig) -> Mend:
    """A new version of the lists is no TOML, again and again."""
    ending = asyncio.Event()

    async def rewrite() -> None:
        number = 0
        while not ending.is_set():
            number += 1
            for worker in rig.workers:
                rig.write_catalogue(worker, f"not = toml {number}\n")
            await asyncio.sleep(3)

    task = asyncio.create_task(rewrite())

    async def mend() -> None:
        ending.set()
        await task
        for worker in rig.workers:
            rig.write_lists(worker)

    return mend


async def frozen_list(rig: Rig) -> Mend:
    """A change of the lists reaches one worker and not the other."""
    known = KNOWN + "2,md5,00000000000000000000000000000002,a,\n"
    rig.write_lists("a", known=known)

    async def mend() -> None:
        rig.write_lists("b", known=known)

    return mend


async def canary_list_removed(rig: Rig) -> Mend:
    """Somebody takes a list out that was in use."""
    for worker in rig.workers:
        rig.write_lists(worker, canary=False)

    async def mend() -> None:
        for worker in rig.workers:
            rig.write_lists(worker)

    return mend


async def hanging_transaction(rig: Rig) -> Mend:
    """A producer of the platform's begins a transaction and does not end it."""
    producer: AIOKafkaProducer = await hanging_producer(
        rig.cluster.bootstrap, rig.load.topic, f"{rig.prefix}platform"
    )

    async def mend() -> None:
        await producer.abort_transaction()
        await producer.stop()

    return mend


async def frozen_in_transaction(rig: Rig) -> Mend:
    """A worker stands still with a transaction open; the other takes its partitions."""
    worker = rig.workers["a"]
    with contextlib.ExitStack() as ending:
        ends = [
            ending.enter_context(contextlib.closing(_reader(rig.cluster.bootstrap, isolation)))
            for isolation in ("read_committed", "read_uncommitted")
        ]
        parts = [
            native(TopicPartition(f"{rig.prefix}enforcement.decisions", number))
            for number in range(PARTITIONS)
        ]
        for _ in range(400):
            worker.freeze()
            # What the broker has of the worker by then, it may still carry out.
            await asyncio.sleep(0.05)
            stable, last = [await asyncio.to_thread(c.end_offsets, parts) for c in ends]
            if stable != last:
                break
            worker.thaw()
            await asyncio.sleep(0.03)
        else:
            raise AssertionError("the worker was never caught in a transaction")

    async def mend() -> None:
        worker.thaw()

    return mend


async def all_frozen(rig: Rig) -> Mend:
    """Every worker stands still."""
    for worker in rig.workers.values():
        worker.freeze()

    async def mend() -> None:
        for worker in rig.workers.values():
            worker.thaw()

    return mend


def _reader(bootstrap: str, isolation: str) -> Consumer:
    return consumer_client({"bootstrap_servers": bootstrap, "isolation_level": isolation})


FAULTS: tuple[Fault, ...] = (
    Fault(
        "state store stopped",
        store_stopped,
        must=frozenset({"SeawallDependencyAway", "SeawallNoProgress"}),
        may=LATE | {"SeawallCanaryLost"},
    ),
    Fault(
        "poison fed",
        poison,
        must=frozenset({"SeawallDeadLetterFlood", "SeawallDeadLetters"}),
    ),
    Fault(
        "lists that cannot be read",
        unreadable_list,
        must=frozenset({"SeawallListReloadFailed"}),
    ),
    Fault(
        "a list frozen on one worker",
        frozen_list,
        must=frozenset({"SeawallListVersionsDiffer"}),
    ),
    Fault(
        "the canary's list removed",
        canary_list_removed,
        must=frozenset({"SeawallCanaryLost"}),
    ),
    Fault(
        "a producer hangs in a transaction",
        hanging_transaction,
        must=frozenset({"SeawallStuckTransaction"}),
        may=LATE | {"SeawallCanaryLost"},
    ),
    Fault(
        "a worker frozen in a transaction",
        frozen_in_transaction,
        must=frozenset({"SeawallWorkerUnreachable"}),
        may=LATE | {"SeawallCanaryLost"},
    ),
    Fault(
        "every worker frozen",
        all_frozen,
        must=frozenset({"SeawallStageWithoutWorkers", "SeawallNoWorkers", "SeawallCanaryLost"}),
        may=LATE | {"SeawallNoProgress"},
    ),
    Fault(
        "broker stopped",
        broker_stopped,
        must=frozenset({"SeawallDependencyAway"}),
        may=LATE | {"SeawallCanaryLost", "SeawallNoProgress"},
    ),
)
