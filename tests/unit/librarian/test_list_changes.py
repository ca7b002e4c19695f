"""Changes on the control topic: any way of reading them ends in the same lists."""

import threading
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matchers.lists.entry import ListEntry, ListInfo
from matchers.lists.formats.feed import Item
from matchers.lists.librarian import outbox
from matchers.lists.librarian.outbox import Published, compile_store
from matchers.lists.librarian.store import ListStore
from matchers.lists.matcher import HashQuery, ListMatcher
from matchers.lists.snapshot import open_snapshot
from matchers.lists.version import ListsVersion
from streams.control.list_changes import (
    ChangeLog,
    EntryListed,
    EntryRemoved,
    ListDefined,
    ListMessage,
    Offset,
    message_key,
)
from streams.control.lists import LiveLists
from tests.unit.librarian.test_store import NOW, feed, item, numbered

VALUES = [f"{n:02x}" * 16 for n in range(4)]
QUERIES = [HashQuery("md5", bytes.fromhex(value)) for value in VALUES]


def listed(name: str, n: int, category: str) -> EntryListed:
    value = VALUES[n]
    return EntryListed(
        entry=ListEntry(list=name, id=value, algorithm="md5", value=value, category=category)
    )


messages = st.one_of(
    st.builds(listed, st.sampled_from("ab"), st.integers(0, 3), st.sampled_from("xy")),
    st.builds(
        lambda name, n: EntryRemoved(list=name, id=VALUES[n], algorithm="md5", value=VALUES[n]),
        st.sampled_from("ab"),
        st.integers(0, 3),
    ),
    st.builds(lambda name: ListDefined(info=ListInfo(name=name)), st.sampled_from("ab")),
)


def truth(told: list[ListMessage]) -> set[tuple[str, str, str]]:
    held: dict[tuple[str, str], str] = {}
    known: set[str] = set()
    for message in told:
        if isinstance(message, ListDefined):
            known.add(message.info.name)
        elif isinstance(message, EntryListed):
            held[message.entry.list, message.entry.value] = message.entry.category
        else:
            held.pop((message.list, message.value), None)
    return {(name, value, c) for (name, value), c in held.items() if name in known}


def found(matcher: ListMatcher) -> set[tuple[str, str, str]]:
    return {
        (match.list, match.entry, match.category)
        for matches in matcher.match_hashes(QUERIES)
        for match in matches
    }


@settings(max_examples=60, deadline=None)
@given(
    told=st.lists(messages, max_size=12),
    cuts=st.lists(st.integers(0, 12), max_size=4),
    compacted=st.booleans(),
)
def test_followed_in_any_pieces_they_end_the_same(
    told: list[ListMessage], cuts: list[int], compacted: bool
) -> None:
    log = ChangeLog()
    log.start("snap+0")
    matcher = ListMatcher.empty(NOW)
    matcher.version = "snap+0"
    stream = [Offset(offset, message) for offset, message in enumerate(told)]
    if compacted:
        newest = {message_key(change.message): change.offset for change in stream}
        stream = [c for c in stream if newest[message_key(c.message)] == c.offset]
    edges = sorted({0, *(min(cut, len(told)) for cut in cuts), len(told)})
    for begin, end in pairwise(edges):
        log.add([change for change in stream if begin <= change.offset < end], end)
        matcher = log.applied(matcher, begin, NOW)
    assert found(matcher) == truth(told)
    if told:
        assert ListsVersion.parse(matcher.version) == ("snap", len(told))
    again = ListMatcher.empty(NOW)
    again.version = "snap+0"
    log.start("snap+0")
    assert found(log.applied(again, 0, NOW)) == truth(told), "after a reload"


def test_the_log_begins_anew_for_lists_it_does_not_reach() -> None:
    log = ChangeLog()
    assert log.position is None
    log.start("snap+5")
    log.add([Offset(5, listed("a", 1, "x"))], 6)
    log.start("snap+3")
    assert log.position == 3, "an older snapshot is read on from its own offset"
    log.start("snap+9")
    assert log.position == 9
    log.start("files")
    assert log.position is None


def test_a_snapshot_names_its_offset_and_a_reload_keeps_what_came_after(tmp_path: Path) -> None:
    path = tmp_path / "lists.snapshot"
    with ListStore.open(tmp_path / "lists.db") as store:
        store.define(ListInfo(name="a"), origin="test", at=NOW)
        store.import_feed("a", numbered([1]), origin="test", at=NOW)
        with store.writing() as database:
            outbox.mark_published(database, Published(store.revision(), 7))
        assert compile_store(store, path).version.endswith("+7")
    lists = LiveLists([path], clock=lambda: datetime.now(UTC))
    lists.load()
    assert lists.position == 7
    lists.follow([Offset(7, listed("a", 2, "x"))], 7, 8)
    assert found(lists.matcher()) == {("a", VALUES[2], "x")}
    assert lists.matcher().version.endswith("+8")
    lists.load()
    assert found(lists.matcher()) == {("a", VALUES[2], "x")}
    assert lists.position == 8


