"""`ListStore`: the librarian's source of truth. Every change is one transaction and a revision;
nothing is forgotten, so that any revision can be looked at and gone back to."""

# What is put into statements are constants of this package; values are bound.
# ruff: noqa: S608

import sqlite3
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Self

import msgspec
from msgspec import Struct

from matchers.database import BUSY_SECONDS, transaction
from matchers.lists.contents import ListCount
from matchers.lists.entry import MATCHED_ALGORITHMS, ListEntry, ListInfo
from matchers.lists.formats.feed import Feed
from matchers.lists.librarian import changes, flags, observation, records, versions
from matchers.lists.librarian.changes import Counts
from matchers.lists.librarian.governance import concerns
from matchers.lists.librarian.guard import note_reasons
from matchers.lists.librarian.restraint import restrain
from matchers.lists.librarian.rows import entry_of, time_text
from matchers.lists.librarian.schema import FILE_MARK, KEY, STATE, connect, connect_in_memory
from matchers.lists.matcher import Radii

_READ_AT_ONCE = 10_000


class Refused(Exception):
    """Something that cannot be done to a list; the message says why and what can."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of a change. `revision` is `None` when nothing changed; with `reasons`, because
    the change waits for approval, and the counts are those it would have. `withheld` items of a
    feed were left out, since somebody removed them here; `guarded` ones are near to a benign hash,
    and held. `withdrawn` entries of a victims' list went out at once, past what waits, and are
    among the `removed` of what does not wait."""

    list: str
    revision: int | None = None
    added: int = 0
    changed: int = 0
    removed: int = 0
    reasons: tuple[str, ...] = ()
    withheld: int = 0
    guarded: int = 0
    withdrawn: int = 0


