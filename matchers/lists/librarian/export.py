"""Writing a list for others, where it may be passed on."""

import csv
from collections.abc import Iterator
from typing import IO, Literal

import msgspec

from matchers.lists.csv_format import COLUMNS
from matchers.lists.entry import ListEntry
from matchers.lists.fields import has_control, without_control
from matchers.lists.librarian.store import ListStore, Refused

ExportFormat = Literal["csv", "signals"]


def export_list(store: ListStore, name: str, to: IO[str], format_name: ExportFormat) -> int:
    """Write a list's entries that are in force; returns how many.

    Raises `Refused` for a list whose maker did not allow that it be passed on (`redistribute`), and
    for an entry that cannot be written as a line: one from before such were rejected.
    """
    infos = store.infos()
    if name not in infos:
        raise Refused(f"there is no list {name!r}; known are {', '.join(infos) or '-'}")
    if not infos[name].redistribute:
        raise Refused(
            f"list {name!r} may not be passed on: redistribute is not set for it. Who made it "
            "decides that"
        )
    entries = (
        _as_line(entry) for entry in store.entries(name) if entry.status in ("active", "observed")
    )
    return _csv(entries, to) if format_name == "csv" else _signals(entries, to)


def _as_line(entry: ListEntry) -> ListEntry:
    if any(map(has_control, (entry.id, entry.value, entry.category, *entry.labels))):
        raise Refused(
            f"entry {entry.id[:80]!r} of list {entry.list!r} has a control character, so that no "
            "line can hold it: import the list anew, or remove the entry"
        )
    return msgspec.structs.replace(entry, provenance=without_control(entry.provenance))


def _csv(entries: Iterator[ListEntry], to: IO[str]) -> int:
    columns = [column for column in COLUMNS if column != "quality"]
    writer = csv.writer(to, lineterminator="\n")
    writer.writerow(columns)
    written = 0
    for entry in entries:
        row = {column: getattr(entry, column) for column in columns}
        row["labels"] = ";".join(entry.labels)
        row["updated_at"] = entry.updated_at.isoformat() if entry.updated_at else ""
        writer.writerow([row[column] or "" for column in columns])
        written += 1
    return written


def _signals(entries: Iterator[ListEntry], to: IO[str]) -> int:
    written = 0
    for entry in entries:
        value = f"T1{entry.value.upper()}" if entry.algorithm == "tlsh" else entry.value
        to.write(f"{_signal_type(entry)} {value}\n")
        written += 1
    return written


def _signal_type(entry: ListEntry) -> str:
    """What python-threatexchange calls it: an MD5 is a picture's or a video's, a TLSH a text's."""
    if entry.algorithm == "md5":
        return "photo_md5" if "type:image" in entry.labels else "video_md5"
    return "text_tlsh" if entry.algorithm == "tlsh" else entry.algorithm
