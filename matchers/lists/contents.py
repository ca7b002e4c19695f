"""What a set of lists holds: counts, and the version that names it."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from matchers.lists.entry import MATCHED_ALGORITHMS, Algorithm, ListEntry, ListInfo


class ListCount(NamedTuple):
    """Entries of one list and algorithm; `matched` are those that can match anything."""

    list: str
    algorithm: Algorithm
    entries: int
    matched: int


class Contents:
    """Takes stock of entries as they pass, in memory that does not grow with them."""

    def __init__(self, infos: Mapping[str, ListInfo]) -> None:
        self._infos = infos
        self._digest = hashlib.sha256()
        for name in sorted(infos):
            self._digest.update(msgspec.json.encode(infos[name]))
        self._entries: Counter[tuple[str, Algorithm]] = Counter()
        self._matched: Counter[tuple[str, Algorithm]] = Counter()
        self._encode = msgspec.msgpack.Encoder().encode

    def add(self, entry: ListEntry) -> bool:
        """Count an entry; true if it can match. Raises `ValueError` if it is of no known list."""
        if entry.list not in self._infos:
            raise ValueError(f"entry {entry.id!r} is of an unknown list {entry.list!r}")
        self._digest.update(self._encode(entry))
        self._entries[entry.list, entry.algorithm] += 1
        matches = can_match(entry)
        self._matched[entry.list, entry.algorithm] += matches
        return matches

    @property
    def version(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of all that was added, in its order."""
        return self._digest.hexdigest()[:16]

    @property
    def counts(self) -> tuple[ListCount, ...]:
        """By list, then algorithm."""
        return tuple(
            ListCount(*place, count, self._matched[place])
            for place, count in sorted(self._entries.items())
        )


def can_match(entry: ListEntry) -> bool:
    """Whether an entry is in force and of an algorithm that is looked up here."""
    return entry.algorithm in MATCHED_ALGORITHMS and entry.status in ("active", "observed")
