import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from matchers.lists.csv_format import UnreadableList
from matchers.lists.matcher import HashQuery, ListMatcher
from streams.control.lists import LiveLists

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def write(path: Path, *values: str) -> None:
    rows = [f"{value},md5,{value * 16}" for value in values]
    path.write_text("\n".join(["id,algorithm,value", *rows]), encoding="utf-8")
    stamp = path.stat().st_mtime_ns + 1_000_000 * (1 + len(values))
    os.utime(path, ns=(stamp, stamp))


def test_a_change_is_taken_into_use_and_the_old_matcher_is_untouched(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    write(path, "11")
    heard: list[ListMatcher] = []
    lists = LiveLists([path], clock=lambda: NOW, on_loaded=heard.append)
    assert not lists.loaded
    with pytest.raises(RuntimeError, match="not been loaded"):
        lists.matcher()
    before = lists.load()
    assert lists.matcher() is before
    assert before.loaded_at == NOW

    assert asyncio.run(lists.reload_if_changed()) is False
    write(path, "11", "22")
    assert asyncio.run(lists.reload_if_changed()) is True
    after = lists.matcher()
    assert heard == [before, after]
    query = [HashQuery("md5", b"\x22" * 16)]
    assert before.match_hashes(query) == [[]]
    assert len(after.match_hashes(query)[0]) == 1


def test_a_failed_reload_keeps_the_lists_in_use_and_says_why(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    write(path, "11")
    failures: list[str] = []
    lists = LiveLists([path], clock=lambda: NOW, on_failed=failures.append)
    before = lists.load()
    path.write_text("nothing,useful\n", encoding="utf-8")
    assert asyncio.run(lists.reload_if_changed()) is False
    assert lists.matcher() is before
    assert lists.failure is not None
    assert "no column value" in lists.failure
    assert failures == [lists.failure]
    assert asyncio.run(lists.reload_if_changed()) is False
    assert len(failures) == 1, "a bad file is not read again until it changes"
    write(path, "11", "22")
    assert asyncio.run(lists.reload()) is True
    assert lists.failure is None


def test_the_first_load_fails_loudly(tmp_path: Path) -> None:
    lists = LiveLists([tmp_path / "none.csv"], clock=lambda: NOW)
    with pytest.raises(UnreadableList, match=r"none\.csv"):
        lists.load()
    assert not lists.loaded
