"""The bounds of an entry that comes by itself, not in a list's file: those of every format."""

import msgspec

from matchers.lists.entry import FLAGGED, ListEntry
from matchers.lists.fields import (
    checked_category,
    checked_id,
    checked_value,
    described,
    in_utc,
)


def within_bounds(entry: ListEntry) -> ListEntry:
    """The entry as an import would keep it: of its labels and its provenance what `described`
    keeps, and a flag whatever else there is.

    Raises `ValueError`, which repeats nothing of the entry, for an id, a category or a value that
    is out of bounds, and for a time outside of the calendar.
    """
    checked_id(entry.id)
    checked_category(entry.category)
    checked_value(entry.value)
    if entry.updated_at is not None:
        in_utc(entry.updated_at)
    given = tuple(label for label in entry.labels if label != FLAGGED)
    kept = described(given, entry.provenance)
    if kept.labels == given and kept.provenance == entry.provenance:
        return entry
    # Flagging adds a label to those that fill the bound; without it the entry would act again.
    flag = (FLAGGED,) if FLAGGED in entry.labels else ()
    return msgspec.structs.replace(entry, labels=(*kept.labels, *flag), provenance=kept.provenance)
