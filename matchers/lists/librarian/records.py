"""Looking things up in the store: what was changed, when and by whom; values; what waits."""

# What is put into statements are constants of this package; values are bound.
# ruff: noqa: S608

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from matchers.indexes.url_finder import further_readings
from matchers.indexes.urls import lookup_digests
from matchers.lists.degenerate import degenerate
from matchers.lists.entry import DIGEST_BYTES, HAMMING_BYTES, Algorithm, ListEntry
from matchers.lists.librarian.rows import EntryKey, entry_of
from matchers.lists.librarian.schema import KEY, STATE
from matchers.lists.matcher import Radii


class Revision(NamedTuple):
    """A change that was made to a list. `at` is ISO 8601 in UTC; `origin` says by whom or what."""

    revision: int
    list: str
    at: str
    kind: str
    origin: str
    added: int
    changed: int
    removed: int


class Step(NamedTuple):
    """What a revision made of an entry; `before` and `after` are `None` where it was not there."""

    revision: int
    at: str
    kind: str
    origin: str
    key: EntryKey
    before: ListEntry | None
    after: ListEntry | None


class Waiting(NamedTuple):
    """A change that waits for approval."""

    list: str
    at: str
    origin: str
    reasons: tuple[str, ...]


class Held(NamedTuple):
    """An entry that waits for approval by itself."""

    entry: ListEntry
    reason: str

    @property
    def id(self) -> str:
        """The entry's."""
        return self.entry.id


class Difference(NamedTuple):
    """An entry as it is and as it would be, or as it was and is."""

    key: EntryKey
    before: ListEntry | None
    after: ListEntry | None


def revisions(database: sqlite3.Connection, name: str | None, limit: int) -> list[Revision]:
    """The newest revisions of a list, or of all, newest first."""
    rows = database.execute(
        """SELECT revision, list, at, kind, origin, added, changed, removed FROM revisions
        WHERE :list IS NULL OR list = :list ORDER BY revision DESC LIMIT :limit""",
        {"list": name, "limit": limit},
    )
    return [Revision(*row) for row in rows]


def steps(database: sqlite3.Connection, name: str, item_id: str) -> list[Step]:
    """Everything that happened to an item, oldest first."""
    rows = database.execute(
        f"""SELECT h.list, h.id, h.algorithm, h.value, h.before,
          (SELECT json_array(n.before) FROM history n WHERE n.list = h.list AND n.id = h.id
           AND n.algorithm = h.algorithm AND n.value = h.value AND n.revision > h.revision
           ORDER BY n.revision LIMIT 1),
          {_now("h")}, h.revision, r.at, r.kind, r.origin
        FROM history h JOIN revisions r USING (revision)
        WHERE h.list = ? AND h.id = ? ORDER BY h.revision, h.algorithm, h.value""",
        (name, item_id),
    )
    found: list[Step] = []
    for row in rows:
        key, before, later, now = EntryKey(*row[:4]), *row[4:7]
        after = now if later is None else cast("str | None", json.loads(later)[0])
        revision, at, kind, origin = row[7:]
        states = (_entry(key, before), _entry(key, after))
        found.append(Step(revision, at, kind, origin, key, *states))
    return found


def differences(database: sqlite3.Connection, name: str, since: int) -> Iterator[Difference]:
    """What of a list is not as it was just after a revision."""
    rows = database.execute(
        f"""SELECT h.list, h.id, h.algorithm, h.value, h.before, {_now("h")} FROM history h
        WHERE h.list = :list AND h.revision = (
          SELECT min(revision) FROM history f WHERE f.list = :list AND f.revision > :since
          AND f.id = h.id AND f.algorithm = h.algorithm AND f.value = h.value)
        ORDER BY {KEY}""",
        {"list": name, "since": since},
    )
    for row in rows:
        key = EntryKey(*row[:4])
        before, after = _entry(key, row[4]), _entry(key, row[5])
        if before != after:
            yield Difference(key, before, after)


def proposed(database: sqlite3.Connection, name: str) -> Iterator[Difference]:
    """What the waiting change of a list would do."""
    rows = database.execute(
        f"""SELECT {KEY}, {STATE}, gone, {_now("w")} FROM waiting_changes w
        WHERE list = ? ORDER BY {KEY}""",
        (name,),
    )
    for row in rows:
        key = EntryKey(*row[:4])
        yield Difference(key, _entry(key, row[11]), None if row[10] else entry_of(row[:10]))


