"""`seawall up` and `seawall down`."""

import json
import os
import signal
from pathlib import Path

import psutil
import pytest

from streams.cli.main import main

pytestmark = pytest.mark.usefixtures("broker")  # skips where no broker can be had


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(words)
    return int(ended.value.code or 0)


def test_up_is_found_again_and_down_ends_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ("--data-dir", str(tmp_path / "broker"), "--json")
    try:
        assert run("up", *where) == 0
        first = json.loads(capsys.readouterr().out)
        assert run("up", *where) == 0
        assert json.loads(capsys.readouterr().out) == first
        assert run("up", "--brokers", "3", *where) == 1
        assert "1 broker(s) already run" in capsys.readouterr().err
    finally:
        assert run("down", *where) == 0
    assert json.loads(capsys.readouterr().out)["stopped"] == 1
    assert not psutil.pid_exists(first["nodes"][0]["pid"])
    assert run("down", *where) == 0
    assert json.loads(capsys.readouterr().out)["stopped"] == 0


def test_a_cluster_with_a_dead_broker_is_not_called_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ("--data-dir", str(tmp_path / "broker"), "--brokers", "3")
    try:
        assert run("up", *where, "--json") == 0
        pid = json.loads(capsys.readouterr().out)["nodes"][1]["pid"]
        os.kill(pid, signal.SIGKILL)
        psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=5)
        assert run("up", *where) == 1
        assert "[2]" in capsys.readouterr().err
    finally:
        assert run("down", *where[:2]) == 0
