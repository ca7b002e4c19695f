"""The desk: makes cases, feedback and proposals of what comes on the topics. Knows no Kafka."""

import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from matchers.lists.entry import ListEntry
from matchers.lists.librarian.proposals import propose
from matchers.lists.librarian.schema import UnusableStore
from matchers.lists.librarian.store import ListStore, Refused
from streams.audit.log import AuditLog
from streams.canary.probes import TENANT as CANARY
from streams.cases.retention import due_for_deletion
from streams.cases.store import CaseStore
from streams.contracts.case_record import CaseOpening
from streams.contracts.codec import ACTION_HEADER, TRACEPARENT_HEADER
from streams.contracts.decision import Decision
from streams.contracts.lone_surrogates import read_json
from streams.contracts.outcome import ReviewOutcome
from streams.contracts.refusal import DecodeFailure
from streams.feedback.effects import Proposal, effects_of, is_of
from streams.feedback.lines import of_the_future
from streams.settings import CaseSettings, FeedbackSettings

log = logging.getLogger(__name__)

ACTOR = "seawall cases"
DECISION_DAYS = 200
"""Decisions are kept for appeals: those to a platform may come within six months (Regulation (EU)
2022/2065, article 20)."""

_opening = msgspec.json.Decoder(CaseOpening)
_decision = msgspec.json.Decoder(Decision)
_outcome = msgspec.json.Decoder(ReviewOutcome)


class DeskTopics(NamedTuple):
    """Full names of what the desk reads."""

    decisions: str
    cases: str
    outcomes: str


class Incoming(Protocol):
    """A committed record of one of the topics."""

    @property
    def topic(self) -> str: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


