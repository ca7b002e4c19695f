"""The sidecar that brings the lists to a pod, run as it is."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.deploy.conftest import CHART

SCRIPT = CHART / "files" / "snapshot.sh"


@pytest.fixture
def sidecar(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        ["sh", SCRIPT],
        env={
            "PATH": "/usr/bin:/bin",
            "SOURCE": str(tmp_path / "shared.snapshot"),
            "TARGET": str(tmp_path / "own.snapshot"),
            "REFRESH_SECONDS": "0.1",
        },
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    yield process
    process.kill()
    process.wait()


def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.05)


def replace(path: Path, content: bytes) -> None:
    """As the librarian does it."""
    fresh = path.with_suffix(".fresh")
    fresh.write_bytes(content)
    fresh.rename(path)


def test_it_waits_copies_and_follows(sidecar: "subprocess.Popen[str]", tmp_path: Path) -> None:
    shared, own = tmp_path / "shared.snapshot", tmp_path / "own.snapshot"
    time.sleep(0.3)
    assert sidecar.poll() is None
    assert not own.exists()
    replace(shared, b"first" * 10_000)
    until(own.exists)
    assert own.read_bytes() == b"first" * 10_000
    assert own.stat().st_mode & 0o777 == 0o400
    # A worker has the old one mapped: a new one takes its name, never its bytes.
    with own.open("rb") as mapped:
        replace(shared, b"second")
        until(lambda: own.read_bytes() == b"second")
        assert mapped.read() == b"first" * 10_000
    assert not list(tmp_path.glob("*.new"))


def test_it_ends_when_asked(sidecar: "subprocess.Popen[str]", tmp_path: Path) -> None:
    replace(tmp_path / "shared.snapshot", b"x")
    until((tmp_path / "own.snapshot").exists)
    sidecar.send_signal(signal.SIGTERM)
    assert sidecar.wait(10) == 0
