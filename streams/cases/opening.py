"""Which decisions open a case, and what of the event goes with them."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from uuid import uuid5

import msgspec
from msgspec.structs import replace

from streams.canary.probes import TENANT as CANARY
from streams.contracts.case_record import CaseOpening, ListedAddress
from streams.contracts.decision import DECISION_NAMESPACE, Decision
from streams.contracts.envelope import Envelope
from streams.contracts.event import Media, numbered
from streams.contracts.signal import (
    HashMatch,
    Signal,
    TextMatch,
    TextRisk,
    UrlMatch,
    UserReport,
)
from streams.contracts.stage import CaseRecord
from streams.contracts.values import ACTION_STRENGTH

ADULT_CATEGORY = "ncii"
"""Of intimate pictures that adults asked to have removed (StopNCII): a match alone is no case."""
FRAMES_KEPT = 1_000
"""Of a video's frame hashes: a case must fit where its event did."""

_encoder = msgspec.json.Encoder()


def opened_cases(
    envelopes: Sequence[Envelope], decisions: Sequence[Decision]
) -> tuple[list[Decision], list[CaseRecord]]:
    """The decisions, with `case_id` where they open a case, and the records of those cases. The
    canary's probes open none: nobody is to look at them."""
    decided: list[Decision] = []
    cases: list[CaseRecord] = []
    for index, (envelope, decision) in enumerate(zip(envelopes, decisions, strict=True)):
        grounds = case_grounds(decision)
        if grounds and decision.tenant != CANARY:
            opening = _opening(envelope, decision, grounds)
            decision = opening.decision
            cases.append(
                CaseRecord(
                    index=index, key=opening.case_id.encode(), value=_encoder.encode(opening)
                )
            )
        decided.append(decision)
    return decided, cases


def case_grounds(decision: Decision) -> list[Signal]:
    """The signals for which a decision opens a case; empty when it opens none.

    A case is for people to look at: the decision asks for a review, a hold, a block or a report.
    Signals on trial do not count, nor do matches of lists that only observe or allow, nor those of
    intimate pictures of adults (`ADULT_CATEGORY` of a victim-submitted list).
    """
    if not decision.report and ACTION_STRENGTH[decision.action] < ACTION_STRENGTH["review"]:
        return []
    return [signal for signal in decision.signals if is_ground(signal)]


def is_ground(signal: Signal) -> bool:
    """Whether a signal by itself is a ground for a case; see `case_grounds`."""
    if isinstance(signal, HashMatch | UrlMatch | TextMatch):
        adult = signal.source_kind == "victim" and signal.category == ADULT_CATEGORY
        return signal.role not in ("observe", "allow") and not adult
    if isinstance(signal, TextRisk):
        return not signal.on_trial and (signal.level == "review" or signal.pattern is not None)
    return isinstance(signal, UserReport)


def _opening(envelope: Envelope, decision: Decision, grounds: Sequence[Signal]) -> CaseOpening:
    event = envelope.event
    case_id = str(uuid5(DECISION_NAMESPACE, f"case:{decision.decision_id}"))
    addresses = sorted({s.url_index for s in _addresses(grounds) if s.url_index is not None})
    return CaseOpening(
        case_id=case_id,
        fold_key=fold_key(decision, grounds, event.media),
        decision=replace(decision, case_id=case_id),
        kind=event.kind,
        # The platform's clock is not trusted: nothing happened after the broker had it.
        occurred_at=min(event.occurred_at, _broker_time(envelope.received_at, event.occurred_at)),
        received_at=envelope.received_at,
        jurisdiction=event.jurisdiction,
        author=event.author,
        recipients=event.recipients,
        recipient_count=event.recipient_count,
        media=[
            _without_most_frames(item, number, decision.signals)
            for number, item, _ in numbered(event.media)
        ],
        urls=[ListedAddress(index=i, url=event.urls[i]) for i in addresses if i < len(event.urls)],
    )