class Desk:
    """Applies records to the store, each once: `take` makes one transaction of records, what
    follows from them, and the positions after them."""

    def __init__(
        self,
        store: CaseStore,
        topics: DeskTopics,
        clock: Callable[[], datetime],
        cases: CaseSettings,
        feedback: FeedbackSettings,
        audit: AuditLog | None = None,
    ) -> None:
        self.store = store
        self.topics = topics
        self._clock = clock
        self._cases = cases
        self._feedback = feedback
        self._audit = audit
        self.unreadable: Counter[str] = Counter()

    def take(self, records: Iterable[Incoming], positions: Iterable[tuple[str, int, int]]) -> None:
        """Take in records; `positions` are (topic, partition, offset to read next)."""
        with self.store.writing():
            for record in records:
                self._take(record)
            self._act()
            for topic, partition, offset in positions:
                self.store.set_position(topic, partition, offset)

    def expire(self) -> int:
        """Delete the cases whose time has come, and decisions that nobody can appeal any more; how
        many cases. A case on legal hold stays."""
        now = self._clock()
        gone = 0
        with self.store.writing():
            for state in self.store.cases(limit=1_000_000):
                due = due_for_deletion(state, self._cases)
                if due is None or due > now or state.holds:
                    continue
                self.store.delete_case(state.case_id)
                self._note("case", {"done": "deleted", "case": state.case_id})
                gone += 1
            self.store.reviews.forget_decisions(now - timedelta(days=DECISION_DAYS))
        return gone

    def hand_over(self, lists: Path) -> int:
        """Give waiting proposals to the librarian's store; how many it took. What it refuses, such
        as an entry of a list that it does not have, waits on; and so does all of it while another
        process has the store locked for long, or the store is damaged."""
        waiting = self.store.reviews.proposals()
        if not waiting or not lists.exists():
            return 0
        taken: list[str] = []
        try:
            with ListStore.open(lists) as store:
                for proposal_id, value in waiting:
                    proposal = msgspec.json.decode(value, type=Proposal)
                    try:
                        for entry in list_entries(proposal, self._feedback.own_list):
                            propose(store, entry, proposal.why, origin=ACTOR, at=self._clock())
                    except Refused as why:
                        log.warning("a proposal waits: %s", why)
                        continue
                    taken.append(proposal_id)
        except (UnusableStore, sqlite3.DatabaseError) as error:
            log.error("proposals wait: %s", error)
        with self.store.writing():
            self.store.reviews.set_handed(taken)
        return len(taken)

    def _take(self, record: Incoming) -> None:
        if record.value is None:
            return
        try:
            if record.topic == self.topics.cases:
                opening = _opening.decode(record.value)
                if opening.decision.tenant != CANARY:
                    self.store.open_case(opening, record.timestamp)
            elif record.topic == self.topics.outcomes:
                outcome = read_json(_outcome.decode, record.value)
                if why := of_the_future(outcome, self._clock()):
                    self.unreadable[record.topic] += 1
                    log.error("a record of %s is left out: %s", record.topic, why)
                elif self.store.reviews.add_outcome(outcome):
                    self._note("feedback", _outcome_words(outcome))
            elif _may_be_asked_about(record):
                decision = _decision.decode(record.value)
                if decision.kind == "original" and decision.tenant != CANARY:
                    traceparent = dict(record.headers).get(TRACEPARENT_HEADER)
                    self.store.reviews.keep_decision(decision, record.key, traceparent)
        except DecodeFailure as error:
            # A platform's outcomes may be anything; one that is none must not stop the others.
            self.unreadable[record.topic] += 1
            log.error("a record of %s cannot be read: %s", record.topic, type(error).__name__)

    def _act(self) -> None:
        reviews = self.store.reviews
        for seq, outcome, waits in reviews.unhandled():
            known = reviews.decision(outcome.decision_id)
            if known is None:
                continue
            every = reviews.outcomes_of(outcome.decision_id)
            told = [o for n, o in every if n <= seq]
            opening = self.store.opening_of(outcome.decision_id)
            effects = effects_of(outcome, known.decision, opening, told, [o for _, o in every])
            if effects.proposal is not None:
                proposal_id = effects.proposal.proposal_id
                value = msgspec.json.encode(effects.proposal)
                at = outcome.reviewed_at
                if reviews.propose(proposal_id, outcome.decision_id, value, at):
                    self._note("feedback", _proposal_words(effects.proposal))
            if (
                outcome.outcome == "appeal_granted"
                and not is_of(known.decision, outcome.target)
                and not waits
            ):
                log.error(
                    "an appeal about a target (%s) that decision %s does not have reverses nothing",
                    outcome.target.kind,
                    outcome.decision_id,
                )
            if effects.reversal is not None and reviews.put_out(
                effects.reversal, known.key, known.traceparent
            ):
                self._note(
                    "feedback",
                    {
                        "done": "reversal",
                        "decision": effects.reversal.decision_id,
                        "supersedes": outcome.decision_id,
                    },
                )
            if waits:
                continue  # to be closed, and for the hashes of a proposal
            if effects.closed is not None:
                parted = self.store.settle(
                    outcome.decision_id,
                    closed=effects.closed,
                    reversed=effects.reversal is not None,
                    seen=effects.seen,
                )
                for case_id in parted:
                    words = {"done": "open again", "case": case_id}
                    self._note("case", words | {"decision": outcome.decision_id})
            reviews.set_handled(seq)

    def _note(self, kind: str, what: dict[str, str]) -> None:
        """Before the transaction ends: a row that is written twice, after a crash, is better than
        one that is missing."""
        if self._audit is not None:
            self._audit.append("case" if kind == "case" else "feedback", ACTOR, what)


def list_entries(proposal: Proposal, own_list: str) -> list[ListEntry]:
    """What a proposal asks the own list to hold."""
    return [
        ListEntry(
            list=own_list,
            id=f"review-{proposal.proposal_id}",
            algorithm=proposed.algorithm,
            value=proposed.value,
            category=proposal.category,
            role="allow" if proposal.kind == "allow" else None,
            provenance=f"review of decision {proposal.decision_id}",
        )
        for proposed in proposal.hashes
    ]


def _may_be_asked_about(record: Incoming) -> bool:
    """Whether a decision is kept: not the great many that allow, but for the control sample's. The
    header says which those are without parsing the value."""
    if dict(record.headers).get(ACTION_HEADER) != b"allow":
        return True
    return record.value is not None and b'"sampled":true' in record.value


def _outcome_words(outcome: ReviewOutcome) -> dict[str, str]:
    return {
        "done": "outcome",
        "decision": outcome.decision_id,
        "target": outcome.target.kind,
        "outcome": outcome.outcome,
        "role": outcome.reviewer_role,
    }


def _proposal_words(proposal: Proposal) -> dict[str, str]:
    return {"done": "proposal", "kind": proposal.kind, "proposal": proposal.proposal_id}
