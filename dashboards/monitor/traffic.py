"""`python -m dashboards.monitor.traffic CONFIG`: the demo's events again and again, and what
reviewers find of some of them, until it is killed. It says how many were sent, every few seconds.
"""

import random
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import msgspec
from msgspec import structs

from demo.events import make_events
from demo.exchange import send, send_outcomes
from demo.expectations import Decided, Sent
from streams.contracts.decision import decision_id
from streams.contracts.event import ContentEvent, event_key
from streams.contracts.outcome import ReviewOutcome, ReviewTarget
from streams.kafka.client import KafkaError
from streams.settings import load_settings

EVENTS_PER_SECOND = 60.0
TELL_EVERY = 300


def main() -> int:
    """1 when Kafka refuses; else it does not end."""
    settings = load_settings(Path(sys.argv[1]), environment={}).settings
    # Another process of this traffic has sent events of its own before.
    run = f"{time.time():.0f}"
    told, made = Told(), make_events()
    try:
        for number in count(1):
            events = [again(event, f"{run}-{number}") for event in made]
            send(settings, events, told, EVENTS_PER_SECOND)
            # Reviewers confirm nine of ten findings.
            draw = random.Random(number)  # noqa: S311
            send_outcomes(settings, list(outcomes(events, draw)))
    except KafkaError as failed:
        print(failed, file=sys.stderr, flush=True)
        return 1
    return 0


class Told:
    """Says every now and then how many events were sent."""

    def __init__(self) -> None:
        self._sent = 0

    def __call__(self, more: int) -> None:
        self._sent += more
        if self._sent % TELL_EVERY < more:
            print(f"{self._sent} sent", file=sys.stderr, flush=True)


def again(event: Sent, number: str) -> Sent:
    """The event as new content, and its conversation as a new one. Those that are broken, or in an
    envelope, stay as they are."""
    if not isinstance(event.expected, Decided) or event.headers:
        return event
    fields = msgspec.json.decode(event.value)
    for name in ("event_id", "content_id", "conversation_id"):
        if name in fields:
            fields[name] = f"{fields[name]}-{number}"
    value = msgspec.json.encode(fields)
    return structs.replace(
        event,
        value=value,
        key=event_key(msgspec.json.decode(value, type=ContentEvent)),
        event_id=f"{event.event_id}-{number}",
    )


def outcomes(events: Sequence[Sent], draw: random.Random) -> Iterator[ReviewOutcome]:
    """What a person says of each event that must be found by its first address, or by its text."""
    for event in events:
        if not isinstance(event.expected, Decided):
            continue
        if "text_risk" in event.expected.signals:
            target = ReviewTarget(kind="text", id="text")
        elif "url_match" in event.expected.signals and event.text is None:
            target = ReviewTarget(kind="url", id="url:0")
        else:
            continue
        yield ReviewOutcome(
            decision_id=decision_id(event.tenant, event.event_id),
            target=target,
            outcome="confirmed" if draw.random() < 0.9 else "rejected",
            reviewed_at=datetime.now(UTC),
            reviewer_role="demo",
        )


if __name__ == "__main__":
    sys.exit(main())
