"""The faults. Each scenario starts workers and load on a run, does its harm, and returns."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiokafka import AIOKafkaProducer

from streams.contracts.values import STAGE_ORDER
from tests.faults import topics
from tests.faults.events import Wording, make_events
from tests.faults.rolling import rolling_workers
from tests.faults.run import PARTITIONS, SESSION_MS, PromiseBroken, Run
from tests.faults.worker import WorkerProcess

Scenario = Callable[[Run], Awaitable[None]]

PACE: Final = 8_000
"""Events a second of a paced load: under what two workers do, so that a gap shows."""


def paced(run: Run, share: float = 1.0) -> None:
    """The load, spread over the time in which the faults are done; at least 12 s."""
    events = int(run.events * share)
    run.produce(events, max(12.0 * share, events / PACE))


async def five_kills(run: Run) -> None:
    """Five SIGKILLs in mid-stream, each worker started again at once."""
    await _kill_in_turn(run, await _two_workers(run), 5)


async def _kill_in_turn(run: Run, workers: list[WorkerProcess], times: int) -> None:
    """Each kill comes in the middle of a portion of the load, which goes on meanwhile."""
    draw = random.Random(run.seed)
    for number in range(times):
        worker = workers[number % len(workers)]
        await worker.ready()
        await _mid_stream(run, number, times + 1, 0.2 + draw.random() / 2)
        run.fault(f"SIGKILL {worker.name}")
        worker.kill()
        worker.start()
    run.produce()


async def _mid_stream(run: Run, number: int, portions: int, part: float = 0.5) -> None:
    """Begin the load's portion of this number, and wait until a part of it is through."""
    paced(run, 1 / portions)
    await run.progress((number + part) / portions)


async def zombie(run: Run) -> None:
    """A worker is frozen past its session and woken after another took its partitions."""
    frozen = await run.started("a")
    run.produce(int(run.events * 0.5))
    await run.progress(0.05)
    run.fault("SIGSTOP a")
    frozen.freeze()
    other = await run.started("b")

    async def taken_over() -> bool:
        return await other.assigned() == PARTITIONS

    await run.until(taken_over, "the other worker takes the partitions", SESSION_MS / 1000 + 30)
    await run.progress(0.3)
    paced(run, 0.5)
    run.fault("SIGCONT a")
    frozen.thaw()
    await run.progress(0.9)
    by_store = frozen.logged(r"fence \d+ is not newest")
    counted = sum(
        value
        for labels, value in (await frozen.metrics("seawall_transactions_total")).items()
        if "fenced" in labels
    )
    run.demand(counted > 0, "no write of the woken worker was fenced")
    run.notes.append(f"{counted:.0f} chunks fenced, {by_store} of them by the state store")


async def broker_restart(run: Run) -> None:
    """A broker is stopped in order and started again."""
    await _two_workers(run)
    paced(run)
    await run.progress(0.3)
    run.fault("stop broker 1")
    await asyncio.to_thread(run.cluster.stop, 1)
    await run.progress(0.6)
    run.fault("start broker 1")
    await asyncio.to_thread(run.cluster.start, 1)


async def broker_kill(run: Run) -> None:
    """A broker is killed, and comes back only when everything is decided."""
    await _two_workers(run)
    paced(run)
    await run.progress(0.3)
    run.fault("SIGKILL broker 2")
    await asyncio.to_thread(run.cluster.kill, 2)
    await run.drained()
    await asyncio.to_thread(run.cluster.start, 2)
    await asyncio.to_thread(topics.wait_in_sync, run.bootstrap)


async def broker_freeze(run: Run) -> None:
    """A broker stands still: its connections stay open and say nothing for 60 s."""
    await _two_workers(run)
    paced(run)
    await run.progress(0.3)
    run.fault("SIGSTOP broker 3")
    await asyncio.to_thread(run.cluster.freeze, 3)
    await asyncio.sleep(60)
    run.fault("SIGCONT broker 3")
    await asyncio.to_thread(run.cluster.thaw, 3)


