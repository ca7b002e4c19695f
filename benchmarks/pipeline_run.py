"""Runs subjects against the broker: draining a backlog, and at a steady rate."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psutil

from benchmarks.pipeline_events import PARTITIONS, Workload
from benchmarks.pipeline_reader import read_output
from streams.kafka.client import (
    READ_COMMITTED,
    Admin,
    TopicPartition,
    admin_client,
)

WARM_SHARE = 0.2
"""Of a backlog's outputs, those that come before the measurement."""
SAMPLE_SECONDS = 0.1
START_SECONDS = 90.0
STUCK_SECONDS = 30.0
OUTPUTS = ("enforcement.decisions", "enforcement.urgent", "enforcement.cases")
HOPS = ("content.hashed", "content.matched", "content.scored")
LATEST = -1


class SubjectFailed(Exception):
    """A subject ended, got stuck, or lost or doubled events: its numbers do not count."""


@dataclass
class Usage:
    """CPU seconds and memory of some processes over time, sampled from outside."""

    processes: Mapping[str, psutil.Process]
    at: list[float] = field(default_factory=list[float])
    cpu: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    peak_bytes: dict[str, int] = field(default_factory=dict[str, int])

    def sample(self) -> None:
        """Add one sample."""
        seen = {name: _used(process) for name, process in self.processes.items()}
        if any(used is None for used in seen.values()):
            return
        self.at.append(time.time())
        for name, used in seen.items():
            if used is not None:
                self.cpu.setdefault(name, []).append(used[0])
                self.peak_bytes[name] = max(self.peak_bytes.get(name, 0), used[1])

    def cpu_seconds(self, name: str, since: float, until: float) -> float:
        """CPU seconds between two times (seconds since the epoch)."""
        start, end = np.interp([since, until], self.at, self.cpu[name])
        return float(end - start)


@dataclass(frozen=True)
class Drain:
    """What draining a backlog showed."""

    events_per_second: float
    cpu_seconds_per_million: float
    peak_mb: float
    broker_cores: float
    worker_cores: float


@dataclass(frozen=True)
class Paced:
    """What a steady rate showed; latencies in milliseconds."""

    rate: float
    p50: float
    p99: float
    cpu_seconds_per_million: float


@dataclass(frozen=True)
class Subject:
    """A process to measure. `environment` are its settings besides the common ones."""

    program: str
    environment: Mapping[str, str]


