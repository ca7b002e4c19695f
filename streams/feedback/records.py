"""`ReviewRecords`: decisions that people may look at, what they found, and what follows from it."""

# What is put into statements are constants of this module; values are bound.
# ruff: noqa: S608

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

import msgspec

from streams.contracts.decision import Decision
from streams.contracts.outcome import ReviewOutcome
from streams.feedback.budget import asks_for_a_person

_decision = msgspec.json.Decoder(Decision)
_outcome = msgspec.json.Decoder(ReviewOutcome)


def review_of(table: str) -> str:
    """The outcomes, as a subquery, by which the decision of a row of `table` counts as reviewed:
    whoever was unsure leaves it to others."""
    return f"""SELECT 1 FROM outcomes AS o WHERE o.decision_id = {table}.decision_id
      AND o.outcome <> 'unsure'"""


_WAITS = """EXISTS (SELECT 1 FROM decisions AS d WHERE d.decision_id = outcomes.decision_id
  AND json_extract(CAST(d.value AS TEXT), '$.case_id') IS NOT NULL)
  AND NOT EXISTS (SELECT 1 FROM cases AS c WHERE c.decision_id = outcomes.decision_id)"""
"""Whether the decision of an outcome opened a case that has not come: topics are read each for
itself."""

_SETTLED = f"""(EXISTS ({review_of("decisions")} AND o.outcome IN ('confirmed', 'appeal_denied'))
  OR EXISTS ({review_of("decisions")}) AND NOT EXISTS (
    SELECT 1 FROM json_each(CAST(decisions.value AS TEXT), '$.targets') AS target
    WHERE json_extract(target.value, '$.action') <> 'allow' AND NOT EXISTS (
      {review_of("decisions")} AND o.target_kind = json_extract(target.value, '$.kind')
      AND o.target_id = json_extract(target.value, '$.id'))))"""
"""Whether people have said what there is to say of a decision: they stand by it, or found nothing
at any target that was acted upon. With one of several files looked at, it still waits."""
_ASKING = f"SELECT decision_id FROM decisions WHERE task AND NOT {_SETTLED}"
_FOLDED = f"""SELECT f.decision_id, m.decision_id AS head FROM cases AS f
  JOIN cases AS m ON m.case_id = f.folded_into WHERE f.decision_id IN ({_ASKING})"""


class KnownDecision(NamedTuple):
    """A decision with what its record carried."""

    decision: Decision
    key: bytes | None
    traceparent: bytes | None


class Unhandled(NamedTuple):
    """An outcome that is to be acted upon, by its number; `waits` for the decision's case."""

    seq: int
    outcome: ReviewOutcome
    waits: bool


class Outgoing(NamedTuple):
    """A decision that is to be sent."""

    seq: int
    key: bytes | None
    traceparent: bytes | None
    value: bytes