async def state_freeze(run: Run) -> None:
    """The state store stands still for 15 s, and then does late what it was sent meanwhile."""
    await _two_workers(run)
    paced(run)
    await run.progress(0.3)
    run.fault("SIGSTOP state store")
    run.state.freeze()
    await asyncio.sleep(15)
    run.fault("SIGCONT state store")
    run.state.thaw()


async def rolling_restart(run: Run) -> None:
    """All three brokers are restarted one after another under load."""
    await _two_workers(run)
    run.produce(seconds=max(30.0, run.events / PACE))
    await run.progress(0.1)
    for node in (1, 2, 3):
        run.fault(f"restart broker {node}")
        await asyncio.to_thread(run.cluster.stop, node)
        await asyncio.to_thread(run.cluster.start, node)
        await asyncio.to_thread(topics.wait_in_sync, run.bootstrap)


async def sigterm(run: Run) -> None:
    """SIGTERM in mid-stream ends a worker in order and within its bound; another goes on."""
    worker = await run.started("a")
    run.produce(int(run.events * 0.5))
    await run.progress(0.1)
    run.fault("SIGTERM a")
    seconds = await run.end(worker)
    run.notes.append(f"SIGTERM to exit: {seconds:.1f} s")
    worker.start()
    await worker.ready()
    paced(run, 0.5)


async def joins_and_leaves(run: Run) -> None:
    """A second worker joins and leaves twice."""
    await run.started("a", static=False)
    second = run.worker("b", static=False)
    for number in (0, 2):
        await _mid_stream(run, number, 5)
        run.fault("b joins")
        second.start()
        await second.ready()
        await _mid_stream(run, number + 1, 5)
        run.fault("b leaves")
        await run.end(second)
    paced(run, 1 / 5)


async def output_refuses(run: Run) -> None:
    """The decisions topic refuses writes for 25 s, longer than a transaction may last: it asks for
    three replicas in sync where two brokers are left."""
    await _two_workers(run)
    decisions = run.prefix + "enforcement.decisions"
    await _ask_for_replicas(run, decisions, 3)
    paced(run)
    await run.progress(0.3)
    run.fault("decisions refuse writes")
    await asyncio.to_thread(run.cluster.stop, 3)
    await asyncio.sleep(25)
    run.fault("decisions accept writes")
    await _ask_for_replicas(run, decisions, 2)
    await asyncio.to_thread(run.cluster.start, 3)


async def _ask_for_replicas(run: Run, topic: str, count: int) -> None:
    wanted = {"min.insync.replicas": str(count)}
    await asyncio.to_thread(topics.configure, run.bootstrap, topic, wanted)


async def split(run: Run) -> None:
    """Each stage in a worker of its own; three of them are killed in mid-stream."""
    workers = await _each_stage(run)
    await _kill_in_turn(run, workers[1:], 3)


async def fused_to_split(run: Run) -> None:
    """Fused workers end in order and split ones go on where they were (the drain procedure)."""
    fused = await run.started("fused")
    paced(run)
    await run.progress(0.4)
    run.fault("fused to split")
    await run.end(fused)
    await _each_stage(run)


async def split_to_fused(run: Run) -> None:
    """Back again: the first stage ends, the later ones drain their topics and end, and then the
    fused worker starts."""
    apart = await _each_stage(run)
    run.produce(int(run.events * 0.5), max(6.0, run.events / 2 / PACE))
    await run.progress(0.2)
    run.fault("split to fused")
    # Whatever the first stage has taken in must leave the last before the fused worker starts.
    await run.drained()
    for worker in apart:
        await run.end(worker)
    await run.started("fused")
    paced(run, 0.5)


