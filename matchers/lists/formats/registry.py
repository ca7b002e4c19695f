"""The formats that lists come in, by name."""

import io
from collections.abc import Callable, Mapping
from typing import Literal, get_args

from matchers.lists.csv_format import UnreadableList, read_csv
from matchers.lists.degenerate import degenerate
from matchers.lists.entry import Algorithm, ListEntry
from matchers.lists.fields import check_encoding, decoded
from matchers.lists.formats.feed import Feed, Item
from matchers.lists.formats.lines import read_signals, read_urls, read_vpdq
from matchers.lists.formats.ncmec import read_ncmec
from matchers.lists.formats.stopncii import read_stopncii
from matchers.lists.formats.vics import read_vics

FormatName = Literal["csv", "ncmec", "stopncii", "signals", "vics", "vpdq", "urls"]
FORMATS: tuple[FormatName, ...] = get_args(FormatName)

_READERS: Mapping[FormatName, Callable[[bytes, str], Feed]] = {
    "ncmec": read_ncmec,
    "stopncii": read_stopncii,
    "signals": read_signals,
    "vics": read_vics,
    "vpdq": read_vpdq,
    "urls": read_urls,
}


def read_feed(
    data: bytes,
    format_name: FormatName,
    list_name: str,
    *,
    columns: Mapping[str, str] | None = None,
    algorithm: Algorithm | None = None,
) -> Feed:
    """Read a list's file or a page of a list service. `columns` and `algorithm` are for CSV
    (`read_csv`).

    Raises `UnreadableList` where it cannot be read as a whole, is in UTF-16 (of which only XML may
    be), or maps columns of a format that has none. Bad rows are in the result.
    """
    if format_name != "ncmec":
        try:
            check_encoding(data)
        except ValueError as error:
            raise UnreadableList(str(error)) from None
    if format_name == "csv":
        return _csv(data, list_name, columns, algorithm)
    if columns or algorithm:
        raise UnreadableList(f"columns and algorithm are for CSV, not for {format_name}")
    return _READERS[format_name](data, list_name)


def _csv(
    data: bytes,
    list_name: str,
    columns: Mapping[str, str] | None,
    algorithm: Algorithm | None,
) -> Feed:
    text = io.StringIO(decoded(data), newline="")
    rows = read_csv(text, list_name, columns, algorithm)
    items: dict[str, list[ListEntry]] = {}
    for entry in rows.entries:
        items.setdefault(entry.id, []).append(entry)
    return Feed(
        items=[Item(id=name, entries=tuple(entries)) for name, entries in items.items()],
        rejected=rows.rejected,
        held=rows.held,
        unused=rows.unknown_columns,
        reasons=tuple(
            (entry.id, entry.algorithm, entry.value, row.reason)
            for entry, row in zip(rows.held_entries, rows.held, strict=True)
            if degenerate(entry.algorithm, entry.value) is None
        ),
    )
