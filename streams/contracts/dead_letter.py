"""`DeadLetter`: a record that could not be decided, and why, without its content."""

from typing import Literal

from msgspec import Struct

from streams.contracts.event import Timestamp

REPLAYED_FROM = "seawall-replayed-from"
"""A replayed record's header, `topic/partition/offset` of its source; and, on the dead-letter
topic, that of the empty record that says a letter was replayed."""

DeadLetterClass = Literal[
    "not_json",
    "not_utf8",
    "too_deep",
    "too_large",
    "empty",
    "missing_field",
    "wrong_type",
    "invalid_value",
    "bad_cloud_event",
    "unknown_schema_version",
    "output_too_large",
    "internal_error",
]


class BadRecord(Exception):
    """A record that is not an event. `field` is a JSON path such as `$.author.id`.

    The message must not hold any of the record's content.
    """

    def __init__(self, error: DeadLetterClass, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.error: DeadLetterClass = error
        self.message = message
        self.field = field


class DeadLetter(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`topic`, `partition` and `offset` are the source record's; `sha256` is of its value and
    `size` that value's length in bytes. `payload` is present only where a setting allows it.
    `replayed_from` is `topic/partition/offset` of the dead letter whose replay this record was."""

    schema_version: Literal[1] = 1
    topic: str
    partition: int
    offset: int
    stage: str
    error: DeadLetterClass
    message: str
    field: str | None = None
    at: Timestamp
    attempts: int = 1
    sha256: str
    size: int
    payload: bytes | None = None
    replayed_from: str | None = None
