"""Snapshots: lists compiled to one flat file that every worker on a host maps into memory.

For each algorithm the file holds the index (`matchers.indexes`) and, row by row, what a match
needs of the entry: numbers of its list, category and labels, a flag byte, and its id.

A snapshot in use must never be written to: put a new file in its place (`compile_snapshot` does;
`cp` over it does not), and those who have the old one mapped keep it until they let go. What a
matcher finds counts only while its `written_over` says no.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Any, NamedTuple, overload

import msgspec
import numpy as np
from numpy.typing import NDArray

from matchers.indexes.exact import ExactIndex
from matchers.indexes.flat_file import FlatFile, FlatFileWriter, UnusableFile, open_flat_file
from matchers.indexes.hamming import HammingIndex
from matchers.indexes.minhash import MinhashIndex
from matchers.indexes.opaque import OpaqueIndex
from matchers.indexes.tlsh import TlshIndex
from matchers.indexes.video import VideoIndex
from matchers.lists.contents import Contents, ListCount
from matchers.lists.entry import (
    FLAGGED,
    FRAME_BYTES,
    HAMMING_BYTES,
    ROLES,
    Algorithm,
    EntryStatus,
    ListEntry,
    ListInfo,
    Role,
)
from matchers.lists.matcher import ListMatcher, Radii
from matchers.lists.scratch import scratch_beside
from matchers.lists.sections import COLUMNS, check_sections
from matchers.lists.table import Index, Table, as_codes, as_signatures, value_width
from matchers.lists.version import ListsVersion

KIND = "lists"
_KINDS: Mapping[str, type[VideoIndex | OpaqueIndex | MinhashIndex | TlshIndex]] = {
    "vpdq": VideoIndex,
    "photodna": OpaqueIndex,
    "minhash": MinhashIndex,
    "tlsh": TlshIndex,
}
SUFFIX = ".snapshot"
_OBSERVED = 8
"""Flag byte: the role's number (0 for none, else its place in `ROLES` from 1), and this bit."""
_REPORT_EVERY = 10_000

Progress = Callable[[str, float], None]
"""Hears what is being done, and how much of it: entries while reading, then shares of an index."""


class SnapshotEntry(NamedTuple):
    """What a match needs of an entry."""

    list: str
    id: str
    category: str
    role: Role | None
    labels: tuple[str, ...]
    status: EntryStatus


class _Meta(msgspec.Struct, frozen=True):
    version: str
    infos: tuple[ListInfo, ...]
    algorithms: tuple[Algorithm, ...]
    categories: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    counts: tuple[ListCount, ...]


def compile_snapshot(
    path: Path,
    infos: Mapping[str, ListInfo],
    entries: Iterable[ListEntry],
    *,
    offset: int | None = None,
    progress: Progress | None = None,
) -> str:
    """Compile lists to a file, which appears when it is whole; returns the version.

    `offset` is that of the first change on the control topic that may not be among the entries;
    without it, the lists follow none.

    Entries are read once and never held together: memory does not grow with their number, but for
    those of `minhash` (some kilobytes each while their shingles are sorted); disk does (a second
    copy of values and ids, beside `path`, while it works).
    Raises `ValueError` for an entry of no known list.
    """
    tell = progress or _say_nothing
    contents = Contents(infos)
    lists = {name: number for number, name in enumerate(sorted(infos))}
    categories: dict[str, int] = {}
    labels: dict[tuple[str, ...], int] = {}
    with scratch_beside(path) as scratch:
        spools: dict[Algorithm, _Spool] = {}
        done = 0
        for done, entry in enumerate(entries, 1):
            if done % _REPORT_EVERY == 0:
                tell("read", done)
            if not contents.add(entry):
                continue
            spool = spools.get(entry.algorithm)
            if spool is None:
                spool = spools[entry.algorithm] = _Spool(scratch, entry.algorithm)
            spool.add(
                entry,
                lists[entry.list],
                categories.setdefault(entry.category, len(categories)),
                labels.setdefault(entry.labels, len(labels)),
            )
        tell("read", done)
        version = str(ListsVersion(contents.version, offset))
        with FlatFileWriter(path, KIND) as file:
            for algorithm, spool in spools.items():
                spool.write(file, lambda share, what=algorithm: tell(what, share))
            file.finish(
                msgspec.to_builtins(
                    _Meta(
                        version,
                        tuple(infos[name] for name in lists),
                        tuple(spools),
                        tuple(categories),
                        tuple(labels),
                        contents.counts,
                    )
                )
            )
    return version


def open_snapshot(path: Path, *, loaded_at: datetime, radii: Radii | None = None) -> ListMatcher:
    """A matcher over a compiled file; its pages are shared with every process that opens it.

    Raises `UnusableFile` for a file that is torn, changed, foreign, of another format or made by
    another version, and `OSError` when it cannot be read.
    """
    file = open_flat_file(path, KIND)
    try:
        meta = msgspec.convert(file.meta, _Meta)
        for algorithm in meta.algorithms:
            check_sections(
                file.arrays, algorithm, len(meta.infos), len(meta.categories), len(meta.labels)
            )
    except (msgspec.ValidationError, ValueError) as error:
        raise UnusableFile(path, f"made by another version: compile it anew ({error})") from error
    tables: dict[Algorithm, tuple[Table, ...]] = {}
    for algorithm in meta.algorithms:
        kind = _KINDS.get(algorithm, HammingIndex if algorithm in HAMMING_BYTES else ExactIndex)
        tables[algorithm] = (
            _SnapshotTable(
                algorithm, kind.read(file, algorithm), SnapshotEntries(file, algorithm, meta)
            ),
        )
    return ListMatcher.of_tables(
        {info.name: info for info in meta.infos},
        tables,
        meta.counts,
        meta.version,
        loaded_at=loaded_at,
        radii=radii,
        written_over=file.written_over,
    )


