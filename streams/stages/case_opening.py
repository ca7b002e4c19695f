"""Opens cases: the enforcement stage, and what of its decisions goes to `enforcement.cases`."""

from collections.abc import Mapping, Sequence

from streams.cases.opening import opened_cases
from streams.contracts.envelope import Envelope
from streams.contracts.stage import Stage, StageResult, StateKey, StateValue
from streams.contracts.values import StageName


class CaseOpeningStage:
    """A stage around the enforcement stage that adds case records to its result, and `case_id` to
    the decisions that they are of."""

    name: StageName = "enforcement"

    def __init__(self, enforcement: Stage) -> None:
        self._enforcement = enforcement

    def keys(self, batch: Sequence[Envelope]) -> Sequence[StateKey]:
        """Those of the stage within."""
        return self._enforcement.keys(batch)

    def run(self, batch: Sequence[Envelope], state: Mapping[StateKey, StateValue]) -> StageResult:
        """The result of the stage within, with its cases."""
        result = self._enforcement.run(batch, state)
        decisions, cases = opened_cases(result.batch, result.decisions)
        return result._replace(decisions=decisions, cases=[*result.cases, *cases])
