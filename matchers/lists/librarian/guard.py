"""The guard: entries near to known benign hashes do not act until somebody approves them.

Benign are the entries with the role `allow` of lists that have it (a list of the platform's own:
its memes, templates, default avatars), and the hashes of flat pictures. A listed hash near to one
of them would match what everybody sends.
"""

# What is put into statements are constants of this package; values are bound.
# ruff: noqa: S608

import sqlite3
from collections.abc import Mapping
from typing import NamedTuple

from matchers.indexes.hamming import Codes, HammingIndex
from matchers.lists.degenerate import OF_A_FLAT_PICTURE
from matchers.lists.entry import HAMMING_BYTES, Algorithm, ListInfo
from matchers.lists.formats.feed import Feed
from matchers.lists.librarian.effect import acts, bound, effect, role_of
from matchers.lists.matcher import Radii
from matchers.lists.table import as_codes, pack

_AT_ONCE = 20_000
"""Codes looked up together: their hits are what takes memory."""


class _Benign(NamedTuple):
    """Benign codes of one algorithm, and what each of them is."""

    codes: HammingIndex
    names: list[str]


def hold_guarded(database: sqlite3.Connection, infos: Mapping[str, ListInfo], name: str) -> int:
    """In the worked-out change of a list, let the entries that would come into force, or begin to
    act, near to a benign hash wait as `pending`, but for those that somebody approved; how many
    there are.

    Hamming codes only: frames of a benign video can stand in any other.
    """
    held = 0
    for algorithm in HAMMING_BYTES:
        held += _hold(database, infos, name, algorithm)
    return held


def note_reasons(database: sqlite3.Connection, name: str, feed: Feed) -> None:
    """Keep why entries of the feed, which was worked out, are held by what it says of them; what
    was known of them before no longer counts."""
    database.execute(
        """DELETE FROM guarded AS g WHERE list = ? AND EXISTS (
          SELECT 1 FROM incoming i WHERE i.id = g.id AND i.algorithm = g.algorithm
          AND i.value = g.value AND i.status = 'pending')""",
        (name,),
    )
    database.executemany(
        """INSERT OR REPLACE INTO guarded SELECT ?, id, algorithm, value, ? FROM incoming
        WHERE id = ? AND algorithm = ? AND value = ? AND status = 'pending'""",
        ((name, reason, *key) for *key, reason in feed.reasons),
    )


def _hold(
    database: sqlite3.Connection, infos: Mapping[str, ListInfo], name: str, algorithm: Algorithm
) -> int:
    radius = Radii().of(algorithm).radius
    rows = database.execute(
        f"""SELECT c.id, c.value FROM changes c LEFT JOIN entries e
          ON e.list = :list AND e.id = c.id AND e.algorithm = c.algorithm AND e.value = c.value
        WHERE NOT c.gone AND c.algorithm = :algorithm AND c.status IN ('active', 'observed')
        AND {role_of("c")} != 'allow'
        AND (e.id IS NULL OR e.status NOT IN ('active', 'observed')
          OR {effect("e")} = 'allow' OR ({acts("c")} AND NOT {acts("e")}))
        AND NOT EXISTS (SELECT 1 FROM approved a WHERE a.list = :list AND a.id = c.id
          AND a.algorithm = c.algorithm AND a.value = c.value)""",
        bound(infos[name]) | {"algorithm": algorithm},
    )
    benign: _Benign | None = None
    found: list[tuple[str, str, str, str, str]] = []
    while some := rows.fetchmany(_AT_ONCE):
        benign = benign or _benign(database, infos, algorithm)
        codes = _codes(algorithm, [value for _, value in some])
        nearest: dict[int, tuple[int, int]] = {}
        for hits in benign.codes.search_in_parts(codes, radius):
            for query, row, distance in zip(*(column.tolist() for column in hits), strict=True):
                nearest[query] = min((distance, row), nearest.get(query, (distance, row)))
        for query, (distance, row) in nearest.items():
            reason = f"{distance} of {radius} bits from {benign.names[row]}"
            found.append((name, some[query][0], algorithm, some[query][1], reason))
    database.executemany("INSERT OR REPLACE INTO guarded VALUES (?, ?, ?, ?, ?)", found)
    database.executemany(
        "UPDATE changes SET status = 'pending' WHERE id = ? AND algorithm = ? AND value = ?",
        (row[1:4] for row in found),
    )
    return len(found)


def _benign(
    database: sqlite3.Connection, infos: Mapping[str, ListInfo], algorithm: Algorithm
) -> _Benign:
    values = sorted(OF_A_FLAT_PICTURE.get(algorithm, ()))
    names = ["the hash of a flat picture"] * len(values)
    for listed, info in infos.items():
        if "allow" not in (info.default_role, *info.roles.values()):
            continue
        rows = database.execute(
            """SELECT id, value, category, role FROM entries
            WHERE list = ? AND algorithm = ? AND status IN ('active', 'observed')""",
            (listed, algorithm),
        )
        for item_id, value, category, role in rows:
            if (role or info.role(category)) == "allow":
                values.append(value)
                names.append(f"the benign {listed}/{item_id}")
    return _Benign(HammingIndex.build(_codes(algorithm, values)), names)


def _codes(algorithm: Algorithm, values: list[str]) -> Codes:
    return as_codes(pack(algorithm, bytes.fromhex("".join(values))))
