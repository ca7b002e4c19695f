"""One broker process: its files, its start and its end."""

import contextlib
import secrets
import shutil
import signal
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from streams.localbroker import guard
from streams.localbroker.distribution import Distribution
from streams.localbroker.errors import LocalBrokerError
from streams.localbroker.java import Java
from streams.localbroker.properties import meta_properties, server_properties
from streams.localbroker.record import NodeRecord, live_process

JVM_OPTIONS = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xshare:auto",
    "-Xms64m",
    "-Xmx512m",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
)
"""The compiler's first tier and the serial collector: a small broker starts in a quarter of the
time that it needs without."""


def random_id() -> str:
    """A Kafka UUID: 16 random bytes, URL-safe base64 without padding, not starting with `-`."""
    while True:
        text = urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
        if not text.startswith("-"):
            return text


class Node:
    """A node of a cluster in `cluster_dir`. Its files lie in `cluster_dir/node-<id>`."""

    def __init__(self, record: NodeRecord, cluster_dir: Path) -> None:
        self.record = record
        self._cluster_dir = cluster_dir.resolve()
        self.directory = self._cluster_dir / f"node-{record.id}"
        self.log_file = self.directory / "broker.log"
        self._log_start = 0
        self._launched: subprocess.Popen[str] | None = None
        self._process = live_process(self._cluster_dir, record)

    @property
    def process(self) -> psutil.Process | None:
        """The broker's process while it runs (frozen counts as running)."""
        process = self._process
        if process is None or not process.is_running():
            return None
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None

    def prepare(
        self,
        cluster_id: str,
        nodes: Sequence[NodeRecord],
        distribution: Distribution,
        extra: Mapping[str, str],
    ) -> None:
        """Write the configuration; format the log directory if it is new."""
        log_dir = self.directory / "data"
        if not log_dir.is_dir():
            shutil.copytree(distribution.template, log_dir)
            meta = meta_properties(cluster_id, self.record.id, random_id())
            (log_dir / "meta.properties").write_text(meta)
        properties = server_properties(self.record, nodes, log_dir, extra)
        (self.directory / "server.properties").write_text(properties)

    def launch(
        self, java: Java, distribution: Distribution, *, guarded: bool, remove: bool
    ) -> None:
        """Start the process. Guarded, it dies with this one (and `remove` says whether the
        cluster's directory goes too); else it goes on when this one ends."""
        properties = str(self.directory / "server.properties")
        command = [str(java.path), *JVM_OPTIONS, "-cp", distribution.class_path]
        command += ["kafka.Kafka", properties]
        if guarded:
            removed = str(self._cluster_dir) if remove else "-"
            command = [sys.executable, "-I", "-S", guard.__file__, removed, *command]
        with self.log_file.open("ab") as log:
            self._log_start = log.tell()
            self._launched = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.PIPE if guarded else subprocess.DEVNULL,
                stdout=subprocess.PIPE if guarded else log,
                stderr=log,
                text=True,
                cwd=self.directory,
                start_new_session=True,
            )
        pid = self._launched.pid
        if self._launched.stdout is not None:
            line = self._launched.stdout.readline()
            if not line:
                raise LocalBrokerError(f"broker {self.record.id} did not start: {self.last_log()}")
            pid = int(line)
        try:
            self._process = psutil.Process(pid)
            self.record.pid, self.record.created = pid, self._process.create_time()
        except psutil.NoSuchProcess:
            self._process = None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens to a node that is down."""
        process = self.process
        if process is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def wait(self, seconds: float) -> bool:
        """Wait for the process's end; true if it came in time."""
        process = self.process
        if process is not None:
            try:
                process.wait(seconds)
            except psutil.TimeoutExpired:
                return False
        self._reap()
        self.record.pid = self.record.created = None
        self._process = None
        return True

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        if not self.wait(10):
            raise LocalBrokerError(f"broker {self.record.id} (pid {self.record.pid}) does not die")

    def started_log(self) -> str:
        """What the broker has logged since its last start."""
        with self.log_file.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def last_log(self) -> str:
        """The errors of the last start, else its last lines, and where the log is."""
        lines = [line for line in self.started_log().splitlines() if line.strip()]
        telling = [line for line in lines if "ERROR" in line or "Exception" in line] or lines
        return f"{' / '.join(telling[:3])} (log: {self.log_file})"

    def _reap(self) -> None:
        launched, self._launched = self._launched, None
        if launched is None:
            return
        launched.wait()
        for pipe in (launched.stdin, launched.stdout):
            if pipe is not None:
                pipe.close()
