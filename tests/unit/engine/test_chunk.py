"""A chunk's pure part: nothing is lost, nothing is doubled, neighbours of a bad record go on."""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.contracts.dead_letter import BadRecord
from streams.contracts.envelope import Envelope
from streams.contracts.event import Author, ContentEvent
from streams.contracts.stage import DependencyUnavailable, StageResult, StateKey, StateValue
from streams.engine.chain import Chain, Outcome, Output
from streams.engine.chunk import decode_chunk, encode_chunk, run_chunk, state_keys

SECRET = "words that belong to a person"


class Record(NamedTuple):
    offset: int
    value: bytes | None
    timestamp: int = 1_700_000_000_000
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


def record(offset: int, conversation: str = "c", behaviour: str = "good") -> Record:
    return Record(offset, json.dumps([offset, conversation, behaviour]).encode())


def decode(source) -> Envelope:
    offset, conversation, behaviour = json.loads(source.value)
    if behaviour == "bad":
        raise BadRecord("wrong_type", "not what it should be", "$.kind")
    event = ContentEvent(
        event_id=str(offset),
        tenant="t",
        kind="created",
        occurred_at=__import__("datetime").datetime(2026, 1, 1),
        content_id=behaviour,
        surface="message",
        author=Author(id="a"),
        conversation_id=conversation,
    )
    return Envelope(event=event, received_at=source.timestamp)


class Counting:
    """Counts a conversation's events in its state, and raises on records that say so."""

    name = "text-risk"

    def keys(self, batch: Sequence[Envelope]) -> list[StateKey]:
        if any(e.event.content_id == "raises in keys" for e in batch):
            raise ValueError(SECRET)
        return [StateKey("conversation", e.event.conversation_id) for e in batch]

    def run(self, batch, state: Mapping[StateKey, StateValue]) -> StageResult:
        counts: dict[StateKey, int] = {}
        for envelope in batch:
            if envelope.event.content_id == "raises":
                raise ValueError(SECRET)
            key = StateKey("conversation", envelope.event.conversation_id)
            before = counts.get(key)
            if before is None:
                own = state[key].own if key in state else None
                before = int(own or b"0")
            counts[key] = before + 1
            envelope.degraded.append(str(counts[key]))
        return StageResult(batch, {key: str(n).encode() for key, n in counts.items()})


def encode(outcome: Outcome) -> list[Output]:
    outputs = []
    for place, envelope in zip(outcome.places, outcome.envelopes, strict=True):
        if envelope.event.content_id == "raises in encode":
            raise ValueError(SECRET)
        outputs.append(Output("out", None, envelope.event.event_id.encode(), [], place))
    return outputs


CHAIN = Chain([Counting()], decode, encode, lambda outcome: None)


def work(records, state=None):
    outcome = decode_chunk(CHAIN, records)
    state_keys(CHAIN, outcome)
    run_chunk(CHAIN, outcome, state or {})
    return outcome, encode_chunk(CHAIN, outcome)


BEHAVIOURS = ["good", "good", "good", "bad", "raises", "raises in keys", "raises in encode"]


@given(st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from(BEHAVIOURS)), max_size=40))
def test_every_record_ends_once_and_good_ones_see_only_their_own_history(script) -> None:
    records = [record(i, c, b) for i, (c, b) in enumerate(script)]
    outcome, outputs = work(records)

    assert sorted(outcome.places + [r.place for r in outcome.rejected]) == list(range(len(script)))
    assert outcome.places == sorted(outcome.places)
    good = [i for i, (_, b) in enumerate(script) if b == "good"]
    assert [int(o.value) for o in outputs] == good
    expected = {"bad": "wrong_type"}
    for rejected in outcome.rejected:
        behaviour = script[rejected.place][1]
        assert rejected.error.error == expected.get(behaviour, "internal_error")

    # The state that a good record sees is what its predecessors left, however the chunk was cut:
    # records that got as far as the stage count, those that failed before or in it do not.
    seen: dict[str, int] = {}
    for envelope, place in zip(outcome.envelopes, outcome.places, strict=True):
        conversation = script[place][0]
        before = [
            i for i in range(place + 1)
            if script[i][0] == conversation and script[i][1] in ("good", "raises in encode")
        ]  # fmt: skip
        assert envelope.degraded == [str(len(before))]
        seen[conversation] = len(before)


@given(
    st.lists(st.tuples(st.sampled_from("xy"), st.sampled_from(["good", "raises"])), min_size=1),
    st.data(),
)
def test_where_a_chunk_is_cut_changes_nothing(script, data) -> None:
    records = [record(i, c, b) for i, (c, b) in enumerate(script)]
    whole, _ = work(records)
    cut = data.draw(st.integers(0, len(records)))
    first, _ = work(records[:cut])
    state = {key: StateValue(value) for key, value in first.changes.items()}
    second, _ = work(records[cut:], state)
    marks = [e.degraded for e in first.envelopes] + [e.degraded for e in second.envelopes]
    assert marks == [e.degraded for e in whole.envelopes]
    assert {**first.changes, **second.changes} == whole.changes


def test_a_failure_that_passes_costs_no_record() -> None:
    class Flaky(Counting):
        failures = 1

        def run(self, batch, state):
            if self.failures:
                self.failures -= 1
                raise OSError(SECRET)
            return super().run(batch, state)

    chain = Chain([Flaky()], decode, encode, lambda outcome: None)
    outcome = decode_chunk(chain, [record(0), record(1)])
    run_chunk(chain, outcome, {})
    assert outcome.places == [0, 1]
    assert not outcome.rejected
    assert [e.degraded for e in outcome.envelopes] == [["1"], ["2"]]  # not counted twice


def test_a_dependency_that_is_away_reaches_the_caller() -> None:
    class Away(Counting):
        def run(self, batch, state):
            raise DependencyUnavailable("media store", "connection refused")

    chain = Chain([Away()], decode, encode, lambda outcome: None)
    outcome = decode_chunk(chain, [record(0)])
    with pytest.raises(DependencyUnavailable):
        run_chunk(chain, outcome, {})
    assert not outcome.rejected


def test_a_stage_that_breaks_its_contract_dead_letters_rather_than_loses() -> None:
    class Losing(Counting):
        def run(self, batch, state):
            return StageResult(batch[:-1])

    chain = Chain([Losing()], decode, encode, lambda outcome: None)
    outcome = decode_chunk(chain, [record(0), record(1)])
    run_chunk(chain, outcome, {})
    assert [r.error.error for r in outcome.rejected] == ["internal_error"] * 2


def test_the_text_of_an_exception_is_never_told(caplog) -> None:
    caplog.set_level(logging.DEBUG)
    outcome, _ = work([record(0, "c", b) for b in ("raises", "raises in keys", "raises in encode")])
    assert len(outcome.rejected) == 3
    assert caplog.records
    told = caplog.text + "".join(r.error.message for r in outcome.rejected)
    assert SECRET not in told
    assert "ValueError" in told
