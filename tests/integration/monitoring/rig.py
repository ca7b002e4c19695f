"""A pipeline under load with a real Prometheus: what the alert drill breaks and mends."""

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from aiokafka import AIOKafkaProducer

from dashboards.monitor.side import Side
from dashboards.prometheus import Prometheus, Target
from dashboards.rules.model import Scale
from demo.service import seawall
from streams.canary.probes import LIST, list_csv
from streams.localbroker import LocalCluster
from streams.settings import load_settings
from tests.faults import topics
from tests.faults.events import Wording, make_events
from tests.faults.load import Load
from tests.faults.state_server import StateServer, state_server
from tests.faults.worker import WorkerProcess

SPEED = 20
SCALE = Scale(1 / SPEED)
"""Five minutes become fifteen seconds. Faster, and a moment in which a busy machine answers no
scrape looks like an outage."""

PARTITIONS = 2
PER_SECOND = 100
SESSION_MS = 6_000
SEED = 7
ENDLESS = 10**7

POLICY = """
version = "drill"

[[scan_basis]]
scans = ["hash", "url", "text", "provenance"]
basis = "synthetic data"
"""
OWN_LIST = """
[[list]]
name = "known"
file = "known.csv"
source_kind = "own"
roles = { a = "block" }
"""
CANARY_LIST = f"""
[[list]]
name = "{LIST}"
file = "canary.csv"
source_kind = "own"
roles = {{ canary = "block" }}
"""
KNOWN = "id,algorithm,value,category,labels\n1,md5,00000000000000000000000000000001,a,\n"


class Rig:
    """Two workers that run all stages, Valkey, a canary and Prometheus. Each worker has a folder of
    lists of its own. `prefix` begins the topics, so that a broker can serve more than one rig."""

    def __init__(self, cluster: LocalCluster, state: StateServer, folder: Path) -> None:
        self.cluster = cluster
        self.state = state
        self.folder = folder
        self.prefix = f"drill-{time.time_ns() % 10**9}."
        self.load = Load(cluster.bootstrap, f"{self.prefix}content.events", PARTITIONS)
        self.workers = {name: self._worker(name) for name in ("a", "b")}
        self.prometheus = Prometheus(folder / "prometheus", SCALE, every=1)
        self.canary = Side(
            "canary",
            folder,
            seawall(
                *("canary", "run", "--every", "2", "--within", "5", "--port", "0"),
                *("--bootstrap", cluster.bootstrap),
                *("--set", f"pipeline.topic_prefix={self.prefix}"),
            ),
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._ending = contextlib.ExitStack()

    def _flags(self) -> dict[str, object]:
        return {
            "kafka.bootstrap": self.cluster.bootstrap,
            "pipeline.name": "drill",
            "pipeline.topic_prefix": self.prefix,
            "pipeline.partitions": PARTITIONS,
            "state.url": self.state.url,
            "state.hmac_key": "synthetic, of the drill alone",
        }

    def _worker(self, name: str) -> WorkerProcess:
        (self.folder / "policy.toml").write_text(POLICY)
        self.write_lists(name)
        settings = self._flags() | {
            "worker.instance_id": name,
            "worker.session_timeout_ms": SESSION_MS,
            "policy.file": str(self.folder / "policy.toml"),
            "lists.files": [str(self.lists(name) / "lists.toml")],
        }
        return WorkerProcess(name, self.folder, settings)

    def lists(self, worker: str) -> Path:
        """The folder of a worker's lists."""
        return self.folder / f"lists-{worker}"

    def write_lists(self, worker: str, *, canary: bool = True, known: str = KNOWN) -> None:
        """Write a worker's lists, the catalogue last, as one whole."""
        folder = self.lists(worker)
        folder.mkdir(exist_ok=True)
        (folder / "known.csv").write_text(known)
        (folder / "canary.csv").write_text(list_csv())
        self.write_catalogue(worker, OWN_LIST + (CANARY_LIST if canary else ""))

    def write_catalogue(self, worker: str, text: str) -> None:
        """Write the file that says what a worker's lists are."""
        new = self.lists(worker) / "lists.new"
        new.write_text(text)
        new.replace(self.lists(worker) / "lists.toml")

    async def start(self) -> None:
        """Topics, workers, load and canary; returns when Prometheus scrapes all of them."""
        settings = load_settings(flags=self._flags(), environment={}).settings
        await asyncio.to_thread(topics.create, settings)
        for worker in self.workers.values():
            worker.start()
        for worker in self.workers.values():
            await worker.ready()
        self.begin(self.load, Wording(), PER_SECOND)
        self._ending.enter_context(self.canary)
        address = await asyncio.to_thread(self.canary.wait)
        self.prometheus.scrape(
            [
                *(Target("workers", name, one.address) for name, one in self.workers.items()),
                Target("canary", "canary", address),
            ]
        )

    def begin(self, load: Load, wording: Wording, rate: float) -> asyncio.Task[None]:
        """Begin to send, without end."""
        made = make_events(ENDLESS, PARTITIONS, SEED, wording)
        task = asyncio.create_task(load.send(made, rate))
        self._tasks.append(task)
        return task

    async def end(self) -> None:
        """Stop the load and the canary, and kill the workers."""
        self._ending.close()
        for worker in self.workers.values():
            worker.kill()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def failed(self) -> list[str]:
        """What has ended by itself."""
        ended = [f"the load: {t.exception()!r}" for t in self._tasks if _has_failed(t)]
        ended += [f"worker {n}: {w.last_log()}" for n, w in self.workers.items() if not w.running]
        return ended


def _has_failed(task: asyncio.Task[None]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None


@contextlib.contextmanager
def rig(cluster: LocalCluster) -> Iterator[Rig]:
    """A rig whose store and Prometheus run for as long as the block lasts."""
    folder = Path(tempfile.mkdtemp(prefix="seawall-drill-"))
    try:
        with state_server() as state:
            made = Rig(cluster, state, folder)
            with made.prometheus:
                yield made
    finally:
        shutil.rmtree(folder)


async def hanging_producer(bootstrap: str, topic: str, name: str) -> AIOKafkaProducer:
    """A producer of the platform's that has begun a transaction, and does not end it."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, transactional_id=name, transaction_timeout_ms=600_000
    )
    await producer.start()
    await producer.begin_transaction()
    made = next(make_events(1, PARTITIONS, SEED + 1, start=ENDLESS))
    await producer.send_and_wait(topic, made.value, key=made.key, partition=made.partition)
    return producer
