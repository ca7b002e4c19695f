"""Which sections a snapshot holds of an algorithm: what has others is not read, since searches run
compiled code that trusts the arrays' shapes."""

from collections.abc import Mapping

from matchers.indexes.flat_file import AnyArray
from matchers.indexes.hamming import COMPARED_BELOW, chunk_count, data_width
from matchers.indexes.kernels import BUCKETS
from matchers.lists.entry import HAMMING_BYTES, MATCHED_ALGORITHMS, Algorithm
from matchers.lists.table import value_width

COLUMNS: Mapping[str, str] = {
    "list": "<u2",
    "category": "<u4",
    "labels": "<u4",
    "flags": "|u1",
    "ends": "<u8",
    "ids": "|u1",
}
"""What is kept of the entries of one algorithm: `ends` are those of the ids in `ids`."""


def check_sections(
    arrays: Mapping[str, AnyArray], algorithm: Algorithm, lists: int, categories: int, labels: int
) -> None:
    """Check the entries and the index of an algorithm, which refer to so many lists, categories
    and sets of labels. Raises `ValueError`, saying what is wrong."""
    if algorithm not in MATCHED_ALGORITHMS:
        raise ValueError(f"there is no index for {algorithm}")
    sections = _Sections(arrays, algorithm)
    rows = len(sections.of("list", "<u2", None))
    for name, number in (("list", lists), ("category", categories), ("labels", labels)):
        column = sections.of(name, COLUMNS[name], rows)
        if rows and int(column.max()) >= number:
            raise ValueError(f"section {algorithm}.{name} names more than the {number} there are")
    sections.of("flags", "|u1", rows)
    sections.ends("ends", len(sections.of("ids", "|u1", None)), rows)
    _check_index(sections, algorithm, rows)


class _Sections:
    """The sections of one algorithm."""

    def __init__(self, arrays: Mapping[str, AnyArray], algorithm: Algorithm) -> None:
        self._arrays = arrays
        self._algorithm = algorithm

    def of(self, name: str, dtype: str, *shape: int | None) -> AnyArray:
        """The section of this dtype and shape; `None` is any length."""
        full = f"{self._algorithm}.{name}"
        array = self._arrays.get(full)
        if array is None:
            raise ValueError(f"section {full} is missing")
        fits = len(shape) == array.ndim and all(
            wanted in (None, there) for wanted, there in zip(shape, array.shape, strict=True)
        )
        if array.dtype.str != dtype or not fits:
            raise ValueError(f"section {full} is {array.dtype.str} of shape {array.shape}")
        return array

    def ends(self, name: str, end: int, rows: int) -> None:
        """A section of rising ends, of which the last is `end`."""
        ends = self.of(name, "<u8", rows)
        last = int(ends[-1]) if rows else 0
        if last != end or (ends[1:] < ends[:-1]).any():
            raise ValueError(f"section {self._algorithm}.{name} does not rise to {end}")


def _check_index(sections: _Sections, algorithm: Algorithm, rows: int) -> None:
    width = value_width(algorithm)
    if algorithm == "vpdq":
        frames = len(sections.of("codes", "<u8", None, width // 8))
        sections.ends("videos", frames, rows)
        _check_codes(sections, width, frames)
    elif algorithm == "photodna":
        sections.of("order", "<u4", rows)
        sections.of("vectors", "|u1", rows, width)
    elif algorithm == "minhash":
        sections.of("signatures", "<u4", rows, width // 4)
        keys = len(sections.of("inverted.keys", "<u4", None))
        sections.of("inverted.rows", "<u4", keys)
        starts = len(sections.of("inverted.starts", "<u4", None)) - 1
        if starts < 1 or starts & (starts - 1):
            raise ValueError("section minhash.inverted.starts is not of a power of two and one")
    elif algorithm == "tlsh":
        sections.of("order", "<u4", rows)
        sections.of("hashes", "|u1", rows, width)
    elif algorithm in HAMMING_BYTES:
        _check_codes(sections, width, rows)
    else:
        sections.of("keys", "<u8", rows)
        sections.of("rows", "<u4", rows)
        sections.of("rests", "|u1", rows, width - 8)


def _check_codes(sections: _Sections, width: int, rows: int) -> None:
    codes = sections.of("codes", "<u8", rows, width // 8)
    if rows < COMPARED_BELOW:
        return
    chunks = chunk_count(codes)
    sections.of("starts", "<u4", chunks, BUCKETS + 1)
    sections.of("rows", "<u4", chunks, rows)
    sections.of("data", "<u4", chunks, data_width(codes))
