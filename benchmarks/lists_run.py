"""The parts of the lists benchmark: a list file, the commands, a worker, and the load on it."""

import json
import os
import queue
import random
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from matchers.lists.entry import ListEntry
from matchers.lists.formats.feed import Feed, Item

SEAWALL = Path(sys.executable).with_name("seawall")
CHANGE_SECONDS = 180.0
LIST = "benchmark"


class Failed(Exception):
    """A part of the benchmark ended or got stuck: there are no numbers."""


def write_list(path: Path, entries: int) -> None:
    """A CSV of so many entries: half PDQ, half MD5."""
    draw = random.Random("lists")
    with path.open("w") as file:
        file.write("id,algorithm,value,category,labels,updated_at\n")
        for number in range(entries):
            algorithm, width = ("pdq", 32) if number % 2 else ("md5", 16)
            value = draw.randbytes(width).hex()
            file.write(
                f"item-{number},{algorithm},{value},A1,series-{number % 997},2026-01-01T00:00:00Z\n"
            )


def changes(count: int, probe: str, seed: str) -> Feed:
    """So many new entries, the MD5 `probe` among them."""
    draw = random.Random(seed)

    def item(number: int) -> Item:
        algorithm, width = ("pdq", 32) if number % 2 else ("md5", 16)
        value = draw.randbytes(width).hex() if number else probe
        entry = ListEntry(
            list=LIST, id=f"{seed}-{number}", algorithm=algorithm, value=value, category="A1"
        )
        return Item(id=entry.id, entries=(entry,))

    return Feed(items=[item(n) for n in range(count)], rejected=[], held=[], whole=False)


@contextmanager
def running(
    arguments: list[str], environment: Mapping[str, str], log: Path
) -> Generator[subprocess.Popen[bytes]]:
    """A command of Seawall's, ended with the block."""
    with log.open("ab") as file:
        process = subprocess.Popen(
            [str(SEAWALL), *arguments],
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
    try:
        yield process
    finally:
        end(process)


def command(arguments: list[str], environment: Mapping[str, str]) -> float:
    """Run a command to its end; the seconds that it took."""
    started = time.monotonic()
    done = subprocess.run(
        [str(SEAWALL), *arguments], env=os.environ | environment, capture_output=True, text=True
    )
    if done.returncode:
        raise Failed(f"seawall {' '.join(arguments)}: {done.stderr or done.stdout}")
    return time.monotonic() - started


def until(condition: Callable[[], bool], what: str, seconds: float = CHANGE_SECONDS) -> None:
    """Wait. Raises `Failed`, saying what for."""
    ends = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > ends:
            raise Failed(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.05)


def ready(log: Path) -> bool:
    """Whether the worker that writes this log is ready."""
    mark = "metrics and probes at "
    lines = [line for line in log.read_text().splitlines() if mark in line]
    if not lines:
        return False
    address = lines[-1].partition(mark)[2].split()[0].rstrip('",}')
    with (
        suppress(OSError, urllib.error.URLError),
        urllib.request.urlopen(f"{address}/ready", timeout=5) as answer,
    ):
        return bool(answer.status == 200)
    return False


class Load:
    """Events at a steady rate and the reader of what is decided, each a process."""

    def __init__(self, bootstrap: str, prefix: str, folder: Path) -> None:
        self._bootstrap, self._prefix, self._folder = bootstrap, prefix, folder
        self._told: queue.Queue[dict[str, Any]] = queue.Queue()

    @contextmanager
    def running(self, rate: float, probes: list[str]) -> Iterator[None]:
        """While the block lasts; then all that was sent is waited for."""
        decisions = f"{self._prefix}enforcement.decisions"
        with (
            _module("lists_reader", self._bootstrap, decisions, str(self.times)) as reader,
            _module(
                "lists_load",
                *(self._bootstrap, f"{self._prefix}content.events", str(rate), ",".join(probes)),
            ) as load,
        ):
            assert reader.stdout is not None
            assert reader.stdin is not None
            assert load.stdin is not None
            assert load.stdout is not None
            if reader.stdout.readline().strip() != b"ready":
                raise Failed("the reader ended without a word")
            hearing = threading.Thread(target=self._hear, args=(reader,))
            hearing.start()
            try:
                yield
                load.stdin.write(b"end\n")
                load.stdin.flush()
                reader.stdin.write(load.stdout.readline())
                reader.stdin.flush()
                reader.wait(CHANGE_SECONDS)
            finally:
                end(reader)
                hearing.join()

    @property
    def times(self) -> Path:
        """Where the reader saves when each decision was due and received."""
        return self._folder / "times.npz"

    def sees(self, probe: int, *, matched: bool) -> float:
        """When the first decision about a probe came that does, or does not, match."""
        ends = time.monotonic() + CHANGE_SECONDS
        while True:
            try:
                told = self._told.get(timeout=max(0.0, ends - time.monotonic()))
            except queue.Empty:
                raise Failed(f"no decision used the change in {CHANGE_SECONDS:.0f} s") from None
            if (told["probe"], told["matched"]) == (probe, matched):
                return float(told["at"])

    def _hear(self, reader: subprocess.Popen[bytes]) -> None:
        assert reader.stdout is not None
        for line in reader.stdout:
            self._told.put(json.loads(line))


@contextmanager
def _module(name: str, *arguments: str) -> Generator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.{name}", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, then SIGKILL."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
