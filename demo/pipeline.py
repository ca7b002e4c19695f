"""The demo's pipeline: a broker and a worker of its own, as processes, and their end."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psutil
from msgspec.json import encode

from demo.lists import write_lists, write_policy
from streams.kafka.admin import applied, apply_plan, plan_topics
from streams.kafka.client import admin_client
from streams.kafka.topics import pipeline_topics
from streams.localbroker import LocalCluster, guard
from streams.settings import Settings, load_settings

PARTITIONS = 4
READY_SECONDS = 120
STOP_SECONDS = 20
_LISTENING = re.compile(r"metrics and probes at (http://\S+)")


class DemoFailed(Exception):
    """The demo cannot go on; the message says what happened and where to look."""


class Pipeline:
    """A broker and a worker whose files all lie in `folder`, which is the caller's to remove.

    Unless `kept`, both die with this process however it ends, and the folder's files of the
    worker with them; kept, they go on until `streams.localbroker` and a SIGTERM end them.
    """

    def __init__(self, folder: Path, *, kept: bool, say: Callable[[str], None]) -> None:
        self.folder = folder
        self.log_file = folder / "worker.log"
        self.address = ""
        self._kept = kept
        self._cluster = LocalCluster(
            data_dir=folder / "broker" if kept else None, guarded=not kept, say=say
        )
        self._launched: subprocess.Popen[str] | None = None
        self.worker: psutil.Process | None = None

    @property
    def bootstrap(self) -> str:
        """The broker's address."""
        return self._cluster.bootstrap

    @property
    def config(self) -> Path:
        """The worker's settings file."""
        return self.folder / "seawall.toml"

    @property
    def settings(self) -> Settings:
        """What the file says; the environment's own settings play no part in a demo."""
        return load_settings(self.config, environment={}).settings

    def start_broker(self) -> None:
        """Start Kafka; returns when it answers. Raises `LocalBrokerError`."""
        self._cluster.start()

    def write_files(self) -> None:
        """Write lists, policy and settings."""
        self.config.write_text(
            _settings(self.bootstrap, write_lists(self.folder), write_policy(self.folder))
        )

    def create_topics(self) -> int:
        """Create the pipeline's topics, as `seawall topics apply` does; returns how many."""
        specs = pipeline_topics(self.settings)
        with closing(admin_client(self.settings.kafka.kafka_python_config())) as admin:
            apply_plan(admin, plan_topics(admin, specs))
            left = [plan.spec.name for plan in applied(admin, specs) if plan.state != "same"]
        if left:
            raise DemoFailed(f"topics are not as they should be: {', '.join(left)}")
        return len(specs)

    def start_worker(self) -> psutil.Process:
        """Start `seawall worker` with all stages. Raises `DemoFailed`."""
        command = [sys.executable, "-m", "streams.cli.main", "worker", "--config", str(self.config)]
        if not self._kept:
            command = [sys.executable, "-I", "-S", guard.__file__, str(self.folder), *command]
        with self.log_file.open("w") as log:
            self._launched = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL if self._kept else subprocess.PIPE,
                stdout=log if self._kept else subprocess.PIPE,
                stderr=log,
                text=True,
                env=_environment(self.folder),
                start_new_session=True,  # Ctrl-C is for the demo, which ends its worker in order
            )
        pid = self._launched.pid
        if self._launched.stdout is not None:
            pid = int(self._launched.stdout.readline() or 0)
        try:
            self.worker = psutil.Process(pid)
        except psutil.NoSuchProcess:
            raise self._worker_ended() from None
        return self.worker

    def wait_ready(self) -> None:
        """Wait until the worker is ready for events. Raises `DemoFailed`."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            self.still_runs()
            found = _LISTENING.search(self.log_file.read_text(errors="replace"))
            if found is not None:
                self.address = found[1]
                if _answers(f"{self.address}/ready"):
                    return
            time.sleep(0.05)
        raise DemoFailed(f"the worker was not ready within {READY_SECONDS} s\n{self._last_log()}")

    def still_runs(self) -> None:
        """Raises `DemoFailed` if the worker has ended."""
        if self.worker is None or not _alive(self.worker):
            raise self._worker_ended()

    def stop(self) -> None:
        """End worker and broker in order, and wait until they are gone."""
        if self.worker is not None:
            end_process(self.worker)
        if self._launched is not None:
            for pipe in (self._launched.stdin, self._launched.stdout):
                if pipe is not None:
                    pipe.close()
            self._launched.wait()
        self._cluster.stop()

    def _worker_ended(self) -> DemoFailed:
        return DemoFailed(f"the worker ended by itself\n{self._last_log()}")

    def _last_log(self) -> str:
        lines = self.log_file.read_text(errors="replace").splitlines()
        return "\n".join(["the end of its log:", *lines[-15:]])


def end_process(process: psutil.Process) -> None:
    """SIGTERM, and past a bound SIGKILL; returns when it is gone."""
    try:
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_SECONDS)
    except psutil.NoSuchProcess:
        return
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(STOP_SECONDS)


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False


def _environment(folder: Path) -> dict[str, str]:
    """This process's, without settings of a pipeline of the user's own, and with scratch files in
    the demo's folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SEAWALL_")}
    return kept | {"TMPDIR": str(folder)}


def _settings(bootstrap: str, lists: Path, policy: Path) -> str:
    # A JSON string is a TOML basic string.
    def quoted(value: object) -> str:
        return encode(str(value)).decode()

    return f"""\
[kafka]
bootstrap = {quoted(bootstrap)}

[pipeline]
name = "demo"
partitions = {PARTITIONS}

[worker]
http_port = 0                 # a free one

[media]
allow_inline = true           # pictures travel within the demo's events

[lists]
files = [{quoted(lists)}]

[policy]
file = {quoted(policy)}
"""
