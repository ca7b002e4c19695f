"""What every format reads alike: the text of a file, times, and the bounds of an entry's fields.

Each entry that acts travels in one message and stands in every worker's memory, and exports are
lines: so fields are bounded and hold no control character (C0, DEL), whatever the format.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

LONGEST_ID = 512
LONGEST_CATEGORY = 256
LONGEST_LABEL = 256
LONGEST_PROVENANCE = 1024
"""Bytes of UTF-8, as are the bounds above."""
MOST_LABELS = 64
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_NO_CHARACTER = re.compile("[\ud800-\udfff]")
_HEAD = 4096
_OUTSIDE = "the time lies outside of the years 1 to 9999 in UTC"


class Described(NamedTuple):
    """The labels and the provenance of an entry, within bounds. `cut` says what was left out."""

    labels: tuple[str, ...]
    provenance: str
    cut: tuple[str, ...]


def checked_id(text: str) -> str:
    """The id, unchanged. Raises `ValueError` for one that is too long or has control characters."""
    return _checked("id", text, LONGEST_ID)


def checked_category(text: str) -> str:
    """The category, unchanged. Raises `ValueError` as `checked_id` does."""
    return _checked("category", text, LONGEST_CATEGORY)


def checked_value(text: str) -> str:
    """A value in its normal form, unchanged. Raises `ValueError` for control characters."""
    return _checked("value", text, None)


def has_control(text: str) -> bool:
    """Whether the text has a control character."""
    return not text.isprintable() and _CONTROL.search(text) is not None


def without_control(text: str) -> str:
    """The text with spaces in the place of control characters."""
    return _CONTROL.sub(" ", text)


def described(labels: Iterable[str], provenance: str) -> Described:
    """Nothing here drops an entry: of the labels the first 64 stay that are no longer than 256
    bytes and without control characters; the provenance is cut, its control characters are
    spaces."""
    kept: list[str] = []
    cut: list[str] = []
    for label in labels:
        if _fault(label, LONGEST_LABEL) is not None:
            cut.append(f"labels of over {LONGEST_LABEL} bytes or with control characters")
        elif len(kept) == MOST_LABELS:
            cut.append(f"labels after an entry's first {MOST_LABELS}")
            break
        else:
            kept.append(label)
    if provenance and _fault(provenance, LONGEST_PROVENANCE) is not None:
        plain = _NO_CHARACTER.sub("\ufffd", without_control(provenance))
        provenance = plain.encode()[:LONGEST_PROVENANCE].decode(errors="ignore")
        if len(provenance) < len(plain):
            cut.append(f"provenance after its first {LONGEST_PROVENANCE} bytes")
    return Described(tuple(kept), provenance, tuple(dict.fromkeys(cut)))


def in_utc(when: datetime) -> datetime:
    """The time in UTC; without a zone it is taken for UTC.

    Raises `ValueError` where it lies outside of the years 1 to 9999 there.
    """
    if when.tzinfo is None:
        return when.replace(tzinfo=UTC)
    try:
        return when.astimezone(UTC)
    except OverflowError:
        raise ValueError(_OUTSIDE) from None


def time_of(text: str) -> datetime | None:
    """An ISO 8601 time, in UTC; `None` if it is none. Raises as `in_utc`."""
    try:
        when = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return in_utc(when)


def time_of_seconds(seconds: object) -> datetime | None:
    """Unix seconds, as a number or its digits; `None` if they are none. Raises as `in_utc`."""
    try:
        whole = int(cast("Any", seconds))
    except (TypeError, ValueError):
        return None
    except OverflowError:  # of infinity
        raise ValueError(_OUTSIDE) from None
    try:
        return datetime.fromtimestamp(whole, UTC)
    except (ValueError, OverflowError, OSError):
        raise ValueError(_OUTSIDE) from None


def check_encoding(head: bytes) -> None:
    """Raises `ValueError` where a file that begins so is UTF-16 or UTF-32: by its byte order mark,
    or since many of its bytes are NUL."""
    looked_at = head[:_HEAD]
    if looked_at[:2] in (b"\xff\xfe", b"\xfe\xff") or 4 * looked_at.count(0) > len(looked_at):
        raise ValueError("the file is not UTF-8 but UTF-16 or UTF-32: convert it to UTF-8")


def decoded(data: bytes) -> str:
    """Text, without a byte order mark. Bytes that are no UTF-8 become lone surrogates, by which
    `check_utf8` tells the rows that hold them."""
    return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")


def check_utf8(row: str) -> None:
    """Raises `ValueError` for a row of which some bytes are no UTF-8."""
    if not row.isascii() and _NO_CHARACTER.search(row):
        raise ValueError("not UTF-8")


def _checked(what: str, text: str, longest: int | None) -> str:
    fault = _fault(text, longest)
    if fault is not None:
        raise ValueError(f"the {what} {fault}")
    return text


def _fault(text: str, longest: int | None) -> str | None:
    if has_control(text):
        return "has a control character"
    if not text.isprintable() and _NO_CHARACTER.search(text):
        return "is not UTF-8"
    # No character takes more than four bytes.
    if longest is not None and 4 * len(text) > longest and len(text.encode()) > longest:
        return f"is longer than {longest} bytes of UTF-8"
    return None
