"""The stage around enforcement that opens cases."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.contracts.case_record import CaseOpening
from streams.contracts.decision import Decision
from streams.contracts.envelope import Envelope
from streams.contracts.stage import CaseRecord, StageResult, state_key
from streams.stages.case_opening import CaseOpeningStage
from tests.unit.cases.occurrences import RECEIVED, decision, event, match, near, risk

KEY = state_key("sender", "acme", "a1")


class Deciding:
    """An enforcement stage that blocks for every signal, and holds state."""

    name = "enforcement"

    def keys(self, batch):
        return [KEY]

    def run(self, batch, state):
        decisions = [
            decision(e.event, e.signals)
            if e.signals
            else decision(e.event, [], action="allow", report=False)
            for e in batch
        ]
        return StageResult(batch, {KEY: b"1"}, decisions)


def envelope(number: int, *signals) -> Envelope:
    return Envelope(event=event(f"e{number}"), received_at=RECEIVED, signals=list(signals))


def run(batch) -> tuple[list[Decision], list[CaseRecord]]:
    result = CaseOpeningStage(Deciding()).run(batch, {})
    return list(result.decisions), list(result.cases)


def test_state_and_results_of_the_stage_within_are_kept() -> None:
    stage = CaseOpeningStage(Deciding())
    batch = [envelope(1, match()), envelope(2)]
    assert stage.keys(batch) == [KEY]
    result = stage.run(batch, {})
    assert result.changes == {KEY: b"1"}
    assert result.batch == batch
    assert [bool(d.case_id) for d in result.decisions] == [True, False]


SIGNALS = st.lists(st.sampled_from([match(), near(), risk(), match(role="observe")]), max_size=2)


@settings(deadline=None)
@given(st.lists(SIGNALS, max_size=8), st.integers(0, 8))
def test_batches_do_not_matter_and_each_case_is_its_envelopes(kinds, cut) -> None:
    batch = [envelope(number, *signals) for number, signals in enumerate(kinds)]
    decisions, cases = run(batch)
    first, second = run(batch[:cut]), run(batch[cut:])
    assert decisions == first[0] + second[0]
    assert [case.value for case in cases] == [case.value for case in first[1] + second[1]]
    for case in cases:
        opened = msgspec.json.decode(case.value, type=CaseOpening)
        assert opened.decision.event_id == batch[case.index].event.event_id
        assert opened.case_id == decisions[case.index].case_id
        assert case.key == opened.case_id.encode()