class ListStore:
    """One connection to the store; one thread uses it. Times are handed in.

    Methods raise `Refused` for what cannot be done, and leave everything as it was.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    @classmethod
    def open(cls, path: Path, *, create: bool = True) -> Self:
        """Open the store, made new where there is none, unless without `create`. Raises
        `UnusableStore`."""
        return cls(connect(path, create=create))

    @classmethod
    def in_memory(cls) -> Self:
        """A new store that nothing is left of."""
        return cls(connect_in_memory())

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What there is

    def infos(self) -> dict[str, ListInfo]:
        """The lists, by name."""
        rows = self._database.execute("SELECT name, info FROM lists ORDER BY name")
        return {name: msgspec.json.decode(info, type=ListInfo) for name, info in rows}

    def entries(self, name: str | None = None) -> Iterator[ListEntry]:
        """The entries of a list, or of all, by list, id, algorithm and value."""
        which = "" if name is None else "WHERE list = :list"
        rows = self._database.execute(
            f"SELECT {KEY}, {STATE} FROM entries {which} ORDER BY {KEY}", {"list": name}
        )
        while some := rows.fetchmany(_READ_AT_ONCE):
            yield from map(entry_of, some)

    def counts(self) -> list[ListCount]:
        """Entries by list and algorithm."""
        rows = self._database.execute(
            """SELECT list, algorithm, count(*), total(status IN ('active', 'observed'))
            FROM entries GROUP BY list, algorithm ORDER BY list, algorithm"""
        )
        return [
            ListCount(name, algorithm, entries, int(acting) * (algorithm in MATCHED_ALGORITHMS))
            for name, algorithm, entries, acting in rows
        ]

    def held(self, name: str) -> list[records.Held]:
        """The entries of a list that wait for approval by themselves, and why."""
        return records.held(self._database, name)

    def count_held(self, name: str) -> int:
        """How many of them there are."""
        return records.count_held(self._database, name)

    def revision(self) -> int:
        """The newest revision; 0 before the first."""
        return int(self._database.execute("SELECT max(revision) FROM revisions").fetchone()[0] or 0)

    def revisions(self, name: str | None = None, limit: int = 50) -> list[records.Revision]:
        """The newest revisions of a list, or of all, newest first."""
        return records.revisions(self._database, name, limit)

    def steps(self, name: str, item_id: str) -> list[records.Step]:
        """Everything that happened to an item, oldest first."""
        return records.steps(self._database, name, item_id)

    def differences(self, name: str, since: int) -> Iterator[records.Difference]:
        """What of a list is not as it was just after a revision."""
        return records.differences(self._database, name, since)

    def waiting(self) -> list[records.Waiting]:
        """The changes that wait for approval, at most one for a list."""
        return records.waiting(self._database)

    def change(self, name: str) -> str | None:
        """A word for what waits of a list, another for whatever else could wait; `None` when
        nothing does."""
        return records.waiting_change(self._database, name)

    def proposed(self, name: str) -> Iterator[records.Difference]:
        """What the waiting change of a list would do."""
        return records.proposed(self._database, name)

    def named(self, word: str) -> list[ListEntry]:
        """The entries with this id or value."""
        return records.named(self._database, word)

    def near(self, word: str, radii: Radii) -> list[records.Near]:
        """The entries that a hash or address matches, nearest first, whatever their status."""
        return records.near(self._database, word, radii)

    # What is done to it

    def define(self, info: ListInfo, *, origin: str, at: datetime) -> int | None:
        """Make a list, or say anew what it is; the revision, or `None` when it is so already."""
        with self.writing():
            return self._define(info, origin, at)

    def import_feed(
        self,
        name: str,
        feed: Feed,
        *,
        origin: str,
        at: datetime,
        kind: str = "import",
        dry_run: bool = False,
        define: ListInfo | None = None,
        also: Callable[[sqlite3.Connection], object] | None = None,
    ) -> Outcome:
        """Take a feed into a list: a whole one takes the place of all that was there.

        A change that `governance.concerns` waits beside the list, together with what comes after
        it; a whole feed takes its place. What victims withdraw never waits. What `define` says of
        the list, and `also`, are done in the same transaction. With `dry_run` it is only said what
        would be.
        """
        with self.writing(keep=not dry_run):
            if define is not None:
                self._define(define, origin, at)
            self._check(name)
            withheld = changes.work_out_feed(self._database, name, feed, at)
            note_reasons(self._database, name, feed)
            observation.forget_stated(self._database, name)
            waits = any(waiting.list == name for waiting in self.waiting())
            guarded = restrain(self._database, self.infos(), name, at)
            if waits:
                changes.merge_waiting(self._database, name, feed)
            taken_back = self._take_back(name, kind, origin, at, whole=feed.whole)
            reasons = concerns(
                changes.extent(self._database, self.infos()[name]),
                empty_feed=feed.whole and not feed.items,
            )
            if reasons:
                outcome = self._put_by(name, reasons, origin, at)
            else:
                if waits:
                    changes.forget_waiting(self._database, name)
                outcome = _both(taken_back, self.make(name, kind, origin, at))
            if also is not None:
                also(self._database)
        return msgspec.structs.replace(
            outcome,
            withheld=withheld,
            guarded=guarded,
            withdrawn=taken_back.removed + taken_back.changed,
        )

    def remove(self, name: str, ids: Iterable[str], *, origin: str, at: datetime) -> Outcome:
        """Remove items, and keep imports from bringing them back until they are approved.

        Raises `Refused` when the list has no item with one of the ids.
        """
        wanted = list(dict.fromkeys(ids))
        with self.writing():
            self._check(name)
            for item_id in wanted:
                if not self._holds(name, item_id):
                    raise Refused(f"list {name!r} has no entry {item_id!r}")
            changes.work_out_removal(self._database, name, wanted)
            self._database.executemany(
                "INSERT OR REPLACE INTO withheld VALUES (?, ?, ?, ?)",
                ((name, item_id, time_text(at), origin) for item_id in wanted),
            )
            return self.make(name, "remove", origin, at)

    def approve(
        self,
        name: str,
        item_id: str | None = None,
        *,
        change: str | None = None,
        origin: str,
        at: datetime,
    ) -> Outcome:
        """Make the change of a list that waits; with `change` only if `self.change` gave that
        word for it, since a sync can replace what somebody looked at. Or, with an item's id, put
        in force what of it is held or observed, clear its flags, and lift its removal here, so
        that the next import brings it back; the next sync reads the list's service from the
        beginning for that.

        Raises `Refused` when nothing waits, or another change does.
        """
        with self.writing():
            self._check(name)
            if item_id is not None:
                return self._approve_item(name, item_id, origin, at)
            if not any(waiting.list == name for waiting in self.waiting()):
                raise Refused(f"list {name!r} has no change that waits")
            if change is not None and change != self.change(name):
                raise Refused(
                    f"what waits of list {name!r} is not change {change!r} (any more): look at it "
                    "(seawall lists diff) and approve what you saw"
                )
            changes.work_out_waiting(self._database, name)
            changes.forget_waiting(self._database, name)
            return self.make_restrained(name, "approve", origin, at)

    def release(self, at: datetime) -> list[Outcome]:
        """Put in force what was observed for long enough; what came of each list concerned."""
        made: list[Outcome] = []
        for name in self.infos():
            with self.writing():
                observation.work_out_release(self._database, name, at)
                outcome = self.make(name, "release", "time", at)
            if outcome.revision is not None:
                made.append(outcome)
        return made

    def flag(self, suspicion: flags.Suspicion, *, origin: str, at: datetime) -> Outcome:
        """Flag an item; nothing for one that is not listed, or that a person cleared before."""
        with self.writing():
            flags.work_out_flag(self._database, suspicion, origin, at)
            return self.make(suspicion.list, "flag", origin, at)

    def flags(self, name: str | None = None) -> list[flags.Flag]:
        """The flagged items of a list, or of all, newest first."""
        return flags.flags(self._database, name)

    def reject(self, name: str) -> None:
        """Drop the change of a list that waits. Raises `Refused` when none does."""
        with self.writing():
            if not any(waiting.list == name for waiting in self.waiting()):
                raise Refused(f"list {name!r} has no change that waits")
            changes.forget_waiting(self._database, name)

    def rollback(self, name: str, revision: int, *, origin: str, at: datetime) -> Outcome:
        """Take a list back to what it was just after a revision, as a new revision. A change that
        waits is dropped, and the next sync reads the list's service from the beginning. What this
        takes out and somebody had removed by then is kept from coming back by imports again."""
        with self.writing():
            self._check(name)
            if not 0 <= revision <= self.revision():
                raise Refused(f"there is no revision {revision}; the newest is {self.revision()}")
            changes.work_out_rollback(self._database, name, revision)
            observation.begin_anew(self._database, self.infos()[name], at)
            changes.forget_waiting(self._database, name)
            self._database.execute(
                """DELETE FROM withheld WHERE list = ? AND id IN (
                SELECT id FROM changes WHERE NOT gone)""",
                (name,),
            )
            outcome = self.make(name, "rollback", origin, at)
            changes.withhold_again(self._database, name, revision)
            self._forget_source(name)
            return outcome

    def synced(self) -> dict[str, datetime]:
        """When each list was last brought up to its source."""
        rows = self._database.execute("SELECT list, at FROM synced")
        return {name: datetime.fromisoformat(at) for name, at in rows}

    def mark_synced(self, name: str, at: datetime) -> None:
        """Remember that a list is as its source has it."""
        with self.writing():
            self._database.execute(
                "INSERT OR REPLACE INTO synced VALUES (?, ?)", (name, time_text(at))
            )

    def forget_synced(self, sourced: Iterable[str]) -> None:
        """Forget that of all lists but those that still have a source."""
        with self.writing():
            gone = self.synced().keys() - set(sourced)
            self._database.executemany(
                "DELETE FROM synced WHERE list = ?", ((name,) for name in gone)
            )

    def clear_log(self) -> bool:
        """Bring all of the log that SQLite keeps beside the database into it, and empty the log: it
        holds what was erased, too. False while somebody else uses the log: try again later."""
        self._database.execute("PRAGMA busy_timeout = 0")
        try:
            busy, _, _ = self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            self._database.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        return not busy

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection]:
        """One view of the store, whatever others write meanwhile."""
        with transaction(self._database, "BEGIN", keep=False):
            yield self._database

    @contextmanager
    def writing(self, *, keep: bool = True) -> Generator[sqlite3.Connection]:
        """A transaction; without `keep` nothing of it stays."""
        with transaction(self._database, keep=keep):
            yield self._database

    def _define(self, info: ListInfo, origin: str, at: datetime) -> int | None:
        encoded = msgspec.json.encode(info).decode()
        known = self._database.execute(
            "SELECT info FROM lists WHERE name = ?", (info.name,)
        ).fetchone()
        if known and known[0] == encoded:
            return None
        revision = changes.new_revision(
            self._database, info.name, "define", origin, at, Counts(0, 0, 0)
        )
        self._database.execute(
            "INSERT OR REPLACE INTO lists VALUES (?, ?, ?)", (info.name, encoded, revision)
        )
        if known:
            before = msgspec.json.decode(known[0], type=ListInfo)
            observation.shorten(self._database, before, info, at)
        return revision

    def _approve_item(self, name: str, item_id: str, origin: str, at: datetime) -> Outcome:
        lifted = self._database.execute(
            "DELETE FROM withheld WHERE list = ? AND id = ?", (name, item_id)
        ).rowcount
        changes.work_out_approval(self._database, name, item_id)
        self._database.execute(
            """INSERT OR REPLACE INTO approved
            SELECT ?, id, algorithm, value, ?, ? FROM changes""",
            (name, time_text(at), origin),
        )
        self._database.execute("DELETE FROM guarded WHERE list = ? AND id = ?", (name, item_id))
        if lifted:
            self._forget_checkpoint(name)
        outcome = self.make(name, "approve", origin, at)
        if outcome.revision is None and not lifted:
            raise Refused(f"entry {item_id!r} of list {name!r} is neither held nor removed here")
        return outcome

    def make(self, name: str, kind: str, origin: str, at: datetime) -> Outcome:
        """Make the worked-out change, inside a `writing` block."""
        made = changes.make(self._database, name, kind, origin, at)
        if made is None:
            return Outcome(list=name)
        revision, counts = made
        return Outcome(list=name, revision=revision, **counts._asdict())

    def make_restrained(self, name: str, kind: str, origin: str, at: datetime) -> Outcome:
        """Make the worked-out change with what must not act yet held or observed, inside a
        `writing` block."""
        guarded = restrain(self._database, self.infos(), name, at)
        return msgspec.structs.replace(self.make(name, kind, origin, at), guarded=guarded)

    def _take_back(
        self, name: str, kind: str, origin: str, at: datetime, *, whole: bool
    ) -> Outcome:
        """Make at once what of the worked-out change of a victims' list withdraws; the rest of it
        stays worked out."""
        if self.infos()[name].source_kind != "victim":
            return Outcome(list=name)
        changes.only_withdrawals(self._database, name, whole=whole)
        made = self.make(name, kind, origin, at)
        changes.take_up_rest(self._database, name)
        return made

    def _put_by(self, name: str, reasons: list[str], origin: str, at: datetime) -> Outcome:
        counts = changes.count(self._database, name)
        changes.put_by(self._database, name)
        self._database.execute(
            "INSERT OR REPLACE INTO waiting VALUES (?, ?, ?, ?)",
            (name, time_text(at), origin, msgspec.json.encode(reasons).decode()),
        )
        return Outcome(list=name, reasons=tuple(reasons), **counts._asdict())

    def _forget_source(self, name: str) -> None:
        """Let the next sync read a list's source from the beginning, as if it had withdrawn
        nothing; but victims' withdrawals stay known."""
        self._forget_checkpoint(name)
        if self.infos()[name].source_kind != "victim":
            versions.forget(self._database, name)

    def _forget_checkpoint(self, name: str) -> None:
        """Let the next sync read a list's source from the beginning: what it said before would not
        be said again. A file is read when it changes."""
        read = self._database.execute(
            "DELETE FROM sync WHERE list = ? AND ifnull(checkpoint, '') NOT LIKE ? || '%'",
            (name, FILE_MARK),
        )
        if read.rowcount:
            self._database.execute("DELETE FROM sync_pages WHERE list = ?", (name,))

    def _check(self, name: str) -> None:
        if name not in self.infos():
            raise Refused(f"there is no list {name!r}; known are {', '.join(self.infos()) or '-'}")

    def _holds(self, name: str, item_id: str) -> bool:
        return (
            self._database.execute(
                "SELECT 1 FROM entries WHERE list = ? AND id = ? LIMIT 1", (name, item_id)
            ).fetchone()
            is not None
        )


def _both(first: Outcome, then: Outcome) -> Outcome:
    """What came of two changes of a list, one after the other."""
    return Outcome(
        list=then.list,
        revision=first.revision if then.revision is None else then.revision,
        added=first.added + then.added,
        changed=first.changed + then.changed,
        removed=first.removed + then.removed,
    )
