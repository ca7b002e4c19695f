"""The librarian takes in the files that its catalogue names, when they are new or changed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from matchers.lists.librarian.catalogue import CataloguedList, Source
from matchers.lists.librarian.fetch import Fetch
from matchers.lists.librarian.store import ListStore
from matchers.lists.librarian.sync import sync_list
from streams.cli.librarian import fetch_lists
from streams.cli.lists import app
from streams.control.librarian import Librarian
from streams.metrics import LibrarianMetrics
from tests.integration.lists.service import service
from tests.unit.librarian.test_rounds import desk as rounds_desk

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MD5 = [f"{n:032x}" for n in range(1, 60)]
CATALOGUE = """
[[list]]
name = "gone"
file = "gone.csv"
[[list]]
name = "own"
file = "own.txt"
format = "signals"
"""


class Desk:
    def __init__(self, folder: Path) -> None:
        self.file = folder / "own.txt"
        self.catalogue = folder / "lists.toml"
        self.catalogue.write_text(CATALOGUE)
        (folder / "gone.csv").write_text(f"id,algorithm,value\n1,md5,{MD5[0]}\n")
        self.metrics = LibrarianMetrics()
        self.store = ListStore.open(folder / "lists.db")

    def write(self, *values: str) -> None:
        self.file.write_text("".join(f"md5 {value}\n" for value in values))

    def round(self, *, failed: bool = False) -> None:
        assert fetch_lists(self.store, self.catalogue, self.metrics) is failed

    def values(self, name: str = "own") -> list[str]:
        return [entry.value for entry in self.store.entries(name)]

    def failures(self, name: str) -> float | None:
        return self.metrics.registry.get_sample_value(
            "seawall_librarian_sync_failures_total", {"list": name}
        )


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    with made.store:
        yield made


def test_a_file_is_taken_in_at_first_and_when_it_changed(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.write(*MD5[:20], "short")
    desk.round()
    assert desk.values() == MD5[:20]
    said = capsys.readouterr().out
    assert f"20 added, 0 changed, 0 removed, as {desk.file} says" in said
    assert "line 21 left out" in said
    assert desk.store.synced().keys() == {"gone", "own"}
    desk.round()
    assert capsys.readouterr().out == ""
    desk.write(*MD5[:21])
    desk.round()
    assert desk.values() == MD5[:21]
    assert "own: revision" in capsys.readouterr().out
    assert [(r.kind, r.origin) for r in desk.store.revisions("own", 1)] == [("sync", "file")]


def test_a_change_that_is_too_large_waits(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.write(*MD5[:20])
    desk.round()
    desk.write(*MD5[:40])
    desk.round()
    assert desk.values() == MD5[:20]
    assert [waiting.list for waiting in desk.store.waiting()] == ["own"]
    assert "own: waits for approval" in capsys.readouterr().out
    desk.store.reject("own")
    desk.round()
    assert not desk.store.waiting(), "what was rejected does not come again by itself"


def test_what_people_took_back_stays_until_the_file_changes(desk: Desk) -> None:
    desk.write(*MD5[:20])
    desk.round()
    desk.store.rollback("own", 0, origin="t", at=NOW)
    desk.round()
    assert desk.values() == []
    desk.write(*MD5[:21])
    desk.round()
    assert desk.values() == MD5[:21]


def test_what_was_imported_by_hand_is_not_taken_in_again(desk: Desk, tmp_path: Path) -> None:
    desk.write(*MD5[:20])
    where = ["--store", str(tmp_path / "lists.db")]
    assert CliRunner().invoke(app, ["import", str(desk.catalogue), "--dry-run", *where]).output
    assert CliRunner().invoke(app, ["import", str(desk.catalogue), *where]).exit_code == 0
    desk.store.rollback("own", 0, origin="t", at=NOW)
    desk.round()
    assert desk.values() == []
    assert CliRunner().invoke(app, ["import", str(desk.catalogue), *where]).exit_code == 0
    assert desk.values() == MD5[:20], "a person's import is always taken"


@pytest.mark.parametrize("bad", [None, b"\xff\xfei\x00d\x00", b""])
def test_a_file_that_cannot_be_read_is_counted_and_keeps_none_from_the_others(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str], bad: bytes | None
) -> None:
    gone = tmp_path / "gone.csv"
    whole = gone.read_bytes()
    gone.unlink()
    if bad is not None:
        gone.write_bytes(bad)
    desk.write(*MD5[:20])
    for count in (1, 2):
        desk.round(failed=True)
        assert f"gone: failed: {gone}: " in capsys.readouterr().out
        assert desk.failures("gone") == count
    assert desk.values() == MD5[:20]
    assert desk.failures("own") is None
    assert desk.store.synced().keys() == {"own"}
    gone.write_bytes(whole)
    desk.round()
    assert desk.values("gone") == MD5[:1]


def test_a_list_without_a_source_any_more_is_not_one_that_fails(desk: Desk, tmp_path: Path) -> None:
    def last(name: str) -> float | None:
        return desk.metrics.registry.get_sample_value(
            "seawall_librarian_last_sync_timestamp_seconds", {"list": name}
        )

    desk.write(*MD5[:20])
    desk.round()
    librarian = Librarian(
        rounds_desk(tmp_path, fetch=None, complain=None, metrics=desk.metrics), desk.store
    )
    librarian._measure()
    assert None not in (last("gone"), last("own"))
    desk.catalogue.write_text(CATALOGUE.replace('file = "gone.csv"\n', ""))
    desk.round()
    librarian._measure()
    assert last("gone") is None
    assert last("own") is not None
    assert desk.values("gone") == MD5[:1], "it stays as it was last"


@pytest.mark.parametrize("format_name", ["ncmec", "stopncii", "signals"])
def test_a_list_that_comes_from_a_service_now_is_read_from_the_beginning(
    desk: Desk, format_name: str
) -> None:
    desk.write(*MD5[:20])
    desk.round()
    with service() as server:
        listed = CataloguedList(name="own", format=format_name, source=Source(url=server.url))
        assert listed.source is not None
        server.answer = lambda path, query: (304, b"")
        if format_name != "signals":
            body = (
                b'<queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2"/>'
                if format_name == "ncmec"
                else b'{"hashRecords": [], "nextSetTimestamp": 5}'
            )
            server.answer = lambda path, query: (200, body)
        sync_list(desk.store, listed, Fetch(listed.source), now=NOW)
        assert "If-None-Match" not in server.headers[0]
        assert "file" not in server.asked[0]
