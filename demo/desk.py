"""After the decisions: the desk's cases, what people find in them, and what follows from that.

Everything is asked of the commands that a person would use, and of the topics.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from demo.commands import answer
from demo.exchange import Reader, send_outcomes
from demo.expectations import Outcome, Sent
from demo.measures import scrape
from demo.pipeline import Pipeline
from demo.policies import LIVE_FILE
from demo.progress import Steps
from demo.reviewing import Review, reviews
from demo.service import DemoFailed
from streams.contracts.decision import Decision

SECONDS = 60.0
DECISIONS_FILE = "decisions.jsonl"


class KeptCase(Struct, frozen=True):
    """A row of `seawall cases list`."""

    case_id: str
    priority: int
    status: str
    report: str
    repeats: int
    reversed: bool


class Details(Struct, frozen=True, rename={"viewed": "fileViewedByEsp"}):
    """Of a file, what the report's schema has for who viewed it."""

    viewed: bool


class ListedOriginal(Struct, frozen=True):
    """What a case's file is alike."""

    kind: str
    algorithm: str
    list: str
    verified_by: str


class CaseFile(Struct, frozen=True):
    """A file of a case."""

    media_id: str
    details: Details
    matches: list[ListedOriginal] = []


class Summary(Struct, frozen=True):
    """What a case is to the platform."""

    case_id: str
    priority: int
    report: bool
    rules: list[str]
    folded: list[str] = []


class Document(Struct, frozen=True):
    """A case's document, with the report in the shape of the public schema."""

    case: Summary
    report: dict[str, Any]
    files: list[CaseFile]
    missing: list[str]


class OpenedCase(Struct, frozen=True):
    """What `seawall cases show` prints."""

    document: Document


class PrecisionRow(Struct, frozen=True):
    """A row of `seawall feedback precision`."""

    kind: str
    name: str
    sample: str
    confirmed: int
    rejected: int
    share: float
    interval: tuple[float, float]


class ProposedHash(Struct, frozen=True):
    """A hash that a list is asked to hold."""

    algorithm: str
    value: str


class WaitingProposal(Struct, frozen=True):
    """A row of `seawall feedback proposals`."""

    decision_id: str
    kind: str
    hashes: list[ProposedHash]


class Change(Struct, frozen=True):
    """What another policy would change, and of how many decisions."""

    what: str
    before: str
    after: str
    decisions: int


class Replay(Struct, frozen=True):
    """What `seawall policy replay` prints."""

    decisions: int
    judged: int
    changed: int
    changes: list[Change]


class AuditFound(Struct, frozen=True):
    """What `seawall audit verify` prints."""

    rows: int
    fault: dict[str, Any] | None


class Probe(Struct, frozen=True):
    """A row of `seawall canary check`."""

    probe: str
    result: str
    seconds: float | None
    fault: str | None = None


class Desk(Struct, frozen=True, kw_only=True):
    """All that was seen. `cases` and `opened` are from before people looked, `cases_after` and
    `opened_after` from afterwards."""

    cases: list[KeptCase]
    opened: OpenedCase
    made: list[Review]
    reversals: list[Decision]
    cases_after: list[KeptCase]
    opened_after: OpenedCase
    precision: list[PrecisionRow]
    proposals: list[WaitingProposal]
    replay: Replay
    audit: AuditFound
    canary: list[Probe]


def visit(
    steps: Steps, pipeline: Pipeline, reader: Reader, sent: Sequence[Sent], outcome: Outcome
) -> Desk:
    """Start the desk, look at its cases, play the reviewers, and read what comes of it.

    Raises `DemoFailed` when a process or a command does, `NothingToReview` when what reviewers
    look for was not decided as it should be.
    """
    folder, config = pipeline.folder, ("--config", str(pipeline.config))
    now = datetime.now(UTC)
    by_id = {decision.decision_id: decision for decision in outcome.decisions}
    made = reviews(sent, by_id, now)
    case_id = next(r.decision.case_id for r in made if r.look is not None and _has_file(r))

    def listed() -> list[KeptCase]:
        return answer(folder, list[KeptCase], "cases", "list", "--limit", "1000", "--json", *config)

    def opened() -> OpenedCase:
        return answer(folder, OpenedCase, "cases", "show", str(case_id), *config)

    with ExitStack() as ending:
        pool = ThreadPoolExecutor(2)
        ending.callback(pool.shutdown, cancel_futures=True)  # when interrupted, ask no further
        with steps.step("starting the desk where cases are kept", "") as step:
            reader.save_decisions(folder / DECISIONS_FILE)
            live, decisions = folder / LIVE_FILE, folder / DECISIONS_FILE
            replay = pool.submit(
                answer, folder, Replay, "policy", "replay", str(live), str(decisions), "--json"
            )
            _read_all(pipeline)
            before, first = pool.submit(listed), pool.submit(opened)
            cases, case = before.result(), first.result()
            step.done = (
                f"seawall cases build: {len(outcome.cases):,} openings are {len(cases)} cases"
            )
        with steps.step("people look, and say what they found", "") as step:
            outcomes = [review.outcome for review in made]
            send_outcomes(pipeline.settings, outcomes[:-1])
            send_outcomes(pipeline.settings, outcomes[-1:])
            reversals = reader.read_reversals(1)
            step.done = f"{len(made)} outcomes of reviews sent, {len(reversals)} reversal came back"
        with steps.step("asking what came of it, and for the canary", "") as step:
            after, again = pool.submit(listed), pool.submit(opened)
            precision = pool.submit(
                answer, folder, list[PrecisionRow], "feedback", "precision", "--json", *config
            )
            proposals = pool.submit(
                answer, folder, list[WaitingProposal], "feedback", "proposals", "--json", *config
            )
            audit = pool.submit(
                answer, folder, AuditFound, "audit", "verify", "--json", *config, codes=(0, 1)
            )
            canary = pool.submit(
                answer, folder, list[Probe], "canary", "check", "--json", *config, codes=(0, 1)
            )
            desk = Desk(
                cases=cases,
                opened=case,
                made=made,
                reversals=reversals,
                cases_after=after.result(),
                opened_after=again.result(),
                precision=precision.result(),
                proposals=proposals.result(),
                replay=replay.result(),
                audit=audit.result(),
                canary=canary.result(),
            )
            step.done = "cases, precision, proposals and audit log read; the canary is back"
    return desk


def _has_file(review: Review) -> bool:
    return review.outcome.outcome == "confirmed" and review.decision.report


def _read_all(pipeline: Pipeline) -> None:
    """Wait until the desk has read all that is on its topics. Raises `DemoFailed`."""
    pipeline.desk.start()
    pipeline.desk.wait_ready()
    deadline = time.monotonic() + SECONDS
    # Once it is ready, it has counted how far behind it is.
    while scrape(pipeline.desk.address).total("seawall_desk_behind_records"):
        if time.monotonic() > deadline:
            raise DemoFailed(f"the desk had not read its topics within {SECONDS:.0f} s")
        pipeline.desk.still_runs()
        time.sleep(0.1)
