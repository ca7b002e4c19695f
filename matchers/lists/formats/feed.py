"""`Feed`: what a list file or a page of a list service says, whatever its format."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from matchers.lists.csv_format import RejectedRow
from matchers.lists.degenerate import degenerate
from matchers.lists.entry import (
    Algorithm,
    EntryStatus,
    ListEntry,
    Role,
    default_id,
    normal_value,
)
from matchers.lists.fields import checked_category, checked_id, checked_value, described


class Item(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One item of a feed with all its hashes; without any, and `complete`, it is withdrawn.

    An item takes the place of an earlier one with its id. One that is not `complete`, since a
    hash of it could not be read, takes nothing away.
    """

    id: str
    entries: tuple[ListEntry, ...] = ()
    at: datetime | None = None
    complete: bool = True

    @property
    def gone(self) -> bool:
        """Whether it says that the item is no longer listed."""
        return self.complete and not self.entries


class Feed(Struct, kw_only=True):
    """What was read. `whole`: the items are all that the list holds, not changes to it.

    Rows in `held` are among the entries, as `pending`. `unused` names the fields that have no
    meaning here, and what was left out of entries that went in (`fields.described`). A page of a
    service names the next one, and where to go on another time. `reasons` are why entries are held
    of which it is not their values that say so: id, algorithm, value and reason.
    """

    items: list[Item]
    rejected: list[RejectedRow]
    held: list[RejectedRow]
    unused: tuple[str, ...] = ()
    whole: bool = True
    next_page: str | None = None
    checkpoint: str | None = None
    reasons: tuple[tuple[str, Algorithm, str, str], ...] = ()

    @property
    def entries(self) -> Iterable[ListEntry]:
        """The entries of all items."""
        return (entry for item in self.items for entry in item.entries)


class FeedDraft:
    """Collects the items of a feed; a hash that cannot be read is reported, and the rest go in."""

    def __init__(self, list_name: str, *, whole: bool) -> None:
        self._list = list_name
        self._feed = Feed(items=[], rejected=[], held=[], whole=whole)
        self._unused: set[str] = set()
        self._seen: dict[tuple[str, str, str], int] = {}

    def reject(self, line: int, reason: str) -> None:
        """Report a row that does not go in. `reason` repeats no value."""
        self._feed.rejected.append(RejectedRow(line, reason))

    def unused(self, names: Iterable[str]) -> None:
        """Note fields that have no meaning here."""
        self._unused.update(names)

    def item(
        self,
        line: int,
        item_id: str,
        hashes: Iterable[tuple[Algorithm, str]],
        *,
        category: str = "",
        role: Role | None = None,
        labels: Iterable[str] = (),
        labels_of: dict[Algorithm, list[str]] | None = None,
        status: EntryStatus = "active",
        at: datetime | None = None,
        provenance: str = "",
        complete: bool = True,
    ) -> None:
        """Add an item. `labels_of` are further labels for the hashes of one algorithm.

        An item of which no hash can be read is left out, and nothing is withdrawn for it. In a
        whole list, a repeat of an earlier entry is reported.

        Raises `ValueError` for an id or a category that is out of bounds.
        """
        checked_id(item_id)
        checked_category(category)
        entries: list[ListEntry] = []
        common = tuple(labels)
        for algorithm, raw in hashes:
            try:
                value = checked_value(normal_value(algorithm, raw))
            except ValueError as error:
                self.reject(line, str(error))
                complete = False
                continue
            entry_id = item_id or default_id(value)
            key = (entry_id, algorithm, value)
            first = self._seen.setdefault(key, line) if self._feed.whole else line
            if first != line:
                self.reject(line, f"a repeat of line {first}")
                continue
            why_held = degenerate(algorithm, value)
            if why_held is not None:
                self._feed.held.append(RejectedRow(line, why_held))
            kept = described((*common, *(labels_of or {}).get(algorithm, ())), provenance)
            self.unused(kept.cut)
            entries.append(
                ListEntry(
                    list=self._list,
                    id=entry_id,
                    algorithm=algorithm,
                    value=value,
                    category=category,
                    role=role,
                    labels=kept.labels,
                    status=status if why_held is None else "pending",
                    updated_at=at,
                    provenance=kept.provenance,
                )
            )
        if entries:
            self._feed.items.append(
                Item(id=item_id or entries[0].id, entries=tuple(entries), at=at, complete=complete)
            )

    def withdraw(self, item_id: str, at: datetime | None) -> None:
        """The item is no longer listed. Its id has no bounds: what is in a store must go."""
        self._feed.items.append(Item(id=item_id, at=at))

    def done(self, next_page: str | None = None, checkpoint: str | None = None) -> Feed:
        """The feed as read."""
        self._feed.unused = tuple(sorted(self._unused))
        self._feed.next_page = next_page
        self._feed.checkpoint = checkpoint
        return self._feed


def newest(items: Iterable[Item], stale: Callable[[Item], bool] = lambda _: False) -> list[Item]:
    """The newest item of each id, in the order of first sight: pages repeat and are not ordered
    by time. Of equally new ones a withdrawal counts, else the later read. A withdrawal without a
    time counts whatever the others' times.

    One that is not complete takes nothing from an older one, unless that is `stale`: they come as
    one item, that does what both of them do in turn.
    """
    versions: dict[str, list[Item]] = {}
    for item in items:
        versions.setdefault(item.id, []).append(item)
    return [_newest_of(told, stale) for told in versions.values()]


def _newest_of(told: list[Item], stale: Callable[[Item], bool]) -> Item:
    if len(told) == 1:
        return told[0]
    told = sorted(told, key=_rank)
    if not told[-1].complete:
        told = [item for item in told if not stale(item)] or told
    result = told[0]
    for item in told[1:]:
        result = item if item.complete else _both(result, item)
    return result


def _both(older: Item, newer: Item) -> Item:
    said = {(entry.algorithm, entry.value) for entry in newer.entries}
    left = (entry for entry in older.entries if (entry.algorithm, entry.value) not in said)
    entries = (*left, *newer.entries)
    complete = older.complete and bool(entries)
    return replace(older, entries=entries, at=newer.at, complete=complete)


def _rank(item: Item) -> tuple[datetime, bool]:
    unknown = datetime.max if item.gone else datetime.min
    return item.at or unknown.replace(tzinfo=UTC), item.gone
