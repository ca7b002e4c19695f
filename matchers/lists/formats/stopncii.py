"""StopNCII's `FetchHashes` JSON: hashes that adults submitted of their own intimate pictures.

As python-threatexchange reads it. A record is all that is known of its hash now, and takes the
place of an earlier one. Statuses and feedback values that nobody has heard of are kept as labels.
"""

from datetime import datetime
from typing import Any, cast

from msgspec import Raw, Struct

from matchers.lists.csv_format import UnreadableList
from matchers.lists.entry import Algorithm, EntryStatus, id_as_spelled, is_number
from matchers.lists.fields import time_of_seconds
from matchers.lists.formats.feed import Feed, FeedDraft
from matchers.lists.formats.json_text import as_dict, as_list, json_of, text_of

SIGNALS: dict[str, Algorithm] = {
    "imagepdq": "pdq",
    "videomd5": "md5",
    "videotmk": "tmk",
    "url": "url",
}
_IN_FORCE = ("received", "active", "")
_WITHDRAWN = ("withdrawn", "deleted")
_KNOWN = {
    "lastModtimestamp",
    "signalType",
    "hashValue",
    "hashStatus",
    "caseNumbers",
    "CSPFeedbacks",
    "hashRegions",
}


_NULL = Raw(b"null")


class _Page(Struct):
    hashRecords: list[Raw]  # noqa: N815 - as the service spells them
    hasMoreRecords: Raw = _NULL  # noqa: N815
    nextPageToken: Raw = _NULL  # noqa: N815
    nextSetTimestamp: Raw = _NULL  # noqa: N815


def read_stopncii(data: bytes, list_name: str) -> Feed:
    """Read one page: changes. A record's line is its number, from 1; the page's own is 0.

    A page that says no time from which to go on is reported, and its records are taken.

    Raises `UnreadableList` for what is not JSON, or has no `hashRecords`, and where there is a next
    page that cannot be asked for.
    """
    try:
        page = json_of(data, _Page)
    except ValueError as error:
        raise UnreadableList(f"not StopNCII JSON: {error}") from error
    draft = FeedDraft(list_name, whole=False)
    for number, raw in enumerate(page.hashRecords, 1):
        try:
            record = json_of(raw, object)
        except ValueError as error:
            draft.reject(number, f"not JSON that can be read: {error}")
            continue
        if not isinstance(record, dict):
            draft.reject(number, "the record is not an object")
            continue
        try:
            _record(draft, number, cast("dict[str, Any]", record))
        except ValueError as error:
            draft.reject(number, str(error))
    try:
        checkpoint = text_of(json_of(page.nextSetTimestamp, object))
        if checkpoint and not is_number(checkpoint):
            raise ValueError("not a whole number of at most 18 digits")
    except ValueError as error:
        checkpoint = ""
        draft.reject(0, f"nextSetTimestamp: {error}: the next sync begins where this one did")
    return draft.done(next_page=_next_page(page), checkpoint=checkpoint or None)


def _next_page(page: _Page) -> str | None:
    try:
        if json_of(page.hasMoreRecords, object) not in (True, "true", "True"):
            return None
        return text_of(json_of(page.nextPageToken, object)) or None
    except ValueError as error:
        raise UnreadableList(f"hasMoreRecords or nextPageToken cannot be read: {error}") from error


def _record(draft: FeedDraft, number: int, record: dict[str, Any]) -> None:
    draft.unused(name for name in record if name not in _KNOWN)
    value = text_of(record.get("hashValue"))
    kind = text_of(record.get("signalType"))
    if not value:
        draft.reject(number, "no hashValue")
        return
    algorithm = SIGNALS.get(kind.lower())
    if algorithm is None:
        draft.reject(number, f"signalType {kind[:32]!r} is of no algorithm here")
        return
    spelled = value if algorithm == "url" else value.lower()
    item_id = id_as_spelled(spelled)
    stated = text_of(record.get("hashStatus"))
    if stated.lower() in _WITHDRAWN:
        at = _withdrawn_at(record.get("lastModtimestamp"))
        # Stores hold entries from before ids had bounds.
        for known_as in dict.fromkeys((item_id, spelled)):
            draft.withdraw(known_as, at)
        return
    at = time_of_seconds(record.get("lastModtimestamp"))
    labels = [f"region:{text_of(region)}" for region in as_list(record.get("hashRegions"))]
    status: EntryStatus = "active"
    if stated.lower() not in _IN_FORCE:
        # Whether it is in force is not known: it is noted, and does nothing.
        status = "observed"
        labels.append(f"status:{stated}")
    for feedback in map(as_dict, as_list(record.get("CSPFeedbacks"))):
        labels.append(
            "feedback:"
            + ":".join(
                filter(
                    None, (text_of(feedback.get("feedbackValue")), text_of(feedback.get("source")))
                )
            )
        )
        labels += [f"tag:{text_of(tag)}" for tag in as_list(feedback.get("tags"))]
    cases = record.get("caseNumbers")
    count = len(cast("list[Any] | dict[str, Any]", cases)) if isinstance(cases, list | dict) else 0
    draft.item(
        number,
        item_id,
        [(algorithm, value)],
        category="ncii",
        labels=dict.fromkeys(labels),
        status=status,
        at=at,
        provenance=f"StopNCII, cases: {count}",
    )


def _withdrawn_at(seconds: object) -> datetime | None:
    """What is withdrawn is taken out whatever its time."""
    try:
        return time_of_seconds(seconds)
    except ValueError:
        return None
