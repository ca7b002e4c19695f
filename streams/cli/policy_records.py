"""Events, envelopes and decisions in files, as `seawall policy explain` and `replay` read them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from streams.cli.options import fail
from streams.cli.tables import visible
from streams.contracts.dead_letter import BadRecord
from streams.contracts.decision import Decision
from streams.contracts.decoding import EventDecoder
from streams.contracts.envelope import Envelope
from streams.contracts.event import ContentEvent
from streams.contracts.lone_surrogates import read_json
from streams.contracts.mapping import EventMapping
from streams.contracts.refusal import DecodeFailure
from streams.policy.recorded import event_of, uncountable

MAX_BYTES = 16 << 20
"""Of one record: more than any topic takes. No more of a file or a line is ever held."""
_FIELDS = dict[str, msgspec.Raw]
_fields = msgspec.json.Decoder(_FIELDS)
_LATEST_MS = 253_402_300_799_999
"""The end of the year 9999, the last that a decision can name."""


class _Kept(msgspec.Struct):
    """What counts of a line of the archive (`streams.kafka.archive.Line`)."""

    value: msgspec.Raw


_kept = msgspec.json.Decoder(_Kept)


def envelope_of(decision: Decision) -> Envelope:
    """What a policy judges again of a recorded decision: its signals and facts. A time before
    1970 stands for 1970."""
    ms = min(max(round(decision.decided_at.timestamp() * 1000), 0), _LATEST_MS)
    return Envelope(
        event=event_of(decision, datetime.fromtimestamp(ms / 1000, UTC)),
        received_at=ms,
        signals=list(decision.signals),
    )


def decisions_in(path: Path) -> Iterator[Decision]:
    """The decisions of a file, one a line, as on their topic or as `seawall archive` keeps them;
    blank lines are passed over. Ends the command at the first that is none, with its line and
    field."""
    try:
        with path.open("rb") as lines:
            number = 0
            while line := lines.readline(MAX_BYTES + 1):
                number += 1
                if len(line) > MAX_BYTES:
                    fail(f"{visible(str(path))}:{number}: is longer than {MAX_BYTES} bytes")
                if line.strip():
                    yield _decision(_record(line), f"{path}:{number}")
    except OSError as error:
        fail(f"{visible(str(path))}: cannot be read: {error.strerror}")


def envelope_in(path: Path, mapping: EventMapping | None = None) -> Envelope:
    """The event, envelope or decision that a file holds, as an envelope; with a mapping, the event
    in a platform's own JSON. Ends the command when it is none of these."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        fail(f"{visible(str(path))}: cannot be read: {error.strerror}")
    where = str(path)
    if len(content) > MAX_BYTES:
        fail(f"{visible(where)}: is longer than {MAX_BYTES} bytes")
    if (count := _records(content)) > 1:
        fail(f"{visible(where)}: holds {count} records, one a line: give a file with one of them")
    if mapping is not None:
        return _alone(_mapped(content, mapping, where))
    fields = _decoded(content, _FIELDS, where)
    if "decision_id" in fields:
        return envelope_of(_decision(content, where))
    if "event" in fields:
        envelope = _decoded(content, Envelope, where)
        _refuse_uncountable(uncountable(None, envelope.signals), where)
        return envelope
    return _alone(_decoded(content, ContentEvent, where))


def _alone(event: ContentEvent) -> Envelope:
    return Envelope(event=event, received_at=int(event.occurred_at.timestamp() * 1000))


def _mapped(content: bytes, mapping: EventMapping, where: str) -> ContentEvent:
    try:
        return EventDecoder(mapping, MAX_BYTES).decode(content)
    except BadRecord as refusal:
        place = f"{refusal.field}: " if refusal.field else ""
        fail(visible(f"{where}: {place}{refusal.message}"))


def _records(content: bytes) -> int:
    """How many lines there are, where the first is a record by itself; else 1."""
    lines = [line for line in content.splitlines() if line.strip()]
    try:
        read_json(_fields.decode, lines[0] if lines else b"")
    except DecodeFailure:
        return 1
    return len(lines)


def _record(line: bytes) -> bytes:
    """What a line of the archive holds; any other line as it is."""
    if not line.startswith(b'{"offset":'):
        return line
    try:
        return bytes(read_json(_kept.decode, line).value)
    except DecodeFailure:
        return line


def _decision(line: bytes, where: str) -> Decision:
    decision = _decoded(line, Decision, where)
    _refuse_uncountable(uncountable(decision.event_facts, decision.signals), where)
    return decision


def _decoded(content: bytes, kind: Any, where: str) -> Any:
    try:
        return read_json(msgspec.json.Decoder(kind).decode, content)
    except DecodeFailure as error:
        fail(visible(f"{where}: {_why(error)}"))


def _why(error: Exception) -> str:
    return "is nested too deeply" if isinstance(error, RecursionError) else str(error)


def _refuse_uncountable(path: str | None, where: str) -> None:
    if path is not None:
        fail(f"{visible(where)}: {path}: is too large a number")
