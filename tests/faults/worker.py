"""A `seawall worker` process: started, killed, frozen, woken and asked to end."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import psutil

from streams.localbroker.ports import free_ports

COMMAND = (sys.executable, "-m", "streams.cli.main", "worker")


class WorkerFailed(Exception):
    """A worker ended, or did not become ready."""


class WorkerProcess:
    """One worker. `settings` are `section.field` → value, written to a file of its own.

    It may be started again after it ended, as a supervisor would; its log goes on.
    """

    def __init__(self, name: str, directory: Path, settings: dict[str, object]) -> None:
        self.name = name
        self.log_file = directory / f"{name}.log"
        self._settings = settings
        self._config = directory / f"{name}.toml"
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self.rss: list[int] = []

    def start(self) -> None:
        """Start the process, on a free port."""
        (self._port,) = free_ports(1)
        self._config.write_text(_toml(self._settings | {"worker.http_port": self._port}))
        environment = {k: v for k, v in os.environ.items() if not k.startswith("SEAWALL_")}
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [*COMMAND, "--config", str(self._config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
            )

    @property
    def address(self) -> str:
        """`host:port` of its metrics and probes."""
        return f"127.0.0.1:{self._port}"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def ready(self, seconds: float = 180) -> None:
        """Wait until the worker's readiness probe says yes."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            if not self.running:
                raise WorkerFailed(f"{self.name} ended: {self.last_log()}")
            if (await self._get("/ready"))[0] == 200:
                return
            await asyncio.sleep(0.1)
        raise WorkerFailed(f"{self.name} not ready after {seconds} s: {self.last_log()}")

    async def metrics(self, name: str) -> dict[str, float]:
        """A metric's samples by their labels as written; empty while there is no answer."""
        status, text = await self._get("/metrics")
        pattern = re.compile(rf"^{name}(\{{.*\}})? (\S+)$", re.MULTILINE)
        found = pattern.findall(text) if status == 200 else []
        return {labels: float(value) for labels, value in found}

    async def assigned(self) -> int:
        """How many partitions the worker says that it has."""
        return int(sum((await self.metrics("seawall_partitions_assigned")).values()))

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def freeze(self) -> None:
        """SIGSTOP: the worker stands still with all it has open."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    async def end(self, seconds: float = 60) -> tuple[int, float]:
        """SIGTERM; the exit code and the seconds it took. Past `seconds` SIGKILL, code -9."""
        process = self._process
        if process is None:
            return 0, 0.0
        started = time.monotonic()
        self._signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(process.wait, seconds)
        except subprocess.TimeoutExpired:
            self.kill()
        return process.wait(), time.monotonic() - started

    def sample_memory(self) -> None:
        """Add the resident set of the process and its children, in bytes, to `rss`."""
        if self._process is None or not self.running:
            return
        try:
            process = psutil.Process(self._process.pid)
            family = [process, *process.children(recursive=True)]
            self.rss.append(sum(member.memory_info().rss for member in family))
        except psutil.NoSuchProcess:
            return

    def logged(self, pattern: str) -> int:
        """How many lines of the log match."""
        if not self.log_file.exists():
            return 0
        return len(re.findall(pattern, self.log_file.read_text(errors="replace")))

    def last_log(self) -> str:
        """The log's last lines."""
        text = self.log_file.read_text(errors="replace") if self.log_file.exists() else ""
        return " / ".join(text.splitlines()[-5:])

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    async def _get(self, path: str) -> tuple[int, str]:
        timeout = aiohttp.ClientTimeout(total=2)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(f"http://127.0.0.1:{self._port}{path}") as answer,
            ):
                return answer.status, await answer.text()
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0, ""


def _toml(settings: dict[str, object]) -> str:
    sections: dict[str, list[str]] = {}
    for name, value in settings.items():
        section, _, field = name.partition(".")
        sections.setdefault(section, []).append(f"{field} = {json.dumps(value)}")
    return "\n".join(f"[{name}]\n" + "\n".join(lines) + "\n" for name, lines in sections.items())
