import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streams.contracts.dead_letter import BadRecord
from streams.contracts.decoding import MAX_EVENT_BYTES, EventDecoder
from streams.contracts.event import RECIPIENTS_CAP, ContentEvent
from tests.unit.contracts.examples import FULL, MINIMAL, changed_at, mutated_events, places

SECRET = "words-of-the-record"
decode = EventDecoder().decode


def changed(**fields: Any) -> bytes:
    return json.dumps({**MINIMAL, **fields}).encode()


def raw(json_text: str) -> bytes:
    """A minimal event with `json_text` as the raw JSON of further fields."""
    return json.dumps(MINIMAL)[:-1].encode() + b"," + json_text.encode() + b"}"


def refusal(value: bytes | None, headers: Any = ()) -> BadRecord:
    with pytest.raises(BadRecord) as caught:
        decode(value, headers)
    return caught.value


def without(name: str) -> bytes:
    return json.dumps({k: v for k, v in MINIMAL.items() if k != name}).encode()


def with_hashes(hashes: dict[str, Any]) -> bytes:
    media = {"media_id": "m", "media_type": "image/png", "hash_origin": "server", "hashes": hashes}
    return changed(media=[media])


def test_a_full_event_is_read_and_written_back():
    event = decode(json.dumps(FULL).encode())
    assert event.author.age_band == "adult"
    assert event.media[0].hashes is not None
    assert event.media[0].hashes.frames[0].seconds == 0.5
    assert event.media[2].inline == b"GIF"
    assert decode(msgspec.json.encode(event)) == event


def test_unknown_fields_are_ignored():
    assert decode(changed(added_later={"a": [1]})) == decode(changed())


def test_the_last_of_a_repeated_key_counts():
    assert decode(raw('"event_id": "second"')).event_id == "second"


@pytest.mark.parametrize(
    ("value", "error", "field"),
    [
        (None, "empty", None),
        (b"", "empty", None),
        (b" \n", "empty", None),
        (b"hello", "not_json", None),
        (b"\x00" * 20, "not_json", None),
        (b"\xff\xfe{", "not_json", None),
        (b"NaN", "not_json", None),
        (raw('"recipient_count": NaN'), "not_json", None),
        (raw('"text": "a\tb"'), "not_json", None),
        (changed()[:-1], "not_json", None),
        (changed() + b"{}", "not_json", None),
        (b"\xef\xbb\xbf" + changed(), "not_json", None),
        (raw(r'"text": "a\ud800'), "not_json", None),
        (raw(r'"text": "a\ud800\u00'), "not_json", None),
        (raw(r'"text": "\ud800@"').replace(b"@", b"\xff"), "not_utf8", "$.text"),
        (changed(text="@").replace(b"@", b"\xff"), "not_utf8", "$.text"),
        (changed(text="@").replace(b"@", b"\xed\xa0\x80"), "not_utf8", "$.text"),
        (changed(author={"id": "@"}).replace(b"@", b"\xc0\x80"), "not_utf8", "$.author"),
        (b"null", "wrong_type", "$"),
        (b"[]", "wrong_type", "$"),
        (b"1e999", "invalid_value", "$"),
        (b"9" * 10_000, "invalid_value", "$"),
        (raw('"zz": ' + "[" * 100_000 + "]" * 100_000), "too_deep", None),
        (raw('"zz": ' + '{"a":' * 100_000 + "1" + "}" * 100_000), "too_deep", None),
        (without("event_id"), "missing_field", "$.event_id"),
        (without("author"), "missing_field", "$.author"),
        (changed(author={}), "missing_field", "$.author.id"),
        (changed(author=None), "wrong_type", "$.author"),
        (changed(author="u-1"), "wrong_type", "$.author"),
        (changed(event_id=1), "wrong_type", "$.event_id"),
        (changed(recipients=[{"id": "u"}, {"id": 2}]), "wrong_type", "$.recipients[1].id"),
        (changed(urls=["a", None]), "wrong_type", "$.urls[1]"),
        (changed(occurred_at=1_700_000_000), "wrong_type", "$.occurred_at"),
        (changed(event_id=""), "invalid_value", "$.event_id"),
        (changed(event_id="x" * 257), "invalid_value", "$.event_id"),
        (changed(kind=SECRET), "invalid_value", "$.kind"),
        (changed(recipient_count=-1), "invalid_value", "$.recipient_count"),
        (raw('"recipient_count": 1e999'), "invalid_value", "$.recipient_count"),
        (raw('"recipient_count": ' + "9" * 4001), "invalid_value", "$.recipient_count"),
        (changed(recipient_count=2**53), "invalid_value", "$.recipient_count"),
        (changed(occurred_at=SECRET), "invalid_value", "$.occurred_at"),
        (changed(occurred_at="2026-01-31T12:00:00"), "invalid_value", "$.occurred_at"),
        (changed(occurred_at="2026-13-31T12:00:00Z"), "invalid_value", "$.occurred_at"),
        (changed(occurred_at="12026-01-31T12:00:00Z"), "invalid_value", "$.occurred_at"),
        (changed(occurred_at="0001-01-01T00:00:00+14:00"), "invalid_value", "$.occurred_at"),
        (changed(occurred_at="9999-12-31T23:59:59-14:00"), "invalid_value", "$.occurred_at"),
        (
            changed(author={"id": "u", "account_created_at": "0001-01-01T00:00:00+01:00"}),
            "invalid_value",
            "$.author.account_created_at",
        ),
        (with_hashes({"md5": SECRET}), "invalid_value", "$.media[0].hashes.md5"),
        (with_hashes({"md5": "a" * 32 + "\n"}), "invalid_value", "$.media[0].hashes.md5"),
        (with_hashes({}), "invalid_value", "$.media[0].hashes"),
        (with_hashes({"opaque": {SECRET: 1}}), "wrong_type", "$.media[0].hashes.opaque[...]"),
        (changed(media=[{"media_id": "m", "media_type": "a"}]), "invalid_value", "$.media[0]"),
        (
            changed(media=[{"media_id": "m", "media_type": "a", "inline": "*"}]),
            "invalid_value",
            "$.media[0].inline",
        ),
        (changed(encrypted=True, text=SECRET), "invalid_value", "$"),
        (changed(schema_version=2), "unknown_schema_version", "$.schema_version"),
        (changed(schema_version=2, author=[SECRET]), "unknown_schema_version", "$.schema_version"),
        (changed(schema_version="1"), "wrong_type", "$.schema_version"),
        (b"x" * (MAX_EVENT_BYTES + 1), "too_large", None),
    ],
)
def test_what_is_wrong_is_said_with_class_and_field(value: Any, error: str, field: str | None):
    found = refusal(value)
    assert (found.error, found.field) == (error, field)
    assert found.message
    assert SECRET not in found.message


