"""What of a decision an outcome is about."""

from streams.contracts.decision import Decision
from streams.contracts.outcome import ReviewTarget
from streams.contracts.signal import (
    HashMatch,
    MediaError,
    Provenance,
    Signal,
    TextRisk,
    UrlMatch,
)


def signals_about(decision: Decision, target: ReviewTarget) -> list[Signal]:
    """The decision's signals about one of its targets. Those that are about no file and no address
    of the event are about its text, its conversation and its account alike; a risk `of_other`
    about the conversation and the other's account."""
    return [signal for signal in decision.signals if _is_about(signal, target)]


def _is_about(signal: Signal, target: ReviewTarget) -> bool:
    if isinstance(signal, HashMatch | Provenance | MediaError):
        return target.kind == "media" and signal.media_id == target.id
    if isinstance(signal, UrlMatch) and signal.url_index is not None:
        return target.kind == "url" and target.id == f"url:{signal.url_index}"
    if isinstance(signal, TextRisk) and signal.of_other:
        return target.kind == "conversation" or (target.kind, target.id) == (
            "account",
            signal.account_id,
        )
    return target.kind in ("text", "conversation", "account")
