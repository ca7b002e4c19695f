"""From a Kafka record's value and headers to a `ContentEvent`, or to a `BadRecord`.

Of a key that a JSON object repeats, the last one counts (as in Python and in browsers), and
unknown fields are skipped. A byte that is no UTF-8 in a skipped field is skipped with it. A lone
surrogate escape reads as U+FFFD wherever it is, in ids too.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from streams.contracts import cloud_events
from streams.contracts.dead_letter import BadRecord
from streams.contracts.event import RECIPIENTS_CAP, ContentEvent, Recipient
from streams.contracts.lone_surrogates import without_lone_surrogates
from streams.contracts.mapping import EventMapping
from streams.contracts.refusal import DecodeFailure, refuse
from streams.contracts.values import MINOR_BANDS

MAX_EVENT_BYTES = 1_048_576
"""The default bound of a value's size: Kafka's own default for a batch, 1 MiB."""

PROBE_HEADER = "seawall-probe"
PROBE_TENANT = "seawall-canary"
"""The canary's: its records carry that header, and its events belong to that tenant."""


class EventDecoder:
    """Decodes the events of one input topic.

    Read are plain JSON, CloudEvents 1.0 in binary and in structured mode (the latter also when
    only the body shows it), and with a `mapping` a platform's own JSON instead of ours, plain or
    as a CloudEvent's data. A record with `PROBE_HEADER` is plain JSON whatever the mapping, and
    must be of `PROBE_TENANT`, so that no platform's event goes around its mapping. A value longer
    than `max_bytes` is refused unread.
    """

    def __init__(
        self, mapping: EventMapping | None = None, max_bytes: int = MAX_EVENT_BYTES
    ) -> None:
        self.mapping = mapping
        self.max_bytes = max_bytes
        self._decode = msgspec.json.Decoder(ContentEvent).decode

    def decode(
        self, value: bytes | None, headers: Sequence[tuple[str, bytes | None]] = ()
    ) -> ContentEvent:
        """The event; raises `BadRecord`, and nothing else, when there is none.

        What is returned encodes to JSON again. At most `RECIPIENTS_CAP` recipients are kept,
        those under 18 before others; `recipient_count` is then at least their true number.
        """
        if not value:
            raise BadRecord("empty", "the record has no value")
        if len(value) > self.max_bytes:
            raise BadRecord(
                "too_large", f"the value has {len(value)} bytes, more than {self.max_bytes}"
            )
        for name, _ in headers:
            if name == PROBE_HEADER:
                return self._decode_probe(value)
            if name[:3] == "ce_" or name.lower() == "content-type":
                cloud_event = cloud_events.from_headers(value, headers)
                if cloud_event is not None:
                    return self._decode_cloud_event(cloud_event)
                break
        if self.mapping is not None:
            if cloud_events.looks_structured(value):
                return self._decode_cloud_event(cloud_events.from_body(value))
            return _checked(self.mapping.read(value))
        try:
            event = self._decode(value)
        except DecodeFailure as error:
            mended = without_lone_surrogates(value)
            if mended != value:
                return self.decode(mended, headers)
            if cloud_events.looks_structured(value):
                return self._decode_cloud_event(cloud_events.from_body(value))
            raise _refuse(error, value) from None
        return _checked(event)

    def _decode_probe(self, value: bytes) -> ContentEvent:
        try:
            event = self._decode(value)
        except DecodeFailure as error:
            mended = without_lone_surrogates(value)
            if mended != value:
                return self._decode_probe(mended)
            raise _refuse(error, value) from None
        if event.tenant != PROBE_TENANT:
            raise BadRecord(
                "invalid_value",
                f"a record with the header {PROBE_HEADER} must be of the tenant {PROBE_TENANT}",
                "$.tenant",
            )
        return _checked(event)

    def _decode_cloud_event(self, cloud_event: cloud_events.CloudEventData) -> ContentEvent:
        try:
            if self.mapping is not None:
                event = self.mapping.read(cloud_event.data, cloud_event.attributes)
            else:
                try:
                    event = self._decode(cloud_event.data)
                except DecodeFailure as error:
                    mended = without_lone_surrogates(cloud_event.data)
                    if mended != cloud_event.data:
                        return self._decode_cloud_event(cloud_event._replace(data=mended))
                    raise _refuse(error, cloud_event.data) from None
            return _checked(event)
        except BadRecord as refusal:
            if cloud_event.path == "$":
                raise
            field = cloud_event.path + (refusal.field or "$")[1:]
            raise BadRecord(refusal.error, refusal.message, field) from None


def _refuse(error: Exception, value: bytes) -> BadRecord:
    if value.isspace():
        return BadRecord("empty", "the record holds nothing but white space")
    return refuse(error, ContentEvent, value)


def _checked(event: ContentEvent) -> ContentEvent:
    """The event with what its type does not promise: a bounded list, times that exist in UTC."""
    if not 1 < event.occurred_at.year < 9999:
        _require_utc(event.occurred_at, "$.occurred_at")
    created = event.author.account_created_at
    if created is not None and not 1 < created.year < 9999:
        _require_utc(created, "$.author.account_created_at")
    if len(event.recipients) > RECIPIENTS_CAP:
        count = max(event.recipient_count or 0, len(event.recipients))
        kept = _kept(event.recipients)
        return msgspec.structs.replace(event, recipients=kept, recipient_count=count)
    return event


def _kept(recipients: Sequence[Recipient]) -> list[Recipient]:
    """As many as may stay, in their order: where a child is hides no child."""
    first = sorted(
        range(len(recipients)), key=lambda place: recipients[place].age_band not in MINOR_BANDS
    )
    return [recipients[place] for place in sorted(first[:RECIPIENTS_CAP])]


def _require_utc(time: datetime, field: str) -> None:
    try:
        time.astimezone(UTC)
    except OverflowError:
        raise BadRecord(
            "invalid_value", "is not within the years 1 to 9999 in UTC", field
        ) from None
