"""Half an emoji does not take a message out of moderation: it reads as U+FFFD wherever JSON is."""

import base64
import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streams.cli.event_fields import FieldTally
from streams.cli.json_lines import conversion
from streams.contracts.codec import decode_envelope, encode_envelope
from streams.contracts.decoding import PROBE_HEADER, PROBE_TENANT, EventDecoder
from streams.contracts.envelope import Envelope
from streams.contracts.lone_surrogates import read_json, without_lone_surrogates
from streams.contracts.mapping_file import parse_mapping
from streams.kafka.produce import line_key, mapped_key
from tests.unit.contracts.examples import MINIMAL

CUT = r"how old are you? \ud83d"
READ = "how old are you? \ufffd"

PIECES = (
    *(r"\ud83d", r"\uDBFF", r"\ude00", r"\uDc00", r"\ud83d\ude00", r"\ufffd", r"\ud7ff", r"\ue000"),
    *(r"\\", r"\"", r"\n", r"\/", "u", "ud83d", "d83d", "x", "é", "😀", r"\u0041", r"\u005c"),
)
strings = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)


def event(**fields: Any) -> bytes:
    """A minimal event of which the text `CUT` stands as it is, unescaped, for `@`."""
    return json.dumps({**MINIMAL, **fields}).encode().replace(b"@", CUT.encode())


def replaced(value: Any) -> Any:
    """What Python's own reader gives, which keeps lone surrogates, with U+FFFD for each."""
    if isinstance(value, str):
        return re.sub("[\ud800-\udfff]", "\ufffd", value)
    if isinstance(value, list):
        return [replaced(each) for each in value]
    if isinstance(value, dict):
        return {replaced(key): replaced(each) for key, each in value.items()}
    return value


@given(strings, strings, strings)
@example(r"\\\ud83d", r"\\ud83d", r"\\\\\ude00")
@example(r"\ud83d\ud83d\ude00\ude00", r"\ud83d\\ude00", r"\ud83d")
def test_any_json_reads_as_python_reads_it_with_u_fffd(key: str, one: str, other: str):
    text = f'{{"{key}": ["{one}", 1, {{"a": "{one}"}}], "z": "{other}"}}'
    value = text.encode()
    expected = replaced(json.loads(text))
    assert read_json(msgspec.json.decode, value) == expected
    assert len(without_lone_surrogates(value)) == len(value)
    assert msgspec.json.decode(without_lone_surrogates(value)) == expected


def test_what_fails_for_another_reason_fails_with_that():
    with pytest.raises(msgspec.DecodeError, match="truncated"):
        read_json(msgspec.json.decode, rb'{"a": "\ud83d"')


ANNOUNCED = [("content-type", b"application/cloudevents+json")]
CONTEXT = {"specversion": "1.0", "id": "ce-@", "source": "/chat", "type": "t"}


def structured(**fields: Any) -> bytes:
    return json.dumps({**CONTEXT, **fields}).replace("@", CUT).encode()


BINARY = [(f"ce_{name}", value.encode()) for name, value in CONTEXT.items()]
IN_BASE64 = base64.b64encode(event(text="@")).decode()
DATA = {**MINIMAL, "text": "@"}


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        (event(text="@"), []),
        (event(text="@", added_later={"@": ["@"]}), []),
        (event(text="@", specversion="1.0", data="@"), []),
        (event(text="@"), BINARY),
        (structured(data=DATA), ANNOUNCED),
        (structured(data=DATA), []),
        (structured(data=DATA, subject="@", extension="@"), []),
        (structured(data_base64=IN_BASE64), []),
    ],
)
def test_an_event_with_half_an_emoji_is_read_in_each_mode(value: bytes, headers: Any):
    found = EventDecoder().decode(value, headers)
    assert found.text == READ
    tally = FieldTally(None, found.occurred_at)
    tally.add(value, found)
    assert tally.summary()["found"]["text"] == 1  # pyright: ignore[reportIndexIssue]


def test_a_probe_with_one_is_read():
    value = event(text="@", tenant=PROBE_TENANT)
    assert EventDecoder().decode(value, [(PROBE_HEADER, b"1")]).text == READ


def test_ids_and_keys_are_read_the_same_way():
    value = event(content_id="@", author={"id": "@"}, conversation_id="@")
    found = EventDecoder().decode(value)
    assert (found.content_id, found.author.id, found.conversation_id) == (READ, READ, READ)
    assert line_key(value).decode().endswith(READ)
    assert mapped_key(EventDecoder())(value) == line_key(value)


MAPPING = parse_mapping(
    """[fields]
event_id = "id"
tenant = { value = "t" }
kind = { value = "created" }
occurred_at = { from = "at", unit = "epoch_s" }
content_id = "id"
surface = { value = "message" }
author.id = "who"
text = "body"
""",
    "chat.toml",
)
OWN = {"id": "1", "at": 1_700_000_000, "who": "@", "body": "@", "other": "@"}


@pytest.mark.parametrize(
    "value", [json.dumps(OWN).replace("@", CUT).encode(), structured(data=OWN)]
)
def test_a_platform_s_own_json_is_read_the_same_way(value: bytes):
    found = EventDecoder(MAPPING).decode(value)
    assert (found.text, found.author.id) == (READ, READ)
    tally = FieldTally(MAPPING, found.occurred_at)
    tally.add(value, found)
    assert tally.summary()["never_found"] == {}


def test_the_next_stage_reads_what_the_first_one_read():
    envelope = Envelope(event=EventDecoder().decode(event(text="@")), received_at=1)
    assert decode_envelope(encode_envelope(envelope)) == envelope
    by_hand = b'{"received_at":1,"event":' + event(text="@") + b"}"
    assert decode_envelope(by_hand) == envelope


def test_a_file_that_begins_with_one_is_not_taken_for_json_over_several_lines():
    assert conversion(event(text="@"), "event") is None