def test_a_topic_that_was_made_anew_is_followed_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "lists.snapshot"
    with ListStore.open(tmp_path / "lists.db") as store:
        store.define(ListInfo(name="a"), origin="test", at=NOW)
        with store.writing() as database:
            outbox.mark_published(database, Published(store.revision(), 7))
        compile_store(store, path)
    lists = LiveLists([path], clock=lambda: datetime.now(UTC))
    lists.load()
    lists.follow([Offset(7, listed("a", 1, "x")), Offset(8, listed("a", 2, "x"))], 7, 9)
    lists.follow([Offset(0, listed("a", 3, "x")), Offset(1, listed("a", 1, "y"))], 9, 2)
    assert {("a", VALUES[3], "x"), ("a", VALUES[1], "y")} <= found(lists.matcher())
    lists.follow(
        [Offset(2, EntryRemoved(list="a", id=VALUES[1], algorithm="md5", value=VALUES[1]))], 2, 3
    )
    assert not any(value == VALUES[1] for _, value, _ in found(lists.matcher()))


def test_what_is_not_published_is_the_newest_of_each_entry(tmp_path: Path) -> None:
    with ListStore.open(tmp_path / "lists.db") as store:
        store.define(ListInfo(name="a"), origin="test", at=NOW)
        store.import_feed("a", feed(item(1), item(2)), origin="test", at=NOW)
        store.remove("a", ["i2"], origin="test", at=NOW)
        with store.reading() as database:
            assert [info.name for info in outbox.changed_lists(database)] == ["a"]
            changes = {c.key.id: c.entry is None for c in outbox.changed_entries(database)}
            assert changes == {"i1": False, "i2": True}
            assert outbox.too_much(database) is None
        with store.writing() as database:
            outbox.mark_published(database, Published(store.revision(), 3))
            assert outbox.count_changes(database) == 0
            assert outbox.changed_lists(database) == []


@pytest.mark.parametrize(
    "large",
    [
        {"labels": tuple(f"label-{n:08d}" for n in range(100_000))},
        {"id": "i" * 1_100_000},
        {"category": "ü" * 600_000},
        {"provenance": chr(1) * 200_000},
    ],
    ids=["labels", "id", "category", "provenance"],
)
def test_an_entry_that_is_large_anyhow_goes_by_snapshot_and_is_named(
    tmp_path: Path, large: dict[str, Any]
) -> None:
    entry = ListEntry(**{"list": "a", "id": "v", "algorithm": "md5", "value": VALUES[0]} | large)
    with ListStore.open(tmp_path / "lists.db") as store:
        store.define(ListInfo(name="a"), origin="test", at=NOW)
        store.import_feed(
            "a", feed(item(1), Item(id=entry.id, entries=(entry,))), origin="test", at=NOW
        )
        with store.reading() as database:
            why = outbox.too_much(database) or ""
        assert f"very large, such as {entry.id[:64]!r} of list 'a'" in why
        assert compile_store(store, tmp_path / "lists.snapshot").instead == 2
        with store.reading() as database:
            assert outbox.too_much(database) is None


def test_what_is_said_of_a_list_is_sent_only_if_a_message_takes_it(tmp_path: Path) -> None:
    with ListStore.open(tmp_path / "lists.db") as store:
        roles = dict.fromkeys((f"category-{n}" for n in range(60_000)), "block")
        store.define(ListInfo(name="a", roles=roles), origin="test", at=NOW)
        store.define(ListInfo(name="b"), origin="test", at=NOW)
        with store.reading() as database:
            assert "said of list 'a' is very large" in (outbox.too_much(database) or "")
            assert [info.name for info in outbox.changed_lists(database)] == ["b"]
        compile_store(store, tmp_path / "lists.snapshot")
        with store.reading() as database:
            assert outbox.too_much(database) is None


def test_very_many_changes_and_very_large_ones_go_by_snapshot(tmp_path: Path) -> None:
    with ListStore.open(tmp_path / "lists.db") as store:
        store.define(ListInfo(name="a"), origin="test", at=NOW)
        large = ListEntry(list="a", id="v", algorithm="vpdq", value="ab" * 600_000)
        held = feed(item(1))
        held.items.append(Item(id="v", entries=(large,)))
        store.import_feed("a", held, origin="test", at=NOW)
        with store.reading() as database:
            assert "very large" in (outbox.too_much(database) or "")
        assert compile_store(store, tmp_path / "lists.snapshot").instead == 2
        with store.reading() as database:
            assert outbox.too_much(database) is None
        store.import_feed("a", numbered(range(outbox.MAX_CHANGES + 50)), origin="test", at=NOW)
        store.approve("a", origin="test", at=NOW)
        with store.reading() as database:
            assert f"more than {outbox.MAX_CHANGES}" in (outbox.too_much(database) or "")


def test_of_two_compilations_the_newer_one_is_in_place(tmp_path: Path) -> None:
    """The second begins, with more in the store, while the first is at work."""
    path = tmp_path / "lists.snapshot"

    def compile_again() -> None:
        with ListStore.open(tmp_path / "lists.db") as other:
            compile_store(other, path)

    with ListStore.open(tmp_path / "lists.db") as store:
        store.define(ListInfo(name="a"), origin="test", at=NOW)
        store.import_feed("a", numbered(range(100)), origin="test", at=NOW)
        second = threading.Thread(target=compile_again)

        def meanwhile(what: str, done: float) -> None:
            if what == "read" and not second.ident:
                with ListStore.open(tmp_path / "lists.db") as other:
                    other.import_feed("a", numbered(range(101)), origin="test", at=NOW)
                second.start()
                second.join(1)  # it is to wait: without that it is done by then

        compile_store(store, path, meanwhile)
        second.join()
    assert open_snapshot(path, loaded_at=NOW).entries == 101
