"""One pipeline under test: its topics, workers, load, live reader and verdict."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

from streams.kafka.topics import pipeline_topics
from streams.localbroker import LocalCluster
from streams.settings import load_settings
from tests.faults import topics
from tests.faults.events import GOOD, Wording, make_events
from tests.faults.load import Load
from tests.faults.reading import Tail
from tests.faults.state_server import StateServer
from tests.faults.verify import Reading, Verdict
from tests.faults.worker import WorkerProcess

PARTITIONS = 4
SESSION_MS = 6_000
SHUTDOWN_SECONDS = 25.0
STALL_SECONDS = 180.0
"""Without any new decision for so long, a run is over and the rest counts as lost."""

POLICY = """
version = "fault-tests"

[[scan_basis]]
scans = ["hash", "url", "text", "provenance"]
basis = "synthetic data"
"""


class PromiseBroken(Exception):
    """Something that the scenario demands did not happen."""


@dataclass
class Outcome:
    """A finished run. `resume` is the longest silence, in seconds, around any of the faults."""

    scenario: str
    events: int
    verdict: Verdict
    resume: float
    seconds: float
    broken: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Run:
    """Usage: `async with Run(…) as run`, start workers and load, do harm, `await run.finish()`."""

    def __init__(
        self,
        cluster: LocalCluster,
        state: StateServer,
        scenario: str,
        events: int,
        seed: int,
        say: Callable[[str], None],
    ) -> None:
        self.cluster = cluster
        self.events = events
        self.seed = seed
        self.scenario = scenario
        self.prefix = f"{scenario}-{time.time_ns() % 10**9}."
        self._hmac_key = f"of one run: {self.prefix}"  # so that runs share no state
        self.notes: list[str] = []
        self.workers: list[WorkerProcess] = []
        self._broken: list[str] = []
        self._say = say
        self.state = state
        self._mode = "exactly_once"
        self._faults: list[float] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._directory = Path(tempfile.mkdtemp(prefix=f"seawall-{scenario}-"))
        self._started = time.monotonic()
        (self._directory / "policy.toml").write_text(POLICY)
        self.load = Load(self.bootstrap, self.prefix + "content.events", PARTITIONS)
        self._sent = 0

    @property
    def bootstrap(self) -> str:
        return self.cluster.bootstrap

    async def __aenter__(self) -> Self:
        settings = load_settings(flags=self._flags(), environment={}).settings
        await asyncio.to_thread(topics.create, settings)
        dead = self.prefix + "seawall.dead-letters"
        counts = {spec.name: spec.partitions for spec in pipeline_topics(settings)}
        self._dead_partitions = counts[dead]
        self._tail = Tail(
            self.bootstrap,
            {self.prefix + "enforcement.decisions": PARTITIONS, dead: counts[dead]},
        )
        self._tasks.append(asyncio.create_task(self._tail.follow()))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self.workers:
            worker.kill()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if error is None and not self._broken:
            shutil.rmtree(self._directory)
            await asyncio.to_thread(topics.delete, self.bootstrap, self.prefix)
        else:
            self.say(f"logs of the workers are in {self._directory}")

    def say(self, what: str) -> None:
        """Tell what happens, with the time."""
        self._say(f"{self.scenario} {time.monotonic() - self._started:6.1f} s  {what}")

    def demand(self, holds: bool, what: str) -> None:
        """A promise of the scenario beside those of every run."""
        if not holds:
            self._broken.append(what)
            self.say(f"BROKEN: {what}")

    def _flags(self) -> dict[str, object]:
        return {
            "kafka.bootstrap": self.bootstrap,
            "pipeline.name": self.prefix.rstrip("."),
            "pipeline.topic_prefix": self.prefix,
            "pipeline.partitions": PARTITIONS,
            "pipeline.replication": 3,
            "state.url": self.state.url,
            "state.hmac_key": self._hmac_key,
        }

    def worker(
        self,
        name: str,
        stages: Sequence[str] | None = None,
        mode: str = "exactly_once",
        static: bool = True,
        session_ms: int = SESSION_MS,
    ) -> WorkerProcess:
        """A worker that is not started yet. A static one keeps its place in the group when
        it is killed; `mode` is the delivery mode and must be the same for all."""
        self._mode = mode
        settings = self._flags() | {
            "policy.file": str(self._directory / "policy.toml"),
            "worker.delivery": mode,
            "worker.session_timeout_ms": session_ms,
            "worker.shutdown_seconds": SHUTDOWN_SECONDS,
            "worker.chunk_records": max(50, min(1000, self.events // 50)),
            "worker.fetch_min_bytes": 4096,
        }
        if static:
            settings["worker.instance_id"] = name
        if stages is not None:
            settings["worker.stages"] = list(stages)
        worker = WorkerProcess(name, self._directory, settings)
        self.workers.append(worker)
        return worker

    async def started(self, name: str, **options: object) -> WorkerProcess:
        """A worker that is ready."""
        worker = self.worker(name, **options)  # pyright: ignore[reportArgumentType]
        worker.start()
        await worker.ready()
        return worker

    def produce(
        self, events: int | None = None, seconds: float | None = None, wording: Wording = GOOD
    ) -> asyncio.Task[None]:
        """Begin to send events (all that are left, or so many), over so many seconds or at once."""
        count = self.events - self._sent if events is None else events
        made = make_events(count, PARTITIONS, self.seed, wording, start=self._sent)
        self._sent += count
        rate = count / seconds if seconds else None
        task = asyncio.create_task(self.load.send(made, rate))
        self._tasks.append(task)
        return task

    async def progress(self, fraction: float) -> None:
        """Until this part of all events is seen downstream."""
        await self._seen(int(self.events * fraction))

    def fault(self, what: str) -> None:
        """Remember that a fault is done now."""
        self._faults.append(time.monotonic())
        self.say(f"{what} ({self._tail.seen} seen)")

    def waits(self, since: float, until: float) -> list[float]:
        """Seconds from each record's acknowledgement within the span until its decision was read,
        in order."""
        return sorted(
            wait
            for partition, sent in enumerate(self.load.acknowledgements)
            for wait in self._tail.arrivals[partition].waits(sent, since, until)
        )

    async def until(
        self, holds: Callable[[], Awaitable[bool]], what: str, seconds: float = 60
    ) -> None:
        """Wait for a condition that must come true."""
        ends = time.monotonic() + seconds
        while not await holds():
            if time.monotonic() > ends:
                raise PromiseBroken(f"not within {seconds:.0f} s: {what}")
            await asyncio.sleep(0.1)

    async def drained(self) -> None:
        """Until everything that was sent is seen downstream."""
        await asyncio.gather(*(t for t in self._tasks[1:]))
        await self._seen(self.load.acknowledged)
        self.say(f"drained ({self._tail.seen} seen of {self.load.acknowledged} acknowledged)")

    async def finish(self) -> Outcome:
        """Drain, end the workers in order, and verify."""
        ended = time.monotonic()
        try:
            await self.drained()
            ended = time.monotonic()
        except PromiseBroken as broken:
            self.demand(False, str(broken))
        await asyncio.sleep(0.5)
        for worker in self.workers:
            if worker.running:
                await worker.ready()  # one that was just started has no handler for SIGTERM yet
                await self.end(worker)
        reading = Reading(self.bootstrap, self.prefix, PARTITIONS, self._dead_partitions)
        verdict = await reading.verdict(self.state.url, self._hmac_key)
        verdict.acknowledged = self.load.acknowledged
        self._broken += verdict.broken_promises(self._mode)
        faults = [*self._faults, ended]
        resume = max(
            (
                self._tail.arrivals[partition].longest_wait(sent, since, until)
                for since, until in pairwise(faults)
                for partition, sent in enumerate(self.load.acknowledgements)
            ),
            default=0.0,
        )
        return Outcome(
            self.scenario,
            self.events,
            verdict,
            resume,
            time.monotonic() - self._started,
            self._broken,
            self.notes + verdict.notes,
        )

    async def end(self, worker: WorkerProcess) -> float:
        """SIGTERM, and demand an end in order within the stated bound; the seconds it took."""
        code, seconds = await worker.end(SHUTDOWN_SECONDS + 15)
        self.demand(code == 0, f"worker {worker.name} ended with code {code} on SIGTERM")
        self.demand(seconds < SHUTDOWN_SECONDS, f"worker {worker.name} took {seconds:.1f} s to end")
        return seconds

    async def _seen(self, count: int) -> None:
        last, since = self._tail.seen, time.monotonic()
        while self._tail.seen < count:
            for task in self._tasks:
                if task.done() and not task.cancelled() and task.exception():
                    raise PromiseBroken(f"the test's own client failed: {task.exception()!r}")
            await asyncio.sleep(0.05)
            if self._tail.seen != last:
                last, since = self._tail.seen, time.monotonic()
            elif time.monotonic() - since > STALL_SECONDS:
                raise PromiseBroken(f"no progress for {STALL_SECONDS:.0f} s, at {last} of {count}")
