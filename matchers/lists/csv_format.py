"""Lists as CSV with a header: `id, algorithm, value, category, role, labels, …`.

Tolerant: an unknown column never drops an entry, a bad row is reported with its line and reason,
and the rest goes in.
"""

import csv
from collections.abc import Iterable, Mapping
from typing import NamedTuple, cast, get_args

from matchers.lists.degenerate import degenerate
from matchers.lists.entry import (
    ALGORITHMS,
    ROLES,
    STATUSES,
    Algorithm,
    EntryStatus,
    ListEntry,
    default_id,
    is_number,
    normal_value,
)
from matchers.lists.fields import (
    check_utf8,
    checked_category,
    checked_id,
    checked_value,
    described,
    time_of,
)

COLUMNS = (
    "id",
    "algorithm",
    "value",
    "category",
    "role",
    "labels",
    "status",
    "updated_at",
    "provenance",
    "quality",
)
"""The columns with a meaning. `labels` are separated by `;` or `|`; `quality` is PDQ's."""
MAX_FIELD = 8_000_000
"""Characters in one field: the value of a video holds a hash for each of up to 90,000 frames."""


class RejectedRow(NamedTuple):
    """A row that did not go in, or not in force. `line` is where it ends, counted from 1."""

    line: int
    reason: str


class CsvRows(NamedTuple):
    """What a CSV held. The rows in `held` are among the entries, as `pending`: in the same order
    they are `held_entries`.

    `unknown_columns` are the columns that have no meaning here, and what was left out of entries
    that went in (`fields.described`).
    """

    entries: list[ListEntry]
    rejected: list[RejectedRow]
    held: list[RejectedRow]
    unknown_columns: tuple[str, ...]
    held_entries: list[ListEntry]


class UnreadableList(ValueError):
    """A list file as a whole cannot be read: no header, no value column, not CSV."""


def read_csv(
    lines: Iterable[str],
    list_name: str,
    columns: Mapping[str, str] | None = None,
    algorithm: Algorithm | None = None,
) -> CsvRows:
    """Read a list from the lines of a CSV.

    `columns` maps a column's meaning to its name in the header, where they differ; `algorithm` is
    for rows that name none. A row without an id gets its value as id. A second row with the same
    id, algorithm and value is reported as a repeat. A hash that says nothing (see `degenerate`)
    goes in as `pending`, whatever its row says, and is reported. Bytes that are no UTF-8 are given
    as lone surrogates (`fields.decoded`): a row that has any is rejected.

    Raises `UnreadableList` when there is no header or no column for the value.
    """
    csv.field_size_limit(MAX_FIELD)
    reader = _Rows(lines)
    try:
        header = [name.strip().lstrip("\ufeff").lower() for name in next(reader)]
    except StopIteration:
        raise UnreadableList("the file is empty: a header line is needed") from None
    except csv.Error as error:
        raise UnreadableList(f"the header is not CSV: {error}") from None
    except ValueError as error:
        raise UnreadableList(f"the header is {error}: convert the file to UTF-8") from None
    places = _places(header, columns or {}, algorithm)
    known = set(places.values())
    unknown = tuple(name for at, name in enumerate(header) if at not in known)
    entries: list[ListEntry] = []
    rejected: list[RejectedRow] = []
    held: list[RejectedRow] = []
    held_entries: list[ListEntry] = []
    seen: dict[tuple[str, str, str], int] = {}
    cut: dict[str, None] = {}
    while True:
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            rejected.append(RejectedRow(reader.line_num, f"not CSV: {error}"))
            continue
        except ValueError as error:
            rejected.append(RejectedRow(reader.line_num, str(error)))
            continue
        if not any(field.strip() for field in row):
            continue
        try:
            entry, why_held, left_out = _entry(row, places, list_name, algorithm)
        except ValueError as error:
            rejected.append(RejectedRow(reader.line_num, str(error)))
            continue
        first = seen.setdefault((entry.id, entry.algorithm, entry.value), reader.line_num)
        if first != reader.line_num:
            rejected.append(RejectedRow(reader.line_num, f"a repeat of line {first}"))
            continue
        entries.append(entry)
        cut.update(dict.fromkeys(left_out))
        if why_held is not None:
            held.append(RejectedRow(reader.line_num, why_held))
            held_entries.append(entry)
    return CsvRows(entries, rejected, held, (*unknown, *cut), held_entries)


class _Rows:
    """The rows of a CSV, each on a line of its own: a field that goes on over the end of its line
    is an error in that line, so that one quote too many does not take all that follows with it."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.line_num = 0

    def __next__(self) -> list[str]:
        line = next(self._lines)
        self.line_num += 1
        check_utf8(line)
        empty: list[str] = []
        return next(csv.reader([line], strict=True), empty)


def _places(
    header: list[str], columns: Mapping[str, str], algorithm: Algorithm | None
) -> dict[str, int]:
    places: dict[str, int] = {}
    for column in COLUMNS:
        name = columns.get(column, column).lower()
        if name in header:
            places[column] = header.index(name)
        elif column in columns:
            raise UnreadableList(f"the header has no column {name!r}, mapped to {column}")
    for strange in set(columns) - set(COLUMNS):
        raise UnreadableList(f"columns maps {strange!r}; known are {', '.join(COLUMNS)}")
    if "value" not in places:
        raise UnreadableList("the header has no column value: name it, or map it with columns")
    if "algorithm" not in places and algorithm is None:
        raise UnreadableList("the header has no column algorithm, and the list names none")
    return places


def _entry(
    row: list[str], places: dict[str, int], list_name: str, default: Algorithm | None
) -> tuple[ListEntry, str | None, tuple[str, ...]]:
    """The entry of a row, why it is held back, if it is, and what was left out of it."""

    def field(column: str) -> str:
        at = places.get(column)
        return row[at].strip() if at is not None and at < len(row) else ""

    named = field("algorithm").lower().replace("-", "")
    if not named and default is None:
        raise ValueError("the row names no algorithm")
    if named and named not in ALGORITHMS:
        raise ValueError(f"unknown algorithm {named[:32]!r}; known are {', '.join(ALGORITHMS)}")
    algorithm = cast(Algorithm, named or default)
    role, status, updated = field("role").lower(), field("status").lower(), field("updated_at")
    if role and role not in ROLES:
        raise ValueError(f"unknown role {role[:32]!r}; known are {', '.join(ROLES)}")
    if status and status not in get_args(EntryStatus):
        raise ValueError(f"unknown status {status[:32]!r}; known are {', '.join(STATUSES)}")
    value = checked_value(normal_value(algorithm, field("value")))
    updated_at = time_of(updated)
    if updated and updated_at is None:
        raise ValueError("updated_at is not an ISO 8601 date")
    quality = field("quality")
    if quality and not (quality.isascii() and is_number(quality) and int(quality) <= 100):
        raise ValueError("quality is not a number from 0 to 100")
    why_held = degenerate(algorithm, value, int(quality) if quality else None)
    if why_held is not None:
        status = "pending"
    labels = (label.strip() for label in field("labels").replace("|", ";").split(";"))
    kept = described(filter(None, labels), field("provenance"))
    entry = ListEntry(
        list=list_name,
        id=checked_id(field("id")) or default_id(value),
        algorithm=algorithm,
        value=value,
        category=checked_category(field("category")),
        role=role or None,
        labels=kept.labels,
        status=cast(EntryStatus, status) if status else "active",
        updated_at=updated_at,
        provenance=kept.provenance,
    )
    return entry, why_held, kept.cut
