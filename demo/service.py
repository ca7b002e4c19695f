"""A long-running `seawall` command of the demo's, as a process: its log, its address, its end."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import msgspec
import psutil

from streams.localbroker import guard

READY_SECONDS = 120
STOP_SECONDS = 20
RECORD = ".process.json"
"""Ends the names of the files that hold a `KeptProcess`."""
_LISTENING = re.compile(r"metrics and probes at (http://\S+)")


class DemoFailed(Exception):
    """The demo cannot go on; the message says what happened and where to look."""


class KeptProcess(msgspec.Struct, frozen=True):
    """`created` (the process's start, seconds since the epoch) tells it from a later one with its
    number."""

    pid: int
    created: float


class Service:
    """`seawall` with `arguments`; its log lies in `folder`, which is the caller's to remove.

    Unless `kept`, it dies with this process however that ends, and the folder with it; kept, it
    goes on until a SIGTERM ends it, and a `RECORD` in the folder says which process it is.
    """

    def __init__(self, name: str, arguments: Sequence[str], folder: Path, *, kept: bool) -> None:
        self.name = name
        self.log_file = folder / f"{name}.log"
        self.address = ""
        self.process: psutil.Process | None = None
        self._arguments = arguments
        self._folder = folder
        self._kept = kept
        self._launched: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int | None:
        """Its process's number, once it was started."""
        return self.process.pid if self.process is not None else None

    def start(self) -> None:
        """Start it, and return while it gets ready. Raises `DemoFailed`."""
        command = seawall(*self._arguments)
        if not self._kept:
            command = [sys.executable, "-I", "-S", guard.__file__, str(self._folder), *command]
        with self.log_file.open("w") as log:
            self._launched = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL if self._kept else subprocess.PIPE,
                stdout=log if self._kept else subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment(self._folder),
                start_new_session=True,  # Ctrl-C is for the demo, which ends its processes in order
            )
        pid = self._launched.pid
        if self._launched.stdout is not None:
            pid = int(self._launched.stdout.readline() or 0)
        try:
            self.process = psutil.Process(pid)
        except psutil.NoSuchProcess:
            raise self._ended() from None
        if self._kept:
            record = KeptProcess(self.process.pid, self.process.create_time())
            (self._folder / f"{self.name}{RECORD}").write_bytes(msgspec.json.encode(record))

    def wait_ready(self) -> None:
        """Wait until it says that it is ready. Raises `DemoFailed`."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            self.still_runs()
            found = _LISTENING.search(self.log_file.read_text(errors="replace"))
            if found is not None:
                self.address = found[1]
                if _answers(f"{self.address}/ready"):
                    return
            time.sleep(0.05)
        raise DemoFailed(
            f"the {self.name} was not ready within {READY_SECONDS} s\n{self._last_log()}"
        )

    def still_runs(self) -> None:
        """Raises `DemoFailed` if it has ended."""
        if self.process is None or not _alive(self.process):
            raise self._ended()

    def stop(self) -> None:
        """End it in order, and wait until it is gone."""
        if self.process is not None:
            end_process(self.process)
        if self._launched is not None:
            for pipe in (self._launched.stdin, self._launched.stdout):
                if pipe is not None:
                    pipe.close()
            self._launched.wait()

    def kill(self) -> None:
        """End it at once, whatever it does: for one whose work nobody wants."""
        if self.process is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                self.process.kill()
        self.stop()

    def _ended(self) -> DemoFailed:
        return DemoFailed(f"the {self.name} ended by itself\n{self._last_log()}")

    def _last_log(self) -> str:
        lines = self.log_file.read_text(errors="replace").splitlines()
        return "\n".join(["the end of its log:", *lines[-15:]])


def seawall(*arguments: str) -> list[str]:
    """The command line of `seawall` with these arguments."""
    return [sys.executable, "-m", "streams.cli.main", *arguments]


def environment(folder: Path) -> dict[str, str]:
    """This process's, without settings of a pipeline of the user's own, and with scratch files in
    the demo's folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SEAWALL_")}
    return kept | {"TMPDIR": str(folder)}


def end_process(process: psutil.Process) -> None:
    """SIGTERM, and past a bound SIGKILL; returns when it is gone."""
    try:
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)  # a frozen one would not hear of it otherwise
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
