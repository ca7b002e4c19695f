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
from streams.engine.chain import Chain, Outcome, Output, Rejected, no_cost, nothing_to_count
from streams.engine.chunk import ChunkWork

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
        outputs.append(("out", None, envelope.event.event_id.encode(), [], place))
    return outputs


def chain_of(*stages, cost=no_cost) -> Chain:
    return Chain(stages, decode, cost, encode, nothing_to_count)


CHAIN = chain_of(Counting())


def work(records, state=None, chain=CHAIN, excluded=None, budget=0) -> tuple[Outcome, list[Output]]:
    chunk = ChunkWork(chain, records, excluded or {}, budget)
    keys = chunk.advance()
    while keys is not None:
        held = state or {}
        keys = chunk.advance({key: held.get(key, StateValue(None)) for key in keys})
    return chunk.result()


BEHAVIOURS = ["good", "good", "good", "bad", "raises", "raises in keys", "raises in encode"]


@given(st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from(BEHAVIOURS)), max_size=40))
def test_every_record_ends_once_and_good_ones_see_only_their_own_history(script) -> None:
    records = [record(i, c, b) for i, (c, b) in enumerate(script)]
    outcome, outputs = work(records)

    assert sorted(outcome.places + [r.place for r in outcome.rejected]) == list(range(len(script)))
    assert outcome.places == sorted(outcome.places)
    good = [i for i, (_, b) in enumerate(script) if b == "good"]
    assert [int(value) for _, _, value, _, _ in outputs] == good
    expected = {"bad": "wrong_type"}
    for rejected in outcome.rejected:
        behaviour = script[rejected.place][1]
        assert rejected.error.error == expected.get(behaviour, "internal_error")

    # The state that a good record sees is what its good predecessors left, however the chunk was
    # cut: what is dead-lettered leaves no trace.
    for envelope, place in zip(outcome.envelopes, outcome.places, strict=True):
        conversation = script[place][0]
        before = [
            i for i in range(place + 1)
            if script[i] == (conversation, "good")
        ]  # fmt: skip
        assert envelope.degraded == [str(len(before))]


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

    outcome, _ = work([record(0), record(1)], chain=chain_of(Flaky()))
    assert outcome.places == [0, 1]
    assert not outcome.rejected
    assert [e.degraded for e in outcome.envelopes] == [["1"], ["2"]]  # not counted twice
    assert outcome.internal_errors == {"text-risk": 1}


def test_a_dependency_that_is_away_reaches_the_caller() -> None:
    class Away(Counting):
        def run(self, batch, state):
            raise DependencyUnavailable("media store", "connection refused")

    with pytest.raises(DependencyUnavailable):
        work([record(0)], chain=chain_of(Away()))


@pytest.mark.parametrize("behaviour", ["good", "raises"])
def test_what_was_spoilt_under_a_chunk_keeps_all_its_results_back(behaviour: str) -> None:
    spoilt: list[bool] = []

    def check() -> None:
        if spoilt:
            raise DependencyUnavailable("lists", "written over")

    class Spoiling(Counting):
        def run(self, batch, state):
            spoilt.append(True)
            return super().run(batch, state)

    chain = chain_of(Spoiling())._replace(guard=lambda: check)
    chunk = ChunkWork(chain, [record(0), record(1, behaviour=behaviour)], {}, 0)

    def through() -> None:
        state = None
        while (keys := chunk.advance(state)) is not None:
            state = {key: StateValue(None, ()) for key in keys}

    with pytest.raises(DependencyUnavailable):
        through()
    with pytest.raises(RuntimeError, match="not done"):
        chunk.result()


def test_a_stage_that_breaks_its_contract_dead_letters_rather_than_loses() -> None:
    class Losing(Counting):
        def run(self, batch, state):
            return StageResult(batch[:-1])

    outcome, outputs = work([record(0), record(1)], chain=chain_of(Losing()))
    assert [r.error.error for r in outcome.rejected] == ["internal_error"] * 2
    assert outputs == []