def fold_key(decision: Decision, grounds: Iterable[Signal], media: Sequence[Media]) -> str:
    """What cases about the same thing share, as a SHA-256 in hexadecimal.

    A risk in a conversation (or of an account that has none) folds with others of the same; else
    matched files fold by their digests, or by their nearest to one where no digest is known;
    addresses by what was matched; what a person reported by the content. Digests that a client
    claims and nobody vouches for fold with such alone: anybody can claim another's.
    """
    grounds = list(grounds)
    parts: list[str]
    matched = {(s.media_id, s.item) for s in grounds if isinstance(s, HashMatch)}
    if any(isinstance(signal, TextRisk) for signal in grounds):
        if decision.conversation_id is not None:
            parts = ["conversation", decision.conversation_id]
        else:
            parts = ["account", decision.author_id]
    elif matched:
        known = sorted(
            {
                _digest(item)
                for number, item, _ in numbered(media)
                if (item.media_id, number) in matched
            }
        )
        parts = ["media", *(known or [decision.content_id])]
    elif addresses := sorted({f"{s.list}/{s.entry}" for s in _addresses(grounds)}):
        parts = ["url", *addresses]
    else:
        parts = ["content", decision.content_id]
    name = msgspec.json.encode([decision.tenant, *parts])
    return hashlib.sha256(name).hexdigest()


def shown_by(opening: CaseOpening) -> frozenset[str]:
    """What somebody who looked at an occurrence was shown of what was matched: the risk in its
    conversation, or with those it was sent to where it has none, or of itself; files by their
    digests, pages, and by its content what was written or reported.

    What folds is not always all the same: a listed prefix covers many pages, and in a conversation
    there is more than its risk. Which page an address in a text names is not known here, nor which
    file has the hashes that a client claims, so that no two of these are taken for the same.
    """
    decision = opening.decision
    digests = {
        (item.media_id, number): _digest(item)
        for number, item, _ in numbered(opening.media)
        if item.hash_origin != "client_unverified"
    }
    pages = {listed.index: listed.url for listed in opening.urls}
    # As risks are scored: by conversation, else by whom they went to, else each by itself.
    others = sorted(recipient.id for recipient in opening.recipients)
    talk = decision.conversation_id or (repr(others) if others else decision.content_id)
    shown: set[str] = set()
    for signal in case_grounds(decision):
        if isinstance(signal, TextRisk):
            shown.add(f"risk {signal.scope} {talk}")
        elif isinstance(signal, HashMatch):
            digest = digests.get((signal.media_id, signal.item))
            own = f"{signal.media_id} in {decision.decision_id}"
            shown.add(f"file {digest or own}")
        elif isinstance(signal, UrlMatch):
            page = None if signal.url_index is None else pages.get(signal.url_index)
            shown.add(f"address in {decision.decision_id}" if page is None else f"page {page}")
        else:
            shown.add(f"content {decision.content_id}")
    return frozenset(shown)


def accounts_of(opening: CaseOpening) -> frozenset[str]:
    """The accounts that an occurrence is about: its author, unless it is a report by a person, and
    whoever else a risk is of."""
    grounds = case_grounds(opening.decision)
    others = [s for s in grounds if isinstance(s, TextRisk) and s.of_other]
    named = {s.account_id for s in others if s.account_id is not None}
    if opening.kind != "user_report" and (len(others) < len(grounds) or not grounds):
        named.add(opening.author.id)
    return frozenset(named)


def _addresses(signals: Iterable[Signal]) -> list[UrlMatch]:
    return [signal for signal in signals if isinstance(signal, UrlMatch)]


def _digest(item: Media) -> str:
    h = item.hashes
    if h is None:
        return item.media_id
    given = h.sha256 or h.sha1 or h.md5 or h.pdq or h.phash or h.dhash
    if not given:
        frames = "".join(frame.pdq for frame in h.frames[:FRAMES_KEPT])
        frames = frames or repr(sorted(h.opaque.items()))
        given = hashlib.sha256(frames.encode()).hexdigest()
    claimed = item.hash_origin == "client_unverified"
    return f"unverified:{given.lower()}" if claimed else given.lower()


def _without_most_frames(item: Media, number: int, signals: Iterable[Signal]) -> Media:
    """Those that matched are kept first, then their tracks': a long track hides no other."""
    hashes = item.hashes
    if hashes is None or len(hashes.frames) <= FRAMES_KEPT:
        return item
    matches = [
        s
        for s in signals
        if isinstance(s, HashMatch)
        and (s.media_id, s.item) == (item.media_id, number)
        and s.role != "allow"
    ]
    tracks = {m.track for m in matches if m.algorithm == "vpdq" or m.frame is not None}
    matched = {(m.track, m.frame) for m in matches}
    kept = sorted(
        hashes.frames,
        key=lambda each: ((each.track, each.frame) not in matched, each.track not in tracks),
    )
    return replace(item, hashes=replace(hashes, frames=kept[:FRAMES_KEPT]))


def _broker_time(received_at: int, otherwise: datetime) -> datetime:
    try:
        return datetime.fromtimestamp(received_at / 1000, UTC)
    except (ValueError, OverflowError, OSError):  # a producer may date its records itself
        return otherwise
