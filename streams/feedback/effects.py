"""What follows from an outcome: proposals for lists, reversals, and the end of a case."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from streams.contracts.case_record import CaseOpening
from streams.contracts.decision import DECISION_NAMESPACE, Decision, Reason, Target, TargetKind
from streams.contracts.event import FrameHash, Media, MediaHashes
from streams.contracts.outcome import ReviewOutcome, ReviewResult, ReviewTarget
from streams.contracts.signal import HashMatch, TextRisk
from streams.contracts.values import ACTION_STRENGTH, Action, Algorithm
from streams.feedback.subject import signals_about

DIGESTS = frozenset({"md5", "sha1", "sha256"})
MATCHABLE_QUALITY = 50
"""PDQ's authors discard hashes below (Facebook 2019); no entry is proposed of one."""
NOTHING_FOUND: tuple[ReviewResult, ...] = ("rejected", "appeal_granted")
APPEAL_RULE = "appeal-granted"
APPEAL_GROUND = "A person reviewed the decision on appeal and reversed it."


class ProposedHash(Struct, frozen=True, kw_only=True):
    """A hash as a list entry holds it."""

    algorithm: Algorithm
    value: str


class Proposal(Struct, frozen=True, kw_only=True):
    """An item for the platform's own list, waiting for `seawall lists accept`.

    `allow` is a perceptual match that a person rejected: the file is not what the list holds.
    `add` is what a person confirmed and no list knew. Both are of hashes that the platform vouches
    for: not of those that a client claims. `category` is the reviewer's
    classification, lower case, where there is one.
    """

    proposal_id: str
    kind: Literal["allow", "add"]
    hashes: list[ProposedHash]
    category: str
    decision_id: str
    why: str


class Effects(NamedTuple):
    """`closed` says what has become of the case; `None` leaves it as it is. It is closed with what
    there was at `seen`, when somebody looked."""

    proposal: Proposal | None = None
    reversal: Decision | None = None
    closed: bool | None = None
    seen: datetime | None = None


def effects_of(
    outcome: ReviewOutcome,
    decision: Decision,
    opening: CaseOpening | None,
    outcomes: Sequence[ReviewOutcome],
    known: Sequence[ReviewOutcome] | None = None,
) -> Effects:
    """The effects of an outcome about `decision`. `opening` is its case, which has the hashes;
    `outcomes` are all about the decision that came up to and with this one, and `known` those that
    have come since as well. Of several about a target the one that was made last counts, whenever
    it came: nothing follows from one that is contradicted already. An appeal about what is not the
    decision's reverses nothing.
    """
    known = outcomes if known is None else known
    last = _is_last_word(outcome, known)
    granted = last and outcome.outcome == "appeal_granted" and is_of(decision, outcome.target)
    return Effects(
        _proposal(outcome, decision, opening) if last else None,
        reversal_of(decision, outcome, known) if granted else None,
        *_closed(decision, outcomes),
    )


def reversal_of(
    decision: Decision, outcome: ReviewOutcome, outcomes: Sequence[ReviewOutcome]
) -> Decision:
    """The decision after a granted appeal: its target is allowed, as are those of appeals granted
    before that nobody contradicted later; the others stand. It has the same id whenever the same
    appeal is told."""
    granted = {
        (o.target.kind, o.target.id)
        for o in outcomes
        if o.outcome == "appeal_granted" and _is_last_word(o, outcomes)
    }
    granted.add((outcome.target.kind, outcome.target.id))
    targets: tuple[Target, ...] = tuple(
        replace(target, action="allow") if (target.kind, target.id) in granted else target
        for target in decision.targets
    )
    if (outcome.target.kind, outcome.target.id) not in {(t.kind, t.id) for t in targets}:
        targets += (Target(kind=outcome.target.kind, id=outcome.target.id, action="allow"),)
    actions: list[Action] = [target.action for target in targets]
    action = max(actions, key=ACTION_STRENGTH.__getitem__)
    return replace(
        decision,
        decision_id=reversal_id(
            decision.decision_id, outcome.target, _granted_again(outcome, outcomes)
        ),
        kind="reversal",
        supersedes=decision.decision_id,
        targets=targets,
        action=action,
        report=decision.report and action != "allow",
        notices=(),
        reasons=(Reason(rule=APPEAL_RULE, ground=APPEAL_GROUND),),
        would_have=(),
        automated=False,
        decided_at=outcome.reviewed_at,
    )


