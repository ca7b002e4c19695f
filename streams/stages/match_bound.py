"""A bound on the matches that are told of one event, so that its decision fits its topic."""

from collections.abc import Callable, Hashable, Iterable, Sequence

from streams.contracts.envelope import Envelope
from streams.contracts.signal import HashMatch, Signal, TextMatch, UrlMatch
from streams.contracts.values import Role
from streams.policy.policy import without_allowed

MOST_MATCHES = 1000
"""Of one event; about 450 bytes each in its decision, whose topic takes 2 MB by default."""
FEW = 3
"""Of those that differ by entry and distance alone, how many are told if there are more."""
MATCHES_CUT = "matches_cut"
"""In `degraded`: more of the event matched than is told."""

_ROLES: tuple[Role, ...] = ("block", "hold", "review", "observe", "allow")

Match = HashMatch | UrlMatch | TextMatch


def bounded(found: Sequence[tuple[Envelope, Signal]]) -> Sequence[tuple[Envelope, Signal]]:
    """The matches to tell, in their order; an event with more than `MOST_MATCHES` is marked."""
    if len(found) <= MOST_MATCHES:
        return found
    by_envelope: dict[int, list[Signal]] = {}
    for envelope, signal in found:
        by_envelope.setdefault(id(envelope), []).append(signal)
    kept: dict[int, set[int]] = {}
    for envelope, _ in found:
        signals = by_envelope[id(envelope)]
        if len(signals) > MOST_MATCHES and id(envelope) not in kept:
            kept[id(envelope)] = {id(signal) for signal in nearest(signals)}
            if MATCHES_CUT not in envelope.degraded:
                envelope.degraded.append(MATCHES_CUT)
    if not kept:
        return found
    return [
        (envelope, signal)
        for envelope, signal in found
        if id(envelope) not in kept or id(signal) in kept[id(envelope)]
    ]


def nearest(signals: Sequence[Signal], most: int = MOST_MATCHES) -> list[Signal]:
    """Those of an event's matches from which the default policy comes to the same action, report
    and priority as from all of them: the nearest of each kind. About `most`, strong roles first;
    more only where so many kinds differ.

    First the nearest of what differs by entry and distance alone, which leaves each `allow` match
    that takes out another. Where that is not enough, the nearest of each kind whatever it is of,
    among what `allow` leaves; then of each item and role.
    """
    matches = [signal for signal in signals if isinstance(signal, Match)]
    kept = _first(sorted(matches, key=_distance), _view, FEW)
    if len(kept) > most:
        kept = _first(kept, _view, 1)
    if len(kept) > most:
        allowed = [match for match in kept if match.role == "allow"]
        counted = [match for match in without_allowed(kept) if isinstance(match, Match)]
        pool = sorted([*counted, *allowed], key=_strength)
        chosen = {id(match): match for match in _first(pool, _kind, 1)}
        for match in (*_first(pool, _item, 1), *pool):
            if len(chosen) >= most:
                break
            chosen[id(match)] = match
        kept = list(chosen.values())
    return [*kept, *(signal for signal in signals if not isinstance(signal, Match))]


def _first(matches: Iterable[Match], group: Callable[[Match], Hashable], few: int) -> list[Match]:
    counts: dict[Hashable, int] = {}
    kept: list[Match] = []
    for match in matches:
        name = group(match)
        counts[name] = counts.get(name, 0) + 1
        if counts[name] <= few:
            kept.append(match)
    return kept


def _distance(match: Match) -> float:
    if isinstance(match, TextMatch):
        return 1 - match.similarity
    return match.distance if isinstance(match, HashMatch) else 0


def _strength(match: Match) -> tuple[int, float]:
    return _ROLES.index(match.role), _distance(match)


def _item(match: Match) -> Hashable:
    """What of the event a match is about, and its role."""
    if isinstance(match, HashMatch):
        return match.role, match.media_id, match.item
    if isinstance(match, UrlMatch):
        return match.role, match.url_index, match.start
    return match.role, "text"


def _kind(match: Match) -> Hashable:
    """What a policy can tell of a match, except what it is of, its entry and its distance."""
    listed = (
        type(match), match.list, match.role, match.category, match.source_kind, match.verified,
        match.verified_by, match.labels,
    )  # fmt: skip
    if isinstance(match, HashMatch):
        return *listed, match.algorithm, match.hash_origin, match.quality
    return *listed, match.algorithm if isinstance(match, TextMatch) else ""


def _view(match: Match) -> Hashable:
    """`_kind` and what it is of."""
    if isinstance(match, HashMatch):
        about = (match.media_id, match.item, match.variant, match.frame, match.track)
        return _kind(match), *about
    if isinstance(match, UrlMatch):
        return _kind(match), match.url_index, match.start
    return _kind(match)
