"""The pure part of a chunk's life: decode, stages, encode.

Everything here runs in a thread, off the event loop, and knows no Kafka client. A record that
makes anything raise is found by bisection and rejected; its neighbours go on.
"""

import logging
import time
import traceback
from collections.abc import Generator, Mapping, Sequence

from streams.contracts.dead_letter import BadRecord
from streams.contracts.envelope import Envelope
from streams.contracts.stage import (
    DependencyUnavailable,
    Stage,
    StageResult,
    StateKey,
    StateValue,
)
from streams.engine.chain import Chain, Outcome, Output, Rejected, SourceRecord, unguarded

log = logging.getLogger(__name__)

State = dict[StateKey, StateValue]
Work = Generator[list[StateKey], State, tuple[Outcome, list[Output]]]


class ChunkWork:
    """A chunk on its way through a chain, step by step.

    `advance` goes on until a stage names state: it gives the keys, and is called again with their
    values; or until all is done: it gives None, and `result` is there. Stages that need no state
    are passed in one step. When a chunk's slow work exceeds `budget`, only the
    records up to there are taken: `outcome.records` says which. `excluded` are rejections known
    before, by offset.

    `advance` raises `DependencyUnavailable` when something is away: start anew later; and what
    the chain's guard raises.
    """

    def __init__(
        self,
        chain: Chain,
        records: Sequence[SourceRecord],
        excluded: Mapping[int, Rejected],
        budget: int,
    ) -> None:
        self._work = _whole(chain, records, dict(excluded), budget)
        self._guard = chain.guard
        self._check = unguarded()
        self._started = False
        self._result: tuple[Outcome, list[Output]] | None = None

    def advance(self, state: State | None = None) -> list[StateKey] | None:
        """See the class. `state` holds the values of the keys that the call before gave."""
        try:
            if not self._started:
                self._started = True
                self._check = self._guard()
                return next(self._work)
            return self._work.send(state or {})
        except StopIteration as done:
            result = done.value
        self._check()
        self._result = result
        return None

    def result(self) -> tuple[Outcome, list[Output]]:
        """The outcome and what to produce, once: nothing of the chunk is kept here."""
        result, self._result = self._result, None
        if result is None:
            raise RuntimeError("the chunk is not done, or its result was taken")
        if unreadable := result[0].unreadable:
            log.warning(
                "%d values in the state store could not be read (damaged, or of another version) "
                "and are forgotten: what they belong to starts anew",
                len(unreadable),
            )
        return result


def _whole(
    chain: Chain, records: Sequence[SourceRecord], excluded: dict[int, Rejected], budget: int
) -> Work:
    errors: dict[str, int] = {}
    while True:
        outcome = _decode(chain, records, excluded, budget)
        outcome.internal_errors = errors
        for stage in chain.stages:
            if outcome.places:
                yield from _pass(chain, stage, outcome)
        try:
            return outcome, chain.encode(outcome)
        except Exception as failure:
            _log_failure("encode", None, failure)
        # Results that cannot be encoded must leave no trace: the rest is done again without.
        stage = chain.stages[-1].name if chain.stages else "encode"
        found = _unencodable(chain, outcome)
        if not found:
            return outcome, chain.encode(outcome)
        for offset, error in found:
            errors[stage] = errors.get(stage, 0) + 1
            excluded[offset] = Rejected(0, internal_error(error), stage)


def _decode(
    chain: Chain, records: Sequence[SourceRecord], excluded: Mapping[int, Rejected], budget: int
) -> Outcome:
    outcome = Outcome(records)
    stage = chain.stages[0].name if chain.stages else "decode"
    decode, cost = chain.decode, chain.cost
    add_place, add = outcome.places.append, outcome.envelopes.append
    spent = 0
    for place, record in enumerate(records):
        known = excluded.get(record.offset) if excluded else None
        if known is not None:
            outcome.rejected.append(known._replace(place=place))
            continue
        try:
            envelope = decode(record)
            spent += cost(envelope)
        except BadRecord as error:
            outcome.rejected.append(Rejected(place, error, stage))
            continue
        except Exception as error:
            _log_failure("decode", record.offset, error)
            outcome.rejected.append(Rejected(place, internal_error(error), stage))
            continue
        if spent > budget and outcome.places:
            outcome.records = records[:place]
            break
        add(envelope)
        add_place(place)
    return outcome


