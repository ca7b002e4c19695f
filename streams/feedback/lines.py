"""Outcomes as lines of JSON, as people write them by hand, and when they may have been made."""

from datetime import datetime, timedelta

import msgspec

from streams.contracts.lone_surrogates import read_json
from streams.contracts.outcome import ReviewOutcome
from streams.contracts.refusal import DecodeFailure, refuse

CLOCKS_DIFFER = timedelta(minutes=5)
"""How far the clock of a review tool may be ahead."""

_outcome = msgspec.json.Decoder(ReviewOutcome)


def of_the_future(outcome: ReviewOutcome, now: datetime) -> str | None:
    """Why an outcome that is read `now` cannot be: nobody has decided later than that. `None` of
    one that can."""
    if outcome.reviewed_at <= now + CLOCKS_DIFFER:
        return None
    ahead = f"{CLOCKS_DIFFER.total_seconds() / 60:g} minutes"
    return f"$.reviewed_at: is more than {ahead} in the future: see to the time, and to its zone"


def outcome_key(line: bytes, now: datetime) -> bytes:
    """The key of an outcome on `review.outcomes`, read `now`: its decision.

    Raises `ValueError` that says why the line is none by the contract, or is of the future, without
    its content.
    """
    try:
        outcome = read_json(_outcome.decode, line)
    except DecodeFailure as bad:
        refusal = refuse(bad, ReviewOutcome, line)
        where = f"{refusal.field}: " if refusal.field else ""
        raise ValueError(f"no outcome: {where}{refusal.message}") from bad
    if why := of_the_future(outcome, now):
        raise ValueError(f"no outcome: {why}")
    return outcome.decision_id.encode()
