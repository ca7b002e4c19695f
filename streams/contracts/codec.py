"""What travels between workers and out of the pipeline: values and headers.

Headers are Kafka's: a name and bytes. `traceparent` (W3C Trace Context) is carried from the event
through every hop to the decision, unread.
"""

from collections.abc import Iterable
from functools import cache

import msgspec

from streams.contracts.dead_letter import BadRecord, DeadLetter
from streams.contracts.decision import Decision, DecisionKind
from streams.contracts.envelope import Envelope, envelope_decoder, envelope_encoder
from streams.contracts.lone_surrogates import read_json
from streams.contracts.refusal import DecodeFailure, refuse
from streams.contracts.values import Action, Priority

ACTION_HEADER = "seawall-action"
"""The decision's action, so that a consumer can pick decisions without reading their values."""
PRIORITY_HEADER = "seawall-priority"
"""The decision's priority as a digit, `0` to `4`."""
KIND_HEADER = "seawall-kind"
"""`amendment` or `reversal`; an original decision goes without. A reversal may allow, and is to be
read by those who leave out what is allowed."""
TRACEPARENT_HEADER = "traceparent"

Headers = list[tuple[str, bytes]]

_encoder = msgspec.json.Encoder()


def encode_envelope(envelope: Envelope) -> bytes:
    """The value of a record on `content.hashed`, `content.matched` or `content.scored`."""
    return envelope_encoder.encode(envelope)


def decode_envelope(value: bytes | None) -> Envelope:
    """The envelope in such a record's value; raises `BadRecord`, and nothing else."""
    if not value:
        raise BadRecord("empty", "the record has no value")
    try:
        return read_json(envelope_decoder.decode, value)
    except DecodeFailure as error:
        raise refuse(error, Envelope, value) from None


def encode_decision(decision: Decision) -> bytes:
    """The value of a record on `enforcement.decisions` and `enforcement.urgent`."""
    return _encoder.encode(decision)


def encode_dead_letter(dead_letter: DeadLetter) -> bytes:
    """The value of a record on `seawall.dead-letters`."""
    return _encoder.encode(dead_letter)


def hop_headers(received: Iterable[tuple[str, bytes | None]]) -> Headers:
    """Of a record's headers those that the record made from it carries on."""
    return [
        (name, value)
        for name, value in received
        if name == TRACEPARENT_HEADER and value is not None
    ]


def decision_headers(decision: Decision, received: Iterable[tuple[str, bytes | None]]) -> Headers:
    """The headers of a decision's record, made from a record with `received`."""
    said = _said_in_headers(decision.action, decision.priority, decision.kind)
    return [*said, *hop_headers(received)]


@cache
def _said_in_headers(action: Action, priority: Priority, kind: DecisionKind) -> Headers:
    said = [(ACTION_HEADER, action.encode()), (PRIORITY_HEADER, b"%d" % priority)]
    return said if kind == "original" else [*said, (KIND_HEADER, kind.encode())]