class SnapshotEntries(Sequence[SnapshotEntry]):
    """The entries of one algorithm, read from the file one at a time as they are asked for."""

    def __init__(self, file: FlatFile, algorithm: Algorithm, meta: _Meta) -> None:
        self._lists = [info.name for info in meta.infos]
        self._categories = meta.categories
        self._labels = meta.labels
        self._flagged = np.array([FLAGGED in labels for labels in meta.labels], np.int64)
        self._columns = [file.arrays[f"{algorithm}.{name}"] for name in COLUMNS]

    def __len__(self) -> int:
        return len(self._columns[0])

    def kinds(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """A number for each row, equal where list, category, role, status and being flagged are."""
        lists, categories, labels, flags, _, _ = self._columns
        return (
            (lists[rows].astype(np.int64) << 40)
            | (categories[rows].astype(np.int64) << 8)
            | (self._flagged[labels[rows]] << 7)
            | flags[rows]
        )

    @overload
    def __getitem__(self, row: int) -> SnapshotEntry: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[SnapshotEntry]: ...
    def __getitem__(self, row: int | slice) -> SnapshotEntry | Sequence[SnapshotEntry]:
        if isinstance(row, slice):
            return [self[at] for at in range(*row.indices(len(self)))]
        lists, categories, labels, flags, ends, ids = self._columns
        start = int(ends[row - 1]) if row else 0
        flag = int(flags[row])
        role = flag & ~_OBSERVED
        return SnapshotEntry(
            list=self._lists[int(lists[row])],
            id=ids[start : int(ends[row])].tobytes().decode(),
            category=self._categories[int(categories[row])],
            role=ROLES[role - 1] if role else None,
            labels=self._labels[int(labels[row])],
            status="observed" if flag & _OBSERVED else "active",
        )


class _SnapshotTable(Table):
    """A table in a file, which tells kinds of entries apart by their numbers."""

    def __init__(self, algorithm: Algorithm, index: Index, entries: SnapshotEntries) -> None:
        super().__init__(algorithm, index, entries)
        self._listed = entries

    def kinds(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return self._listed.kinds(rows)


class _Spool:
    """The entries of one algorithm on their way into a snapshot, in files of their own."""

    def __init__(self, scratch: Path, algorithm: Algorithm) -> None:
        self._algorithm: Algorithm = algorithm
        self._values = (scratch / f"{algorithm}.values").open("w+b")
        self._columns = [(scratch / f"{algorithm}.{name}").open("w+b") for name in COLUMNS]
        self._frames = (scratch / f"{algorithm}.frames").open("w+b")
        self._end = 0
        self._frames_end = 0

    def add(self, entry: ListEntry, list_number: int, category: int, labels: int) -> None:
        encoded = entry.id.encode()
        self._end += len(encoded)
        flag = (0 if entry.role is None else ROLES.index(entry.role) + 1) | (
            _OBSERVED if entry.status == "observed" else 0
        )
        value = bytes.fromhex(entry.value)
        self._values.write(value)
        if self._algorithm == "vpdq":
            self._frames_end += len(value) // FRAME_BYTES
            self._frames.write(self._frames_end.to_bytes(8, "little"))
        lists, categories, all_labels, flags, ends, ids = self._columns
        lists.write(list_number.to_bytes(2, "little"))
        categories.write(category.to_bytes(4, "little"))
        all_labels.write(labels.to_bytes(4, "little"))
        flags.write(flag.to_bytes(1, "little"))
        ends.write(self._end.to_bytes(8, "little"))
        ids.write(encoded)

    def write(self, file: FlatFileWriter, progress: Callable[[float], None]) -> None:
        """Index the values and copy the columns; closes the files."""
        values = _mapped(self._values, "|u1").reshape(-1, value_width(self._algorithm))
        if self._algorithm == "vpdq":
            ends = _mapped(self._frames, "<u8")
            VideoIndex.write(file, self._algorithm, as_codes(values), ends, progress)
        elif self._algorithm == "photodna":
            OpaqueIndex.write(file, self._algorithm, values)
            progress(1.0)
        elif self._algorithm == "minhash":
            MinhashIndex.write(file, self._algorithm, as_signatures(values))
            progress(1.0)
        elif self._algorithm == "tlsh":
            TlshIndex.write(file, self._algorithm, values)
            progress(1.0)
        elif self._algorithm in HAMMING_BYTES:
            HammingIndex.write(file, self._algorithm, as_codes(values), progress)
        else:
            ExactIndex.write(file, self._algorithm, values)
            progress(1.0)
        self._values.close()
        self._frames.close()
        for (name, dtype), column in zip(COLUMNS.items(), self._columns, strict=True):
            array = _mapped(column, dtype)
            file.section(f"{self._algorithm}.{name}", dtype, array.shape)[:] = array
            column.close()


def _mapped(file: IO[bytes], dtype: str) -> NDArray[Any]:
    file.flush()
    if not file.tell():
        return np.zeros(0, dtype)
    return np.asarray(np.memmap(file, dtype, "r"))


def _say_nothing(what: str, done: float) -> None:
    pass
