import base64
import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.contracts.dead_letter import BadRecord
from streams.contracts.decoding import EventDecoder
from tests.unit.contracts.examples import FULL, MINIMAL

decode = EventDecoder().decode
PLAIN = json.dumps(MINIMAL).encode()
EVENT = decode(PLAIN)
CONTEXT = {"specversion": "1.0", "id": "ce-1", "source": "/chat", "type": "org.example.message"}
STRUCTURED = [("content-type", b"application/cloudevents+json; charset=UTF-8")]


def binary(**changes: bytes | None) -> list[tuple[str, bytes]]:
    headers = {f"ce_{name}": value.encode() for name, value in CONTEXT.items()}
    headers["content-type"] = b"application/json"
    for name, value in changes.items():
        if value is None:
            del headers[name]
        else:
            headers[name] = value
    return list(headers.items())


def structured(**changes: Any) -> bytes:
    event = {**CONTEXT, "data": MINIMAL, **changes}
    return json.dumps({k: v for k, v in event.items() if v is not None}).encode()


def refusal(value: bytes, headers: Any) -> BadRecord:
    with pytest.raises(BadRecord) as caught:
        decode(value, headers)
    return caught.value


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        (PLAIN, [("content-type", b"application/json")]),
        (PLAIN, [("Content-Type", b"text/plain"), ("traceparent", b"00-x")]),
        (PLAIN, [("ce_something", b"\xff"), ("other", None)]),
        (PLAIN, binary()),
        (PLAIN, binary(**{"content-type": None})),
        (PLAIN, binary(**{"content-type": b"application/vnd.example+json; charset=utf-8"})),
        (PLAIN, binary(ce_subject=b"\xff")),
        (structured(), STRUCTURED),
        (structured(), []),
        (structured(), [("traceparent", b"00-x")]),
        (structured(datacontenttype="application/json", extension="x", time="whenever"), []),
        (structured(data=None, data_base64=base64.b64encode(PLAIN).decode()), STRUCTURED),
    ],
)
def test_the_same_event_in_each_mode(value: bytes, headers: Any):
    assert decode(value, headers) == EVENT


@pytest.mark.parametrize(
    ("value", "headers", "error", "field"),
    [
        (PLAIN, binary(ce_specversion=b"0.3"), "bad_cloud_event", "header ce_specversion"),
        (PLAIN, binary(ce_id=None), "bad_cloud_event", "header ce_id"),
        (PLAIN, binary(ce_source=b""), "bad_cloud_event", "header ce_source"),
        (PLAIN, binary(ce_type=b"\xff"), "bad_cloud_event", "header ce_type"),
        (
            PLAIN,
            binary(**{"content-type": b"application/avro"}),
            "bad_cloud_event",
            "header content-type",
        ),
        (
            b"[]",
            [("content-type", b"application/cloudevents-batch+json")],
            "bad_cloud_event",
            "header content-type",
        ),
        (b"{}", binary(), "missing_field", "$.event_id"),
        (b"{", binary(), "not_json", None),
        (b"{", STRUCTURED, "not_json", None),
        (b"[]", STRUCTURED, "bad_cloud_event", "$"),
        (PLAIN, STRUCTURED, "bad_cloud_event", "$.specversion"),
        (structured(specversion="0.3"), [], "bad_cloud_event", "$.specversion"),
        (structured(id=""), [], "bad_cloud_event", "$.id"),
        (structured(type=None), STRUCTURED, "bad_cloud_event", "$.type"),
        (structured(data=None), STRUCTURED, "bad_cloud_event", "$.data"),
        (structured(data_base64="e30="), [], "bad_cloud_event", "$.data_base64"),
        (structured(data=None, data_base64="*"), [], "bad_cloud_event", "$.data_base64"),
        (structured(datacontenttype="text/xml"), [], "bad_cloud_event", "$.datacontenttype"),
        (structured(data={**MINIMAL, "author": {}}), [], "missing_field", "$.data.author.id"),
        (structured(data="words"), [], "wrong_type", "$.data"),
        (structured(data=None, data_base64="ew=="), [], "not_json", "$.data_base64"),
    ],
)
def test_what_is_wrong_is_said_with_class_and_field(
    value: bytes, headers: Any, error: str, field: str | None
):
    found = refusal(value, headers)
    assert (found.error, found.field) == (error, field)


HEADER_NAMES = ["content-type", "Content-Type", "ce_specversion", "ce_id", "ce_source", "ce_type"]
HEADER_VALUES = [b"1.0", b"application/cloudevents+json", b"application/json", b"\xff", b"", b"x"]


@given(
    st.lists(st.tuples(st.sampled_from(HEADER_NAMES), st.sampled_from(HEADER_VALUES) | st.none())),
    st.sampled_from([PLAIN, structured(), structured(data=FULL), b"{}", b"null", b"\xff", b"["])
    | st.binary(max_size=30),
)
def test_any_headers_give_an_event_or_a_refusal(headers: Any, value: bytes):
    with contextlib.suppress(BadRecord):
        decode(value, headers)
