"""`LocalCluster`: Apache Kafka on loopback, for trying out, for demos and for tests."""

import contextlib
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, Self

from streams.kafka.client import KafkaError, admin_client
from streams.localbroker.distribution import KAFKA_VERSION, Distribution, install
from streams.localbroker.errors import LocalBrokerError
from streams.localbroker.java import Java, find_java
from streams.localbroker.node import Node, random_id
from streams.localbroker.ports import LOOPBACK, free_ports, is_free
from streams.localbroker.record import ClusterRecord, NodeRecord, read_record, write_record

READY_SECONDS = 90
STOP_SECONDS = 20
PORT_TRIES = 3


class PortLost(LocalBrokerError):
    """Another process took a port between its choice and the broker's start."""


class LocalCluster:
    """One broker, or three with replication 3 and `min.insync.replicas` 2.

    `data_dir` is kept and can be started again, on the same ports while they are free; without one
    a temporary directory is used and removed by `stop`. Guarded (the default), the brokers die with
    this process however it ends; unguarded they go on. `properties` are added to every node's
    `server.properties`. Usable as a context manager. Methods raise `LocalBrokerError`.
    """

    def __init__(
        self,
        brokers: Literal[1, 3] = 1,
        data_dir: Path | None = None,
        *,
        guarded: bool = True,
        properties: Mapping[str, str] | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._brokers = brokers
        self._temporary = data_dir is None
        self._data_dir = data_dir
        self._guarded = guarded
        self._properties = dict(properties or {})
        self._say = say
        self._record: ClusterRecord | None = None
        self._nodes: dict[int, Node] = {}
        self._java: Java | None = None
        self._distribution: Distribution | None = None

    @property
    def bootstrap(self) -> str:
        """`host:port` of every broker, joined by commas."""
        return self._known().bootstrap

    @property
    def record(self) -> ClusterRecord:
        """What the data directory remembers of the cluster."""
        return self._known()

    @property
    def data_dir(self) -> Path:
        if self._data_dir is None:
            raise LocalBrokerError("the cluster has not been started")
        return self._data_dir

    @property
    def nodes(self) -> dict[int, Node]:
        """The nodes by their ids, which count from 1."""
        return self._nodes

    def start(self, node: int | None = None) -> Self:
        """Start every broker, or one that is down; returns when metadata requests are answered
        and name what was started."""
        if node is None:
            self._start_all()
        else:
            self._launch(self._node(node))
            self._wait_ready([self._node(node)])
            self._save()
        return self

    def stop(self, node: int | None = None) -> None:
        """End every broker, or one, by SIGTERM, and past a bound of 20 s by SIGKILL. A temporary
        directory goes with the last one."""
        if node is None:
            self._stop(list(self._nodes.values()))
            if self._temporary and self._data_dir is not None:
                shutil.rmtree(self._data_dir, ignore_errors=True)
                self._data_dir = None
        else:
            self._stop([self._node(node)])

    def kill(self, node: int) -> None:
        """End one broker by SIGKILL, as a crash would."""
        self._node(node).kill()
        self._save()

    def freeze(self, node: int) -> None:
        """Stop one broker in its tracks (SIGSTOP): its connections stay open and say nothing."""
        self._node(node).signal(signal.SIGSTOP)

    def thaw(self, node: int) -> None:
        """Let a frozen broker go on."""
        self._node(node).signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start_all(self) -> None:
        self._java = find_java()
        self._distribution = install(self._java, self._say)
        if self._data_dir is None:
            self._data_dir = Path(tempfile.mkdtemp(prefix="seawall-broker-"))
        self._data_dir.mkdir(parents=True, exist_ok=True)
        self._data_dir = self._data_dir.resolve()
        try:
            for attempt in range(1, PORT_TRIES + 1):
                try:
                    self._try_start()
                except PortLost:
                    self._stop(list(self._nodes.values()))
                    if attempt == PORT_TRIES:
                        raise
                else:
                    return
        except BaseException:
            self.stop()
            raise

    def _try_start(self) -> None:
        self._record = self._recorded()
        self._nodes = {node.id: Node(node, self.data_dir) for node in self._record.nodes}
        running = [node for node in self._nodes.values() if node.process is not None]
        if running:
            self._nodes = {}
            raise LocalBrokerError(
                f"a cluster already runs in {self.data_dir} (pid {running[0].record.pid}); "
                "end it with: seawall down"
            )
        self._save()
        for node in self._nodes.values():
            self._launch(node)
            self._save()
        self._wait_ready(list(self._nodes.values()))

    def _recorded(self) -> ClusterRecord:
        """The directory's cluster with ports that are free now."""
        record = read_record(self.data_dir)
        if record is None:
            nodes = [NodeRecord(id=i + 1, port=0, controller_port=0) for i in range(self._brokers)]
            record = ClusterRecord(cluster_id=random_id(), kafka_version=KAFKA_VERSION, nodes=nodes)
        elif len(record.nodes) != self._brokers:
            raise LocalBrokerError(
                f"{self.data_dir} holds a cluster of {len(record.nodes)} broker(s), not "
                f"{self._brokers}: use another --data-dir, or remove it"
            )
        for node in record.nodes:
            kept = node.pid is not None and Node(node, self.data_dir).process is not None
            taken = not all(p and is_free(p) for p in (node.port, node.controller_port))
            if taken and not kept:
                node.port, node.controller_port = free_ports(2)
        return record

    def _launch(self, node: Node) -> None:
        java, distribution = self._java, self._distribution
        if java is None or distribution is None:
            raise LocalBrokerError("the cluster has not been started")
        if node.process is not None:
            raise LocalBrokerError(f"broker {node.record.id} already runs")
        record = self._known()
        node.prepare(record.cluster_id, record.nodes, distribution, self._properties)
        node.launch(java, distribution, guarded=self._guarded, remove=self._temporary)

    def _wait_ready(self, nodes: list[Node]) -> None:
        """Until every one of `nodes` takes part, as the first one's metadata has it."""
        deadline = time.monotonic() + READY_SECONDS
        wanted = {node.record.id for node in nodes}
        while not (wanted <= members(nodes[0].record.port)):
            for node in nodes:
                if node.process is None:
                    log = node.started_log()
                    if "Address already in use" in log:
                        raise PortLost(
                            f"broker {node.record.id} lost port {node.record.port} or "
                            f"{node.record.controller_port} to another process"
                        )
                    raise LocalBrokerError(
                        f"broker {node.record.id} ended while starting: {node.last_log()}"
                    )
            if time.monotonic() > deadline:
                raise LocalBrokerError(
                    f"no answer from the brokers within {READY_SECONDS} s: {nodes[0].last_log()}"
                )
            time.sleep(0.05)

    def _stop(self, nodes: list[Node]) -> None:
        end_nodes(nodes)
        self._save()

    def _save(self) -> None:
        if self._record is not None and self._data_dir is not None and self._nodes:
            write_record(self._data_dir, self._record)

    def _known(self) -> ClusterRecord:
        if self._record is None:
            raise LocalBrokerError("the cluster has not been started")
        return self._record

    def _node(self, node: int) -> Node:
        try:
            return self._nodes[node]
        except KeyError:
            raise LocalBrokerError(f"no broker {node}; there are {sorted(self._nodes)}") from None


def end_nodes(nodes: Sequence[Node]) -> None:
    """SIGTERM to all at once, and SIGKILL to those that are left after the bound."""
    for node in nodes:
        node.signal(signal.SIGTERM)
        node.signal(signal.SIGCONT)  # for a frozen one, which would not hear of it otherwise
    deadline = time.monotonic() + STOP_SECONDS
    for node in nodes:
        if not node.wait(max(0.0, deadline - time.monotonic())):
            node.kill()


def stop_recorded(data_dir: Path) -> ClusterRecord | None:
    """End the cluster that runs in `data_dir`, whoever started it; `None` if none does.

    Only processes that are really that directory's brokers are touched.
    """
    running = running_cluster(data_dir)
    if running is None:
        return None
    end_nodes([Node(node, data_dir) for node in running.nodes])
    write_record(data_dir, running)
    return running


def running_cluster(data_dir: Path) -> ClusterRecord | None:
    """The record of the cluster that runs in `data_dir`, `None` if none does."""
    record = read_record(data_dir)
    if record is None:
        return None
    alive = [node for node in record.nodes if Node(node, data_dir).process is not None]
    return record if alive else None


def members(port: int) -> set[int]:
    """The ids of the brokers that take part, asked of the one on `port`; empty until it answers."""
    with contextlib.suppress(OSError):
        socket.create_connection((LOOPBACK, port), timeout=1).close()
        with contextlib.suppress(KafkaError):
            config = {"bootstrap_servers": f"{LOOPBACK}:{port}", "bootstrap_timeout_ms": 3000}
            with contextlib.closing(admin_client(config)) as admin:
                known = admin.describe_cluster()["brokers"]
                return {b["broker_id"] for b in known if not b.get("is_fenced", False)}
    return set()
