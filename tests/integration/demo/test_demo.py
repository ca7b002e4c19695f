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


def processes_of(folder: Path) -> list[psutil.Process]:
    """What runs with the folder in its command line or environment: brokers, workers, guards."""
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), process.environ().get("TMPDIR", "")]
        except psutil.Error:
            continue
        if any(str(folder) in word for word in words):
            found.append(process)
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
        address = re.search(r"metrics +(http://\S+)", said)
        assert address is not None, said
        with urllib.request.urlopen(address[1], timeout=10) as answer:
            assert b"seawall_decisions_total" in answer.read()
    finally:
        stopped, _ = start(tmp_path, "--stop").communicate(timeout=SECONDS)
    assert "stopped 1 demo" in stopped
    assert processes_of(tmp_path) == []
    assert [*tmp_path.glob(".seawall/demo/*")] == []
    assert [*tmp_path.glob("seawall-*")] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_demo_leaves_nothing(tmp_path, number):
    demo = start(tmp_path)
    try:
        until(lambda: any("streams.cli.main" in p.cmdline() for p in processes_of(tmp_path)))
    finally:
        demo.send_signal(number)
    demo.communicate(timeout=60)
    assert demo.returncode == (130 if number != signal.SIGKILL else -signal.SIGKILL)
    # After SIGKILL it is the guards that end the broker and the worker.
    until(lambda: processes_of(tmp_path) == [], 30)
    until(lambda: [*tmp_path.glob("seawall-*")] == [], 10)
