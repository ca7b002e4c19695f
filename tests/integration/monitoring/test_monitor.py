"""`make monitor` as a person runs it: it notices what ends, and ends itself whatever is frozen."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from dashboards.tool import ToolMissing, find_tool
from streams.localbroker import LocalBrokerUnavailable
from streams.localbroker.distribution import install
from streams.localbroker.java import find_java

ROOT = Path(__file__).parents[3]
SECONDS = 60
"""A bound for a hang, not a promise."""


@pytest.fixture
def monitor() -> Iterator["subprocess.Popen[str]"]:
    """The command, once it has told where everything is."""
    try:
        find_tool("prometheus")
        install(find_java())
    except (ToolMissing, LocalBrokerUnavailable) as why:
        pytest.skip(str(why))
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "dashboards.monitor"],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": folder},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            told = _until(process, "Ctrl-C ends it")
            assert "SeawallDeadLetters fires by design" in told
            yield process
        finally:
            left = _descendants(process) if process.poll() is None else []
            process.kill()
            for each in left:  # a frozen guard hears of no end
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.resume()
            process.communicate()
            psutil.wait_procs(left, timeout=SECONDS)
        assert list(Path(folder).iterdir()) == []


def test_it_notices_what_ends_and_ends_whatever_is_frozen(
    monitor: "subprocess.Popen[str]",
) -> None:
    _running(monitor, "dashboards.monitor.traffic").kill()
    assert "the traffic ended" in _until(monitor, "started anew")
    # A child that is frozen before it runs its program keeps its parent from hearing of anything
    # (vfork), and nothing in here could help that.
    _running(monitor, "dashboards.monitor.traffic")
    # Everything that it has started, guards included.
    started = _descendants(monitor)
    for process in started:
        process.suspend()
    monitor.send_signal(signal.SIGINT)
    said, _ = monitor.communicate(timeout=SECONDS)
    assert "stopping; nothing is left behind" in said
    assert "Traceback" not in said
    assert monitor.returncode == 0
    assert not psutil.wait_procs(started, timeout=10)[1]


def test_it_ends_and_names_what_ended(monitor: "subprocess.Popen[str]") -> None:
    started = _descendants(monitor)
    _running(monitor, "librarian.toml").kill()
    said, _ = monitor.communicate(timeout=SECONDS)
    assert "the librarian ended by itself" in said
    assert monitor.returncode == 2
    assert not psutil.wait_procs(started, timeout=10)[1]


def _descendants(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def _running(monitor: "subprocess.Popen[str]", word: str) -> psutil.Process:
    """The one process with this word in its command line, once its guard has started it."""
    ends = time.monotonic() + SECONDS
    while time.monotonic() < ends:
        for process in _descendants(monitor):
            with contextlib.suppress(psutil.Error):
                words = process.cmdline()
                if word in words and not any(each.endswith("guard.py") for each in words):
                    return process
        time.sleep(0.1)
    raise AssertionError(f"nothing runs {word}")


def _until(process: "subprocess.Popen[str]", words: str) -> str:
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if words in line:
            return said
    raise AssertionError(f"it ended: {said}")
