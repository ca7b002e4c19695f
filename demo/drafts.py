"""Makes records of events: ids, times and keys that every kind shares."""

import base64
from datetime import UTC, datetime
from itertools import count
from random import Random
from typing import Any

import msgspec

from demo.expectations import Decided, Sent
from demo.lists import Listed
from streams.contracts.event import ContentEvent, event_key

TENANT = "demo"
Fields = dict[str, Any]


class Drafts:
    """Numbers events from 0 and stamps them with one time, so that a seed makes one input."""

    def __init__(self, seed: int) -> None:
        self.draw_from = Random(seed)
        self._numbers = count()
        self._now = datetime.now(UTC).isoformat()

    def fields(self, **changes: Any) -> Fields:
        """An event as a platform's JSON, with the fields that it must have."""
        number = next(self._numbers)
        return {
            "event_id": f"e{number:05}",
            "tenant": TENANT,
            "kind": "created",
            "occurred_at": self._now,
            "content_id": f"c{number:05}",
            "surface": "upload",
            "author": {"id": f"u{self.draw_from.randrange(500)}"},
            **changes,
        }

    def record(self, kind: str, about: str, expected: Decided, /, **changes: Any) -> Sent:
        """An event's record; `changes` are fields of the event."""
        return sent(kind, about, expected, self.fields(**changes))


def sent(kind: str, about: str, expected: Decided, fields: Fields, sequence: str = "") -> Sent:
    """The record of an event, keyed as the pipeline wants it. Records of one `sequence` keep
    their order."""
    value = msgspec.json.encode(fields)
    return Sent(
        kind=kind,
        about=about,
        key=event_key(msgspec.json.decode(value, type=ContentEvent)),
        value=value,
        expected=expected,
        event_id=fields["event_id"],
        tenant=fields["tenant"],
        text=fields.get("text"),
        sequence=sequence,
    )


def inline(content: bytes, media_type: str = "image/jpeg", media_id: str = "m1") -> list[Fields]:
    """One media item that holds its bytes."""
    data = base64.b64encode(content).decode()
    return [{"media_id": media_id, "media_type": media_type, "inline": data}]


def hashes(file: Listed, origin: str, *algorithms: str) -> list[Fields]:
    """One media item of which only hashes are told, made by the client."""
    made: Fields = {}
    for name in algorithms:
        made[name] = getattr(file, name, None) or getattr(file.still, name)
    if "pdq" in made and file.still is not None:
        made["pdq_quality"] = file.still.quality
    return [{"media_id": "m1", "media_type": "image/jpeg", "hashes": made, "hash_origin": origin}]