async def at_least_once(run: Run) -> None:
    """The other mode, with three SIGKILLs and a broker killed: nothing lost, repeats by id."""
    workers = await _two_workers(run, "at_least_once")
    await _kill_in_turn(run, workers, 3)
    run.fault("SIGKILL broker 2")
    await asyncio.to_thread(run.cluster.kill, 2)
    await run.drained()
    await asyncio.to_thread(run.cluster.start, 2)
    await asyncio.to_thread(topics.wait_in_sync, run.bootstrap)


async def aborted_upstream(run: Run) -> None:
    """Transactions that the platform's producer aborts reach no stage, between those it commits."""
    await _two_workers(run)
    paced(run)
    producer = AIOKafkaProducer(
        bootstrap_servers=run.bootstrap, transactional_id=run.prefix + "upstream"
    )
    await producer.start()
    aborted = 0
    try:
        for number in range(10):
            await run.progress(number / 12)
            await producer.begin_transaction()
            for made in make_events(200, PARTITIONS, run.seed, start=10**9 + number * 200):
                await producer.send(
                    run.load.topic, made.value, key=made.key, partition=made.partition
                )
            await producer.flush()
            if number % 2:
                await producer.commit_transaction()
                run.load.acknowledged += 200
            else:
                await producer.abort_transaction()
                aborted += 200
    finally:
        await producer.stop()
    run.notes.append(f"{aborted} events of aborted transactions")


async def broken_records(run: Run) -> None:
    """1 % of the records are broken, some of them 5 MB."""
    await _broken(run, Wording(broken=0.01, huge_every=max(500, run.events // 40)))


async def mostly_broken(run: Run) -> None:
    """60 % of the records are broken, for a minute."""
    await _broken(run, Wording(broken=0.6), seconds=min(60.0, max(12.0, run.events / 3_000)))


async def _broken(run: Run, wording: Wording, seconds: float | None = None) -> None:
    worker = await run.started("a")
    producing = run.produce(seconds=seconds or max(12.0, run.events / PACE), wording=wording)
    await run.progress(0.25)
    while not producing.done():
        worker.sample_memory()
        await asyncio.sleep(0.25)
    await run.drained()
    worker.sample_memory()
    third = max(1, len(worker.rss) // 3)
    early, late = max(worker.rss[:third]), max(worker.rss[-third:])
    run.notes.append(f"resident: {early / 2**20:.0f} MB early, {late / 2**20:.0f} MB late")
    run.demand(late < early * 1.25 + 20 * 2**20, "memory grows under broken records")


async def _two_workers(run: Run, mode: str = "exactly_once") -> list[WorkerProcess]:
    workers = [run.worker("a", mode=mode), run.worker("b", mode=mode)]
    for worker in workers:
        worker.start()
    for worker in workers:
        await worker.ready()
    return workers


async def _each_stage(run: Run) -> list[WorkerProcess]:
    workers = [run.worker(stage, stages=[stage]) for stage in STAGE_ORDER]
    for worker in workers:
        worker.start()
    for worker in workers:
        await worker.ready()
    return workers


SCENARIOS: Mapping[str, Scenario] = {
    "five-kills": five_kills,
    "zombie": zombie,
    "broker-restart": broker_restart,
    "broker-kill": broker_kill,
    "broker-freeze": broker_freeze,
    "state-freeze": state_freeze,
    "rolling-restart": rolling_restart,
    "rolling-workers": rolling_workers,
    "sigterm": sigterm,
    "joins-and-leaves": joins_and_leaves,
    "output-refuses": output_refuses,
    "split": split,
    "fused-to-split": fused_to_split,
    "split-to-fused": split_to_fused,
    "at-least-once": at_least_once,
    "aborted-upstream": aborted_upstream,
    "broken-1": broken_records,
    "broken-60": mostly_broken,
}

SHORT: tuple[str, ...] = ("five-kills", "zombie", "broker-restart")
"""What CI runs."""

__all__ = ["SCENARIOS", "SHORT", "PromiseBroken", "Scenario"]
