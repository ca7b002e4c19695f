"""`CaseStore`: the cases, and how far the topics were read."""

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import msgspec

from matchers.database import transaction
from streams.cases.file import CaseFile, ReporterFile, Submission
from streams.cases.folding import (
    REPORTS,
    CaseReport,
    head_of,
    part_reopened,
    part_unseen,
    report_of,
)
from streams.cases.holds import LATEST, STANDING, Hold, holds_of, lift, put_on, time_of
from streams.cases.schema import connect
from streams.contracts.case_record import CaseOpening
from streams.contracts.outcome import ReviewOutcome
from streams.feedback.records import ReviewRecords, milliseconds

CaseStatus = Literal["open", "closed", "submitted"]
_opening = msgspec.json.Decoder(CaseOpening)
_outcome = msgspec.json.Decoder(ReviewOutcome)
_CASE = f"""case_id, tenant, priority, report, opened_at, jurisdiction, closed, reversed,
  submitted_at, submitted_by, report_id, file_ids, {STANDING},
  (SELECT count(*) FROM cases AS f WHERE f.folded_into = cases.case_id),
  (SELECT max(f.opened_at) FROM cases AS f WHERE f.folded_into = cases.case_id),
  (SELECT json_group_array(DISTINCT f.jurisdiction) FROM cases AS f
    WHERE f.folded_into = cases.case_id)"""  # noqa: S608 - a constant


class NoSuchCase(Exception):
    """There is no case with that id, or what was asked cannot be done to it."""


class CaseState(NamedTuple):
    """A case without its content. `holds` are those that stand on it; `repeats` counts the cases
    that were folded into it; `newest_at` is when the newest of them, or it itself, was opened,
    `jurisdictions` are all theirs."""

    case_id: str
    tenant: str
    priority: int
    report: CaseReport
    opened_at: datetime
    jurisdiction: str | None
    status: CaseStatus
    reversed: bool
    submission: Submission | None
    holds: tuple[Hold, ...]
    repeats: int
    newest_at: datetime
    jurisdictions: frozenset[str | None]


