"""Formats of one thing a line: python-threatexchange's `type value`, URL lists, vPDQ rows."""

import io
from collections.abc import Iterator, Mapping

from matchers.lists.csv_format import UnreadableList
from matchers.lists.entry import FRAME_QUALITY, Algorithm, is_number
from matchers.lists.fields import check_utf8, decoded
from matchers.lists.formats.feed import Feed, FeedDraft

SIGNAL_TYPES: Mapping[str, Algorithm] = {
    "pdq": "pdq",
    "md5": "md5",
    "photo_md5": "md5",
    "video_md5": "md5",
    "sha1": "sha1",
    "sha256": "sha256",
    "url": "url",
    "vpdq": "vpdq",
    "video_tmk": "tmk",
    "tmk": "tmk",
    "photodna": "photodna",
    "raw_text": "minhash",
    "minhash": "minhash",
    "text_tlsh": "tlsh",
    "tlsh": "tlsh",
    "phash": "phash",
    "dhash": "dhash",
}
"""Signal types of python-threatexchange, and names of algorithms. Of its `raw_text` a signature
is kept; `trend_query` is a search expression, which is not for these lists."""


def read_signals(data: bytes, list_name: str) -> Feed:
    """A line is a signal type, a space and the signal; `#` begins a comment."""
    draft = FeedDraft(list_name, whole=True)
    for number, line in filter(_says_something, _rows(draft, data)):
        kind, _, value = line.partition(" ")
        algorithm = SIGNAL_TYPES.get(kind.lower())
        if algorithm is None:
            draft.reject(number, f"signal type {kind[:32]!r} is of no algorithm here")
        else:
            draft.item(number, "", [(algorithm, value)])
    return draft.done()


def read_urls(data: bytes, list_name: str) -> Feed:
    """A line is an address, or the SHA-256 of one; `#` begins a comment."""
    draft = FeedDraft(list_name, whole=True)
    for number, line in filter(_says_something, _rows(draft, data)):
        draft.item(number, "", [("url", line)])
    return draft.done()


def read_vpdq(data: bytes, list_name: str) -> Feed:
    """The published rows of videos: `frame,quality,pdq,seconds`. A frame number that does not
    grow, or an empty line, begins the next video. Bad rows are left out of their video.

    Raises `UnreadableList` when no row can be read.
    """
    draft = FeedDraft(list_name, whole=True)
    video: list[str] = []
    first, last, read = 1, -1, 0

    def close() -> None:
        if video:
            draft.item(first, "", [("vpdq", "\n".join(video))])
            video.clear()

    for number, row in _rows(draft, data):
        if not row:
            close()
            continue
        fields = [field.strip() for field in row.split(",")]
        if len(fields) < 3 or not _row(fields):
            draft.reject(number, "not a vPDQ row: frame,quality,pdq,seconds")
            continue
        if not video or int(fields[0]) <= last:
            close()
            first = number
        last = int(fields[0])
        read += 1
        video.append(row)
    close()
    if not read:
        raise UnreadableList(
            f"no vPDQ row could be read (frames of quality {FRAME_QUALITY} and above count)"
        )
    return draft.done()


def _row(fields: list[str]) -> bool:
    frame, quality, pdq = fields[:3]
    return (
        is_number(frame)
        and is_number(quality)
        and len(pdq) == 64
        and all(digit in "0123456789abcdefABCDEF" for digit in pdq)
    )


def _rows(draft: FeedDraft, data: bytes) -> Iterator[tuple[int, str]]:
    """Numbered lines without comments; what is not UTF-8 is rejected."""
    for number, line in enumerate(io.StringIO(decoded(data), newline=None), 1):
        text = line.strip()
        if text.startswith("#"):
            continue
        try:
            check_utf8(text)
        except ValueError as error:
            draft.reject(number, str(error))
            continue
        yield number, text


def _says_something(row: tuple[int, str]) -> bool:
    return bool(row[1])
