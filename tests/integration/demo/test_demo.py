"""The demo as a person runs it: it ends as it says, and leaves nothing behind."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

from streams.localbroker import LocalBrokerUnavailable
from streams.localbroker.distribution import install
from streams.localbroker.java import find_java

ROOT = Path(__file__).parents[3]
SECONDS = 240
SHOWN = (
    "Cases, the most urgent first",
    "A case, opened",
    "A rule on trial",
    "What people found",
    "reversal",
    "canary",
    "audit log",
)


@pytest.fixture(autouse=True)
def kafka():
    try:
        install(find_java())
    except LocalBrokerUnavailable as why:
        pytest.skip(str(why))


def start(folder: Path, *flags: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "demo", *flags],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder), "COLUMNS": "110"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def commands_of(folder: Path) -> list[list[str]]:
    """What runs with the folder in its command line or environment: brokers, workers, desks and
    guards."""
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            about = [*words, process.environ().get("TMPDIR", "")]
        except psutil.Error:  # it ended meanwhile
            continue
        if any(str(folder) in word for word in about):
            found.append(words)
    return found


def until(condition, seconds: float = SECONDS) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not come true in time"
        time.sleep(0.1)


def test_a_kept_demo_goes_on_until_it_is_stopped(tmp_path):
    said, _ = (demo := start(tmp_path, "--keep")).communicate(timeout=SECONDS)
    try:
        assert demo.returncode == 0, said
        assert "none lost, none twice" in said
        for part in (*SHOWN, "dlq list --config", "feedback precision --config"):
            assert part in said
        for name, metric in (
            (r"metrics +", "seawall_decisions_total"),
            (r"desk .*, ", "seawall_reversals_total 1.0"),
            (r"page +", "<html"),
        ):
            address = re.search(rf"{name}(http://\S+)", said)
            assert address is not None, said
            with urllib.request.urlopen(address[1], timeout=10) as answer:
                assert metric in answer.read().decode()
    finally:
        stopped, _ = start(tmp_path, "--stop").communicate(timeout=SECONDS)
    assert "stopped 1 demo" in stopped
    assert commands_of(tmp_path) == []
    assert [*tmp_path.glob(".seawall/demo/*")] == []
    assert [*tmp_path.glob("seawall-*")] == []


@pytest.mark.parametrize(
    ("number", "when"),
    [
        (signal.SIGINT, ["streams.cli.main", "worker"]),
        (signal.SIGTERM, ["streams.cli.main", "cases", "build"]),
        (signal.SIGKILL, ["streams.cli.main", "cases", "build"]),
    ],
)
def test_an_interrupted_demo_leaves_nothing(tmp_path, number, when):
    demo = start(tmp_path)

    def reached() -> bool:
        assert demo.poll() is None, "it ended before that"
        return any(set(when) <= set(words) for words in commands_of(tmp_path))

    try:
        until(reached)
    finally:
        demo.send_signal(number)
    demo.communicate(timeout=60)
    assert demo.returncode == (130 if number != signal.SIGKILL else -signal.SIGKILL)
    # After SIGKILL it is the guards that end broker, worker and desk.
    until(lambda: commands_of(tmp_path) == [], 30)
    until(lambda: [*tmp_path.glob("seawall-*")] == [], 10)
