import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.contracts.dead_letter import BadRecord
from streams.contracts.decoding import PROBE_HEADER, PROBE_TENANT, EventDecoder
from streams.contracts.mapping_file import MappingError, load_mapping, parse_mapping
from tests.unit.contracts.examples import json_values

CHAT = """
[fields]
event_id = "id"
tenant = { value = "example" }
kind.from = "op"
kind.values = { NEW = "created", EDIT = "edited", 3 = "deleted" }
kind.default = "created"
occurred_at = { from = "sent_ms", unit = "epoch_ms" }
content_id = "message.id"
surface = { value = "message" }
conversation_id = "thread.'thread.id'"
author.id = "message.sender.uid"
author.age_band = { from = "message.sender.minor", values = { true = "13_15", false = "adult" } }
author.account_created_at = { from = "message.sender.since", unit = "epoch_s" }
text = "message.body"
urls = "message.links[*].href"
"recipients[*].id" = "to[*].uid"
"recipients[*].age_band" = { from = "to[*].age", default = "unknown" }
"media[*].media_id" = "files[*].id"
"media[*].media_type" = "files[*].mime"
"media[*].uri" = "files[*].versions[0].url"
"media[*].hashes.sha256" = "files[*].sha256"
"media[*].hashes.frames[*].pdq" = "files[*].frames[*].hash"
"media[*].hashes.frames[*].quality" = "files[*].frames[*].q"
"media[*].hashes.frames[*].frame" = "files[*].frames[*].n"
"media[*].hashes.frames[*].seconds" = { value = 0.0 }
"media[*].hash_origin" = { value = "server" }
jurisdiction = "region"
"""

RECORD: dict[str, Any] = {
    "id": 7001,
    "op": "EDIT",
    "sent_ms": 1769860800123,
    "region": "DE",
    "thread": {"thread.id": "t-9"},
    "message": {
        "id": "m-5",
        "body": "see you on saturday",
        "sender": {"uid": 42, "minor": False, "since": "1577836800.5"},
        "links": [{"href": "https://example.org/"}, {}, {"href": "https://example.com/"}],
    },
    "to": [{"uid": 43, "age": "13_15"}, {"uid": 44, "age": None}],
    "files": [
        {"id": "f-1", "mime": "image/png", "sha256": "a" * 64},
        {"id": "f-2", "mime": "image/png", "versions": [{"url": "s3://bucket/f-2"}]},
        {"id": "f-3", "mime": "video/mp4", "frames": [{"hash": "b" * 64, "q": 90, "n": 0}]},
    ],
}

decode = EventDecoder(parse_mapping(CHAT, "chat.toml")).decode


def read(**changes: Any) -> Any:
    return decode(json.dumps({**RECORD, **changes}).encode())


def refusal(**changes: Any) -> BadRecord:
    with pytest.raises(BadRecord) as caught:
        read(**changes)
    return caught.value


def test_a_platform_s_record_becomes_an_event():
    event = msgspec.to_builtins(read())
    assert event == {
        "event_id": "7001",
        "tenant": "example",
        "kind": "edited",
        "occurred_at": "2026-01-31T12:00:00.123000Z",
        "content_id": "m-5",
        "surface": "message",
        "author": {
            "id": "42",
            "age_band": "adult",
            "account_created_at": "2020-01-01T00:00:00.500000Z",
        },
        "recipients": [{"id": "43", "age_band": "13_15"}, {"id": "44"}],
        "conversation_id": "t-9",
        "text": "see you on saturday",
        "urls": ["https://example.org/", "https://example.com/"],
        "media": [
            {
                "media_id": "f-1",
                "media_type": "image/png",
                "hashes": {"sha256": "a" * 64},
                "hash_origin": "server",
            },
            {
                "media_id": "f-2",
                "media_type": "image/png",
                "hash_origin": "server",
                "uri": "s3://bucket/f-2",
            },
            {
                "media_id": "f-3",
                "media_type": "video/mp4",
                "hash_origin": "server",
                "hashes": {
                    "frames": [{"frame": 0, "quality": 90, "pdq": "b" * 64, "seconds": 0.0}]
                },
            },
        ],
        "jurisdiction": "DE",
    }


