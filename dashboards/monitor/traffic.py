"""The demo's events again and again, and what reviewers find of some of them."""

import random
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import count

import msgspec
from msgspec import structs

from demo.exchange import send, send_outcomes
from demo.expectations import Decided, Sent
from streams.contracts.decision import decision_id
from streams.contracts.event import ContentEvent, event_key
from streams.contracts.outcome import ReviewOutcome, ReviewTarget
from streams.settings import Settings

EVENTS_PER_SECOND = 60.0


class Stopped(Exception):
    """Asked to end between two events."""


class Traffic:
    """Sends while its block lasts, from a thread; `failed` holds what went wrong there."""

    def __init__(self, settings: Settings, events: Sequence[Sent]) -> None:
        self._settings = settings
        self._events = events
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traffic")
        self.failed: Exception | None = None

    def __enter__(self) -> "Traffic":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            for number in count(1):
                events = [again(event, number) for event in self._events]
                send(self._settings, events, self._go_on, EVENTS_PER_SECOND)
                # Reviewers confirm nine of ten findings.
                draw = random.Random(number)  # noqa: S311
                send_outcomes(self._settings, list(outcomes(events, draw)))
        except Stopped:
            return
        except Exception as failed:
            self.failed = failed

    def _go_on(self, _: int) -> None:
        if self._ending.is_set():
            raise Stopped


def again(event: Sent, number: int) -> Sent:
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
