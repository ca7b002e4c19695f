"""One key for an event, whoever writes it."""

from datetime import UTC, datetime

import msgspec
import pytest

from streams.contracts.event import Author, ContentEvent, event_key
from streams.kafka.produce import line_key

EVENT = ContentEvent(
    event_id="e",
    tenant="t",
    kind="created",
    occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
    content_id="c",
    surface="message",
    author=Author(id="a"),
    conversation_id="talk",
)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({}, b"talk"),
        ({"conversation_id": None}, b"a"),
        ({"surface": "live"}, b"a"),
        ({"surface": "post"}, b"talk"),
    ],
)
def test_events_and_lines_have_the_same_key(changes, key) -> None:
    event = msgspec.structs.replace(EVENT, **changes)
    assert event_key(event) == key
    assert line_key(msgspec.json.encode(event)) == key
