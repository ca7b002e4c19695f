"""`Envelope`: an event on its way through the stages, with what they found so far.

Between fused stages it is handed on in memory; between workers it is the JSON value of
`content.hashed`, `content.matched` and `content.scored`.
"""

import msgspec
from msgspec import Struct

from streams.contracts.event import ContentEvent
from streams.contracts.signal import Signal
from streams.contracts.values import Scan


class Envelope(Struct, kw_only=True, omit_defaults=True, gc=False):
    """`received_at` is the time of the event's first record in milliseconds since the epoch, as
    the broker has it; it is every stage's `now`. Stages add to `signals` and may replace `event`
    (to drop bytes or text)."""

    event: ContentEvent
    received_at: int
    signals: list[Signal] = []
    scans_performed: list[Scan] = []
    scans_withheld: list[Scan] = []
    degraded: list[str] = []
    lists_version: str = ""


envelope_encoder = msgspec.json.Encoder()
envelope_decoder = msgspec.json.Decoder(Envelope)
