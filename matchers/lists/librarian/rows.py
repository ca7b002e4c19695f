"""List entries as rows of the store, and back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from matchers.lists.entry import Algorithm, ListEntry
from matchers.lists.fields import in_utc


class EntryKey(NamedTuple):
    """What names an entry in the store."""

    list: str
    id: str
    algorithm: Algorithm
    value: str


_labels = msgspec.json.Decoder(tuple[str, ...])


def row_of(entry: ListEntry) -> tuple[str | None, ...]:
    """All columns but the list, in the order of the table."""
    return (
        entry.id,
        entry.algorithm,
        entry.value,
        entry.category,
        entry.role,
        msgspec.json.encode(entry.labels).decode(),
        entry.status,
        time_text(entry.updated_at) if entry.updated_at else None,
        entry.provenance,
    )


def entry_of(row: Sequence[Any]) -> ListEntry:
    """The entry of a row that begins with the list."""
    return ListEntry(
        list=row[0],
        id=row[1],
        algorithm=row[2],
        value=row[3],
        category=row[4],
        role=row[5],
        labels=_labels.decode(row[6]),
        status=row[7],
        updated_at=datetime.fromisoformat(row[8]) if row[8] else None,
        provenance=row[9],
    )


def time_text(when: datetime) -> str:
    """UTC, in a form that sorts by time. A time without a zone is taken for UTC."""
    return in_utc(when).isoformat(timespec="microseconds")
