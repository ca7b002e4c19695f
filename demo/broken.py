"""Records that are no events, each with the dead letter that it must become."""

from collections.abc import Iterator

import msgspec

from demo.drafts import Drafts
from demo.envelopes import ATTRIBUTES
from demo.expectations import Refused, Sent
from streams.contracts.decoding import MAX_EVENT_BYTES

EACH = 3
KIND = "broken records"
STRUCTURED = (("content-type", b"application/cloudevents+json"),)


def broken_records(drafts: Drafts) -> Iterator[Sent]:
    """`EACH` of every sort."""
    for _ in range(EACH):
        for about, value, expected in _bodies(drafts):
            yield Sent(kind=KIND, about=about, key=b"broken", value=value, expected=expected)
        whole = msgspec.json.encode(drafts.fields())
        old = tuple(
            (f"ce_{k}", v.encode()) for k, v in (ATTRIBUTES | {"specversion": "0.3"}).items()
        )
        yield Sent(
            kind=KIND,
            about="a CloudEvent of version 0.3",
            key=b"broken",
            value=whole,
            headers=old,
            expected=Refused(error="bad_cloud_event", field="header ce_specversion"),
        )
        partial = {k: v for k, v in drafts.fields().items() if k != "content_id"}
        yield Sent(
            kind=KIND,
            about="a CloudEvent whose data lacks content_id",
            key=b"broken",
            value=msgspec.json.encode({**ATTRIBUTES, "data": partial}),
            headers=STRUCTURED,
            expected=Refused(error="missing_field", field="$.data.content_id"),
        )


def _bodies(drafts: Drafts) -> Iterator[tuple[str, bytes, Refused]]:
    def with_changes(**changes: object) -> bytes:
        return msgspec.json.encode(drafts.fields(**changes))

    whole = with_changes()
    untenanted = {k: v for k, v in drafts.fields().items() if k != "tenant"}
    yield "a line that breaks off", whole[:-25], Refused(error="not_json")
    yield "no tenant", msgspec.json.encode(untenanted), _refused("missing_field", "$.tenant")
    yield "an author that is a number", with_changes(author=7), _refused("wrong_type", "$.author")
    yield (
        "a surface that is none",
        with_changes(surface="moon"),
        _refused("invalid_value", "$.surface"),
    )
    yield (
        "text in an encrypted event",
        with_changes(encrypted=True, text="hello"),
        _refused("invalid_value", "$"),
    )
    yield (
        "schema version 9",
        with_changes(schema_version=9),
        _refused("unknown_schema_version", "$.schema_version"),
    )
    yield "bytes that are no UTF-8", b'{"event_id": "\xff\xfe"}', _refused("not_utf8", "$.event_id")
    yield "brackets 5,000 deep", b'{"later": ' + b"[" * 5_000, Refused(error="too_deep")
    yield "more than 1 MiB", with_changes(pad="x" * MAX_EVENT_BYTES), Refused(error="too_large")
    yield "nothing", b"", Refused(error="empty")


def _refused(error: str, field: str) -> Refused:
    return Refused(error=error, field=field)
