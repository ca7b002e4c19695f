"""The demo's input: the same for a seed, and what it says it is."""

import re

import pytest

from demo.events import make_backfill, make_events
from demo.expectations import Refused
from streams.contracts.dead_letter import BadRecord
from streams.contracts.decoding import EventDecoder
from streams.contracts.event import event_key


@pytest.fixture(scope="module")
def records():
    return [*make_events(), *make_backfill()]


def timeless(record):
    return record.kind, record.about, re.sub(rb"[0-9-]+T[0-9:.]+[+]00:00", b"", record.value)


def test_two_runs_send_the_same(records):
    again = [*make_events(), *make_backfill()]
    assert [*map(timeless, again)] == [*map(timeless, records)]


def refusal_of(record):
    try:
        event = EventDecoder().decode(record.value, record.headers)
    except BadRecord as refusal:
        return Refused(error=refusal.error, field=refusal.field)
    assert (event.event_id, event.tenant) == (record.event_id, record.tenant)
    assert event_key(event) == record.key
    return None


def test_every_record_decodes_or_is_refused_as_it_says(records):
    for record in records:
        expected = record.expected if isinstance(record.expected, Refused) else None
        assert refusal_of(record) == expected, record.about


def test_conversations_stay_in_order(records):
    told = {}
    for record in records:
        if record.sequence:
            told.setdefault(record.sequence, []).append(record.event_id)
    assert len(told) > 200
    assert all(ids == sorted(ids) for ids in told.values())
