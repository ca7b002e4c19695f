"""`CaseRecord`s' value: what is known when a decision opens a case, on `enforcement.cases`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from streams.contracts.decision import Decision
from streams.contracts.event import Author, Media, Recipient, Timestamp
from streams.contracts.values import EventKind


class ListedAddress(Struct, frozen=True, kw_only=True, gc=False):
    """An address of the event's `urls` that a list holds; `index` is its place there."""

    index: int
    url: str


class CaseOpening(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A decision that people may have to report, with what of its event a report needs.

    No text and no bytes: `media` are hashes. `case_id` and `fold_key` are computed from the
    record, so that a replay opens the same case; cases of one `fold_key` are about the same
    content (or conversation). `received_at` is in milliseconds since the epoch, by the broker.
    """

    schema_version: Literal[1] = 1
    case_id: str
    fold_key: str
    decision: Decision
    kind: EventKind
    occurred_at: Timestamp
    received_at: int
    jurisdiction: str | None = None
    author: Author
    recipients: list[Recipient] = []
    recipient_count: Annotated[int, Meta(ge=0)] | None = None
    media: list[Media] = []
    urls: list[ListedAddress] = []
