"""A snapshot that is written over while it is in use is never decided by unseen."""

import asyncio
import logging
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from matchers.lists.entry import ListEntry, ListInfo
from matchers.lists.matcher import HashQuery, ListMatcher
from matchers.lists.snapshot import compile_snapshot
from streams.contracts.stage import DependencyUnavailable
from streams.control.lists import ListsSpoilt, LiveLists

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ENTRIES = 300


def compiled(path: Path, *ids: str) -> Path:
    """`ids` and others, as many in every file, so that all are of about one length."""
    info = ListInfo(name="own", default_role="hold")
    named = [*ids, *(f"{number:08}" for number in range(ENTRIES - len(ids)))]
    entries = [
        ListEntry(list="own", id=id_, algorithm=algorithm, value=id_.encode().hex() * times)
        for id_ in named
        for algorithm, times in (("md5", 2), ("pdq", 4))
    ]
    compile_snapshot(path, {"own": info}, entries)
    return path


def found(matcher: ListMatcher, id_: str) -> list[int]:
    """How many matches, by MD5 and by PDQ."""
    value = id_.encode()
    queries = [HashQuery("md5", value * 2), HashQuery("pdq", value * 4, 100)]
    return [len(matches) for matches in matcher.match_hashes(queries)]


def write_over(path: Path, content: bytes) -> None:
    """Into the very file, as `cp` does, without emptying it first, which may kill a process."""
    with path.open("r+b") as file:
        file.write(content)
        file.truncate()


def zeroed(content: bytes) -> bytes:
    return content[:100] + bytes(len(content) - 200) + content[-100:]


def loaded(path: Path) -> LiveLists:
    lists = LiveLists([path], clock=lambda: NOW)
    lists.load()
    assert found(lists.matcher(), "aaaaaaaa") == [1, 1]
    return lists


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return compiled(tmp_path / "lists.snapshot", "aaaaaaaa")


def test_damage_in_place_stops_decisions_and_ends_the_worker(path: Path) -> None:
    lists = loaded(path)
    running = lists.guard()
    running()
    write_over(path, zeroed(path.read_bytes()))
    for begin in (running, lists.guard):
        with pytest.raises(DependencyUnavailable, match="written over"):
            begin()
    with pytest.raises(ListsSpoilt) as told:
        asyncio.run(lists.reload_if_changed())
    message = str(told.value)
    assert f"{path}: " in message
    assert "was written over while it was in use" in message
    assert f"mv {path}.new {path}" in message
    with pytest.raises(DependencyUnavailable):
        lists.guard()


def test_a_whole_snapshot_in_place_is_loaded_and_said(
    path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lists = loaded(path)
    running = lists.guard()
    write_over(path, compiled(tmp_path / "other.snapshot", "zzzzzzzz").read_bytes())
    with caplog.at_level(logging.WARNING):
        assert asyncio.run(lists.reload_if_changed()) is True
    assert "written over while it was in use" in caplog.text
    assert f"mv {path}.new {path}" in caplog.text
    assert found(lists.matcher(), "zzzzzzzz") == [1, 1]
    assert found(lists.matcher(), "aaaaaaaa") == [0, 0]
    lists.guard()()
    with pytest.raises(DependencyUnavailable):
        running()  # it may have looked up while the file was half of each


def test_a_smaller_snapshot_in_place_is_not_looked_up_before_it_is_loaded(path: Path) -> None:
    """As `cp` does: of a look-up in the pages that are gone the process would die."""
    lists = loaded(path)
    info = ListInfo(name="own", default_role="hold")
    entry = ListEntry(list="own", id="z", algorithm="md5", value="7a" * 16)
    beside = path.with_name("small.snapshot")
    compile_snapshot(beside, {"own": info}, [entry])
    path.write_bytes(beside.read_bytes())
    with pytest.raises(DependencyUnavailable):
        lists.guard()
    assert asyncio.run(lists.reload_if_changed()) is True
    lists.guard()()
    assert found(lists.matcher(), "zzzzzzzz") == [1, 0]


@pytest.mark.parametrize("damage", [zeroed, lambda content: content[:-7], lambda _: b"no list"])
def test_a_bad_file_that_is_renamed_in_leaves_the_lists_in_use(
    path: Path, damage: Callable[[bytes], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    lists = loaded(path)
    running = lists.guard()
    beside = path.with_suffix(".new")
    beside.write_bytes(damage(path.read_bytes()))
    beside.replace(path)
    assert asyncio.run(lists.reload_if_changed()) is False
    assert "the ones before stay in use" in caplog.text
    assert lists.failure is not None
    assert found(lists.matcher(), "aaaaaaaa") == [1, 1]
    running()
    lists.guard()()

    # The file of that name is nobody's: it may be written over, and is read like any other.
    write_over(path, b"x")
    lists.guard()()
    assert asyncio.run(lists.reload_if_changed()) is False
    shutil.copyfile(compiled(path.with_name("other.snapshot"), "zzzzzzzz"), path)
    caplog.clear()
    assert asyncio.run(lists.reload_if_changed()) is True
    assert found(lists.matcher(), "zzzzzzzz") == [1, 1]
    assert "written over" not in caplog.text
    running()


def test_what_is_damaged_by_another_name_is_noticed_too(path: Path) -> None:
    other_name = path.with_name("linked")
    other_name.hardlink_to(path)
    lists = loaded(path)
    content = path.read_bytes()
    beside = path.with_suffix(".new")
    beside.write_bytes(b"no list")
    beside.replace(path)
    assert asyncio.run(lists.reload_if_changed()) is False
    write_over(other_name, zeroed(content))
    with pytest.raises(DependencyUnavailable):
        lists.guard()
    with pytest.raises(ListsSpoilt):
        asyncio.run(lists.reload_if_changed())


def test_lists_with_changes_since_the_snapshot_are_its_pages_still(path: Path) -> None:
    lists = loaded(path)
    changed = lists.matcher().changed([], [], version="1", loaded_at=NOW)
    assert not changed.written_over
    write_over(path, zeroed(path.read_bytes()))
    assert changed.written_over


def test_lists_that_are_read_into_memory_may_be_written_over(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text(f"id,algorithm,value\n1,md5,{'11' * 16}\n", encoding="utf-8")
    lists = LiveLists([path], clock=lambda: NOW)
    lists.load()
    path.write_text("nothing,useful\n", encoding="utf-8")
    lists.guard()()
    assert asyncio.run(lists.reload_if_changed()) is False