def reversal_id(decision_id: str, target: ReviewTarget, again: datetime | None = None) -> str:
    """UUIDv5 of the reversed decision and the target: an appeal is granted once; and `again` at a
    time, where somebody stood by the decision after it was."""
    words = f"reversal:{decision_id}:{target.kind}:{target.id}"
    return str(uuid.uuid5(DECISION_NAMESPACE, f"{words}:{again.isoformat()}" if again else words))


def _granted_again(outcome: ReviewOutcome, outcomes: Iterable[ReviewOutcome]) -> datetime | None:
    """When the appeal that this one repeats, or is, was granted, where that was again."""
    before = [
        o
        for o in _in_order(outcomes)
        if o.target == outcome.target and o.reviewed_at < outcome.reviewed_at
    ]
    again: datetime | None = None
    granted = stood_by = False
    for o in (*before, outcome):
        if o.outcome == "appeal_granted":
            again = o.reviewed_at if stood_by else again
            granted, stood_by = True, False
        elif o.outcome == "confirmed":
            stood_by = granted
    return again


def closing_outcome(decision: Decision, outcomes: Sequence[ReviewOutcome]) -> ReviewOutcome | None:
    """The outcome with which a case that is closed was closed last, of all about its decision in
    the order of their coming; `None` of one that is open."""
    found: ReviewOutcome | None = None
    for count, outcome in enumerate(outcomes, 1):
        closed, _ = _closed(decision, outcomes[:count])
        found = (found or outcome) if closed else None
    return found


def _closed(
    decision: Decision, outcomes: Iterable[ReviewOutcome]
) -> tuple[bool | None, datetime | None]:
    """A case is closed when people found nothing at any target that was acted upon; and when the
    first of them looked."""
    last: dict[tuple[TargetKind, str], bool] = {}
    looks: dict[tuple[TargetKind, str], datetime] = {}
    for outcome in _in_order(outcomes):
        target = (outcome.target.kind, outcome.target.id)
        if outcome.outcome in NOTHING_FOUND:
            last[target] = True
        elif outcome.outcome == "confirmed":
            last[target] = False
        else:
            continue
        looks[target] = min(outcome.viewed_at or outcome.reviewed_at, outcome.reviewed_at)
    if not last:
        return None, None
    acted: list[tuple[TargetKind, str]] = [
        (target.kind, target.id) for target in decision.targets if target.action != "allow"
    ]
    closed = all(last.get(target, False) for target in acted) and all(last.values())
    return closed, min(looks.values()) if closed else None


def _in_order(outcomes: Iterable[ReviewOutcome]) -> list[ReviewOutcome]:
    """As they were made; of the same time as they came. A tool may send an old one late."""
    return sorted(outcomes, key=lambda outcome: outcome.reviewed_at)


def _is_last_word(outcome: ReviewOutcome, outcomes: Iterable[ReviewOutcome]) -> bool:
    """Whether nobody who looked at its target later found something else."""
    last = [
        other.outcome
        for other in _in_order(outcomes)
        if other.target == outcome.target and other.outcome in ("confirmed", *NOTHING_FOUND)
    ][-1:]
    return all((o in NOTHING_FOUND) == (outcome.outcome in NOTHING_FOUND) for o in last)


def is_of(decision: Decision, target: ReviewTarget) -> bool:
    """Whether a target is one of a decision's, or of its event, as far as the decision names it."""
    named = {(each.kind, each.id) for each in decision.targets}
    named |= {("account", decision.author_id), ("text", "text")}
    named |= {
        ("account", signal.account_id)
        for signal in decision.signals
        if isinstance(signal, TextRisk) and signal.account_id is not None
    }
    if decision.conversation_id is not None:
        named.add(("conversation", decision.conversation_id))
    if target.kind in ("media", "url") and signals_about(decision, target):
        return True
    return (target.kind, target.id) in named


