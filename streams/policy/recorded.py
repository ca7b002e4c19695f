"""An event's facts as a decision records them, and an event to judge again made from these."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from streams.contracts.decision import Decision, EventFacts
from streams.contracts.event import MAX_JSON_INTEGER, Author, ContentEvent, Recipient
from streams.contracts.signal import Signal


def facts_of(event: ContentEvent) -> EventFacts:
    """What a policy may have looked at."""
    author, recipients = event.author, event.recipients
    count = event.recipient_count
    return EventFacts(
        kind=event.kind,
        origin=event.origin,
        author_age_band=author.age_band,
        author_age_source=author.age_source,
        recipient_age_bands=tuple(dict.fromkeys([person.age_band for person in recipients])),
        recipient_count=len(recipients) if count is None else count,
        language=event.language,
        jurisdiction=event.jurisdiction,
        encrypted=event.encrypted,
    )


def event_of(decision: Decision, occurred_at: datetime) -> ContentEvent:
    """An event that a policy judges as it would the decision's. Without recorded facts it is a
    new one, with nothing known of the people's ages."""
    facts = decision.event_facts or EventFacts(kind="created")
    return ContentEvent(
        event_id=decision.event_id,
        tenant=decision.tenant,
        kind=facts.kind,
        occurred_at=occurred_at,
        origin=facts.origin,
        content_id=decision.content_id,
        surface=decision.surface,
        author=Author(
            id=decision.author_id,
            age_band=facts.author_age_band,
            age_source=facts.author_age_source,
        ),
        recipients=[
            Recipient(id=f"recipient-{number}", age_band=band)
            for number, band in enumerate(facts.recipient_age_bands)
        ],
        recipient_count=facts.recipient_count,
        conversation_id=decision.conversation_id,
        language=facts.language,
        encrypted=facts.encrypted,
        jurisdiction=facts.jurisdiction,
    )


def uncountable(facts: EventFacts | None, signals: Sequence[Signal]) -> str | None:
    """The path of the first whole number that conditions cannot count with, since the contract
    does not bound it; `None` where there is none."""
    things: list[tuple[str, Struct]] = [("$.event_facts", facts)] if facts is not None else []
    things += [(f"$.signals[{number}]", signal) for number, signal in enumerate(signals)]
    for path, thing in things:
        for name in thing.__struct_fields__:
            value = getattr(thing, name)
            if isinstance(value, int) and abs(value) > MAX_JSON_INTEGER:
                return f"{path}.{name}"
    return None
