"""The monitor's processes: their end is noticed and named, and traffic goes on."""

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from dashboards.monitor.feed import AGAIN_SECONDS, STALL_SECONDS, Feed
from dashboards.monitor.side import Side, SideFailed

SENDS = "import sys, time; print('300 sent', file=sys.stderr); time.sleep(600)"
FAILS = "import sys; print('300 sent', file=sys.stderr); sys.exit('KafkaError: away')"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code]


def until(seen: Callable[[], bool]) -> None:
    ends = time.monotonic() + 60
    while not seen():
        assert time.monotonic() < ends
        time.sleep(0.02)


def log(folder: Path) -> str:
    path = folder / "traffic.log"
    return path.read_text() if path.exists() else ""


def test_a_process_that_ended_is_named(tmp_path: Path) -> None:
    with Side("canary", tmp_path, python("print('ready'); raise SystemExit('no memory')")) as side:
        until(lambda: side.ended)
        with pytest.raises(SideFailed, match=r"the canary ended by itself: (?s:.*)no memory"):
            side.still_runs()


def test_a_frozen_process_and_its_guard_are_ended(tmp_path: Path) -> None:
    with Side("canary", tmp_path, python(SENDS)) as side:
        until(lambda: "sent" in side.text())
        guards = [p for p in psutil.Process().children() if SENDS in p.cmdline()]
        frozen = [each for guard in guards for each in (guard, *guard.children())]
        assert len(frozen) == 2
        for each in frozen:
            each.send_signal(signal.SIGSTOP)
    assert not psutil.wait_procs(frozen, timeout=60)[1]


def test_traffic_that_ended_is_said_once_and_started_anew(tmp_path: Path) -> None:
    said: list[str] = []
    clock = Clock()
    with Feed(tmp_path, python(FAILS), said.append, clock) as feed:
        for _ in range(3):
            until(lambda: "away" in log(tmp_path))
            until(lambda: feed._side.ended)
            clock.now += AGAIN_SECONDS
            feed.look()
    assert said == ["the traffic ended: KafkaError: away; it is started anew"]


def test_traffic_that_stands_still_is_started_anew_and_then_goes_on(tmp_path: Path) -> None:
    said: list[str] = []
    clock = Clock()
    with Feed(tmp_path, python(SENDS), said.append, clock) as feed:
        until(lambda: "sent" in log(tmp_path))
        feed.look()
        clock.now += STALL_SECONDS - 1
        feed.look()
        assert said == []
        clock.now += 2
        feed.look()
        assert said == ["the traffic has sent nothing for 60 s; it is started anew"]
        until(lambda: "sent" in log(tmp_path))
        feed.look()
        assert said[1:] == ["the traffic goes on"]
