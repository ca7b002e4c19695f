"""Cases of the same thing: which folds into which, and which must not close with another."""

# What is put into statements are constants of this package; values are bound.
# ruff: noqa: S608

import sqlite3
from collections.abc import Sequence
from typing import Literal

import msgspec

from streams.cases.holds import copy_holds
from streams.cases.opening import shown_by
from streams.contracts.case_record import CaseOpening
from streams.contracts.decision import Decision
from streams.feedback.records import review_of
from streams.policy.limits import REPORTS_PAUSED

CaseReport = Literal["no", "paused", "yes"]
"""Whether the policy asks to report it; `paused` where a limit of the policy made that wait for a
person."""
REPORTS: tuple[CaseReport, ...] = ("no", "paused", "yes")
_opening = msgspec.json.Decoder(CaseOpening)
_REVIEWED = f"EXISTS ({review_of('cases')})"
_CONFIRMED = """EXISTS (SELECT 1 FROM outcomes AS o WHERE o.decision_id = cases.decision_id
  AND o.outcome = 'confirmed' AND NOT EXISTS (SELECT 1 FROM outcomes AS later
    WHERE later.decision_id = o.decision_id AND later.target_kind = o.target_kind
    AND later.target_id = o.target_id
    AND (later.reviewed_at, later.seq) > (o.reviewed_at, o.seq)
    AND later.outcome IN ('rejected', 'appeal_granted')))"""
"""Whether people confirmed a target of a case, and nobody found otherwise since."""


def report_of(decision: Decision) -> CaseReport:
    """Whether a decision asks to report."""
    if decision.report:
        return "yes"
    return "paused" if REPORTS_PAUSED in decision.degraded else "no"


def head_of(database: sqlite3.Connection, fold_key: str) -> str | None:
    """The open case of the same thing that still waits to be reviewed, if there is one."""
    row = database.execute(
        f"""SELECT case_id FROM cases WHERE fold_key = ? AND folded_into IS NULL
        AND submitted_at IS NULL AND NOT closed AND NOT {_REVIEWED}
        ORDER BY opened_at, case_id LIMIT 1""",
        (fold_key,),
    ).fetchone()
    return row[0] if row else None


def part_unseen(database: sqlite3.Connection, case_id: str, seen: int) -> list[str]:
    """Take out of a case that was closed what came to it after `seen` (milliseconds), when
    somebody looked at it, and what shows something else than the case's own occurrence (another
    page of a listed prefix): nobody judged that. The first of these is an open case again, with the
    others folded into it; one that was reviewed by itself, and not closed, is a case of its own,
    and so is one that was confirmed, whenever it came. Holds stand on what was held. The cases that
    are open again.

    What a submitted case names stays with it.
    """
    rows = database.execute(
        f"""SELECT f.case_id, f.reviewed, f.confirmed OR f.came_at > ?, f.opening FROM
        (SELECT *, {_REVIEWED} AS reviewed, {_CONFIRMED} AS confirmed FROM cases
          WHERE folded_into = ?) AS f
        JOIN cases AS head ON head.case_id = f.folded_into
        WHERE head.submitted_at IS NULL AND (f.confirmed OR NOT f.closed)
        ORDER BY f.opened_at, f.case_id""",
        (seen, case_id),
    )
    judged = shown_by(_opening_of(database, case_id))
    found = [
        (repeat, reviewed)
        for repeat, reviewed, unseen, own in rows
        if unseen or not shown_by(_opening.decode(own)) <= judged
    ]
    waiting = [repeat for repeat, reviewed in found if not reviewed]
    heads = [repeat for repeat, reviewed in found if reviewed] + waiting[:1]
    _part(database, case_id, heads, waiting[1:])
    return heads


def part_reopened(database: sqlite3.Connection, case_id: str) -> list[str]:
    """Take a case that is not closed out of the closed one that it was folded into: it is a case of
    its own. Holds stand on it, too. The cases that are open again.

    What a submitted case names stays with it.
    """
    row = database.execute(
        """SELECT head.case_id FROM cases AS f JOIN cases AS head ON head.case_id = f.folded_into
        WHERE f.case_id = ? AND head.closed AND head.submitted_at IS NULL""",
        (case_id,),
    ).fetchone()
    if row is None:
        return []
    _part(database, row[0], [case_id], [])
    return [case_id]


def _part(
    database: sqlite3.Connection, case_id: str, heads: Sequence[str], folded: Sequence[str]
) -> None:
    """Make `heads`, which were folded into a case, cases of their own, and fold `folded` into the
    last of them."""
    for head in heads:
        database.execute("UPDATE cases SET folded_into = NULL WHERE case_id = ?", (head,))
        copy_holds(database, case_id, head)
    database.executemany(
        "UPDATE cases SET folded_into = ? WHERE case_id = ?", [(heads[-1], one) for one in folded]
    )
    if heads:
        for head in (case_id, *heads):
            _work_out_urgency(database, head)


def _work_out_urgency(database: sqlite3.Connection, case_id: str) -> None:
    """A case is as urgent as it and any of what is folded into it."""
    own = _opening_of(database, case_id).decision
    database.execute(
        """UPDATE cases SET
        priority = min(:priority, coalesce((SELECT min(f.priority) FROM cases AS f
          WHERE f.folded_into = :id), :priority)),
        report = max(:report, coalesce((SELECT max(f.report) FROM cases AS f
          WHERE f.folded_into = :id), :report))
        WHERE case_id = :id""",
        {"id": case_id, "priority": own.priority, "report": REPORTS.index(report_of(own))},
    )


def _opening_of(database: sqlite3.Connection, case_id: str) -> CaseOpening:
    row = database.execute("SELECT opening FROM cases WHERE case_id = ?", (case_id,)).fetchone()
    return _opening.decode(row[0])
