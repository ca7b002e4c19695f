"""What the desk must have made of it, and what is different where it did not."""

import base64
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from demo.desk import Desk
from demo.expectations import Difference, Outcome, Sent
from demo.lists import UNLISTED, drawn
from demo.policies import TRIAL_RULE
from demo.reviewing import (
    Review,
    expected_closed,
    expected_precision,
    expected_proposals,
    sha256_of,
)
from streams.contracts.decision import Decision
from streams.contracts.signal import TextRisk, UrlMatch
from streams.feedback.effects import reversal_id

CANARY = ("hash", "text", "url")


def desk_differences(sent: Sequence[Sent], outcome: Outcome, desk: Desk) -> list[Difference]:
    """Compares the desk's cases, the feedback round and the trial with what the demo knows."""
    return [
        Difference("after the decisions", about, str(wanted), str(found))
        for about, wanted, found in (
            *_cases(sent, outcome, desk),
            *_round(desk),
            *_trial(sent, outcome, desk),
            (
                "the canary's probes",
                [(name, "found") for name in CANARY],
                sorted((probe.probe, probe.result) for probe in desk.canary),
            ),
        )
        if wanted != found
    ]


def things(sent: Iterable[Sent], decisions: Iterable[Decision]) -> dict[str, set[str]]:
    """What cases must be about: for each thing the decisions about it that open a case."""
    values = {record.event_id: record.value for record in sent}
    found: dict[str, set[str]] = {}
    for decision in decisions:
        if decision.action != "allow":
            thing = _thing(values[decision.event_id], decision)
            found.setdefault(thing, set()).add(decision.decision_id)
    return found


def _cases(sent: Sequence[Sent], outcome: Outcome, desk: Desk) -> list[tuple[str, object, object]]:
    about = things(sent, outcome.decisions)
    by_id = {decision.decision_id: decision for decision in outcome.decisions}
    wanted = Counter(
        (
            min(by_id[id].priority for id in ids),
            "yes" if any(by_id[id].report for id in ids) else "no",
            len(ids) - 1,
        )
        for ids in about.values()
    )
    found = Counter((case.priority, case.report, case.repeats) for case in desk.cases)
    order = [case.priority for case in desk.cases]
    return [
        (
            "cases by priority, report and repeats",
            sorted((wanted - found).items()),
            sorted((found - wanted).items()),
        )
        if wanted != found
        else ("cases", len(about), len(desk.cases)),
        ("the order of cases", sorted(order), order),
        ("the files that nobody viewed yet", {False}, _viewed(desk.opened.document.files)),
        ("the file, viewed", {True}, _viewed(desk.opened_after.document.files)),
    ]


def _round(desk: Desk) -> list[tuple[str, object, object]]:
    appeal = desk.made[-1]
    reversal = {
        "decision_id": reversal_id(appeal.decision.decision_id, appeal.outcome.target),
        "kind": "reversal",
        "supersedes": appeal.decision.decision_id,
        "action": "allow",
        "report": False,
        "automated": False,
    }
    came = [{name: getattr(each, name) for name in reversal} for each in desk.reversals]
    proposals = expected_proposals(desk.made)
    pictures = [
        entry.value
        for proposal in desk.proposals
        if proposal.kind == "add"
        for entry in proposal.hashes
        if entry.algorithm == "sha256"
    ]
    rows = {
        (row.kind, row.name, row.sample): (row.confirmed, row.rejected)
        for row in desk.precision
        if row.kind != "indicator"
    }
    # Outcomes, what they ask of lists, and the reversal: each has a row.
    noted = len(desk.made) + len(proposals) + 1
    closed = {case.case_id for case in desk.cases_after if case.status == "closed"}
    turned = {case.case_id for case in desk.cases_after if case.reversed}
    return [
        ("reversals", [reversal], came),
        (
            "proposals",
            sorted(proposals.items()),
            sorted((each.decision_id, each.kind) for each in desk.proposals),
        ),
        ("the picture proposed for the own list", [drawn(UNLISTED).sha256], pictures),
        ("precision", sorted(expected_precision(desk.made).items()), sorted(rows.items())),
        ("cases closed", sorted(expected_closed(desk.made)), sorted(closed)),
        ("cases reversed", [appeal.decision.case_id], sorted(turned)),
        ("rows of the audit log, which holds", (noted, None), (desk.audit.rows, desk.audit.fault)),
    ]


def _trial(sent: Sequence[Sent], outcome: Outcome, desk: Desk) -> list[tuple[str, object, object]]:
    noted = trial_decisions(outcome.decisions)
    on_trial = {
        record.event_id
        for record in sent
        if TRIAL_RULE in getattr(record.expected, "would_have", ())
    }
    changes = [(c.what, c.before, c.after, c.decisions) for c in desk.replay.changes]
    return [
        (f"events for {TRIAL_RULE}", sorted(on_trial), sorted(d.event_id for d in noted)),
        ("what it did", {"review"}, {decision.action for decision in noted}),
        ("what it would change", [("action", "review", "hold", len(on_trial))], changes),
        ("decisions replayed", len(outcome.decisions), desk.replay.decisions),
    ]


def trial_decisions(decisions: Iterable[Decision]) -> list[Decision]:
    """Those in which the rule on trial would have acted."""
    return [
        decision
        for decision in decisions
        if any(noted.rule == TRIAL_RULE for noted in decision.would_have)
    ]


def of_look(desk: Desk) -> list[Review]:
    """The reviews that were no part of the control sample."""
    return [review for review in desk.made if review.look is not None]


def _viewed(files: Iterable[Any]) -> set[bool]:
    return {file.details.viewed for file in files}


def _thing(value: bytes, decision: Decision) -> str:
    """Cases about the same conversation, file, address or reported content are one."""
    event: dict[str, Any] = msgspec.json.decode(value)
    event = event.get("data", event)
    if any(isinstance(signal, TextRisk) for signal in decision.signals):
        return f"conversation {decision.conversation_id}"
    if any(isinstance(signal, UrlMatch) for signal in decision.signals):
        entries = {s.entry for s in decision.signals if isinstance(s, UrlMatch)}
        return f"address {sorted(entries)}"
    if event["kind"] == "user_report" or not event.get("media"):
        return f"content {decision.content_id}"
    (item,) = event["media"]
    if "inline" in item:
        return f"file {sha256_of(base64.b64decode(item['inline']))}"
    hashes = item["hashes"]
    digest = next(hashes[name] for name in ("sha256", "sha1", "md5", "pdq") if name in hashes)
    return f"file {digest}"