def _proposal(
    outcome: ReviewOutcome, decision: Decision, opening: CaseOpening | None
) -> Proposal | None:
    if outcome.target.kind != "media" or opening is None:
        return None
    named = [media for media in opening.media if media.media_id == outcome.target.id]
    if len(named) != 1:
        return None  # of several, nobody can say which was meant
    [media] = named
    if media.hashes is None or media.hash_origin == "client_unverified":
        return None  # nobody vouches that these are the file's hashes
    matches = [
        signal
        for signal in signals_about(decision, outcome.target)
        if isinstance(signal, HashMatch) and signal.role != "allow"
    ]
    if outcome.outcome in NOTHING_FOUND:
        return _allow(outcome, media.hashes, matches)
    if outcome.outcome == "confirmed" and not matches:
        return _add(outcome, media)
    return None


def _allow(
    outcome: ReviewOutcome, hashes: MediaHashes, matches: Sequence[HashMatch]
) -> Proposal | None:
    """Only of what matched: other tracks and frames of the file nobody may have seen."""
    exact = any(match.algorithm in DIGESTS for match in matches)
    found = [entry for match in matches for entry in _matched(hashes, match)]
    if exact or not found:  # an allowance never beats an exact match: that list is to be told
        return None
    digest = [h for h in _entries(hashes) if h.algorithm == "sha256"]
    return _made("allow", outcome, list(dict.fromkeys(digest + found)))


def _matched(hashes: MediaHashes, match: HashMatch) -> list[ProposedHash]:
    """The hash of a file that a match is of."""
    if match.algorithm == "vpdq":
        return _videos(frame for frame in hashes.frames if frame.track == match.track)
    if match.frame is not None:
        return [
            ProposedHash(algorithm="pdq", value=frame.pdq.lower())
            for frame in hashes.frames
            if (frame.frame, frame.track) == (match.frame, match.track)
            and _matchable(frame.quality)
        ]
    if match.variant is not None:
        return [
            ProposedHash(algorithm="pdq", value=view.pdq.lower())
            for view in hashes.variants
            if view.variant == match.variant and _matchable(view.quality)
        ]
    return [entry for entry in _entries(hashes) if entry.algorithm == match.algorithm]


def _add(outcome: ReviewOutcome, media: Media) -> Proposal | None:
    """Only of what somebody has seen."""
    if outcome.viewed_by is None:
        return None
    found = _entries(media.hashes) if media.hashes is not None else []
    return _made("add", outcome, found) if found else None


def _made(
    kind: Literal["allow", "add"], outcome: ReviewOutcome, hashes: list[ProposedHash]
) -> Proposal:
    name = f"proposal:{kind}:{outcome.decision_id}:{outcome.target.id}"
    why = "a person rejected the match" if kind == "allow" else "a person confirmed a new item"
    return Proposal(
        proposal_id=str(uuid.uuid5(DECISION_NAMESPACE, name)),
        kind=kind,
        hashes=hashes,
        category=(outcome.classification or "").lower(),
        decision_id=outcome.decision_id,
        why=f"{why} ({outcome.reviewer_role})",
    )


def _entries(hashes: MediaHashes) -> list[ProposedHash]:
    values: dict[Algorithm, str | None] = {
        "sha256": hashes.sha256,
        "sha1": hashes.sha1,
        "md5": hashes.md5,
        "pdq": hashes.pdq if _matchable(hashes.pdq_quality) else None,
        "phash": hashes.phash,
        "dhash": hashes.dhash,
    }
    entries = [
        ProposedHash(algorithm=algorithm, value=value.lower())
        for algorithm, value in values.items()
        if value
    ]
    return entries + _videos(hashes.frames)


def _videos(frames: Iterable[FrameHash]) -> list[ProposedHash]:
    """An entry for each track: each is a video of its own."""
    tracks: dict[int, dict[str, None]] = {}
    for frame in frames:
        if _matchable(frame.quality):
            tracks.setdefault(frame.track, {})[frame.pdq.lower()] = None
    values = dict.fromkeys("".join(tracks[track]) for track in sorted(tracks))
    return [ProposedHash(algorithm="vpdq", value=value) for value in values]


def _matchable(quality: int | None) -> bool:
    return quality is None or quality >= MATCHABLE_QUALITY
