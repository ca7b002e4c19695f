"""Whatever stands in the store, reading it gives a state that can be worked with, or none."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matchers.language.conversation import advance, score
from matchers.language.sender import (
    Opening,
    Sender,
    Window,
    approach,
    decode_sender,
    encode_sender,
    merge,
    opening_signature,
    score_sender,
)
from matchers.language.state import (
    VERSION,
    Conversation,
    Finding,
    Message,
    Participant,
    decode,
    encode,
)

START = 1_700_000_000_000
SAID = (Finding("exposure_threat", 0.9), Finding("payment_demand", 0.9), Finding("secrecy", 0.4))
WORDS = ["hello", "there", "new", "friend", "how", "is", "your", "day"]


def said(event: int) -> Message:
    return Message(event, Participant(1, "adult"), (Participant(2, "13_15"),), 1, SAID)


def conversation() -> Conversation:
    state: Conversation | None = None
    for event in range(1, 4):
        state = advance(state, said(event), START + event)
    assert state is not None
    return state


def sender() -> Sender:
    state: Sender | None = None
    for number in range(1, 5):
        state = approach(state, [(number * 7919, True)], opening_signature(WORDS), START)
    assert state is not None
    return state


def use_conversation(stored: bytes) -> None:
    state = decode(stored)
    after = advance(state, said(99), START + 99)
    assert after is not None
    encode(after)
    for person in after.people:
        assert score(after, person.key, START + 99).points >= 0


def use_sender(stored: bytes) -> None:
    state = decode_sender(stored)
    after = approach(state, [(5, True)], opening_signature(WORDS), START + 99)
    encode_sender(after)
    merged = merge([after, *([state] if state else [])])
    assert merged is not None
    assert score_sender(merged).points >= 0


KINDS = pytest.mark.parametrize(
    ("stored", "use"),
    [(encode(conversation()), use_conversation), (encode_sender(sender()), use_sender)],
    ids=["conversation", "sender"],
)


@KINDS
@given(data=st.binary(max_size=60))
def test_any_bytes_are_a_state_or_none(
    stored: bytes, use: Callable[[bytes], None], data: bytes
) -> None:
    use(data)
    use(stored[:2] + data)


@KINDS
def test_a_state_that_is_cut_is_none(stored: bytes, use: Callable[[bytes], None]) -> None:
    read = decode if use is use_conversation else decode_sender
    assert read(stored) is not None
    for end in range(len(stored)):
        assert read(stored[:end]) is None


@KINDS
def test_a_changed_byte_is_survived(stored: bytes, use: Callable[[bytes], None]) -> None:
    for place in range(len(stored)):
        for byte in (0x00, 0x01, 0x7F, 0x90, 0xC0, 0xC1, 0xCB, 0xCF, 0xD3, 0xDD, 0xFF):
            use(stored[:place] + bytes([byte]) + stored[place + 1 :])


@KINDS
@given(data=st.data())
def test_changed_bytes_are_survived(
    stored: bytes, use: Callable[[bytes], None], data: st.DataObject
) -> None:
    changed = bytearray(stored)
    places = st.integers(0, len(stored) - 1)
    for place in data.draw(st.lists(places, min_size=1, max_size=9)):
        changed[place] = data.draw(st.integers(0, 255))
    use(bytes(changed))


def test_numbers_that_cannot_be_reckoned_with_are_damage() -> None:
    sound = msgspec.to_builtins(conversation())
    assert decode(msgspec.msgpack.encode(sound)) is not None
    people, strengths = 5, 8
    for place, bad in ((0, 200), (1, float("nan")), (1, float("inf")), (1, -0.5), (2, 2**64 - 1)):
        whole = msgspec.msgpack.decode(msgspec.msgpack.encode(sound))
        whole[people][0][strengths][0][place] = bad
        assert decode(msgspec.msgpack.encode(whole)) is None
    whole = msgspec.msgpack.decode(msgspec.msgpack.encode(sound))
    whole[3] = 2**64 - 1  # the count, whose next one cannot be stored
    assert decode(msgspec.msgpack.encode(whole)) is None


@pytest.mark.parametrize(
    "window",
    [
        Window(1, recipients=b"\1" * 200),
        Window(1, openings=(Opening(b"\1\1", 1),)),
        Window(1, openings=(Opening(b"\1" * 40, 1),)),
        Window(1, openings=(Opening(b"\1" * 32, -1),)),
    ],
    ids=["long bitmap", "short signature", "long signature", "negative bitmap"],
)
def test_a_senders_fields_of_a_wrong_size_are_damage(window: Window) -> None:
    assert decode_sender(encode_sender(Sender(1, START, window, Window(0)))) is None


def test_more_nesting_than_can_be_read_is_damage() -> None:
    deep = b"\x9d" + bytes([VERSION]) + b"\x91" * 100_000
    assert decode(deep) is None
    assert decode_sender(deep) is None
