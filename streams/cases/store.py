"""`CaseStore`: the cases, and how far the topics were read."""

import sqlite3
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import msgspec

from matchers.database import transaction
from streams.cases.file import CaseFile, ReporterFile, Submission
from streams.cases.schema import connect
from streams.contracts.case_record import CaseOpening
from streams.contracts.decision import Decision
from streams.contracts.outcome import ReviewOutcome
from streams.feedback.records import ReviewRecords, milliseconds, review_of
from streams.policy.limits import REPORTS_PAUSED

CaseStatus = Literal["open", "closed", "submitted"]
CaseReport = Literal["no", "paused", "yes"]
"""Whether the policy asks to report it; `paused` where a limit of the policy made that wait for a
person."""
_REPORTS: tuple[CaseReport, ...] = ("no", "paused", "yes")
_opening = msgspec.json.Decoder(CaseOpening)
_outcome = msgspec.json.Decoder(ReviewOutcome)
_CASE = """case_id, tenant, priority, report, opened_at, jurisdiction, closed, reversed,
  submitted_at, submitted_by, report_id, file_ids, held_at, held_by, hold_reason,
  (SELECT count(*) FROM cases AS f WHERE f.folded_into = cases.case_id),
  (SELECT max(f.opened_at) FROM cases AS f WHERE f.folded_into = cases.case_id),
  (SELECT json_group_array(DISTINCT f.jurisdiction) FROM cases AS f
    WHERE f.folded_into = cases.case_id)"""


class NoSuchCase(Exception):
    """There is no case with that id, or what was asked cannot be done to it."""


class CaseState(NamedTuple):
    """A case without its content. `repeats` counts the cases that were folded into it;
    `newest_at` is when the newest of them, or it itself, was opened, `jurisdictions` are all
    theirs."""

    case_id: str
    tenant: str
    priority: int
    report: CaseReport
    opened_at: datetime
    jurisdiction: str | None
    status: CaseStatus
    reversed: bool
    submission: Submission | None
    held: tuple[datetime, str, str] | None
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
    def open(cls, path: Path) -> Self:
        """Open the store, made new where there is none. Raises `UnusableCases`."""
        return cls(connect(path))

    def close(self) -> None:
        """Give back the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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

    def open_case(self, opening: CaseOpening) -> bool:
        """Add a case, folded into an open one of the same thing if there is one that waits to be
        reviewed; whether it was new. The case that it is folded into becomes as urgent as it is.

        What nobody was shown must not be closed with what somebody was: it opens another case.
        """
        decision = opening.decision
        asked = _REPORTS.index(report_of(decision))
        main = self._database.execute(
            f"""SELECT case_id FROM cases WHERE fold_key = ? AND folded_into IS NULL
            AND submitted_at IS NULL AND NOT closed AND NOT EXISTS ({review_of("cases")})
            ORDER BY opened_at, case_id LIMIT 1""",  # noqa: S608 - constants
            (opening.fold_key,),
        ).fetchone()
        made = self._database.execute(
            """INSERT OR IGNORE INTO cases (case_id, tenant, decision_id, fold_key, folded_into,
            priority, report, opened_at, jurisdiction, opening)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            (
                opening.case_id,
                decision.tenant,
                decision.decision_id,
                opening.fold_key,
                main[0] if main else None,
                decision.priority,
                asked,
                _within(opening.received_at),
                opening.jurisdiction,
                msgspec.json.encode(opening),
            ),
        ).rowcount
        if made and main:
            self._database.execute(
                "UPDATE cases SET priority = min(priority, ?), report = max(report, ?)"
                " WHERE case_id = ?",
                (decision.priority, asked, main[0]),
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

    def hold(self, case_id: str, reason: str | None, by: str, at: datetime) -> CaseState:
        """Put a case on legal hold, or lift it where `reason` is `None`. Raises `NoSuchCase`."""
        main = self._main(case_id)
        held = (milliseconds(at), by, reason) if reason is not None else (None, None, None)
        self._database.execute(
            "UPDATE cases SET held_at = ?, held_by = ?, hold_reason = ? WHERE case_id = ?",
            (*held, main),
        )
        return self.state(main)

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
        return [(_time(at), by, form, sha256) for at, by, form, sha256 in rows]

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
        self._database.execute("DELETE FROM cases WHERE case_id = :id OR folded_into = :id", names)
        self.reviews.forget_effects()

    def settle(self, decision_id: str, *, closed: bool, reversed: bool) -> None:
        """Say of the case of a decision that people closed it, or that it is open again."""
        self._database.execute(
            """UPDATE cases SET closed = ?, reversed = max(reversed, ?) WHERE decision_id = ?""",
            (closed, reversed, decision_id),
        )

    def _main(self, case_id: str) -> str:
        row = self._database.execute(
            "SELECT coalesce(folded_into, case_id) FROM cases WHERE case_id = ?", (case_id,)
        ).fetchone()
        if row is None:
            raise NoSuchCase(f"there is no case {case_id!r}")
        return row[0]


def report_of(decision: Decision) -> CaseReport:
    """Whether a decision asks to report."""
    if decision.report:
        return "yes"
    return "paused" if REPORTS_PAUSED in decision.degraded else "no"


def _state(row: tuple[Any, ...]) -> CaseState:
    (
        case_id, tenant, priority, report, opened_at, jurisdiction, closed, reversed_,
        submitted_at, submitted_by, report_id, file_ids, held_at, held_by, hold_reason, repeats,
        folded_at, folded_in,
    ) = row  # fmt: skip
    submission = held = None
    if submitted_at is not None:
        submission = Submission(
            at=_time(submitted_at),
            by=submitted_by,
            report_id=report_id,
            file_ids=msgspec.json.decode(file_ids, type=dict[str, str]),
        )
    if held_at is not None:
        held = (_time(held_at), held_by, hold_reason)
    status: CaseStatus = "submitted" if submission else "closed" if closed else "open"
    return CaseState(
        case_id=case_id,
        tenant=tenant,
        priority=priority,
        report=_REPORTS[report],
        opened_at=_time(opened_at),
        jurisdiction=jurisdiction,
        status=status,
        reversed=bool(reversed_),
        submission=submission,
        held=held,
        repeats=repeats,
        newest_at=_time(max(opened_at, folded_at or 0)),
        jurisdictions=frozenset(
            (jurisdiction, *msgspec.json.decode(folded_in, type=list[str | None]))
        ),
    )


_LATEST = 253_402_300_799_999
"""The end of the year 9999."""


def _within(ms: int) -> int:
    return max(0, min(ms, _LATEST))


def _time(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