def test_renamed_values_defaults_and_values_that_need_no_renaming():
    assert read(op="NEW").kind == "created"
    assert read(op=3).kind == "deleted"
    assert read(op="user_report").kind == "user_report"
    assert read(op=None).kind == "created"


def test_what_is_absent_stays_at_the_event_s_default():
    event = read(files=None, to=None, thread=None, region=None)
    assert (event.media, event.recipients, event.conversation_id) == ([], [], None)


@pytest.mark.parametrize(
    ("changes", "error", "field", "source"),
    [
        ({"id": None}, "missing_field", "$.event_id", "id"),
        ({"id": ""}, "invalid_value", "$.event_id", "id"),
        ({"id": 1.5}, "wrong_type", "$.event_id", "id"),
        ({"op": "GONE"}, "invalid_value", "$.kind", "op"),
        ({"sent_ms": "soon"}, "wrong_type", "$.occurred_at", "sent_ms"),
        ({"sent_ms": True}, "wrong_type", "$.occurred_at", "sent_ms"),
        ({"sent_ms": 10**18}, "invalid_value", "$.occurred_at", "sent_ms"),
        ({"sent_ms": -(10**300)}, "invalid_value", "$.occurred_at", "sent_ms"),
        ({"message": "words"}, "wrong_type", "$.content_id", "message.id"),
        ({"message": {"id": "m"}}, "missing_field", "$.author.id", "message.sender.uid"),
        ({"to": {"uid": 1}}, "wrong_type", "$.recipients[*]", "to[*]"),
        ({"to": [{"uid": 1}, {}]}, "missing_field", "$.recipients[1].id", "to[1].uid"),
        ({"to": [None]}, "missing_field", "$.recipients[0].id", "to[0].uid"),
        ({"to": ["u"]}, "wrong_type", "$.recipients[*].id", "to[*].uid"),
        (
            {"files": [{"id": "f", "mime": "a", "versions": {}}]},
            "wrong_type",
            "$.media[*].uri",
            "files[*].versions[0].url",
        ),
        ({"files": [{"id": "f", "mime": "a"}]}, "invalid_value", "$.media[0]", "files[0]"),
        (
            {"files": [{"id": "f", "mime": "a", "frames": [{"hash": "x", "q": 1, "n": 1}]}]},
            "invalid_value",
            "$.media[0].hashes.frames[0].pdq",
            "files[0].frames[0].hash",
        ),
    ],
)
def test_a_refusal_names_the_platform_s_own_field(
    changes: dict[str, Any], error: str, field: str, source: str
):
    found = refusal(**changes)
    assert (found.error, found.field) == (error, field)
    assert found.message.endswith(f"(mapped from {source})")


@given(
    st.dictionaries(st.sampled_from(sorted(RECORD)), json_values, max_size=4),
    st.dictionaries(st.sampled_from(sorted(RECORD["message"])), json_values, max_size=2),
    st.none() | json_values,
)
def test_any_record_is_an_event_or_a_refusal(changes: Any, message: Any, file: Any):
    record = {**RECORD, "message": {**RECORD["message"], **message}, "files": [file], **changes}
    try:
        event = decode(json.dumps(record).encode())
    except BadRecord:
        return
    assert EventDecoder().decode(msgspec.json.encode(event)) == event


@pytest.mark.parametrize("value", [b"", b"{", b"\xff", b"[]", b"[" * 100_000, b"1e999"])
def test_what_is_no_object_is_refused(value: bytes):
    with pytest.raises(BadRecord):
        decode(value)


REQUIRED = {
    "event_id": "id",
    "tenant": "t",
    "kind": "k",
    "occurred_at": "at",
    "content_id": "c",
    "surface": "s",
    "author.id": "a",
}