def test_an_unknown_value_is_answered_with_the_known_ones():
    assert "created, deleted, edited, user_report" in refusal(changed(kind="x")).message
    assert "adult" in refusal(changed(recipients=[{"id": "a", "age_band": "x"}])).message


def test_a_value_that_imitates_an_error_message_does_not_move_the_path():
    found = refusal(changed(kind=f"x' - at `$.{SECRET}`"))
    assert found.field == "$.kind"
    assert SECRET not in found.message


def test_a_nul_that_is_escaped_is_text():
    assert decode(changed(text="a\0b")).text == "a\0b"


def test_the_size_limit_is_the_decoder_s_own():
    with pytest.raises(BadRecord) as caught:
        EventDecoder(max_bytes=10).decode(changed())
    assert caught.value.error == "too_large"


def test_times_that_go_has_for_nothing_are_read():
    assert decode(changed(occurred_at="0001-01-01T00:00:00Z")).occurred_at.year == 1


@pytest.mark.parametrize(("given_count", "kept_count"), [(None, 100), (5, 100), (1000, 1000)])
def test_recipients_beyond_the_cap_are_counted_only(given_count: int | None, kept_count: int):
    recipients = [{"id": str(n)} for n in range(100)]
    event = decode(changed(recipients=recipients, recipient_count=given_count))
    assert [r.id for r in event.recipients] == [str(n) for n in range(RECIPIENTS_CAP)]
    assert event.recipient_count == kept_count


@pytest.mark.parametrize("adults", [0, 63, 64, 65, 200])
@pytest.mark.parametrize("band", ["under_13", "13_15", "16_17"])
def test_of_too_many_recipients_those_under_age_are_kept(adults: int, band: str):
    recipients = [{"id": str(n), "age_band": "adult"} for n in range(adults)]
    child, other = {"id": "child", "age_band": band}, {"id": "z", "age_band": "unknown"}
    event = decode(changed(recipients=[*recipients, child, other]))
    kept = [r.id for r in event.recipients]
    assert "child" in kept
    assert len(kept) == min(adults + 2, RECIPIENTS_CAP)
    rest = [r["id"] for r in [*recipients, other]][: len(kept) - 1]
    assert [id for id in kept if id != "child"] == rest
    assert (event.recipient_count or len(kept)) == adults + 2


def test_of_too_many_recipients_under_age_the_first_are_kept():
    recipients = [{"id": str(n), "age_band": "13_15" if n % 2 else "adult"} for n in range(200)]
    event = decode(changed(recipients=recipients))
    assert [r.id for r in event.recipients] == [str(n) for n in range(1, 2 * RECIPIENTS_CAP, 2)]


def test_recipients_at_the_cap_are_left_alone():
    recipients = [{"id": str(n)} for n in range(RECIPIENTS_CAP)]
    event = decode(changed(recipients=recipients))
    assert (len(event.recipients), event.recipient_count) == (RECIPIENTS_CAP, None)


def assert_event_or_refusal(value: bytes, headers: Any = ()) -> ContentEvent | None:
    try:
        event = decode(value, headers)
    except BadRecord:
        return None
    assert decode(msgspec.json.encode(event)) == event
    return event


@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda t: t.encode()))
@example(b'{"specversion":"1.0","data":')
def test_any_bytes_are_an_event_or_a_refusal(value: bytes):
    assert_event_or_refusal(value)


@given(mutated_events())
def test_any_json_near_an_event_is_an_event_or_a_refusal(event: dict[str, Any]):
    assert_event_or_refusal(json.dumps(event).encode())


@given(mutated_events(), st.data())
def test_any_damaged_event_is_an_event_or_a_refusal(event: dict[str, Any], data: st.DataObject):
    value = bytearray(json.dumps(event).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        if not value:
            break
        at = data.draw(st.integers(0, len(value) - 1))
        value[at : at + data.draw(st.integers(0, 8))] = data.draw(
            st.binary(max_size=6)
            | st.sampled_from([b"\\ud800", b"\\udc00", b"1e999", b"NaN", b'"', b"\xed\xa0\x80"])
        )
    assert_event_or_refusal(bytes(value))


@pytest.mark.parametrize("path", places(FULL))
@pytest.mark.parametrize("new", [SECRET, [SECRET], {SECRET: SECRET}, {SECRET: 1}])
def test_no_refusal_quotes_the_record(path: tuple[Any, ...], new: Any):
    try:
        decode(json.dumps(changed_at(FULL, path, new)).encode())
    except BadRecord as found:
        said = f"{found.message} {found.field}"
    else:
        said = ""
    assert SECRET not in said
