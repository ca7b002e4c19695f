"""Outcomes as lines of JSON, as people write them by hand."""

import msgspec

from streams.contracts.outcome import ReviewOutcome
from streams.contracts.refusal import DecodeFailure, refuse

_outcome = msgspec.json.Decoder(ReviewOutcome)


def outcome_key(line: bytes) -> bytes:
    """The key of an outcome on `review.outcomes`: its decision.

    Raises `ValueError` that says why the line is none by the contract, without its content.
    """
    try:
        return _outcome.decode(line).decision_id.encode()
    except DecodeFailure as bad:
        refusal = refuse(bad, ReviewOutcome, line)
        where = f"{refusal.field}: " if refusal.field else ""
        raise ValueError(f"no outcome: {where}{refusal.message}") from bad