def mapping_text(rules: dict[str, str | None]) -> str:
    """A file with the required fields and `rules`: a field and its TOML value (None leaves out)."""
    merged = {name: f'"{source}"' for name, source in REQUIRED.items()} | rules
    lines = [f'"{name}" = {value}' for name, value in merged.items() if value is not None]
    return "\n".join(["[fields]", *lines])


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ({"event_id": None}, "fields.event_id: must be mapped"),
        ({"author.id": None}, "fields.author.id: must be mapped"),
        ({"author.id": None, "author.age_band": '"x"'}, "fields.author.id: must be mapped"),
        ({"auther.id": '"x"'}, "fields.auther.id: ContentEvent has no such field; did you mean"),
        ({"schema_version": '"v"'}, "fields.schema_version: ContentEvent has no such field"),
        ({"text.body": '"x"'}, "fields.text.body: ContentEvent has no such field"),
        ({"text[*]": '"x"'}, "fields.text[*]: text is no list"),
        ({"recipients.id": '"x"'}, "fields.recipients.id: recipients is a list"),
        ({"urls[*]": '"x"'}, "fields.urls[*]: urls is a list"),
        ({"text": '""'}, "fields.text: '' is no path"),
        ({"text": '"a..b"'}, "fields.text: 'a..b' is no path: a key is expected at character 3"),
        ({"text": '"a[x]"'}, "fields.text: 'a[x]' is no path: a dot is expected at character 2"),
        ({"text": '"a[*].b"'}, "fields.text: is one value, but a[*].b reads each of a list"),
        ({"text": '"ce:data"'}, "fields.text: 'ce:data' is no CloudEvent attribute"),
        ({"text": "3"}, "fields.text: must be a path"),
        ({"text": "{ default = 'x' }"}, "fields.text: needs either `from`"),
        ({"text": "{ from = 'a', value = 'x' }"}, "fields.text: needs either `from`"),
        ({"text": "{ value = 'x', unit = 'epoch_s' }"}, "fields.text: a constant takes no other"),
        ({"text": "{ from = 't', defualt = 'x' }"}, "fields.text: unknown key `defualt`; there"),
        ({"text": "{}"}, "fields.text: needs either `from`"),
        ({"text": "{ from = 3 }"}, "fields.text: `from` must be a path in quotes"),
        ({"surface": "{ value = 'chat' }"}, "fields.surface: `value` does not fit"),
        ({"kind": "{ from = 'k', default = 'new' }"}, "fields.kind: `default` does not fit"),
        ({"kind": "{ from = 'k', values = {A = 'B'} }"}, "fields.kind: `values.A` does not fit"),
        ({"kind": "{ from = 'k', values = 'A' }"}, "fields.kind: `values` must be a table"),
        ({"text": "{ from = 't', unit = 'epoch_s' }"}, "fields.text: `unit` is for times only"),
        ({"occurred_at": "{ from = 't', unit = 'ms' }"}, "fields.occurred_at: `unit` must be"),
        ({"recipients[*].age_band": "'to[*].x'"}, "fields.recipients[*].id: must be mapped"),
        ({"recipients[*].id": "'to'"}, "fields.recipients[*]: no path of its fields has the [*]"),
        (
            {"recipients[*].id": "'to[*].x'", "recipients[*].age_band": "'others[*].x'"},
            "fields.recipients[*].age_band: reads another list than its neighbours",
        ),
        ({"recipients": "'to'", "recipients[*].id": "'to[*].x'"}, "fields.recipients: is mapped"),
        (
            {"media[*].media_id": "'f[*].i'", "media[*].media_type": "'f[*].t'"},
            "fields.media[*]: one of its hashes, uri and inline must be mapped",
        ),
        (
            {
                "media[*].media_id": "'f[*].i'",
                "media[*].media_type": "'f[*].t'",
                "media[*].hashes.md5": "'f[*].m'",
            },
            "fields.media[*].hash_origin: must be mapped: it is required beside hashes",
        ),
    ],
)
def test_a_file_with_a_fault_is_refused_with_its_key(rules: dict[str, str | None], problem: str):
    with pytest.raises(MappingError) as caught:
        parse_mapping(mapping_text(rules), "chat.toml")
    assert any(found.startswith(problem) for found in caught.value.problems), str(caught.value)
    assert all(line.startswith("chat.toml: ") for line in str(caught.value).splitlines())


