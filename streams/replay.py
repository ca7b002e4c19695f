"""The same stages with no broker: events from a file, decisions into a file.

For backfills and for trying out. The event's own time stands for the broker's, so that
conversations decay as they did. State is kept in memory for the length of the run.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO, NamedTuple

from streams.boundary import Topics, decision_output, file_intake
from streams.contracts.stage import DependencyUnavailable
from streams.engine.backoff import Backoff
from streams.engine.chain import Chain, Outcome, Output, no_cost
from streams.engine.chunk import ChunkWork
from streams.engine.config import EngineConfig
from streams.engine.dead_letters import dead_letter_outputs
from streams.parts import Parts
from streams.state.store import Partition, StateStore

CHUNK = 1000


class Line(NamedTuple):
    """A line of the input file, as the engine sees a record; `offset` is its number from 1."""

    offset: int
    value: bytes
    timestamp: int = 0
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


@dataclass
class Totals:
    """What a run did. `withheld` counts decisions by the scans that no basis permitted."""

    lines: int = 0
    decided: int = 0
    rejected: Counter[str] = field(default_factory=Counter[str])
    actions: Counter[str] = field(default_factory=Counter[str])
    withheld: Counter[str] = field(default_factory=Counter[str])
    seconds: float = 0.0


async def replay(
    parts: Parts,
    store: StateStore,
    source: str,
    lines: Iterable[bytes],
    decisions: BinaryIO,
    dead_letters: BinaryIO | None,
    progress: Callable[[Totals], None],
) -> Totals:
    """Decide every line of `lines` that is not blank, in order. `source` names the file in dead
    letters. Waits, with backoff, while something that a stage needs is away."""
    chain = Chain(
        parts.stages,
        file_intake(parts.decoder, parts.gate, time.time),
        no_cost,
        decision_output(Topics("decisions", urgent="", cases=""), time.time),
        _count_nothing,
    )
    config = EngineConfig(group="run", input_topic=source, dead_letter_topic="dead", stage="run")
    owner = Partition("run", source, 0)
    fence = await store.claim(owner)
    totals = Totals()
    started = time.perf_counter()
    done = 0
    for chunk in _chunks(lines):
        outcome, outputs = await _decide(chain, store, owner, done, chunk)
        await store.save(owner, fence, done, chunk[-1].offset + 1, outcome.changes)
        done = chunk[-1].offset + 1
        decisions.writelines(
            value + b"\n" for topic, _, value, _, _ in outputs if topic == "decisions"
        )
        if dead_letters is not None:
            letters = dead_letter_outputs(config, 0, outcome, time.time())
            dead_letters.writelines(value + b"\n" for _, _, value, _, _ in letters)
        totals.lines += len(chunk)
        totals.decided += len(outcome.decisions)
        totals.rejected.update(rejected.error.error for rejected in outcome.rejected)
        totals.actions.update(decision.action for decision in outcome.decisions)
        for decision in outcome.decisions:
            totals.withheld.update(decision.scans_withheld)
        totals.seconds = time.perf_counter() - started
        progress(totals)
    return totals


def _count_nothing(_: Outcome) -> None:
    """Totals are counted by `replay` itself."""


async def _decide(
    chain: Chain, store: StateStore, owner: Partition, done: int, chunk: Sequence[Line]
) -> tuple[Outcome, list[Output]]:
    backoff = Backoff()
    while True:
        work = ChunkWork(chain, chunk, {}, budget=0)
        try:
            keys = work.advance()
            while keys is not None:
                keys = work.advance(await store.load(owner, done, keys))
            return work.outcome, work.outputs
        except DependencyUnavailable:
            await asyncio.sleep(backoff.next())


def _chunks(lines: Iterable[bytes]) -> Iterator[list[Line]]:
    numbered = (
        Line(number, line.rstrip(b"\r\n")) for number, line in enumerate(lines, 1) if line.strip()
    )
    while chunk := list(islice(numbered, CHUNK)):
        yield chunk