def waiting_change(database: sqlite3.Connection, name: str) -> str | None:
    """A digest of the change of a list that waits."""
    if not any(waits.list == name for waits in waiting(database)):
        return None
    digest = hashlib.blake2b(digest_size=6)
    for row in database.execute(
        f"SELECT {KEY}, {STATE}, gone FROM waiting_changes WHERE list = ? ORDER BY {KEY}", (name,)
    ):
        digest.update(json.dumps(row).encode())
    return digest.hexdigest()


def waiting(database: sqlite3.Connection) -> list[Waiting]:
    """Every change that waits."""
    rows = database.execute("SELECT list, at, origin, reasons FROM waiting ORDER BY list")
    return [
        Waiting(name, at, origin, tuple(json.loads(reasons))) for name, at, origin, reasons in rows
    ]


def held(database: sqlite3.Connection, name: str) -> list[Held]:
    """The entries of a list that wait for approval by themselves."""
    rows = database.execute(
        f"""SELECT {KEY}, {STATE}, reason FROM entries LEFT JOIN guarded USING ({KEY})
        WHERE list = ? AND status = 'pending'""",
        (name,),
    )
    found = [(entry_of(row[:10]), cast("str | None", row[10])) for row in rows]
    return [
        Held(entry, reason or degenerate(entry.algorithm, entry.value) or _unsaid(entry))
        for entry, reason in found
    ]


def _unsaid(entry: ListEntry) -> str:
    """Why an entry is held of which the store does not say it: stores of before did not keep a
    PDQ's quality."""
    return "held by its source" + (", or of too low a quality" * (entry.algorithm == "pdq"))


def count_held(database: sqlite3.Connection, name: str) -> int:
    """How many entries of a list wait for approval by themselves."""
    return int(
        database.execute(
            "SELECT count(*) FROM entries WHERE list = ? AND status = 'pending'", (name,)
        ).fetchone()[0]
    )


def named(database: sqlite3.Connection, word: str) -> list[ListEntry]:
    """The entries with this id or, letter by letter, this value."""
    rows = database.execute(
        f"SELECT {KEY}, {STATE} FROM entries WHERE id = :word OR value IN (:word, lower(:word))",
        {"word": word},
    )
    return [entry_of(row) for row in rows]


class Near(NamedTuple):
    """An entry within the radius of a value, at a distance in bits."""

    entry: ListEntry
    distance: int


def near(database: sqlite3.Connection, word: str, radii: Radii) -> list[Near]:
    """The entries that a hash in hexadecimal, or else an address, matches, nearest first; whatever
    their status. Reads every entry of the algorithm: for a person who asks, not for a worker."""
    if word and len(word) % 2 == 0 and all(digit in "0123456789abcdefABCDEF" for digit in word):
        found = _near_hash(database, word.lower(), radii)
    else:
        readings = (word, *further_readings(word).urls)
        digests = sorted({d.hex() for reading in readings for d in lookup_digests(reading)})
        rows = database.execute(
            f"""SELECT {KEY}, {STATE} FROM entries WHERE algorithm = 'url' AND value IN (
            SELECT value FROM json_each(?))""",
            (json.dumps(digests),),
        )
        found = [Near(entry_of(row), 0) for row in rows]
    return sorted(found, key=lambda hit: hit.distance)


def _near_hash(database: sqlite3.Connection, digits: str, radii: Radii) -> list[Near]:
    wanted = int(digits, 16)
    found: list[Near] = []
    widths: dict[Algorithm, int] = {**DIGEST_BYTES, **HAMMING_BYTES}
    for algorithm, width in widths.items():
        if 2 * width != len(digits):
            continue
        radius = radii.of(algorithm).radius
        rows = database.execute(
            f"SELECT {KEY}, {STATE} FROM entries WHERE algorithm = ?", (algorithm,)
        )
        for row in rows:
            distance = (int(row[3], 16) ^ wanted).bit_count()
            if distance <= radius:
                found.append(Near(entry_of(row), distance))
    return found


def _now(alias: str) -> str:
    """SQL for an entry's state now, as `history.before` has it."""
    state = ", ".join(f"'{name}', e.{name}" for name in STATE.split(", "))
    return (
        f"(SELECT json_object({state}) FROM entries e WHERE e.list = {alias}.list "
        f"AND e.id = {alias}.id AND e.algorithm = {alias}.algorithm AND e.value = {alias}.value)"
    )


def _entry(key: EntryKey, state: str | None) -> ListEntry | None:
    if state is None:
        return None
    fields: dict[str, Any] = json.loads(state)
    return entry_of((*key, *(fields[name] for name in STATE.split(", "))))