class Marking(Counting):
    """A later stage, which names its state by what an earlier one found."""

    name = "enforcement"

    def keys(self, batch):
        return [StateKey("sender", e.degraded[0]) for e in batch]

    def run(self, batch, state):
        for envelope in batch:
            if envelope.event.content_id == "raises late":
                raise ValueError(SECRET)
            envelope.degraded.append((state[StateKey("sender", envelope.degraded[0])].own).decode())
        return StageResult(batch, {StateKey("sender", "seen"): b"yes"})


@given(st.lists(st.sampled_from(["good", "raises", "raises late"]), min_size=1, max_size=12))
def test_a_later_stage_names_state_by_what_an_earlier_one_found(behaviours) -> None:
    records = [record(i, "c", b) for i, b in enumerate(behaviours)]
    state = {StateKey("sender", str(n)): StateValue(f"state of {n}".encode()) for n in range(20)}
    outcome, _ = work(records, state, chain_of(Counting(), Marking()))
    good = [i for i, b in enumerate(behaviours) if b == "good"]
    assert outcome.places == good
    assert [e.degraded for e in outcome.envelopes] == [
        [str(n), f"state of {n}"] for n in range(1, len(good) + 1)
    ]
    expected = {
        i: "text-risk" if b == "raises" else "enforcement" for i, b in enumerate(behaviours)
    }
    assert all(expected[r.place] == r.stage for r in outcome.rejected)
    if good:
        key = StateKey("conversation", "c")
        assert outcome.changes[key] == str(len(good)).encode()


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.integers(1, 10))
def test_slow_work_is_taken_in_parts_that_lose_nothing(costs, budget) -> None:
    chain = chain_of(Counting(), cost=lambda e: costs[int(e.event.event_id)])
    records = [record(i) for i in range(len(costs))]
    done: list[int] = []
    while records:
        outcome, outputs = work(records, chain=chain, budget=budget)
        taken = outcome.records
        assert taken, "no progress"
        spent = [costs[r.offset] for r in taken]
        assert sum(spent) <= budget or len(taken) == 1 or spent[0] == sum(spent)
        done += [int(value) for _, _, value, _, _ in outputs]
        records = records[len(taken) :]
    assert done == list(range(len(costs)))


def test_records_that_are_excluded_become_dead_letters_unread() -> None:
    known = Rejected(0, BadRecord("not_utf8", "a header"), "read")
    outcome, outputs = work([record(5), record(6, "c", "raises"), record(7)], excluded={6: known})
    assert [r._replace(place=0) for r in outcome.rejected] == [known]
    assert outcome.rejected[0].place == 1
    assert len(outputs) == 2
    assert not outcome.internal_errors


def test_the_text_of_an_exception_is_never_told(caplog) -> None:
    caplog.set_level(logging.DEBUG)
    outcome, _ = work([record(0, "c", b) for b in ("raises", "raises in keys", "raises in encode")])
    assert len(outcome.rejected) == 3
    assert caplog.records
    told = caplog.text + "".join(r.error.message for r in outcome.rejected)
    assert SECRET not in told
    assert "ValueError" in told


class Forgetful(Counting):
    """Cannot read what is no number."""

    def run(self, batch, state: Mapping[StateKey, StateValue]) -> StageResult:
        read = {k: v for k, v in state.items() if (v.own or b"0").isdigit()}
        return super().run(batch, read)._replace(unreadable=state.keys() - read.keys())


@pytest.mark.parametrize("behaviour", ["good", "raises", "raises in encode"])
def test_state_that_cannot_be_read_is_told_once_a_chunk_by_its_number(caplog, behaviour) -> None:
    records = [record(n, c) for n, c in enumerate("xyzx")] + [record(4, "w", behaviour)]
    x, y, z, _ = keys = [StateKey("conversation", c) for c in "xyzw"]
    state = dict.fromkeys(keys, StateValue(b"1"))
    state[x] = StateValue(None, unreadable=True)
    state[y] = StateValue(b"no number")
    with caplog.at_level(logging.WARNING):
        outcome, _ = work(records, state, chain_of(Forgetful()))
    assert outcome.unreadable == {x, y}
    assert outcome.changes[x] == b"2"
    assert outcome.changes[y] == b"1"
    assert outcome.changes[z] == b"2"
    told = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert len(told) == 1
    assert told[0].startswith("2 values in the state store")
