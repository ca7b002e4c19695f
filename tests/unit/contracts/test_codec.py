import contextlib
import json
import uuid
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.contracts.codec import (
    decision_headers,
    decode_envelope,
    encode_dead_letter,
    encode_decision,
    encode_envelope,
    hop_headers,
)
from streams.contracts.dead_letter import BadRecord, DeadLetter
from streams.contracts.decision import (
    DECISION_NAMESPACE,
    Decision,
    decision_id,
    decision_name,
)
from tests.unit.contracts.samples import DEAD_LETTER, DECISION, ENVELOPE


def test_an_envelope_survives_a_hop():
    assert decode_envelope(encode_envelope(ENVELOPE)) == ENVELOPE


def test_a_decision_and_a_dead_letter_are_json():
    assert msgspec.json.decode(encode_decision(DECISION), type=Decision) == DECISION
    assert msgspec.json.decode(encode_dead_letter(DEAD_LETTER), type=DeadLetter) == DEAD_LETTER


def changed(**changes: Any) -> bytes:
    return json.dumps({**json.loads(encode_envelope(ENVELOPE)), **changes}).encode()


@pytest.mark.parametrize(
    ("value", "error", "field"),
    [
        (None, "empty", None),
        (b"", "empty", None),
        (b"{", "not_json", None),
        (b"{}", "missing_field", "$.event"),
        (changed(received_at="x"), "wrong_type", "$.received_at"),
        (changed(event={"schema_version": 9}), "unknown_schema_version", "$.event.schema_version"),
        (changed(signals=[{"type": "words"}]), "invalid_value", "$.signals[0].type"),
        (changed(signals=[{}]), "missing_field", "$.signals[0].type"),
        (changed(signals=[{"type": 1}]), "wrong_type", "$.signals[0].type"),
    ],
)
def test_what_is_no_envelope_is_refused(value: bytes | None, error: str, field: str | None):
    with pytest.raises(BadRecord) as caught:
        decode_envelope(value)
    assert (caught.value.error, caught.value.field) == (error, field)
    assert "words" not in caught.value.message


def test_an_unknown_kind_of_signal_is_answered_with_the_known_ones():
    with pytest.raises(BadRecord, match="hash_match, media_error, provenance"):
        decode_envelope(changed(signals=[{"type": "words"}]))


@given(st.integers(0, 3000), st.binary(max_size=8))
def test_a_damaged_envelope_is_an_envelope_or_a_refusal(at: int, damage: bytes):
    value = bytearray(encode_envelope(ENVELOPE))
    value[at : at + len(damage)] = damage
    with contextlib.suppress(BadRecord):
        decode_envelope(bytes(value))


def test_headers_carry_the_trace_and_what_consumers_filter_by():
    received = [("traceparent", b"00-1-2-01"), ("ce_id", b"x"), ("seawall-action", b"allow")]
    assert hop_headers(received) == [("traceparent", b"00-1-2-01")]
    assert hop_headers([("traceparent", None)]) == []
    assert decision_headers(DECISION, received) == [
        ("seawall-action", b"hold"),
        ("seawall-priority", b"1"),
        ("traceparent", b"00-1-2-01"),
    ]


@given(st.text(), st.text(), st.integers(0, 99))
def test_decision_ids_are_version_5_uuids(tenant: str, event_id: str, revision: int):
    name = decision_name(tenant, event_id, revision)
    assert decision_id(tenant, event_id, revision) == str(uuid.uuid5(DECISION_NAMESPACE, name))


def test_decision_ids_of_shifted_parts_differ():
    assert decision_id("a", "bc") != decision_id("ab", "c")
    assert decision_id("a", "b1") != decision_id("a", "b", 11)
