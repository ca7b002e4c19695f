"""Subjects of the index benchmark: Seawall's index and its peers behind one small interface.

Run as a program it measures one subject in a process of its own, on one core:
`python -m benchmarks.index_subjects SUBJECT FOLDER`; the folder holds `codes.npy`.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import psutil

from benchmarks.index_codes import RADIUS, Codes, make_planted, make_queries
from matchers.indexes.flat_file import FlatFileWriter, open_flat_file
from matchers.indexes.hamming import HammingIndex
from matchers.lists.entry import ListEntry, ListInfo
from matchers.lists.matcher import ListMatcher
from matchers.lists.table import Table

Pairs = list[tuple[int, int]]
"""(query, row) of every answer."""

BUDGET = float(os.environ.get("BUDGET", "10"))
"""Seconds for each kind of measurement of one subject; slow peers get fewer queries."""


class Subject(Protocol):
    """An index under measurement. `add` and `remove` change one entry, `None` if it cannot."""

    def build(self, codes: Codes) -> None: ...
    def open(self) -> None: ...
    def search(self, queries: Codes) -> Pairs: ...

    add: Callable[[Codes], None] | None
    remove: Callable[[int], None] | None
    stored_bytes: Callable[[], int] | None
    """Bytes of its file; `None` where the growth of the process is what it takes."""


class Seawall:
    """The memory-mapped index; changes go through a `ListMatcher` on top of it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "seawall.index"

    def build(self, codes: Codes) -> None:
        with FlatFileWriter(self._path, "bench") as file:
            HammingIndex.write(file, "pdq", codes)
            file.finish({})

    def open(self) -> None:
        self._index = HammingIndex.read(open_flat_file(self._path, "bench"), "pdq")
        info = ListInfo(name="bench")
        table = Table("pdq", self._index, _Numbered(len(self._index)))
        self._lists = ListMatcher.of_tables(
            {"bench": info}, {"pdq": (table,)}, (), "0", loaded_at=datetime.now(UTC)
        )

    def search(self, queries: Codes) -> Pairs:
        hits = self._index.search(queries, RADIUS)
        return list(zip(hits.query.tolist(), hits.row.tolist(), strict=True))

    def add(self, code: Codes) -> None:
        self._change([_entry("new", code.tobytes().hex())], [])

    def remove(self, row: int) -> None:
        self._change([], [_entry(str(row), self._index.codes[row].tobytes().hex())])

    def stored_bytes(self) -> int:
        return self._path.stat().st_size

    def _change(self, added: list[ListEntry], removed: list[ListEntry]) -> None:
        self._lists = self._lists.changed(
            added, removed, version="1", loaded_at=self._lists.loaded_at
        )


class NumpyBruteForce:
    """Every query against every code, with NumPy's own bit count."""

    add = remove = stored_bytes = None

    def __init__(self, folder: Path) -> None:
        pass

    def build(self, codes: Codes) -> None:
        self._codes = np.array(codes)

    def open(self) -> None:
        pass

    def search(self, queries: Codes) -> Pairs:
        found: Pairs = []
        for query, code in enumerate(queries):
            distance = np.bitwise_count(self._codes ^ code).sum(1, dtype=np.uint16)
            found += [(query, int(row)) for row in np.flatnonzero(distance <= RADIUS)]
        return found


class FaissFlat:
    """FAISS `IndexBinaryFlat`, range search."""

    stored_bytes = None

    def __init__(self, folder: Path) -> None:
        self._index = self.make()

    def make(self) -> Any:
        import faiss

        faiss.omp_set_num_threads(1)
        return faiss.IndexBinaryFlat(256)

    def build(self, codes: Codes) -> None:
        self._index.add(codes.view(np.uint8).reshape(-1, 32))

    def open(self) -> None:
        pass

    def search(self, queries: Codes) -> Pairs:
        octets = queries.view(np.uint8).reshape(-1, 32)
        # FAISS answers distances below its radius.
        limits, _, rows = self._index.range_search(octets, RADIUS + 1)
        query = np.repeat(np.arange(len(queries)), np.diff(limits.astype(np.int64)))
        return list(zip(query.tolist(), rows.tolist(), strict=True))

    def add(self, code: Codes) -> None:
        self._index.add(code.view(np.uint8).reshape(1, 32))

    def remove(self, row: int) -> None:
        self._index.remove_ids(np.array([row], np.int64))


class FaissMultiHash(FaissFlat):
    """FAISS `IndexBinaryMultiHash`: 16 hashes of 16 bits, one flip: exact at this radius."""

    remove = None

    def make(self) -> Any:
        import faiss

        faiss.omp_set_num_threads(1)
        index = faiss.IndexBinaryMultiHash(256, 16, 16)
        index.nflip = 1
        return index


