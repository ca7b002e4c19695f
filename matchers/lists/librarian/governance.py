"""Which changes of a list wait until somebody approves them."""

from typing import NamedTuple

MAX_REMOVED = 0.02
"""Of the entries in force. A feed that loses more, or weakens more, has more likely failed than
been cleaned."""
MAX_ADDED = 0.20


class Extent(NamedTuple):
    """How far a change reaches, counted in entries: how many are in force (`active` or
    `observed`), how many come into force or do more than before, how many fall out of it or do
    less. To allow is to do another thing: who is made to allow does both. `withdrawn` of the
    `out` entries of a victims' list, which people took out here, its source no longer names."""

    in_force: int
    added: int
    removed: int
    withdrawn: int = 0
    out: int = 0


def concerns(extent: Extent, *, empty_feed: bool) -> list[str]:
    """Why a change must wait; empty when it may be made. A list's first entries have nothing to
    be measured by, and go in."""
    reasons: list[str] = []
    if empty_feed:
        reasons.append("the feed is empty")
    if extent.removed > MAX_REMOVED * extent.in_force:
        reasons.append(_says("removes", extent.removed, extent.in_force, MAX_REMOVED))
    known = extent.in_force + extent.out
    if extent.withdrawn > MAX_REMOVED * known:
        reasons.append(_says("no longer names", extent.withdrawn, known, MAX_REMOVED))
    if extent.in_force and extent.added > MAX_ADDED * extent.in_force:
        reasons.append(_says("adds", extent.added, extent.in_force, MAX_ADDED))
    return reasons


def _says(verb: str, count: int, of: int, limit: float) -> str:
    return f"{verb} {count} of {of} entries ({count / of:.1%}): more than {limit:.0%} waits"
