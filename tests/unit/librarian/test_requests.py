"""What workers ask of the librarian: bad requests are refused and said, the others are heard."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from matchers.lists.entry import ListEntry, ListInfo
from matchers.lists.formats.feed import Feed, Item
from matchers.lists.librarian import proposals
from matchers.lists.librarian.store import ListStore
from streams.control.requests import Heard, _take

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PDQ = "01a5" * 16


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ListStore]:
    with ListStore.open(tmp_path / "lists.db") as opened:
        opened.define(ListInfo(name="a"), origin="t", at=NOW)
        entry = ListEntry(list="a", id="1", algorithm="pdq", value=PDQ)
        feed = Feed(items=[Item(id="1", entries=(entry,))], rejected=[], held=[])
        opened.import_feed("a", feed, origin="t", at=NOW)
        yield opened


def suspected(matches: str = "1") -> bytes:
    named = '"type": "entry_suspected", "list": "a", "id": "1", "algorithm": "pdq"'
    return f'{{{named}, "matches": {matches}, "looked_at": 2}}'.encode()


def proposed(**more: Any) -> bytes:
    entry = {"list": "a", "id": "x", "algorithm": "md5", "value": "ab" * 16} | more
    return msgspec.json.encode(
        {"type": "entry_proposed", "entry": entry, "why": "w", "origin": "o"}
    )


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (suspected("9" * 30), "offset 0: $.matches: must be <="),
        (suspected("9" * 5000), "offset 0: $.matches: is a number out of range"),
        (suspected("-1"), "offset 0: $.matches: must be >= 0"),
        (proposed(algorithm="none"), "offset 0: $.entry.algorithm: must be one of"),
        (proposed(value=7), "offset 0: $.entry.value: must be str, but is int"),
        (proposed(id="x" * 513), "the id is longer than 512 bytes"),
        (proposed(category="a\nb"), "the category has a control character"),
        (proposed(value="ab"), "32 hexadecimal digits"),
        (proposed(list="b"), "there is no list 'b'"),
    ],
)
def test_a_bad_request_is_refused_and_the_next_is_heard(
    store: ListStore, bad: bytes, why: str
) -> None:
    heard = Heard([], 0, [])
    for offset, value in enumerate((bad, suspected(), proposed())):
        heard = _take(store, offset, value, heard)
    (refused,) = heard.refused
    assert why in refused
    assert [item.id for item in heard.flagged] == ["1"]
    assert heard.proposed == 1
    assert [waiting.entry.id for waiting in proposals.proposals(store)] == ["x"]


@pytest.mark.parametrize("other", [None, b"{", b"7", b'{"type": "reload_lists"}', b'{"type": 7}'])
def test_messages_for_others_are_not_its_to_refuse(store: ListStore, other: bytes | None) -> None:
    nothing = Heard([], 0, [])
    assert _take(store, 0, other, nothing) == nothing
