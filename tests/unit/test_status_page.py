"""What the worker's page shows of what the worker says, in a real browser."""

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Callable
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from streams.engine.health import Health
from streams.logs import RecentProblems
from streams.metrics import Metrics
from streams.status import status_of

ABOUT = {
    "stages": ["enforcement"], "group": "g", "input": "content.events",
    "delivery": "exactly_once", "version": "1", "started_at": 0.0, "lists": "1", "policy": "p",
    "policy_refused": None,
}  # fmt: skip


@pytest.fixture
def browser() -> str:
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium on the PATH")
    return found


class Worker:
    """A worker two seconds older at each look, with `dead` of a hundred records dead letters
    since the first one; a million were decided before."""

    def __init__(self, dead: int) -> None:
        self._metrics = Metrics(CollectorRegistry())
        self._out = self._metrics.events_out
        self._out.labels("s", "decided").inc(1_000_000)
        self._dead = dead
        self._now = 1_000_000.0

    def status(self) -> dict[str, Any]:
        told = status_of(
            self._metrics.registry, Health(60), RecentProblems(), ABOUT, lambda: self._now
        )
        self._now += 2
        self._out.labels("s", "decided").inc(100 - self._dead)
        self._out.labels("s", "dead_lettered").inc(self._dead)
        return told


@contextmanager
def served(status: Callable[[], dict[str, Any]]):
    page = files("streams").joinpath("status.html").read_bytes()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            whole = json.dumps(status()).encode() if self.path == "/status" else page
            self.wfile.write(whole)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("dead", "colour", "said"),
    [(40, "bad", "40 %"), (3, "warn", "3.0 %"), (0, "", "0.0 %")],
)
def test_the_dead_letters_of_the_last_minutes_are_seen(
    dead: int, colour: str, said: str, browser: str
) -> None:
    with served(Worker(dead).status) as address:
        seen = subprocess.run(
            [
                *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"),
                *("--virtual-time-budget=9000", address),
            ],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout
    share = re.search(r'<div class="big ?(\w*)" id="deadshare">(.*?) <small>', seen)
    assert share is not None, seen[-2000:]
    assert share.groups() == (colour, said)
    pill = re.search(r'<span id="refused" class="pill ?(\w*)"[^>]*>([^<]*)<', seen)
    assert pill is not None
    if colour:
        assert pill.groups() == (colour, f"{said} dead letters")
    else:
        assert 'hidden=""' in pill[0]
