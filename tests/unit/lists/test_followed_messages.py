"""Whatever stands on the control topic: it is taken into use, or passed over and said."""

import base64
import logging
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matchers.lists.entry import ALGORITHMS, FLAGGED, ListEntry, ListInfo
from matchers.lists.matcher import HashQuery
from matchers.lists.snapshot import compile_snapshot
from streams.control.follow import ListFollower
from streams.control.lists import LiveLists

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PDQ = "0f" * 32
MD5 = "ab" * 16
OTHERWISE = {
    "url": ["listed.example/a", "https://www.listed.example/a?b", PDQ.upper()],
    "vpdq": [f"0,100,{PDQ},0.0", f"0,100,{PDQ},0.0\n1,100,{'f0' * 32},1.0", PDQ * 2],
    "minhash": ["a text that is long enough, with many words of all kinds in it " * 4],
    "tlsh": ["T1" + "ab" * 35],
    "photodna": [",".join(["7"] * 144), base64.b64encode(bytes(range(144))).decode()],
    "md5": [MD5.upper(), f" {MD5}", f"{MD5}\n"],
    "pdq": [PDQ.upper()],
}
"""By algorithm: values that an import takes, and the librarian writes otherwise."""


def follower(path: Path) -> tuple[ListFollower, LiveLists]:
    compile_snapshot(
        path,
        {"a": ListInfo(name="a")},
        [ListEntry(list="a", id="1", algorithm="md5", value=MD5)],
        offset=0,
    )
    lists = LiveLists([path], clock=lambda: NOW)
    lists.load()
    return ListFollower(lists, {}, "control", lambda: None), lists


def records(*values: bytes | None) -> list[Any]:
    return [
        SimpleNamespace(offset=offset, key=b"k", value=text) for offset, text in enumerate(values)
    ]


def said(kind: str, algorithm: str, value: str, item: str = "x") -> bytes:
    named = {"list": "a", "id": item, "algorithm": algorithm, "value": value}
    told = {"entry": named} if kind == "entry_listed" else named
    return msgspec.json.encode({"type": kind} | told)


def matches(lists: LiveLists, value: str) -> bool:
    return bool(lists.matcher().match_hashes([HashQuery("md5", bytes.fromhex(value))])[0])


@pytest.mark.parametrize("kind", ["entry_listed", "entry_removed"])
def test_values_in_another_spelling_are_passed_over_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    follows, lists = follower(tmp_path / "lists.snapshot")
    texts = [said(kind, name, value) for name, values in OTHERWISE.items() for value in values]
    good = said("entry_listed", "md5", "cd" * 16)
    with caplog.at_level(logging.ERROR):
        follows._take(records(*texts, good), 0, len(texts) + 1)
    assert len([r for r in caplog.records if "passed over" in r.message]) == len(texts)
    assert matches(lists, "cd" * 16)
    assert matches(lists, MD5)
    assert lists.matcher().entries == 2


VALUES = st.one_of(
    st.text(max_size=40),
    st.sampled_from([value for values in OTHERWISE.values() for value in values]),
    st.sampled_from([8, 16, 20, 32, 35, 64, 144, 516]).flatmap(
        lambda width: st.binary(min_size=width, max_size=width).map(bytes.hex)
    ),
)
MESSAGES = st.one_of(
    st.none(),
    st.binary(max_size=40),
    st.builds(
        said,
        st.sampled_from(["entry_listed", "entry_removed"]),
        st.sampled_from(ALGORITHMS),
        VALUES,
        st.text(max_size=5),
    ),
    st.just(msgspec.json.encode({"type": "list_defined", "info": {"name": "b"}})),
)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(told=st.lists(MESSAGES, max_size=6))
def test_nothing_on_the_topic_stops_the_following(tmp_path: Path, told: list[bytes | None]) -> None:
    follows, lists = follower(tmp_path / "lists.snapshot")
    good = said("entry_listed", "md5", "cd" * 16, "good")
    follows._take(records(*told, good), 0, len(told) + 1)
    assert matches(lists, "cd" * 16)
    assert lists.position == len(told) + 1


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"id": "x" * 513}, "the id is longer than 512 bytes"),
        ({"id": "x\x1b[31m"}, "the id has a control character"),
        ({"category": "c" * 257}, "the category is longer"),
        ({"updated_at": "0001-01-01T00:00:00+14:00"}, "years 1 to 9999"),
        ({"algorithm": "tmk", "value": "a\x01b"}, "the value has a control character"),
        ({"role": "no such"}, "ValidationError"),
    ],
)
def test_entries_out_of_bounds_are_passed_over_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, more: dict[str, str], why: str
) -> None:
    follows, lists = follower(tmp_path / "lists.snapshot")
    entry = {"list": "a", "id": "x", "algorithm": "md5", "value": "cd" * 16} | more
    bad = msgspec.json.encode({"type": "entry_listed", "entry": entry})
    with caplog.at_level(logging.ERROR):
        follows._take(records(bad, said("entry_listed", "md5", "ef" * 16)), 0, 2)
    (line,) = [r.message for r in caplog.records if r.levelno == logging.ERROR]
    assert "offset 0 of control" in line
    assert why in line
    assert not matches(lists, "cd" * 16)
    assert matches(lists, "ef" * 16)
    assert matches(lists, MD5)


def test_labels_out_of_bounds_are_left_out_but_for_the_flag(tmp_path: Path) -> None:
    follows, lists = follower(tmp_path / "lists.snapshot")
    labels = ["y" * 257, *(f"l{number}" for number in range(70)), FLAGGED]
    named = {"list": "a", "id": "x", "algorithm": "md5", "value": "cd" * 16, "labels": labels}
    listed = msgspec.json.encode({"type": "entry_listed", "entry": named})
    follows._take(records(listed), 0, 1)
    query = HashQuery("md5", bytes.fromhex("cd" * 16))
    ((match,),) = lists.matcher().match_hashes([query])
    assert set(match.labels) == {FLAGGED, *(f"l{number}" for number in range(64))}


def test_what_was_listed_before_there_were_bounds_can_be_removed(tmp_path: Path) -> None:
    path, long = tmp_path / "lists.snapshot", "x" * 600
    entry = ListEntry(list="a", id=long, algorithm="md5", value=MD5)
    compile_snapshot(path, {"a": ListInfo(name="a")}, [entry], offset=0)
    lists = LiveLists([path], clock=lambda: NOW)
    lists.load()
    assert matches(lists, MD5)
    follows = ListFollower(lists, {}, "control", lambda: None)
    follows._take(records(said("entry_removed", "md5", MD5, long)), 0, 1)
    assert not matches(lists, MD5)


def test_what_was_read_before_a_snapshot_came_into_use_is_not_taken_for_newer(
    tmp_path: Path,
) -> None:
    """The snapshot is loaded while a batch from before its offset waits to be taken."""
    path = tmp_path / "lists.snapshot"
    follows, lists = follower(path)
    kept = ListEntry(list="a", id="1", algorithm="md5", value=MD5)
    compile_snapshot(path, {"a": ListInfo(name="a")}, [kept], offset=1000)
    lists.load()
    follows._take(records(said("entry_listed", "md5", "cd" * 16)), 0, 1)
    assert not matches(lists, "cd" * 16), "the snapshot does not hold it any more"
    assert lists.position == 1000
    later = SimpleNamespace(offset=1000, key=b"k", value=said("entry_listed", "md5", "ef" * 16))
    follows._take([later], 1000, 1001)
    assert matches(lists, "ef" * 16)
    assert lists.position == 1001
