"""CloudEvents 1.0 over Kafka (the CloudEvents Kafka protocol binding), both content modes.

Binary: the attributes are headers `ce_…`, the value is the data. Structured: the header
`content-type: application/cloudevents+json`, the value is one JSON object that holds both.
Either way the data is what would have been the record's value without CloudEvents.
"""

from collections.abc import Iterable
from typing import Annotated, NamedTuple

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from streams.contracts.dead_letter import BadRecord
from streams.contracts.lone_surrogates import read_json
from streams.contracts.refusal import DecodeFailure, refuse

ATTRIBUTES = ("id", "source", "type", "subject", "time")
"""The context attributes that a mapping file may read, as `ce:id` and so on."""

_REQUIRED = ("id", "source", "type")
_NonEmpty = Annotated[str, Meta(min_length=1)]


class CloudEventData(NamedTuple):
    """`data` is JSON; `path` is where it stands in the record's value (`$` or `$.data`)."""

    data: bytes
    attributes: dict[str, str]
    path: str


class _Structured(Struct):
    specversion: str
    id: _NonEmpty
    source: _NonEmpty
    type: _NonEmpty
    subject: str | None = None
    time: str | None = None
    datacontenttype: str | None = None
    data: Raw | UnsetType = UNSET
    data_base64: bytes | None = None


class _Outline(Struct):
    specversion: Raw | UnsetType = UNSET
    data: Raw | UnsetType = UNSET
    data_base64: Raw | UnsetType = UNSET


_structured_decoder = msgspec.json.Decoder(_Structured)
_outline_decoder = msgspec.json.Decoder(_Outline)


def from_headers(
    value: bytes, headers: Iterable[tuple[str, bytes | None]]
) -> CloudEventData | None:
    """The CloudEvent that the headers announce; `None` when they announce none.

    Raises `BadRecord` (`bad_cloud_event`, and what `from_body` raises)."""
    content_type = ""
    attributes: dict[str, str] = {}
    for name, given in headers:
        raw = given or b""
        if name.lower() == "content-type":
            content_type = raw.decode("latin-1").partition(";")[0].strip().lower()
        elif name.startswith("ce_"):
            try:
                attributes[name[3:]] = raw.decode()
            except UnicodeDecodeError:
                if name[3:] in (*_REQUIRED, "specversion"):
                    raise _bad("this header is not UTF-8", f"header {name}") from None
    if content_type == "application/cloudevents+json":
        return from_body(value)
    if content_type.startswith("application/cloudevents"):
        raise _bad(
            "only one CloudEvent a record in the JSON format is read, no batch and no other format",
            "header content-type",
        )
    if "specversion" not in attributes:
        return None
    if attributes["specversion"] != "1.0":
        raise _bad("only CloudEvents 1.0 is read", "header ce_specversion")
    for name in _REQUIRED:
        if not attributes.get(name):
            raise _bad("this required attribute is missing or empty", f"header ce_{name}")
    if content_type and not _is_json(content_type):
        raise _bad("the data must be JSON", "header content-type")
    return CloudEventData(value, {k: attributes[k] for k in ATTRIBUTES if k in attributes}, "$")


def looks_structured(value: bytes) -> bool:
    """Whether the value is a structured CloudEvent by its body alone."""
    if b'"specversion"' not in value:
        return False
    try:
        outline = read_json(_outline_decoder.decode, value)
    except DecodeFailure:
        return False
    return outline.specversion is not UNSET and (
        outline.data is not UNSET or outline.data_base64 is not UNSET
    )


def from_body(value: bytes) -> CloudEventData:
    """The data of a structured CloudEvent.

    Raises `BadRecord`: `bad_cloud_event` with the attribute for what CloudEvents 1.0 forbids, and
    the class of the fault for a value that is no JSON at all.
    """
    try:
        event = read_json(_structured_decoder.decode, value)
    except msgspec.ValidationError as error:
        refusal = refuse(error, _Structured)
        raise _bad(refusal.message, refusal.field) from None
    except DecodeFailure as error:
        raise refuse(error, _Structured, value) from None
    if event.specversion != "1.0":
        raise _bad("only CloudEvents 1.0 is read", "$.specversion")
    if event.datacontenttype and not _is_json(event.datacontenttype.partition(";")[0].strip()):
        raise _bad("the data must be JSON", "$.datacontenttype")
    attributes = {k: v for k in ATTRIBUTES if (v := getattr(event, k)) is not None}
    if event.data_base64 is not None:
        if event.data is not UNSET:
            raise _bad("holds both data and data_base64", "$.data_base64")
        return CloudEventData(event.data_base64, attributes, "$.data_base64")
    if event.data is UNSET:
        raise _bad("holds no data", "$.data")
    return CloudEventData(bytes(event.data), attributes, "$.data")


def _is_json(media_type: str) -> bool:
    media_type = media_type.lower()
    return media_type in ("application/json", "text/json") or media_type.endswith("+json")


def _bad(message: str, field: str | None) -> BadRecord:
    return BadRecord("bad_cloud_event", message, field)
