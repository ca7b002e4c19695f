"""The pure part of a chunk's life: decode, stages, encode.

Everything here runs in a thread, off the event loop, and knows no Kafka client. A record that
makes anything raise is found by bisection and rejected; its neighbours go on.
"""

import logging
import time
import traceback
from collections.abc import Mapping, Sequence

from streams.contracts.dead_letter import BadRecord
from streams.contracts.decision import Decision
from streams.contracts.envelope import Envelope
from streams.contracts.stage import (
    CaseRecord,
    DependencyUnavailable,
    StageResult,
    StateKey,
    StateValue,
)
from streams.engine.chain import Chain, Outcome, Output, Rejected, SourceRecord

log = logging.getLogger(__name__)


def decode_chunk(chain: Chain, records: Sequence[SourceRecord]) -> Outcome:
    """Decode every record: into an envelope or, when it is bad, into `rejected`."""
    outcome = Outcome(records)
    decode, add_place, add = chain.decode, outcome.places.append, outcome.envelopes.append
    for place, record in enumerate(records):
        try:
            add(decode(record))
            add_place(place)
        except BadRecord as error:
            outcome.rejected.append(Rejected(place, error))
        except Exception as error:
            _log_failure("decode", record.offset, error)
            outcome.internal_errors += 1
            outcome.rejected.append(Rejected(place, internal_error("decode", error)))
    return outcome


def state_keys(chain: Chain, outcome: Outcome) -> list[StateKey]:
    """All state that the stages name for this chunk, each key once."""
    try:
        return list(dict.fromkeys(k for s in chain.stages for k in s.keys(outcome.envelopes)))
    except Exception as failure:
        _log_failure("keys", None, failure)
        seen: dict[StateKey, None] = {}
        for position in range(len(outcome.places) - 1, -1, -1):
            try:
                for stage in chain.stages:
                    seen.update(dict.fromkeys(stage.keys([outcome.envelopes[position]])))
            except Exception as error:
                outcome.internal_errors += 1
                outcome.drop(position, internal_error("keys", error))
        return list(seen)


def run_chunk(chain: Chain, outcome: Outcome, state: Mapping[StateKey, StateValue]) -> None:
    """Run the stages over a decoded outcome, and fill it.

    When a stage raises, the records are decoded and run once more, then bisected until the one
    that fails is known; it is rejected as `internal_error` and the others go on, each with the
    state that its predecessors left.

    Raises:
        DependencyUnavailable: something is away; decode anew and run again later.
    """
    if not outcome.places:
        return
    try:
        _take(outcome, _run(chain, outcome.envelopes, state, outcome.stage_seconds))
        return
    except DependencyUnavailable:
        raise
    except Exception as error:
        _log_failure(f"stages, chunk of {len(outcome.places)}", None, error)
        outcome.internal_errors += 1
    places, outcome.places, outcome.envelopes = outcome.places, [], []
    _bisect(chain, outcome, places, dict(state))


def encode_chunk(chain: Chain, outcome: Outcome) -> list[Output]:
    """The records to produce; a record whose result cannot be encoded is rejected."""
    try:
        return chain.encode(outcome)
    except Exception as failure:
        _log_failure("encode", None, failure)
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
            bad.append((position, error))
    for position, error in reversed(bad):
        outcome.internal_errors += 1
        outcome.drop(position, internal_error("encode", error))
    return chain.encode(outcome)


def internal_error(where: str, error: Exception) -> BadRecord:
    """A rejection for a defect. The exception's text may hold content: only its type is told."""
    return BadRecord("internal_error", f"{type(error).__name__} in {where}")


def _bisect(
    chain: Chain, outcome: Outcome, places: list[int], state: dict[StateKey, StateValue]
) -> None:
    # Stages add to envelopes in place, so that every try starts from the record.
    envelopes = [chain.decode(outcome.records[place]) for place in places]
    try:
        result = _run(chain, envelopes, state, outcome.stage_seconds)
    except DependencyUnavailable:
        raise
    except Exception as error:
        if len(places) > 1:
            middle = len(places) // 2
            _bisect(chain, outcome, places[:middle], state)
            _bisect(chain, outcome, places[middle:], state)
            return
        _log_failure("stages", outcome.records[places[0]].offset, error)
        outcome.internal_errors += 1
        outcome.rejected.append(Rejected(places[0], internal_error("stages", error), attempts=3))
        return
    outcome.places.extend(places)
    outcome.envelopes.extend(envelopes)
    _take(outcome, result)
    for key, value in result.changes.items():
        state[key] = StateValue(value, state[key].others if key in state else ())


def _take(outcome: Outcome, result: StageResult) -> None:
    outcome.envelopes[-len(result.batch) :] = result.batch
    outcome.decisions.extend(result.decisions)
    places = outcome.places[-len(result.batch) :]
    outcome.cases.extend((places[case.index], case) for case in result.cases)
    outcome.changes.update(result.changes)


def _run(
    chain: Chain,
    batch: Sequence[Envelope],
    state: Mapping[StateKey, StateValue],
    seconds: dict[str, float],
) -> StageResult:
    changes: dict[StateKey, bytes | None] = {}
    decisions: Sequence[Decision] = ()
    cases: list[CaseRecord] = []
    size = len(batch)
    for stage in chain.stages:
        started = time.perf_counter()
        result = stage.run(batch, state)
        seconds[stage.name] = seconds.get(stage.name, 0.0) + time.perf_counter() - started
        if len(result.batch) != size or len(result.decisions) not in (0, size):
            raise RuntimeError(
                f"{stage.name} broke its contract: {size} envelopes in, {len(result.batch)} out, "
                f"{len(result.decisions)} decisions"
            )
        batch = result.batch
        changes.update(result.changes)
        decisions = result.decisions or decisions
        cases.extend(result.cases)
    return StageResult(batch, changes, decisions, cases)


def _log_failure(where: str, offset: int | None, error: Exception) -> None:
    # Without the exception's text, which may hold content.
    frames = "".join(traceback.format_tb(error.__traceback__))
    at = "" if offset is None else f" at offset {offset}"
    log.error("%s in %s%s\n%s", type(error).__name__, where, at, frames)