class Bench:
    """One broker and its topics. `settings` are the environment of every subject."""

    def __init__(self, bootstrap: str, broker: psutil.Process, settings: Mapping[str, str]) -> None:
        self.bootstrap = bootstrap
        self._broker = broker
        self._settings = dict(settings)
        self._admin: Admin = admin_client({"bootstrap_servers": bootstrap})
        self._runs = 0
        self._prefixes: set[str] = set()

    def close(self) -> None:
        """Give back the connection."""
        self._admin.close()

    def make_topics(self, prefix: str) -> None:
        """Make a pipeline's topics. The outputs carry the broker's append time, by which a drain
        is timed; inputs carry the generator's."""
        if prefix in self._prefixes:
            return
        self._prefixes.add(prefix)
        append_time = {"message.timestamp.type": "LogAppendTime"}
        topics: dict[str, Any] = {}
        for name in ("content.events", "seawall.dead-letters", "review.outcomes", *HOPS, *OUTPUTS):
            topics[prefix + name] = {
                "num_partitions": PARTITIONS,
                "replication_factor": 1,
                "configs": append_time if name in OUTPUTS else {},
            }
        topics[prefix + "seawall.control"] = {
            "num_partitions": 1,
            "replication_factor": 1,
            "configs": {"cleanup.policy": "compact"},
        }
        self._admin.create_topics(topics, wait_for_metadata=True)

    def drain(
        self,
        subjects: list[Subject],
        prefix: str,
        count: int,
    ) -> Drain:
        """Let the subjects (workers of one pipeline) drain the backlog of `count` events.

        Raises SubjectFailed.
        """
        topic = f"{prefix}enforcement.decisions"
        start = self.ends(topic)
        with self.running(subjects, prefix) as (usage, alive):
            self.wait_for(topic, start, count, alive)
        output = asyncio.run(read_output(self.bootstrap, topic, start))
        times = output.times_ms / 1000
        if len(times) != count or output.distinct != count:
            raise SubjectFailed(
                f"{count} events in, {len(times)} results of {output.distinct} events out"
            )
        since, until = float(times[int(count * WARM_SHARE)]), float(times[-1])
        measured = count * (1 - WARM_SHARE)
        workers = [name for name in usage.processes if name != "broker"]
        cpu = sum(usage.cpu_seconds(name, since, until) for name in workers)
        seconds = max(until - since, 1e-3)
        return Drain(
            events_per_second=measured / seconds,
            cpu_seconds_per_million=cpu / measured * 1e6,
            peak_mb=sum(usage.peak_bytes[name] for name in workers) / 2**20,
            broker_cores=usage.cpu_seconds("broker", since, until) / seconds,
            worker_cores=cpu / seconds,
        )

    def paced(
        self,
        subjects: list[Subject],
        prefix: str,
        workload: Workload,
        rate: float,
        warm_up: float,
        measured: float,
    ) -> Paced:
        """Send at `rate` events/s and measure from when an event was due until a reader has it.

        Raises SubjectFailed.
        """
        self.make_topics(prefix)
        topic = f"{prefix}enforcement.decisions"
        start = self.ends(topic)
        with (
            TemporaryDirectory(prefix="seawall-bench-") as directory,
            self.running(subjects, prefix) as (usage, alive),
            _process(
                "benchmarks.pipeline_reader", self.bootstrap, topic, f"{directory}/times.npz"
            ) as reader,
            _process(
                "benchmarks.pipeline_load", self.bootstrap, f"{prefix}content.events", workload,
                str(rate), str(warm_up), str(measured),
            ) as load,
        ):  # fmt: skip
            _line(reader, START_SECONDS)
            self.wait_for(topic, start, 1, alive, quiet=0.0)
            _tell(load, "go")
            sent = json.loads(_line(load, warm_up + measured + 60))
            _tell(reader, str(sent["before"] + sent["measured"]))
            reader.wait(warm_up + measured + 60)
            saved = np.load(f"{directory}/times.npz")
        due, received, distinct = saved["due"], saved["received"], int(saved["distinct"])
        expected = sent["before"] + sent["measured"]
        if distinct != expected:
            raise SubjectFailed(f"{expected} events in, results of {distinct} out")
        chosen = due >= sent["since_us"]
        latency = (received[chosen] - due[chosen]) / 1000
        p50, p99 = np.percentile(latency, [50, 99])
        since = sent["since_us"] / 1e6
        workers = [name for name in usage.processes if name != "broker"]
        cpu = sum(usage.cpu_seconds(name, since, since + measured) for name in workers)
        return Paced(rate, float(p50), float(p99), cpu / sent["measured"] * 1e6)

    def ends(self, topic: str) -> dict[int, int]:
        """Per partition, the offset after the last committed record."""
        partitions = {TopicPartition(topic, number): LATEST for number in range(PARTITIONS)}
        found = self._admin.list_partition_offsets(partitions, isolation_level=READ_COMMITTED)
        return {tp.partition: found[tp].offset for tp in partitions}

    def wait_for(
        self,
        topic: str,
        start: dict[int, int],
        count: int,
        alive: Callable[[], None],
        quiet: float = 1.0,
    ) -> None:
        """Until `count` offsets were added and nothing more comes for `quiet` seconds. (Offsets
        are taken by transaction markers too, so that the reader has the last word.)"""
        begun = changed = time.monotonic()
        seen = 0
        while True:
            alive()
            ends = self.ends(topic)
            added = sum(ends.values()) - sum(start.values())
            now = time.monotonic()
            if added != seen:
                seen, changed = added, now
            if added >= count and now - changed >= quiet:
                return
            if now - begun > START_SECONDS and now - changed > STUCK_SECONDS:
                raise SubjectFailed(f"stuck at {added} of {count} results")
            time.sleep(SAMPLE_SECONDS)

    @contextmanager
    def running(
        self, subjects: list[Subject], prefix: str
    ) -> Generator[tuple[Usage, Callable[[], None]]]:
        """While the subjects run: their usage, and a check that raises when one has ended."""
        self._runs += 1
        started: list[subprocess.Popen[bytes]] = []
        ending = threading.Event()
        with TemporaryDirectory(prefix="seawall-bench-") as directory:
            log = Path(directory) / "subjects.log"
            try:
                for subject in subjects:
                    environment = (
                        dict(os.environ)
                        | self._settings
                        | {
                            "SEAWALL_KAFKA_BOOTSTRAP": self.bootstrap,
                            "SEAWALL_PIPELINE_NAME": f"run-{self._runs}",
                            "SEAWALL_PIPELINE_TOPIC_PREFIX": prefix,
                        }
                        | dict(subject.environment)
                    )
                    with log.open("ab") as file:
                        started.append(
                            subprocess.Popen(
                                [sys.executable, "-m", "benchmarks.subject", subject.program],
                                env=environment,
                                stdin=subprocess.DEVNULL,
                                stdout=file,
                                stderr=file,
                                start_new_session=True,
                            )
                        )
                usage = Usage(
                    {f"worker-{n}": psutil.Process(p.pid) for n, p in enumerate(started)}
                    | {"broker": self._broker}
                )

                def alive() -> None:
                    for process in started:
                        if process.poll() is not None:
                            text = log.read_text(errors="replace")
                            raise SubjectFailed(f"ended with {process.returncode}:\n{text[-3000:]}")

                sampler = threading.Thread(target=_sample, args=(usage, ending))
                sampler.start()
                try:
                    yield usage, alive
                finally:
                    ending.set()
                    sampler.join()
            finally:
                for process in started:
                    _end(process)


def _sample(usage: Usage, ending: threading.Event) -> None:
    while not ending.wait(SAMPLE_SECONDS):
        usage.sample()


def _used(process: psutil.Process) -> tuple[float, int] | None:
    """CPU seconds and resident bytes of a process and its children, `None` when it has ended."""
    try:
        own = process.cpu_times()
        cpu = own.user + own.system + own.children_user + own.children_system
        memory = process.memory_info().rss
        for child in process.children(recursive=True):
            try:
                times = child.cpu_times()
                cpu += times.user + times.system
                memory += child.memory_info().rss
            except psutil.NoSuchProcess:
                continue
    except psutil.NoSuchProcess:
        return None
    return cpu, memory


@contextmanager
def _process(module: str, *arguments: str) -> Generator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        _end(process)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _tell(process: subprocess.Popen[bytes], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line.encode() + b"\n")
    process.stdin.flush()


def _line(process: subprocess.Popen[bytes], seconds: float) -> bytes:
    """A line of its output; the process is killed when none comes in time."""
    assert process.stdout is not None
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    try:
        line = process.stdout.readline()
    finally:
        timer.cancel()
    if not line:
        raise SubjectFailed("the load generator or the reader ended without a word")
    return line


def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, then SIGKILL to all of its session that is left."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
