"""A real `seawall worker` for tests."""

import json
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

SEAWALL = Path(sys.executable).parent / "seawall"


class WorkerProcess:
    """A worker, or what else `command` runs, and its log."""

    def __init__(self, folder: Path, *arguments: str, command: Sequence[str] = ("worker",)) -> None:
        self.log_path = folder / "worker.log"
        self._log = self.log_path.open("w")
        self.process = subprocess.Popen(
            [str(SEAWALL), *command, *arguments], stdout=self._log, stderr=self._log
        )

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    def address(self, seconds: float = 60.0) -> str:
        """Where metrics and probes are, once it says so."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            found = re.search(r"metrics and probes at (http://\S+)", self.log)
            if found:
                return found.group(1)
            assert self.process.poll() is None, self.log
            time.sleep(0.05)
        raise AssertionError(f"no address in {seconds} s:\n{self.log}")

    def get(self, path: str) -> tuple[int, str]:
        """Status and body."""
        try:
            with urllib.request.urlopen(self.address() + path, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def until_ready(self, seconds: float = 60.0) -> None:
        ends = time.monotonic() + seconds
        while self.get("/ready")[0] != 200:
            assert time.monotonic() < ends, self.log
            time.sleep(0.1)

    def end(self, number: int = signal.SIGTERM, seconds: float = 40.0) -> int:
        """Signal it, and give its exit code."""
        self.process.send_signal(number)
        return self.wait(seconds)

    def wait(self, seconds: float = 60.0) -> int:
        try:
            return self.process.wait(seconds)
        finally:
            self._log.flush()


@contextmanager
def worker(
    folder: Path, *arguments: str, command: Sequence[str] = ("worker",)
) -> Iterator[WorkerProcess]:
    """A worker that is gone afterwards, whatever happens."""
    running = WorkerProcess(folder, *arguments, command=command)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait()


def toml(folder: Path, name: str, sections: dict[str, dict[str, object]]) -> Path:
    """A TOML file of settings."""
    lines = []
    for section, values in sections.items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path
