"""`cluster.json`: what a data directory remembers of its cluster and of its processes."""

from pathlib import Path

import msgspec
import psutil
from msgspec import Struct

from streams.localbroker.errors import LocalBrokerError


class NodeRecord(Struct, kw_only=True):
    """`pid` and `created` (the process's start, seconds since the epoch) name a process even after
    its number was given to another; both are `None` while the node is down."""

    id: int
    port: int
    controller_port: int
    pid: int | None = None
    created: float | None = None


class ClusterRecord(Struct, kw_only=True):
    """The cluster of one data directory."""

    cluster_id: str
    kafka_version: str
    nodes: list[NodeRecord]

    @property
    def bootstrap(self) -> str:
        return ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)


def record_path(data_dir: Path) -> Path:
    return data_dir / "cluster.json"


def read_record(data_dir: Path) -> ClusterRecord | None:
    """What the directory remembers, `None` if it holds no cluster. Raises `LocalBrokerError`."""
    path = record_path(data_dir)
    try:
        return msgspec.json.decode(path.read_bytes(), type=ClusterRecord)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as bad:
        raise LocalBrokerError(
            f"{path} is not a cluster's record ({bad}); use another --data-dir, or remove this one"
        ) from bad


def write_record(data_dir: Path, record: ClusterRecord) -> None:
    path = record_path(data_dir)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(record)) + b"\n")
    fresh.replace(path)


def live_process(data_dir: Path, node: NodeRecord) -> psutil.Process | None:
    """The node's process, if it still runs and really is this directory's broker."""
    if node.pid is None or node.created is None:
        return None
    try:
        process = psutil.Process(node.pid)
        same = abs(process.create_time() - node.created) < 0.01
        ours = any(str(data_dir.resolve()) in part for part in process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
        return None
    return process if same and ours else None
