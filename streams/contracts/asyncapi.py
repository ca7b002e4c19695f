"""The AsyncAPI 3.0 document: Seawall's topics, what travels on them, and which way."""

from typing import Any, Literal, NamedTuple

from streams.contracts.codec import (
    ACTION_HEADER,
    KIND_HEADER,
    PRIORITY_HEADER,
    TRACEPARENT_HEADER,
)
from streams.contracts.decoding import PROBE_HEADER, PROBE_TENANT
from streams.contracts.values import ACTIONS

CONTRACT_VERSION = "1.0.0"
"""Raised in its second place when fields are added, in its first with `schema_version`."""

KAFKA_BINDING = "0.5.0"


class Channel(NamedTuple):
    """`message` names a contract, or nothing where no type is published. `directions`
    are Seawall's own: what it receives, what it sends."""

    topic: str
    description: str
    message: str | None
    directions: tuple[Literal["receive", "send"], ...]


CHANNELS: tuple[Channel, ...] = (
    Channel(
        "content.events",
        "What platforms tell: one record for each thing that happened to a piece of content. "
        "The key is the conversation's id, else the author's, else the content's.",
        "content-event",
        ("receive",),
    ),
    Channel(
        "media.events",
        "The same, for content with media bytes to fetch and hash, so that a long video never "
        "stands before a message.",
        "content-event",
        ("receive",),
    ),
    Channel(
        "content.hashed",
        "From media-hashing to hash-matching: media are hashes only.",
        "envelope",
        ("send", "receive"),
    ),
    Channel(
        "content.matched",
        "From hash-matching to text-risk: with the matches.",
        "envelope",
        ("send", "receive"),
    ),
    Channel(
        "content.scored",
        "From text-risk to enforcement: with the risk signals, without the text.",
        "envelope",
        ("send", "receive"),
    ),
    Channel(
        "enforcement.decisions",
        "Exactly one decision for each event. Read it with isolation level read_committed and act "
        "once per decision_id.",
        "decision",
        ("send",),
    ),
    Channel(
        "enforcement.urgent",
        "The decisions of priority 0 and 1 once more, for the people on call.",
        "decision",
        ("send",),
    ),
    Channel(
        "enforcement.cases",
        "What opens a case: decisions that people may have to report, with what a report needs. "
        "For an access-controlled audience.",
        "case-opening",
        ("send",),
    ),
    Channel(
        "review.outcomes",
        "What people found when they looked at what was decided. The key is the decision_id.",
        "review-outcome",
        ("receive",),
    ),
    Channel(
        "seawall.dead-letters",
        "Records that could not be decided, and why, without their content.",
        "dead-letter",
        ("send",),
    ),
    Channel(
        "seawall.control",
        "List and policy changes to every worker. Compacted; for Seawall's own use, so its records "
        "are not described here.",
        None,
        ("receive", "send"),
    ),
)

_KEY = {"type": "string", "description": "Keeps what belongs together in order."}
_TRACEPARENT = {
    TRACEPARENT_HEADER: {
        "type": "string",
        "description": "W3C Trace Context; carried from the event to its decision.",
    }
}
_CLOUD_EVENT_HEADERS = {
    "content-type": {
        "type": "string",
        "description": "application/cloudevents+json says that the value is a structured "
        "CloudEvent whose data is the event.",
    },
    "ce_specversion": {
        "type": "string",
        "const": "1.0",
        "description": "Says that the record is a CloudEvent in binary mode; ce_id, ce_source and "
        "ce_type are then required.",
    },
    "ce_id": {"type": "string"},
    "ce_source": {"type": "string"},
    "ce_type": {"type": "string"},
}
_PROBE_HEADERS = {
    PROBE_HEADER: {
        "type": "string",
        "description": "The canary's own: the value is this event, whatever mapping workers have, "
        f"and its tenant is {PROBE_TENANT}.",
    }
}
_DECISION_HEADERS = {
    ACTION_HEADER: {
        "type": "string",
        "enum": list(ACTIONS),
        "description": "The decision's action.",
    },
    PRIORITY_HEADER: {
        "type": "string",
        "enum": ["0", "1", "2", "3", "4"],
        "description": "The decision's priority.",
    },
    KIND_HEADER: {
        "type": "string",
        "enum": ["amendment", "reversal"],
        "description": "The decision's kind; an original one goes without.",
    },
}
_HEADERS: dict[str, dict[str, Any]] = {
    "content-event": {**_TRACEPARENT, **_CLOUD_EVENT_HEADERS, **_PROBE_HEADERS},
    "envelope": _TRACEPARENT,
    "decision": {**_DECISION_HEADERS, **_TRACEPARENT},
    "case-opening": _TRACEPARENT,
}


def asyncapi_document(
    contracts: dict[str, dict[str, Any]], schemas: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """The document. `contracts` gives each contract's schema by name, as a reference into
    `schemas`, which become `components.schemas`."""
    messages = {
        name: _message(name, payload, schemas.get(payload.get("$ref", "").rpartition("/")[2], {}))
        for name, payload in contracts.items()
    }
    return {
        "asyncapi": "3.0.0",
        "id": "urn:seawall:pipeline",
        "info": {
            "title": "Seawall",
            "version": CONTRACT_VERSION,
            "description": "A streaming moderation pipeline that helps platforms protect children: "
            "content events in, decisions out, over Kafka.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {channel.topic: _channel(channel) for channel in CHANNELS},
        "operations": {
            f"{direction}.{channel.topic}": _operation(channel, direction)
            for channel in CHANNELS
            for direction in channel.directions
        },
        "components": {"messages": messages, "schemas": schemas},
    }


def _message(name: str, payload: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {
        "name": name,
        "title": schema.get("title", name),
        "contentType": "application/json",
        "payload": payload,
        "bindings": {"kafka": {"key": _KEY, "bindingVersion": KAFKA_BINDING}},
    }
    if description := schema.get("description"):
        message["summary"] = description.partition("\n\n")[0].replace("\n", " ")
    if headers := _HEADERS.get(name):
        message["headers"] = {"type": "object", "properties": headers}
    return message


def _channel(channel: Channel) -> dict[str, Any]:
    described: dict[str, Any] = {
        "address": channel.topic,
        "description": channel.description,
        "bindings": {"kafka": {"topic": channel.topic, "bindingVersion": KAFKA_BINDING}},
    }
    if channel.message is not None:
        reference = {"$ref": f"#/components/messages/{channel.message}"}
        described["messages"] = {channel.message: reference}
    return described


def _operation(channel: Channel, direction: str) -> dict[str, Any]:
    # In a JSON pointer "/" and "~" would need escapes; topics hold neither.
    pointer = f"#/channels/{channel.topic}"
    operation: dict[str, Any] = {"action": direction, "channel": {"$ref": pointer}}
    if channel.message is not None:
        operation["messages"] = [{"$ref": f"{pointer}/messages/{channel.message}"}]
    return operation
