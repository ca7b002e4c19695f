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

from matchers.lists.entry import ALGORITHMS, ListEntry, ListInfo
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
        follows._take(records(*texts, good), len(texts) + 1)
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
    follows._take(records(*told, good), len(told) + 1)
    assert matches(lists, "cd" * 16)
    assert lists.position == len(told) + 1
