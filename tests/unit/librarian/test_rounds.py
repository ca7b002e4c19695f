"""The librarian's rounds of fetching go on, whatever becomes of one."""

import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

from matchers.lists.librarian.store import ListStore, Refused
from streams.cli.librarian import fetch_lists
from streams.cli.lists import app
from streams.control.librarian import Desk, Librarian
from streams.metrics import LibrarianMetrics
from tests.integration.lists.service import service

FAILING = [
    RecursionError("too deep"),
    Refused("not so"),
    KeyError("x"),
    RuntimeError("an exit within the thread"),
]


def desk(tmp_path: Path, **more) -> Desk:
    return Desk(
        **{
            "store": tmp_path / "lists.db",
            "snapshot": tmp_path / "lists.snapshot",
            "client": {"bootstrap_servers": ["127.0.0.1:1"], "bootstrap_timeout_ms": 100},
            "topic": "t",
            "say": lambda _: None,
            "metrics": LibrarianMetrics(),
            **more,
        }
    )


def test_a_round_that_fails_in_whatever_way_is_said_counted_and_followed_by_the_next(
    tmp_path: Path,
) -> None:
    ending = threading.Event()
    left, said = list(FAILING), []

    def fetch(_: ListStore) -> bool:
        if left:
            raise left.pop(0)
        ending.set()
        return False

    # A watchdog ends a librarian whose fetching stopped for ever.
    watchdog = threading.Timer(30, ending.set)
    watchdog.start()
    place = desk(tmp_path, fetch=fetch, complain=said.append)
    with ListStore.open(place.store) as store:
        Librarian(place, store).run(ending, 0.01)
    watchdog.cancel()
    assert not left
    fetching = [line for line in said if line.startswith("fetching ended early")]
    for error, line in zip(FAILING, fetching, strict=True):
        assert type(error).__name__ in line
    count = place.metrics.registry.get_sample_value("seawall_librarian_rounds_failed_total")
    assert count == len(FAILING)


def test_a_store_that_cannot_be_opened_for_a_while_is_tried_again(tmp_path: Path) -> None:
    ending = threading.Event()
    said: list[str] = []
    bad = tmp_path / "bad.db"
    bad.write_bytes(b"x" * 5000)

    def complain(what: str) -> None:
        said.append(what)
        if "not a store of lists" in what:
            bad.unlink()

    def fetch(_: ListStore) -> bool:
        ending.set()
        return False

    watchdog = threading.Timer(30, ending.set)
    watchdog.start()
    place = desk(tmp_path, fetch=fetch, complain=complain, store=bad)
    with ListStore.open(tmp_path / "lists.db") as store:
        Librarian(place, store).run(ending, 0.01)
    watchdog.cancel()
    assert any("not a store of lists" in line for line in said)
    assert bad.exists()


CATALOGUE = """
[[list]]
name = "deep"
format = "stopncii"
[list.source]
url = "{url}/deep"
[[list]]
name = "good"
format = "signals"
[list.source]
url = "{url}/good"
"""


def test_one_list_that_cannot_be_read_keeps_none_from_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with service() as server:
        server.answer = lambda path, query: (
            (200, b"[" * 100_000) if path.startswith("/deep") else (200, b"md5 " + b"0" * 32)
        )
        catalogue = tmp_path / "lists.toml"
        catalogue.write_text(CATALOGUE.format(url=server.url))
        metrics = LibrarianMetrics()
        with ListStore.open(tmp_path / "lists.db") as store:
            assert fetch_lists(store, catalogue, metrics)
            assert len(list(store.entries("good"))) == 1
        assert "deep: failed: " in capsys.readouterr().out
        value = metrics.registry.get_sample_value
        assert value("seawall_librarian_sync_failures_total", {"list": "deep"}) == 1
        done = CliRunner().invoke(
            app, ["sync", str(catalogue), "--store", str(tmp_path / "lists.db")]
        )
        assert done.exit_code == 1, done.output
