"""VICS 1.3 and 2.0 JSON (Video Image Classification Standard), as Project VIC and CAID use it.

A file is an OData document whose `value` holds media, or cases that hold media. Categories
differ between countries and **not all of them are illegal** (0 is not pertinent or not yet
categorised, others are comparison pictures or drawings): a list's `roles` says for each what its
matches ask for. Producers write booleans as strings, and numbers too.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from matchers.lists.csv_format import UnreadableList
from matchers.lists.entry import Algorithm, id_as_spelled
from matchers.lists.fields import time_of
from matchers.lists.formats.feed import Feed, FeedDraft
from matchers.lists.formats.json_text import as_dict, as_list, json_of, text_of, truth_of

HASHES: dict[str, Algorithm] = {
    "MD5": "md5",
    "SHA1": "sha1",
    "SHA256": "sha256",
    "PhotoDNA": "photodna",
    "PDQ": "pdq",
}
"""Fields of a medium, and names in its `AlternativeHashes`."""
_BY_NAME: dict[str, Algorithm] = {name.lower(): algorithm for name, algorithm in HASHES.items()}
_FLAGS = {
    "VictimIdentified": "victim_identified",
    "OffenderIdentified": "offender_identified",
    "IsDistributed": "distributed",
    "IsPrecategorized": "precategorized",
    "IsSuspected": "suspected",
    "SelfGenerated": "self_generated",
}
_KNOWN = {
    *HASHES,
    *_FLAGS,
    "MediaID",
    "Category",
    "Series",
    "Tags",
    "DateUpdated",
    "AlternativeHashes",
}


class _Document(msgspec.Struct):
    value: list[msgspec.Raw]


def read_vics(data: bytes, list_name: str) -> Feed:
    """Read a whole list. A medium's line is its number in the file, from 1.

    Raises `UnreadableList` for what is not JSON, or has no `value`.
    """
    try:
        document = json_of(data.removeprefix(b"\xef\xbb\xbf"), _Document)
    except ValueError as error:
        raise UnreadableList(f"not VICS JSON: {error}") from error
    draft = FeedDraft(list_name, whole=True)
    for number, medium in enumerate(_media(document), 1):
        try:
            if isinstance(medium, ValueError):
                raise medium
            _medium(draft, number, medium)
        except ValueError as error:
            draft.reject(number, str(error))
    return draft.done()


def _media(document: _Document) -> Iterator[dict[str, Any] | ValueError]:
    """Each medium, or why there is none in its place."""
    for raw in document.value:
        try:
            value = as_dict(json_of(raw, object))
        except ValueError as error:
            yield ValueError(f"not JSON that can be read: {error}")
            continue
        media = as_list(value["Media"]) if "Media" in value else [value]
        yield from (
            as_dict(medium) or ValueError("the medium is not an object") for medium in media
        )


def _medium(draft: FeedDraft, number: int, medium: dict[str, Any]) -> None:
    draft.unused(
        name
        for name, value in medium.items()
        if name not in _KNOWN and "odata" not in name and value not in (None, "", [])
    )
    hashes: list[tuple[Algorithm, str]] = [
        (algorithm, text)
        for name, algorithm in HASHES.items()
        if (text := text_of(medium.get(name)))
    ]
    for other in map(as_dict, as_list(medium.get("AlternativeHashes"))):
        name, value = text_of(other.get("HashName")), text_of(other.get("HashValue"))
        alternative = _BY_NAME.get(name.lower().replace("-", ""))
        if alternative is None or not value:
            draft.unused([f"AlternativeHashes/{name[:40]}"])
        elif all(known != alternative for known, _ in hashes):
            hashes.append((alternative, value))
    if not hashes:
        draft.reject(number, "the medium has no hash that is known here")
        return
    labels = [label for name, label in _FLAGS.items() if truth_of(medium.get(name))]
    if series := text_of(medium.get("Series")):
        labels.append(f"series:{series}")
    labels += [
        f"tag:{tag.strip()}" for tag in text_of(medium.get("Tags")).split(",") if tag.strip()
    ]
    draft.item(
        number,
        text_of(medium.get("MediaID")) or id_as_spelled(hashes[0][1].lower()),
        hashes,
        category=text_of(medium.get("Category")),
        labels=labels,
        at=time_of(text_of(medium.get("DateUpdated"))),
        provenance="VICS",
    )