class ReviewRecords:
    """The tables of the case store that are about decisions rather than cases. Who calls changes
    within a transaction of the store's."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    # Decisions and outcomes

    def keep_decision(
        self, decision: Decision, key: bytes | None, traceparent: bytes | None
    ) -> None:
        """Keep a decision for the outcomes about it; a repeat changes nothing."""
        self._database.execute(
            "INSERT OR IGNORE INTO decisions VALUES (?, ?, ?, ?, ?, ?)",
            (
                decision.decision_id,
                milliseconds(decision.decided_at),
                key,
                traceparent,
                msgspec.json.encode(decision),
                asks_for_a_person(decision),
            ),
        )

    def decision(self, decision_id: str) -> KnownDecision | None:
        """A decision that is kept."""
        row = self._database.execute(
            "SELECT value, key, traceparent FROM decisions WHERE decision_id = ?", (decision_id,)
        ).fetchone()
        return KnownDecision(_decision.decode(row[0]), row[1], row[2]) if row else None

    def asking(self) -> Iterator[Decision]:
        """The decisions that ask for a person and that nobody reviewed, or not all of, or only
        somebody unsure, oldest first; and those at the head of the cases that these were folded
        into."""
        rows = self._database.execute(
            f"""SELECT value FROM decisions WHERE decision_id IN ({_ASKING})
            OR decision_id IN (SELECT head FROM ({_FOLDED})) ORDER BY at, decision_id"""
        )
        return (_decision.decode(row[0]) for row in rows)

    def forget_decisions(self, before: datetime) -> int:
        """Remove decisions from before then and the outcomes about them, but for those of cases;
        how many. What was handed over or sent because of a decision that is gone goes too."""
        self._database.execute(
            """DELETE FROM outcomes WHERE reviewed_at < ? AND decision_id NOT IN (
            SELECT decision_id FROM cases)""",
            (milliseconds(before),),
        )
        gone = self._database.execute(
            "DELETE FROM decisions WHERE at < ? AND decision_id NOT IN (SELECT decision_id"
            " FROM cases)",
            (milliseconds(before),),
        ).rowcount
        self.forget_effects()
        return gone

    def forget_effects(self) -> None:
        """Remove what was handed over or sent because of decisions that are kept no longer."""
        known = "(SELECT decision_id FROM decisions)"
        self._database.execute(f"DELETE FROM proposals WHERE handed AND decision_id NOT IN {known}")
        self._database.execute(f"DELETE FROM outbox WHERE sent AND supersedes NOT IN {known}")

    def add_outcome(self, outcome: ReviewOutcome) -> bool:
        """Keep an outcome; whether it is no repeat."""
        target = outcome.target
        return bool(
            self._database.execute(
                """INSERT OR IGNORE INTO outcomes (decision_id, target_kind, target_id, outcome,
                reviewed_at, value) VALUES (?, ?, ?, ?, ?, ?)""",
                (
                    outcome.decision_id,
                    target.kind,
                    target.id,
                    outcome.outcome,
                    milliseconds(outcome.reviewed_at),
                    msgspec.json.encode(outcome),
                ),
            ).rowcount
        )

    def unhandled(self) -> list[Unhandled]:
        """Outcomes not yet acted upon whose decision is known, in the order of their coming;
        those that wait for its case only where something follows for which there need be none."""
        rows = self._database.execute(
            f"""SELECT seq, value, {_WAITS} AS waits FROM outcomes WHERE NOT handled
            AND decision_id IN (SELECT decision_id FROM decisions)
            AND (outcome = 'appeal_granted' OR NOT waits) ORDER BY seq"""
        )
        return [Unhandled(seq, _outcome.decode(value), bool(waits)) for seq, value, waits in rows]

    def waiting_outcomes(self) -> int:
        """How many outcomes are about decisions, or cases, that are not known (yet)."""
        return self._database.execute(
            f"""SELECT count(*) FROM outcomes WHERE NOT handled AND ({_WAITS}
            OR decision_id NOT IN (SELECT decision_id FROM decisions))"""
        ).fetchone()[0]

    def set_handled(self, seq: int) -> None:
        """Say that an outcome was acted upon."""
        self._database.execute("UPDATE outcomes SET handled = 1 WHERE seq = ?", (seq,))

    def outcomes_of(self, decision_id: str) -> list[tuple[int, ReviewOutcome]]:
        """The outcomes about a decision with their numbers, in the order of their coming."""
        rows = self._database.execute(
            "SELECT seq, value FROM outcomes WHERE decision_id = ? ORDER BY seq", (decision_id,)
        )
        return [(seq, _outcome.decode(value)) for seq, value in rows]

    def reviewed_since(self, at: datetime) -> Iterator[tuple[Decision, ReviewOutcome]]:
        """The outcomes since then with their decisions, in the order in which they were made."""
        rows = self._database.execute(
            """SELECT decisions.value, outcomes.value FROM outcomes JOIN decisions USING (
            decision_id) WHERE reviewed_at >= ? ORDER BY reviewed_at, seq""",
            (milliseconds(at),),
        )
        return ((_decision.decode(one), _outcome.decode(other)) for one, other in rows)

    def reviewed_ids(self) -> set[str]:
        """The decisions of which people have said what there is to say."""
        rows = self._database.execute(
            "SELECT decision_id FROM decisions WHERE decision_id IN"
            f" (SELECT decision_id FROM outcomes) AND {_SETTLED}"
        )
        return {row[0] for row in rows}

    def folded_decisions(self) -> dict[str, str]:
        """Of those that ask, the ones whose case was folded, with the decision of the case that it
        went into."""
        return dict(self._database.execute(_FOLDED))

    # What goes out

    def propose(self, proposal_id: str, decision_id: str, value: bytes, at: datetime) -> bool:
        """Keep a proposal for a list, because of a decision; whether it is no repeat."""
        return bool(
            self._database.execute(
                """INSERT OR IGNORE INTO proposals (proposal_id, decision_id, at, value)
                VALUES (?, ?, ?, ?)""",
                (proposal_id, decision_id, milliseconds(at), value),
            ).rowcount
        )

    def proposals(self, *, handed: bool = False) -> list[tuple[str, bytes]]:
        """Proposals that the librarian does not have yet, or that it has; oldest first."""
        return list(
            self._database.execute(
                "SELECT proposal_id, value FROM proposals WHERE handed = ? ORDER BY at, rowid",
                (handed,),
            )
        )

    def set_handed(self, proposal_ids: Iterable[str]) -> None:
        """Say that the librarian has these proposals."""
        self._database.executemany(
            "UPDATE proposals SET handed = 1 WHERE proposal_id = ?",
            ((proposal_id,) for proposal_id in proposal_ids),
        )

    def put_out(self, decision: Decision, key: bytes | None, traceparent: bytes | None) -> bool:
        """Put a decision in the outbox; whether it is no repeat."""
        return bool(
            self._database.execute(
                """INSERT OR IGNORE INTO outbox (decision_id, supersedes, key, traceparent, value)
                VALUES (?, ?, ?, ?, ?)""",
                (
                    decision.decision_id,
                    decision.supersedes,
                    key,
                    traceparent,
                    msgspec.json.encode(decision),
                ),
            ).rowcount
        )

    def outgoing(self) -> list[Outgoing]:
        """What was put out and not sent, in order."""
        rows = self._database.execute(
            "SELECT seq, key, traceparent, value FROM outbox WHERE NOT sent ORDER BY seq"
        )
        return [Outgoing(*row) for row in rows]

    def set_sent(self, up_to: int) -> None:
        """Say that all up to this number was sent."""
        self._database.execute("UPDATE outbox SET sent = 1 WHERE seq <= ?", (up_to,))


def milliseconds(at: datetime) -> int:
    """Since the epoch."""
    return int(at.timestamp() * 1000)