def test_every_problem_of_a_file_is_reported_at_once():
    with pytest.raises(MappingError) as caught:
        parse_mapping('[fields]\ntext = ""\nauther = "a"', "chat.toml")
    assert len(caught.value.problems) == 2 + len(REQUIRED)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[fields", "is not TOML"),
        ("", "[fields]: missing"),
        ("[fieldz]\na='b'", "unknown key"),
        pytest.param("a = " + "[" * 3000 + "]" * 3000, "nested too deeply", id="deep"),
        pytest.param("a = " + "{a = " * 300 + "1" + "}" * 300, "", id="deep tables"),
        pytest.param("a = " + "9" * 5000, "is not TOML", id="huge number"),
        pytest.param("[fields]\n" + ".".join("a" * 3000) + " = 1", "line 2", id="long key"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(text: str, problem: str):
    with pytest.raises(MappingError, match=r"chat\.toml") as caught:
        parse_mapping(text, "chat.toml")
    assert problem in str(caught.value)


def test_files_are_loaded_and_missing_ones_named(tmp_path: Path):
    path = tmp_path / "chat.toml"
    path.write_text(CHAT, encoding="utf-8")
    assert load_mapping(path).name == str(path)
    with pytest.raises(MappingError, match=r"absent\.toml: cannot be read: No such file"):
        load_mapping(tmp_path / "absent.toml")


def test_a_byte_order_mark_is_no_part_of_a_mapping(tmp_path: Path):
    path = tmp_path / "chat.toml"
    path.write_text(CHAT, encoding="utf-8-sig")
    assert load_mapping(path).paths() == parse_mapping(CHAT, "chat.toml").paths()


def test_whole_objects_and_lists_of_bare_values_can_be_mapped():
    mapping = parse_mapping(
        mapping_text({"author.id": None, "author": "'from'", "recipients[*].id": "'to[*]'"}), "m"
    )
    record = {
        "id": 1,
        "t": "t",
        "k": "created",
        "at": "2026-01-31T12:00:00Z",
        "c": "c",
        "s": "post",
        "from": {"id": "u"},
        "to": [1, "b"],
    }
    event = EventDecoder(mapping).decode(json.dumps(record).encode())
    assert event.author.id == "u"
    assert [r.id for r in event.recipients] == ["1", "b"]
    record["from"] = {"id": 5}
    with pytest.raises(BadRecord) as caught:
        EventDecoder(mapping).decode(json.dumps(record).encode())
    assert caught.value.field == "$.author.id"
    assert caught.value.message.endswith("(mapped from from)")


@pytest.mark.parametrize("binary", [True, False])
def test_a_cloud_event_s_attributes_and_data_can_be_mapped(binary: bool):
    rules: dict[str, str | None] = {"event_id": "'ce:id'", "occurred_at": "'ce:time'"}
    decoder = EventDecoder(parse_mapping(mapping_text(rules), "m"))
    context = {
        "specversion": "1.0",
        "id": "ce-1",
        "source": "/chat",
        "type": "message",
        "time": "2026-01-31T12:00:00Z",
    }
    data = {"t": "t", "k": "created", "c": "c", "s": "post", "a": "u"}
    if binary:
        value = json.dumps(data).encode()
        headers = [(f"ce_{name}", text.encode()) for name, text in context.items()]
    else:
        value, headers = json.dumps({**context, "data": data}).encode(), []
    assert decoder.decode(value, headers).event_id == "ce-1"
    value = value.replace(b'"created"', b'"?"')
    with pytest.raises(BadRecord) as caught:
        decoder.decode(value, headers)
    assert caught.value.field == ("$.kind" if binary else "$.data.kind")
    assert caught.value.message.endswith("(mapped from k)")


PROBE = json.dumps(
    {
        "event_id": "e", "tenant": PROBE_TENANT, "kind": "created", "content_id": "c",
        "occurred_at": "2026-01-31T12:00:00Z", "surface": "message", "author": {"id": "u"},
    }
).encode()  # fmt: skip


def test_the_canary_s_records_are_read_without_the_mapping():
    assert decode(PROBE, [(PROBE_HEADER, b"1")]).content_id == "c"
    with pytest.raises(BadRecord):
        decode(PROBE)


def test_no_other_tenant_s_event_goes_around_the_mapping():
    other = PROBE.replace(PROBE_TENANT.encode(), b"example")
    with pytest.raises(BadRecord) as refused:
        decode(other, [(PROBE_HEADER, b"1")])
    assert (refused.value.error, refused.value.field) == ("invalid_value", "$.tenant")
    with pytest.raises(BadRecord) as broken:
        decode(b"{", [(PROBE_HEADER, b"1")])
    assert broken.value.error == "not_json"
    assert decode(json.dumps(RECORD).encode(), [("x-header", b"1")]).tenant == "example"
