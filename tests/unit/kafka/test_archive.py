import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.kafka.archive import ArchiveError, archive


@dataclass
class Record:
    offset: int
    value: bytes | None = b'{"a":1}'
    partition: int = 0
    topic: str = "decisions"
    timestamp: int = 5
    key: bytes | None = b"k"
    headers: list[tuple[str, bytes]] = field(default_factory=list)


def lines(folder: Path) -> list[dict]:
    files = sorted(folder.glob("decisions/0/*.jsonl"))
    return [json.loads(line) for path in files for line in path.read_bytes().splitlines()]


def test_names_say_which_offsets_a_file_holds(tmp_path: Path) -> None:
    with archive(tmp_path, 1 << 20) as files:
        assert files.position("decisions", 0) is None
        for offset in (3, 4, 9):  # markers of transactions lie between
            files.write(Record(offset))
        [path] = files.finish()
        assert path.name == f"{3:020}-{10:020}.jsonl"
        assert files.position("decisions", 0) == 10
        assert path.stat().st_mode & 0o077 == 0
        assert files.finish() == []


def test_a_line_holds_the_record_as_it_was(tmp_path: Path) -> None:
    with archive(tmp_path, 1 << 20) as files:
        files.write(Record(0, headers=[("seawall-action", b"block")]))
        files.write(Record(1, b"\xff\xfe", key=b"\xff"))
        files.write(Record(2, None, key=None))
        files.write(Record(3, b'{\n"a": 1}'))
        files.finish()
    assert lines(tmp_path) == [
        {
            "offset": 0, "at": 5, "key": "k", "headers": {"seawall-action": "block"},
            "value": {"a": 1},
        },
        {"offset": 1, "at": 5, "key_base64": "/w==", "value_base64": "//4="},
        {"offset": 2, "at": 5},
        {"offset": 3, "at": 5, "key": "k", "value_base64": "ewoiYSI6IDF9"},
    ]  # fmt: skip


def test_files_rotate_by_size(tmp_path: Path) -> None:
    with archive(tmp_path, 200) as files:
        for offset in range(20):
            files.write(Record(offset))
        files.finish()
    assert len(list(tmp_path.glob("decisions/0/*.jsonl"))) > 3
    assert [line["offset"] for line in lines(tmp_path)] == list(range(20))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=8))
def test_whenever_it_is_cut_off_each_record_is_there_once(tmp_path_factory, rounds) -> None:
    folder = tmp_path_factory.mktemp("archive")
    total = 60
    for count, whole in [*rounds, (total, True)]:
        with archive(folder, 150) as files:
            at = files.position("decisions", 0) or 0
            for offset in range(at, min(at + count, total)):
                files.write(Record(offset))
            if whole:
                files.finish()
            else:  # a crash: what is open stays behind, half of it unwritten
                for left in folder.glob("decisions/0/*.unfinished"):
                    os.truncate(left, left.stat().st_size // 2)
    assert [line["offset"] for line in lines(folder)] == list(range(total))


def test_a_second_writer_is_kept_out(tmp_path: Path) -> None:
    with (
        archive(tmp_path, 99),
        pytest.raises(ArchiveError, match="another process"),
        archive(tmp_path, 99),
    ):
        pass


@pytest.mark.parametrize(
    "name", ["notes.jsonl", f"{5:020}-{9:020}.jsonl", f"{3:020}-{3:020}.jsonl"]
)
def test_files_that_do_not_fit_are_named(tmp_path: Path, name) -> None:
    with archive(tmp_path, 99) as files:
        for offset in range(7):
            files.write(Record(offset))
        files.finish()
        (tmp_path / "decisions" / "0" / name).write_bytes(b"")
        with pytest.raises(ArchiveError, match=name.split(".")[0]):
            files.position("decisions", 0)