class ThreatExchange:
    """python-threatexchange's PDQ index, asked as its interface is: one hexadecimal hash."""

    remove = stored_bytes = None

    def __init__(self, folder: Path) -> None:
        import faiss
        from threatexchange.signal_type.pdq.pdq_index import PDQIndex

        faiss.omp_set_num_threads(1)
        self._index: Any = PDQIndex()

    def build(self, codes: Codes) -> None:
        self._index.add_all((code.tobytes().hex(), row) for row, code in enumerate(codes))

    def open(self) -> None:
        pass

    def search(self, queries: Codes) -> Pairs:
        return [
            (query, match.metadata)
            for query, code in enumerate(queries)
            for match in self._index.query(code.tobytes().hex())
        ]

    def add(self, code: Codes) -> None:
        self._index.add(code.tobytes().hex(), -1)


SUBJECTS: dict[str, tuple[type[Any], str | None]] = {
    "seawall": (Seawall, None),
    "faiss flat": (FaissFlat, "faiss"),
    "faiss multihash": (FaissMultiHash, "faiss"),
    "threatexchange": (ThreatExchange, "threatexchange"),
    "numpy": (NumpyBruteForce, None),
}
"""Each with the package that it needs."""


def missing(name: str) -> str | None:
    """The package that a subject lacks here, if any."""
    package = SUBJECTS[name][1]
    return package if package is not None and find_spec(package) is None else None


class _Numbered(Sequence[ListEntry]):
    """Entries that are known by their row's number alone."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, row: Any) -> Any:
        return _entry(str(row), "")


def _entry(id: str, value: str) -> ListEntry:
    return ListEntry(list="bench", id=id, algorithm="pdq", value=value)


def measure(name: str, folder: Path) -> dict[str, list[float]]:
    """All numbers of one subject, by metric; several where it was repeated."""
    codes: Codes = np.load(folder / "codes.npy", mmap_mode="r")
    subject: Subject = SUBJECTS[name][0](folder)
    memory = psutil.Process().memory_info().rss
    found: dict[str, list[float]] = {}
    found["build s"] = [_seconds(lambda: subject.build(codes))]
    found["open s"] = [_seconds(subject.open)]
    found["peak memory MB"] = [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]
    grown = psutil.Process().memory_info().rss - memory
    stored = subject.stored_bytes() if subject.stored_bytes else grown
    found["bytes per entry"] = [stored / len(codes)]

    queries = make_queries(codes)
    subject.search(queries[:2])
    one = _seconds(lambda: subject.search(queries[:10])) / 10
    batch = queries[: max(1, min(len(queries), int(BUDGET / 5 / one)))]
    rates: list[float] = []
    processor: list[float] = []
    end = time.perf_counter() + BUDGET
    while len(rates) < 3 or (time.perf_counter() < end and len(rates) < 50):
        started = time.process_time()
        rates.append(len(batch) / _seconds(lambda: subject.search(batch)))
        processor.append((time.process_time() - started) / len(batch) * 1e6)
    found["look-ups/s"], found["CPU us/look-up"] = rates, processor
    singles = [
        _seconds(lambda at=at: subject.search(queries[at : at + 1])) * 1e6
        for at in range(max(10, min(len(queries), int(BUDGET / 2 / one))))
    ]
    found["single p50 us"] = [float(np.percentile(singles, 50))]
    found["single p99 us"] = [float(np.percentile(singles, 99))]

    planted = make_planted(codes)
    step = max(1, int(len(planted.queries) * one / (2 * BUDGET)))
    chosen = slice(None, None, step)
    answers = set(subject.search(planted.queries[chosen]))
    wanted_in_order = list(enumerate(planted.row[chosen].tolist()))
    wanted = set(wanted_in_order)
    found["recall %"] = [100 * len(wanted & answers) / len(wanted)]
    at: dict[int, list[bool]] = {}
    for pair, distance in zip(wanted_in_order, planted.distance[chosen].tolist(), strict=True):
        at.setdefault(distance, []).append(pair in answers)
    found["worst distance recall %"] = [min(100 * sum(f) / len(f) for f in at.values())]

    rng = np.random.default_rng(5)
    if subject.add is not None:
        new = rng.integers(0, 1 << 64, (10, 4), dtype=np.uint64)
        add = subject.add
        found["add ms"] = [_seconds(lambda code=code: add(code)) * 1e3 for code in new]
    if subject.remove is not None:
        remove = subject.remove
        rows = rng.integers(0, len(codes) - 100, 10).tolist()
        found["remove ms"] = [_seconds(lambda row=row: remove(row)) * 1e3 for row in rows]
    return found


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]))))