def _pass(chain: Chain, stage: Stage, outcome: Outcome) -> Generator[list[StateKey], State, None]:
    """Take the outcome's envelopes through one stage."""
    started = time.perf_counter()
    waited = 0.0
    try:
        keys = list(dict.fromkeys(stage.keys(outcome.envelopes)))
        state: State = {}
        if keys:
            asked = time.perf_counter()
            state = yield keys
            outcome.unreadable.update(_unreadable(state))
            waited = time.perf_counter() - asked
        _take(outcome, _checked(stage, outcome.envelopes, state))
    except DependencyUnavailable:
        raise
    except Exception as error:
        _log_failure(f"{stage.name}, a chunk of {len(outcome.places)}", None, error)
        yield from _one_by_one(chain, stage, outcome)
    spent = time.perf_counter() - started - waited
    outcome.stage_seconds[stage.name] = outcome.stage_seconds.get(stage.name, 0.0) + spent


def _one_by_one(
    chain: Chain, stage: Stage, outcome: Outcome
) -> Generator[list[StateKey], State, None]:
    """Find the records that a stage fails on, by bisection, and reject those.

    Stages add to envelopes in place and their effects cannot be taken back, so that every try
    starts from the records, through the stages before. What those stages had decided is the same
    again: they depend on the record and the state alone.
    """
    outcome.internal_errors[stage.name] = outcome.internal_errors.get(stage.name, 0) + 1
    before = chain.stages[: list(chain.stages).index(stage)]
    places, outcome.places = outcome.places, []
    outcome.envelopes, outcome.decisions, outcome.cases = [], [], []
    outcome.changes = {}
    state: State = {}
    rejected_at: dict[int, Rejected] = {}
    pending = [places]
    while pending:
        part = pending.pop()
        envelopes = [chain.decode(outcome.records[place]) for place in part]
        missing: list[StateKey] = []
        try:
            trial = Outcome(outcome.records, part, envelopes)
            for each in (*before, stage):
                keys = list(dict.fromkeys(each.keys(trial.envelopes)))
                missing = [key for key in keys if key not in state]
                if missing:
                    state.update((yield missing))
                    outcome.unreadable.update(_unreadable(state))
                _take(trial, _checked(each, trial.envelopes, state))
        except DependencyUnavailable:
            raise
        except Exception as error:
            if len(part) > 1:
                middle = len(part) // 2
                pending += [part[middle:], part[:middle]]
                continue
            place = part[0]
            _log_failure(stage.name, outcome.records[place].offset, error)
            errors = outcome.internal_errors
            errors[stage.name] = errors.get(stage.name, 0) + 1
            rejected_at[place] = Rejected(place, internal_error(error), stage.name, attempts=3)
            continue
        outcome.places += trial.places
        outcome.envelopes += trial.envelopes
        outcome.decisions += trial.decisions
        outcome.cases += trial.cases
        outcome.changes.update(trial.changes)
        outcome.unreadable |= trial.unreadable
        for key, value in trial.changes.items():
            state[key] = StateValue(value, state[key].others if key in state else ())
    outcome.rejected += rejected_at.values()


def _checked(stage: Stage, batch: Sequence[Envelope], state: State) -> StageResult:
    result = stage.run(batch, state)
    size = len(batch)
    if len(result.batch) != size or len(result.decisions) not in (0, size):
        raise RuntimeError(
            f"{stage.name} broke its contract: {size} envelopes in, {len(result.batch)} out, "
            f"{len(result.decisions)} decisions"
        )
    return result


def _take(outcome: Outcome, result: StageResult) -> None:
    outcome.envelopes = list(result.batch)
    outcome.decisions += result.decisions
    outcome.cases += [(outcome.places[case.index], case) for case in result.cases]
    outcome.changes.update(result.changes)
    outcome.unreadable.update(result.unreadable)


def _unreadable(state: State) -> list[StateKey]:
    return [key for key, value in state.items() if value.unreadable]


def _unencodable(chain: Chain, outcome: Outcome) -> list[tuple[int, Exception]]:
    bad: list[tuple[int, Exception]] = []
    for position, place in enumerate(outcome.places):
        one = Outcome(
            outcome.records,
            [place],
            [outcome.envelopes[position]],
            outcome.decisions[position : position + 1],
            [case for case in outcome.cases if case[0] == place],
        )
        try:
            chain.encode(one)
        except Exception as error:
            bad.append((outcome.records[place].offset, error))
    return bad


def internal_error(error: Exception) -> BadRecord:
    """A rejection for a defect. The exception's text may hold content: only its type is told."""
    return BadRecord("internal_error", type(error).__name__)


def _log_failure(where: str, offset: int | None, error: Exception) -> None:
    # Without the exception's text, which may hold content.
    frames = "".join(traceback.format_tb(error.__traceback__))
    at = "" if offset is None else f" at offset {offset}"
    log.error("%s in %s%s\n%s", type(error).__name__, where, at, frames)
