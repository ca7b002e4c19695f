"""A node's `server.properties`: KRaft with combined roles, on loopback, small."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from streams.localbroker.ports import LOOPBACK
from streams.localbroker.record import NodeRecord


def server_properties(
    node: NodeRecord, nodes: Sequence[NodeRecord], log_dir: Path, extra: Mapping[str, str]
) -> str:
    """The file's text. With three nodes: replication 3, `min.insync.replicas` 2; `extra` wins."""
    replication = str(len(nodes))
    min_in_sync = "2" if len(nodes) > 1 else "1"
    own = f"PLAINTEXT://{LOOPBACK}:{node.port}"
    settings = {
        "process.roles": "broker,controller",
        "node.id": str(node.id),
        "controller.quorum.voters": ",".join(
            f"{n.id}@{LOOPBACK}:{n.controller_port}" for n in nodes
        ),
        "controller.listener.names": "CONTROLLER",
        "listeners": f"{own},CONTROLLER://{LOOPBACK}:{node.controller_port}",
        "advertised.listeners": own,
        "log.dirs": str(log_dir),
        "auto.create.topics.enable": "false",
        "default.replication.factor": replication,
        "min.insync.replicas": min_in_sync,
        "offsets.topic.replication.factor": replication,
        "transaction.state.log.replication.factor": replication,
        "transaction.state.log.min.isr": min_in_sync,
        "share.coordinator.state.topic.replication.factor": replication,
        "share.coordinator.state.topic.min.isr": min_in_sync,
        # Internal topics of 50 partitions, as by default, cost a small broker seconds and memory.
        "offsets.topic.num.partitions": "8",
        "transaction.state.log.num.partitions": "8",
        "share.coordinator.state.topic.num.partitions": "4",
        # A default of 128 MiB is taken from the heap when the broker starts.
        "log.cleaner.dedupe.buffer.size": str(4 * 1024 * 1024),
        "num.network.threads": "2",
        "num.io.threads": "4",
        "group.initial.rebalance.delay.ms": "0",
        # A dead broker's partitions find new leaders within 10 s rather than 15.
        "broker.session.timeout.ms": "6000",
        "broker.heartbeat.interval.ms": "1000",
    }
    settings.update(extra)
    return "".join(f"{key}={value}\n" for key, value in settings.items())


def meta_properties(cluster_id: str, node_id: int, directory_id: str) -> str:
    """The file that makes a directory a node's own (its version 1)."""
    return f"version=1\ncluster.id={cluster_id}\nnode.id={node_id}\ndirectory.id={directory_id}\n"