class CaseStore:
    """One connection to the store; one thread at a time uses it. Changes are made within
    `writing`, all or none. `reviews` is what there is about decisions, in the same file."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self.reviews = ReviewRecords(database)

    @classmethod
    def open(cls, path: Path, *, create: bool = True) -> Self:
        """Open the store, made new where there is none, unless without `create`. Raises
        `UnusableCases`."""
        return cls(connect(path, create=create))

    def close(self) -> None:
        """Give back the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def sound(self) -> bool:
        """Whether the file is a whole database, whatever is in it; reads all of it."""
        return self._database.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",)

    def writing(self) -> AbstractContextManager[None]:
        """A transaction."""
        return transaction(self._database)

    @property
    def store_id(self) -> str:
        """Tells this store from one made anew."""
        return self._database.execute("SELECT store_id FROM meta").fetchone()[0]

    # Reading topics

    def position(self, topic: str, partition: int) -> int | None:
        """The offset to read next; `None` before the first."""
        row = self._database.execute(
            "SELECT next FROM positions WHERE topic = ? AND partition = ?", (topic, partition)
        ).fetchone()
        return row[0] if row else None

    def set_position(self, topic: str, partition: int, offset: int) -> None:
        """Say from where to read on."""
        self._database.execute(
            "INSERT OR REPLACE INTO positions VALUES (?, ?, ?)", (topic, partition, offset)
        )

    # Cases

    def open_case(self, opening: CaseOpening, came_at: int = 0) -> bool:
        """Add a case, folded into an open one of the same thing if there is one that waits to be
        reviewed; whether it was new. The case that it is folded into becomes as urgent as it is.
        `came_at` (milliseconds) is when its record was written, if later than its event.

        What nobody was shown must not be closed with what somebody was: it opens another case.
        """
        decision = opening.decision
        asked = REPORTS.index(report_of(decision))
        main = head_of(self._database, opening.fold_key)
        opened_at = _within(opening.received_at)
        made = self._database.execute(
            """INSERT OR IGNORE INTO cases (case_id, tenant, decision_id, fold_key, folded_into,
            priority, report, opened_at, jurisdiction, opening, came_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            (
                opening.case_id,
                decision.tenant,
                decision.decision_id,
                opening.fold_key,
                main,
                decision.priority,
                asked,
                opened_at,
                opening.jurisdiction,
                msgspec.json.encode(opening),
                max(opened_at, _within(came_at)),
            ),
        ).rowcount
        if made and main:
            self._database.execute(
                "UPDATE cases SET priority = min(priority, ?), report = max(report, ?)"
                " WHERE case_id = ?",
                (decision.priority, asked, main),
            )
        return bool(made)

    def cases(self, status: CaseStatus | None = None, limit: int = 1_000) -> list[CaseState]:
        """Cases that are not folded, most urgent first, then oldest."""
        rows = self._database.execute(
            f"SELECT {_CASE} FROM cases WHERE folded_into IS NULL"  # noqa: S608 - a constant
            " ORDER BY priority, opened_at, case_id"
        )
        states = (_state(row) for row in rows)
        found = [state for state in states if status in (None, state.status)]
        return found[:limit]

    def state(self, case_id: str) -> CaseState:
        """A case by its id, or the case that it was folded into. Raises `NoSuchCase`."""
        main = self._main(case_id)
        row = self._database.execute(
            f"SELECT {_CASE} FROM cases WHERE case_id = ?",  # noqa: S608 - a constant
            (main,),
        ).fetchone()
        return _state(row)

    def case_file(self, case_id: str, reporter: ReporterFile | None = None) -> CaseFile:
        """All that a case's document is built from. Raises `NoSuchCase`."""
        main = self._main(case_id)
        openings = [
            _opening.decode(row[0])
            for row in self._database.execute(
                """SELECT opening FROM cases WHERE case_id = :id OR folded_into = :id
                ORDER BY folded_into IS NOT NULL, opened_at, case_id""",
                {"id": main},
            )
        ]
        outcomes = [
            _outcome.decode(row[0])
            for row in self._database.execute(
                """SELECT value FROM outcomes WHERE decision_id IN (
                SELECT decision_id FROM cases WHERE case_id = :id OR folded_into = :id)
                ORDER BY reviewed_at, seq""",
                {"id": main},
            )
        ]
        return CaseFile(
            opening=openings[0],
            repeats=openings[1:],
            outcomes=outcomes,
            reporter=reporter,
            submission=self.state(main).submission,
        )

    def opening(self, case_id: str) -> CaseOpening:
        """What opened a case, or the case that it was folded into. Raises `NoSuchCase`."""
        (value,) = self._database.execute(
            "SELECT opening FROM cases WHERE case_id = ?", (self._main(case_id),)
        ).fetchone()
        return _opening.decode(value)

    def opening_of(self, decision_id: str) -> CaseOpening | None:
        """The opening of the case of a decision."""
        row = self._database.execute(
            "SELECT opening FROM cases WHERE decision_id = ?", (decision_id,)
        ).fetchone()
        return _opening.decode(row[0]) if row else None

    def submit(
        self, case_id: str, report_id: int, file_ids: Mapping[str, str], by: str, at: datetime
    ) -> CaseState:
        """Record that a platform submitted a case; ids of files are added to those recorded
        before. Raises `NoSuchCase`, also when it was submitted as another report."""
        state = self.state(case_id)
        known = state.submission
        if known is not None and known.report_id != report_id:
            raise NoSuchCase(f"case {state.case_id} was submitted as report {known.report_id}")
        files = {**(known.file_ids if known else {}), **file_ids}
        self._database.execute(
            """UPDATE cases SET report_id = ?, file_ids = ?, submitted_at = coalesce(
            submitted_at, ?), submitted_by = coalesce(submitted_by, ?) WHERE case_id = ?""",
            (report_id, msgspec.json.encode(files).decode(), milliseconds(at), by, state.case_id),
        )
        return self.state(state.case_id)

    def hold(self, case_id: str, reason: str, by: str, at: datetime) -> CaseState:
        """Put a legal hold on a case, beside those that stand on it. Raises `NoSuchCase`, also when
        one stands for that reason."""
        main = self._main(case_id)
        if not put_on(self._database, main, (milliseconds(at), by, reason)):
            raise NoSuchCase(f"case {main} is on hold for that already: {_told(self._holds(main))}")
        return self.state(main)

    def release(self, case_id: str, reason: str | None = None) -> Hold:
        """Lift a hold: the one for that reason, or the only one. Raises `NoSuchCase`, also when
        there is none, or when it is not clear which."""
        main = self._main(case_id)
        standing = self._holds(main)
        if not standing:
            raise NoSuchCase(f"case {main} is not on hold")
        found = [hold for hold in standing if reason in (None, hold.reason)]
        if not found:
            raise NoSuchCase(f"case {main} is not on hold for that, but: {_told(standing)}")
        if len(found) > 1:
            raise NoSuchCase(f"case {main} is on hold more than once: {_told(found)}: say which")
        lift(self._database, main, found[0].reason)
        return found[0]

    def log_export(self, case_id: str, by: str, at: datetime, form: str, sha256: str) -> None:
        """Note that a case left the store."""
        self._database.execute(
            "INSERT INTO exports VALUES (?, ?, ?, ?, ?)",
            (case_id, milliseconds(at), by, form, sha256),
        )

    def exports(self, case_id: str) -> list[tuple[datetime, str, str, str]]:
        """When a case left the store, by whom, in which form, and the SHA-256 of what was
        written."""
        rows = self._database.execute(
            "SELECT at, actor, format, sha256 FROM exports WHERE case_id = ? ORDER BY at",
            (case_id,),
        )
        return [(time_of(at), by, form, sha256) for at, by, form, sha256 in rows]

    def delete_case(self, case_id: str) -> None:
        """Remove a case, what was folded into it, the outcomes and decisions about them, and what
        was handed over or sent because of these."""
        names = {"id": case_id}
        about = "(SELECT decision_id FROM cases WHERE case_id = :id OR folded_into = :id)"
        for table in ("outcomes", "decisions"):
            self._database.execute(
                f"DELETE FROM {table} WHERE decision_id IN {about}",  # noqa: S608 - constants
                names,
            )
        self._database.execute("DELETE FROM holds WHERE case_id = :id", names)
        self._database.execute("DELETE FROM cases WHERE case_id = :id OR folded_into = :id", names)
        self.reviews.forget_effects()

    def settle(
        self,
        decision_id: str,
        *,
        closed: bool,
        reversed: bool,
        seen: datetime | None = None,
    ) -> list[str]:
        """Say of the case of a decision that people closed it, or that it is open again. What came
        to it after somebody looked at it, `seen`, or was confirmed is not closed with it, nor does
        one that is open again stay folded into one that is closed: the cases that are open by
        themselves then.
        """
        self._database.execute(
            """UPDATE cases SET closed = ?, reversed = max(reversed, ?) WHERE decision_id = ?""",
            (closed, reversed, decision_id),
        )
        rows = self._database.execute(
            "SELECT case_id FROM cases WHERE decision_id = ?", (decision_id,)
        ).fetchall()
        parted: list[str] = []
        for (case_id,) in rows:
            if not closed:
                parted += part_reopened(self._database, case_id)
            elif seen is not None:
                parted += part_unseen(self._database, case_id, milliseconds(seen))
        return parted

    def _holds(self, case_id: str) -> tuple[Hold, ...]:
        return self.state(case_id).holds

    def _main(self, case_id: str) -> str:
        row = self._database.execute(
            """SELECT main.case_id FROM cases AS main JOIN cases AS named
            ON main.case_id = coalesce(named.folded_into, named.case_id)
            WHERE named.case_id = ?""",
            (case_id,),
        ).fetchone()
        if row is None:
            raise NoSuchCase(f"there is no case {case_id!r}")
        return row[0]


def _told(holds: Iterable[Hold]) -> str:
    return "; ".join(f"{hold.reason!r}, since {hold.at:%Y-%m-%d}, by {hold.by}" for hold in holds)


def _state(row: tuple[Any, ...]) -> CaseState:
    (
        case_id, tenant, priority, report, opened_at, jurisdiction, closed, reversed_,
        submitted_at, submitted_by, report_id, file_ids, holds, repeats, folded_at, folded_in,
    ) = row  # fmt: skip
    submission = None
    if submitted_at is not None:
        submission = Submission(
            at=time_of(submitted_at),
            by=submitted_by,
            report_id=report_id,
            file_ids=msgspec.json.decode(file_ids, type=dict[str, str]),
        )
    status: CaseStatus = "submitted" if submission else "closed" if closed else "open"
    return CaseState(
        case_id=case_id,
        tenant=tenant,
        priority=priority,
        report=REPORTS[max(0, min(report, len(REPORTS) - 1))],
        opened_at=time_of(opened_at),
        jurisdiction=jurisdiction,
        status=status,
        reversed=bool(reversed_),
        submission=submission,
        holds=holds_of(holds),
        repeats=repeats,
        newest_at=time_of(max(opened_at, folded_at or 0)),
        jurisdictions=frozenset(
            (jurisdiction, *msgspec.json.decode(folded_in, type=list[str | None]))
        ),
    )


def _within(ms: int) -> int:
    return max(0, min(ms, LATEST))
