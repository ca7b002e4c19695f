"""What a set of lists holds: counts, and the version that names it."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
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


def unnamed_categories(info: ListInfo, entries: Iterable[ListEntry]) -> dict[str, int]:
    """Entries by category of which nobody said what a match asks for, neither they themselves nor
    `roles`, so that they are only observed; none in a list with another `default_role`. What its
    source only observes, or took back, does not count."""
    if info.default_role != "observe":
        return {}
    found = Counter(
        entry.category
        for entry in entries
        if entry.category not in info.roles
        and entry.role is None
        and entry.status in ("active", "pending")
    )
    return dict(sorted(found.items()))


def can_match(entry: ListEntry) -> bool:
    """Whether an entry is in force and of an algorithm that is looked up here."""
    return entry.algorithm in MATCHED_ALGORITHMS and entry.status in ("active", "observed")
