"""What the demo's reviewers look at and find, and what must follow from it."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from demo.expectations import Sent
from demo.kinds import APPEALED, CALLED_BY_MISTAKE, REHEARSED, SENT_TO_CHILD, THREATENED, UNLISTED
from streams.contracts.decision import Decision, decision_id
from streams.contracts.outcome import ReviewOutcome, ReviewResult, ReviewTarget
from streams.contracts.signal import HashMatch, MediaError, TextMatch, UrlMatch
from streams.contracts.values import ACTION_STRENGTH

Sample = Literal["control", "queue"]
ProposalKind = Literal["allow", "add"]


class Look(NamedTuple):
    """A reviewer's look at one decision about a record of `kind`. `found` says in words what
    they saw, `follows` what that leads to, `proposes` what it asks the own list to hold."""

    kind: str
    result: ReviewResult
    found: str
    follows: str
    proposes: ProposalKind | None = None


LOOKS = (
    Look(THREATENED, "confirmed", "a child is threatened", "the case stays open, to be reported"),
    Look(SENT_TO_CHILD, "confirmed", "the listed picture", "the case says who viewed the file"),
    Look(UNLISTED, "confirmed", "belongs on a list", "an entry of the own list is proposed", "add"),
    Look(REHEARSED, "rejected", "lines of a play", "the case is closed"),
    Look(
        CALLED_BY_MISTAKE,
        "rejected",
        "another picture",
        "the case is closed, an allow entry proposed",
        "allow",
    ),
    Look(
        APPEALED,
        "appeal_granted",
        "not the listed picture",
        "a reversal is sent, an allow entry proposed",
        "allow",
    ),
)
"""The last one is an appeal: its outcome is sent after the others, so that they are known when the
reversal comes."""


class Review(NamedTuple):
    """An outcome with what it is about; `look` is none for the control sample."""

    record: Sent
    decision: Decision
    outcome: ReviewOutcome
    look: Look | None


def reviews(sent: Sequence[Sent], decisions: Mapping[str, Decision], now: datetime) -> list[Review]:
    """Of `decisions` (by their ids) one for each of `LOOKS`, after all of the control sample."""
    looked_at = [_chosen(look, sent, decisions) for look in LOOKS]
    chosen = {decision.decision_id for _, decision in looked_at}
    sampled: dict[str, Review] = {}
    for record, decision in _decided(sent, decisions):
        if decision.sampled and decision.decision_id not in chosen:
            truth = _truth(record, decision)
            outcome = _outcome(record, decision, truth, now, sampled=True)
            sampled[decision.decision_id] = Review(record, decision, outcome, None)
    return [
        *sampled.values(),
        *(
            Review(
                record, decision, _outcome(record, decision, look.result, now, sampled=False), look
            )
            for look, (record, decision) in zip(LOOKS, looked_at, strict=True)
        ),
    ]


def expected_proposals(made: Iterable[Review]) -> dict[str, ProposalKind]:
    """By the decision that each comes of."""
    return {
        review.decision.decision_id: review.look.proposes
        for review in made
        if review.look is not None and review.look.proposes is not None
    }


def expected_closed(made: Iterable[Review]) -> set[str]:
    """The cases in which people found nothing."""
    return {
        review.decision.case_id
        for review in made
        if review.outcome.outcome in ("rejected", "appeal_granted")
        and review.decision.case_id is not None
    }


def expected_precision(made: Iterable[Review]) -> dict[tuple[str, str, Sample], tuple[int, int]]:
    """(confirmed, rejected) by rule and list and sample. Each of the demo's events has one thing
    to look at, so that all of its decision's matches are about that."""
    counts: Counter[tuple[str, str, Sample, bool]] = Counter()
    for review in made:
        if review.outcome.outcome not in ("confirmed", "rejected"):
            continue
        names = {("rule", reason.rule) for reason in review.decision.reasons}
        names |= {
            ("list", signal.list)
            for signal in review.decision.signals
            if isinstance(signal, HashMatch | UrlMatch | TextMatch)
        }
        sample: Sample = "control" if review.look is None else "queue"
        counts.update((*name, sample, review.outcome.outcome == "confirmed") for name in names)
    return {
        (kind, name, sample): (
            counts[kind, name, sample, True],
            counts[kind, name, sample, False],
        )
        for kind, name, sample, _ in counts
    }


def _decided(
    sent: Iterable[Sent], decisions: Mapping[str, Decision]
) -> Iterator[tuple[Sent, Decision]]:
    for record in sent:
        made = decisions.get(decision_id(record.tenant, record.event_id))
        if made is not None:
            yield record, made


def _chosen(
    look: Look, sent: Sequence[Sent], decisions: Mapping[str, Decision]
) -> tuple[Sent, Decision]:
    """The most urgent of the kind, rather held than blocked, and not one of the control sample."""
    of_kind = [
        (record, decision)
        for record, decision in _decided((r for r in sent if r.kind == look.kind), decisions)
        if decision.case_id is not None
    ]
    if not of_kind:
        raise NothingToReview(look.kind)
    return min(
        of_kind,
        key=lambda each: (
            each[1].sampled,
            each[1].priority,
            ACTION_STRENGTH[each[1].action],
            each[1].event_id,
        ),
    )


class NothingToReview(Exception):
    """No decision about a record of that kind opened a case; the other differences say why."""


def _truth(record: Sent, decision: Decision) -> ReviewResult:
    """What a person sees: the demo knows what it sent."""
    if record.kind == REHEARSED:
        return "rejected"
    if all(isinstance(signal, MediaError) for signal in decision.signals):
        return "unsure"
    return "confirmed"


def _outcome(
    record: Sent, decision: Decision, result: ReviewResult, now: datetime, *, sampled: bool
) -> ReviewOutcome:
    target = _target(record, decision)
    viewed = target.kind == "media"
    return ReviewOutcome(
        decision_id=decision.decision_id,
        target=target,
        outcome=result,
        reviewed_at=now,
        reviewer_role="appeals" if result == "appeal_granted" else "specialist",
        viewed_by="reviewer-17" if viewed else None,
        viewed_at=now - timedelta(seconds=1) if viewed else None,
        sampled=sampled,
    )


def _target(record: Sent, decision: Decision) -> ReviewTarget:
    """The decision's, but for a report by a person, of which the picture is looked at."""
    if decision.targets and record.kind != UNLISTED:
        first = decision.targets[0]
        return ReviewTarget(kind=first.kind, id=first.id)
    for signal in decision.signals:
        if isinstance(signal, UrlMatch) and signal.url_index is not None:
            return ReviewTarget(kind="url", id=f"url:{signal.url_index}")
        if isinstance(signal, HashMatch | MediaError):
            return ReviewTarget(kind="media", id=signal.media_id)
    if record.kind == UNLISTED:
        return ReviewTarget(kind="media", id="m1")
    return ReviewTarget(kind="conversation", id=decision.conversation_id or decision.content_id)


def sha256_of(content: bytes) -> str:
    """As lists and cases write it."""
    return hashlib.sha256(content).hexdigest()
