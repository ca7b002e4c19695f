"""Which fields the events of a file have, so that one that is never read does not go unnoticed."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Raw
from rich.console import Console
from rich.table import Table
from rich.text import Text

from streams.cli.tables import add_row, visible
from streams.contracts import cloud_events
from streams.contracts.event import ContentEvent
from streams.contracts.lone_surrogates import read_json
from streams.contracts.mapping import EventMapping
from streams.contracts.refusal import DecodeFailure

TOLD: Mapping[str, Callable[[ContentEvent], bool]] = {
    "text": lambda event: bool(event.text),
    "urls": lambda event: bool(event.urls),
    "media": lambda event: bool(event.media),
    "conversation_id": lambda event: event.conversation_id is not None,
    "recipients": lambda event: bool(event.recipients),
    "recipients[*].age_band": lambda event: any(
        recipient.age_band != "unknown" for recipient in event.recipients
    ),
    "author.age_band": lambda event: event.author.age_band != "unknown",
    "author.account_created_at": lambda event: event.author.account_created_at is not None,
    "jurisdiction": lambda event: event.jurisdiction is not None,
}
"""Optional fields that decide what can be found, or what may be scanned."""

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)
"""A time before `EARLIEST`, or further `AHEAD` of now, was rather read in the wrong unit."""

SHOWN_UNKNOWN = 20
LONGEST_NAME = 60
_KNOWN = frozenset(ContentEvent.__struct_fields__)
_REQUIRED = frozenset(
    field.name for field in msgspec.structs.fields(ContentEvent) if field.required
)
_object = msgspec.json.Decoder(dict[str, Raw])


class FieldTally:
    """Counts the accepted lines in which each field was found.

    With a mapping, also each path that it reads; without one, the top-level fields that no event
    has. Names of fields are kept, nothing of what they hold but the years in which times lie that
    are implausible at `now`.
    """

    def __init__(self, mapping: EventMapping | None, now: datetime) -> None:
        self.lines = 0
        self._latest = now + AHEAD
        self._years: Counter[int] = Counter()
        self._mapping = mapping
        self._paths = mapping.paths() if mapping is not None else {}
        self._told: Counter[str] = Counter()
        self._mapped: Counter[str] = Counter()
        self._unknown: Counter[str] = Counter()

    def add(self, value: bytes, event: ContentEvent) -> None:
        """Take in an accepted line and the event that it was read as."""
        self.lines += 1
        self._told.update(name for name, has in TOLD.items() if has(event))
        if not EARLIEST <= event.occurred_at <= self._latest:
            self._years[event.occurred_at.year] += 1
        if self._mapping is not None:
            data, attributes = value, {}
            if cloud_events.looks_structured(value):
                data, attributes, _ = cloud_events.from_body(value)
            self._mapped.update(self._mapping.found(data, attributes))
            return
        names = _names(value)
        if not names >= _REQUIRED and cloud_events.looks_structured(value):
            names = _names(cloud_events.from_body(value).data)
        self._unknown.update(names - _KNOWN)

    def summary(self) -> dict[str, object]:
        """For `--json`: lines by field, mapped paths that were never found, unknown fields,
        and lines with an implausible `occurred_at` by its year."""
        return {
            "found": {name: self._told[name] for name in TOLD},
            "never_found": self._never(),
            "unknown_fields": dict(self._unknown.most_common()),
            "implausible_years": {str(year): self._years[year] for year in sorted(self._years)},
        }

    def print(self, console: Console) -> None:
        """Say it; nothing where no line was accepted."""
        if not self.lines:
            return
        table = Table("field", "found in", title=f"Fields of {self.lines} accepted lines")
        table.columns[1].justify = "right"
        for name in TOLD:
            add_row(table, name, str(self._told[name]))
        console.print(table)
        for target, source in self._never().items():
            _say(console, f"{target} ← {source}: found in 0 of {self.lines} lines")
        if self._years:
            first, last = min(self._years), max(self._years)
            years = str(first) if first == last else f"{first} to {last}"
            unit = "is the mapping's unit right?" if self._mapping is not None else "is it right?"
            found = f"{self._years.total()} of {self.lines} lines"
            _say(console, f"occurred_at lies in {years} in {found}: {unit}")
        if self._unknown:
            named = [
                f"{name[:LONGEST_NAME]} ({count})"
                for name, count in self._unknown.most_common(SHOWN_UNKNOWN)
            ]
            more = len(self._unknown) - len(named)
            named += [f"and {more} more"] if more else []
            _say(console, f"unknown fields, not read: {', '.join(named)}")

    def _never(self) -> dict[str, str]:
        if not self.lines:
            return {}
        return {
            target: source for target, source in self._paths.items() if not self._mapped[target]
        }


def _names(document: bytes) -> set[str]:
    """The fields of an object; none where a name is not UTF-8, which readers of events skip."""
    try:
        return set(read_json(_object.decode, document))
    except DecodeFailure:
        return set()


def _say(console: Console, words: str) -> None:
    console.print(Text(visible(words)), soft_wrap=True)
