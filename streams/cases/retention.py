"""How long a case is kept."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from streams.cases.store import CaseState
from streams.settings import CaseSettings

ANY = "*"


def preserve_until(submitted_at: datetime, days: int) -> datetime:
    """Until when a submitted case must be kept: `days` from its submission."""
    return _later(submitted_at, days)


def delete_after(
    opened_at: datetime,
    jurisdiction: str | None,
    days: Mapping[str, int],
    preserved_until: datetime | None,
) -> datetime | None:
    """From when on a case is deleted, were it not held; `None` where no entry of `days` covers its
    jurisdiction. `DE-BY` is covered by its own entry, else by that of `DE`, else by `*`. What must
    be preserved is not deleted before."""
    parts = jurisdiction.upper().split("-") if jurisdiction else []
    places = ["-".join(parts[:count]) for count in range(len(parts), 0, -1)]
    by_place = {place.upper(): kept for place, kept in days.items()}
    kept = next((by_place[place] for place in [*places, ANY] if place in by_place), None)
    if kept is None:
        return None
    due = _later(opened_at, kept)
    return max(due, preserved_until) if preserved_until else due


def _later(at: datetime, days: int) -> datetime:
    """`days` after `at`, at the most the end of the calendar: a producer may date a record."""
    try:
        return at + timedelta(days=days)
    except OverflowError:
        return datetime.max.replace(tzinfo=at.tzinfo)


def due_for_deletion(state: CaseState, settings: CaseSettings) -> datetime | None:
    """From when on a case is deleted, were it not held: with it goes what was folded into it, so
    that the newest of these counts, and the longest of their jurisdictions' periods."""
    kept = preserve_until(state.submission.at, settings.preserve_days) if state.submission else None
    dues = [
        delete_after(state.newest_at, jurisdiction, settings.delete_after_days, kept)
        for jurisdiction in state.jurisdictions
    ]
    known = [due for due in dues if due is not None]
    return max(known) if len(known) == len(dues) else None
