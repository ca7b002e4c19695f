"""New perceptual entries are observed for a time before they act: their matches are reported with
the role `observe`, against live traffic, and change nothing.

For how long is `ListInfo.observe_hours`. Exact hashes and addresses act at once: they match the
listed thing and nothing else.
"""

# What is put into statements are constants of this package; values are bound.
# ruff: noqa: S608

import sqlite3
from datetime import datetime, timedelta

from matchers.lists.entry import LONGEST_OBSERVATION, PERCEPTUAL, ListInfo
from matchers.lists.librarian import changes
from matchers.lists.librarian.effect import acts, bound
from matchers.lists.librarian.rows import time_text

UNVERIFIED_HOURS = 24.0
"""For lists that nobody vouches for: a day of traffic has its night and its peak."""
_PERCEPTUAL = ", ".join(f"'{algorithm}'" for algorithm in sorted(PERCEPTUAL))
_KEY = "list, id, algorithm, value"


def observe_hours(info: ListInfo) -> float:
    """How long new perceptual entries of a list are observed. Without a word of its owner: a day
    where nobody vouches for the list; not at all where somebody does, and for what victims
    submitted, which is held for a person and for which every hour counts. Stores hold words from
    before they had bounds: the nearest within them counts."""
    if info.observe_hours is not None:
        return min(max(info.observe_hours, 0.0), LONGEST_OBSERVATION)
    return 0.0 if info.verified_by or info.source_kind == "victim" else UNVERIFIED_HOURS


def observe_new(database: sqlite3.Connection, info: ListInfo, at: datetime) -> None:
    """In the worked-out change of a list, let perceptual entries that would come into force, or
    begin to act, be observed first, unless they were for long enough, or somebody approved them.

    What waited was not observed meanwhile, nor was what had been taken out: their time begins when
    they come into force.
    """
    database.execute(
        f"UPDATE changes AS c SET status = 'active' WHERE NOT gone AND status = 'observed' "
        f"AND EXISTS (SELECT 1 FROM observing o WHERE {_OBSERVED})",
        {"list": info.name},
    )
    values = bound(info) | {
        "at": time_text(at),
        "until": time_text(at + timedelta(hours=observe_hours(info))),
    }
    database.execute(
        f"""UPDATE observing SET until = :until WHERE list = :list AND (id, algorithm, value) IN (
        SELECT c.id, c.algorithm, c.value FROM changes c WHERE {_COMES_INTO_FORCE} AND {_WAS_OUT})
        """,
        values,
    )
    if observe_hours(info) > 0:
        database.execute(
            f"""INSERT OR IGNORE INTO observing
            SELECT :list, c.id, c.algorithm, c.value, :until FROM changes c
            WHERE {_COMES_INTO_FORCE}""",
            values,
        )
    database.execute(
        f"""UPDATE changes AS c SET status = 'observed' WHERE {_COMES_INTO_FORCE} AND EXISTS (
        SELECT 1 FROM observing o WHERE {_OBSERVED} AND (o.until > :at OR EXISTS (
          SELECT 1 FROM flagged f WHERE f.list = :list AND f.id = c.id
          AND f.algorithm = c.algorithm AND NOT f.cleared)))""",
        values,
    )


def begin_anew(database: sqlite3.Connection, info: ListInfo, at: datetime) -> None:
    """Let what the worked-out change brings back as observed be observed from now on."""
    until = time_text(at + timedelta(hours=observe_hours(info)))
    database.execute(
        f"""UPDATE observing SET until = :until WHERE list = :list AND (id, algorithm, value) IN (
        SELECT c.id, c.algorithm, c.value FROM changes c
        WHERE NOT c.gone AND c.status = 'observed' AND {_WAS_OUT})""",
        {"list": info.name, "until": until},
    )


def shorten(database: sqlite3.Connection, before: ListInfo, now: ListInfo, at: datetime) -> None:
    """Where a list is to be observed for less long than before, let observations that have begun
    end no later than new ones would."""
    if observe_hours(now) < observe_hours(before):
        database.execute(
            "UPDATE observing SET until = min(until, :until) WHERE list = :list",
            {"list": now.name, "until": time_text(at + timedelta(hours=observe_hours(now)))},
        )


def forget_stated(database: sqlite3.Connection, name: str) -> None:
    """Entries of which the source itself now says that they are only observed come into force
    when it says so, not with time."""
    database.execute(
        """DELETE FROM observing WHERE list = ? AND (id, algorithm, value) IN (
        SELECT id, algorithm, value FROM incoming WHERE status = 'observed')""",
        (name,),
    )


def work_out_release(database: sqlite3.Connection, name: str, at: datetime) -> None:
    """Fill `changes` with the coming into force of entries of a list that were observed for long
    enough; those that were flagged meanwhile wait for a person."""
    database.execute("DELETE FROM changes")
    database.execute(
        f"""INSERT INTO changes SELECT e.id, e.algorithm, e.value, e.category, e.role, e.labels,
        'active', e.updated_at, e.provenance, 0 FROM observing o JOIN entries e USING ({_KEY})
        WHERE o.list = :list AND o.until <= :at AND e.status = 'observed' AND NOT EXISTS (
          SELECT 1 FROM flagged f WHERE f.list = o.list AND f.id = o.id
          AND f.algorithm = o.algorithm AND NOT f.cleared)""",
        {"list": name, "at": time_text(at)},
    )
    changes.drop_unchanged(database, name)


_OBSERVED = """o.list = :list AND o.id = c.id AND o.algorithm = c.algorithm
  AND o.value = c.value"""
_WAS_OUT = """NOT EXISTS (SELECT 1 FROM entries e WHERE e.list = :list AND e.id = c.id
  AND e.algorithm = c.algorithm AND e.value = c.value AND e.status IN ('active', 'observed'))"""
_COMES_INTO_FORCE = f"""NOT c.gone AND c.status = 'active' AND c.algorithm IN ({_PERCEPTUAL})
  AND NOT EXISTS (SELECT 1 FROM entries e WHERE e.list = :list AND e.id = c.id
    AND e.algorithm = c.algorithm AND e.value = c.value AND e.status = 'active'
    AND (NOT {acts("c")} OR {acts("e")}))
  AND NOT EXISTS (SELECT 1 FROM approved a WHERE a.list = :list AND a.id = c.id
    AND a.algorithm = c.algorithm AND a.value = c.value)"""
