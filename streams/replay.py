"""The same stages with no broker: events from a file, decisions into a file.

For backfills and for trying out. The event's own time stands for the broker's, so that
conversations decay as they did. State is kept in memory for the length of the run.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO

import msgspec

from streams.boundary import Topics, decision_output, file_intake
from streams.contracts.codec import encode_dead_letter
from streams.contracts.dead_letter import BadRecord, DeadLetter
from streams.contracts.signal import MediaError
from streams.contracts.stage import DependencyUnavailable
from streams.engine.backoff import Backoff
from streams.engine.chain import Chain, Outcome, Output, Rejected, no_cost, nothing_to_count
from streams.engine.chunk import ChunkWork
from streams.engine.config import EngineConfig
from streams.engine.dead_letters import dead_letter_outputs
from streams.lines import Line, read_lines
from streams.parts import Parts
from streams.state.store import Partition, StateStore

CHUNK = 1000


@dataclass
class Totals:
    """What a run did. `withheld` counts decisions by the scans that no basis permitted,
    `unread` media by why they could not be read. `seconds` are those of the lines;
    `startup_seconds` went by before the first."""

    lines: int = 0
    decided: int = 0
    rejected: Counter[str] = field(default_factory=Counter[str])
    actions: Counter[str] = field(default_factory=Counter[str])
    withheld: Counter[str] = field(default_factory=Counter[str])
    unread: Counter[str] = field(default_factory=Counter[str])
    seconds: float = 0.0
    startup_seconds: float = 0.0


async def replay(
    parts: Parts,
    store: StateStore,
    source: str,
    lines: BinaryIO,
    decisions: BinaryIO,
    dead_letters: BinaryIO | None,
    progress: Callable[[Totals], None],
) -> Totals:
    """Decide every line of `lines` that is not blank, in order. `source` names the file in dead
    letters. A line that is longer than an event may be is refused as one, and never held. Waits,
    with backoff, while something that a stage needs is away."""
    chain = Chain(
        parts.stages,
        file_intake(parts.decoder, parts.gate, time.time),
        no_cost,
        decision_output(Topics("decisions", urgent="", cases=""), time.time),
        nothing_to_count,
    )
    config = EngineConfig(group="run", input_topic=source, dead_letter_topic="dead", stage="run")
    owner = Partition("run", source, 0)
    fence = await store.claim(owner)
    totals = Totals()
    started = time.perf_counter()
    done = 0
    most = parts.decoder.max_bytes
    first = parts.stages[0].name
    for chunk in _chunks(read_lines(lines, most)):
        too_long = {
            line.offset: _too_long(line.cut.size, most, first)
            for line in chunk
            if line.cut is not None
        }
        outcome, outputs = await _decide(chain, store, owner, done, chunk, too_long)
        await store.save(owner, fence, done, chunk[-1].offset + 1, outcome.changes)
        done = chunk[-1].offset + 1
        decisions.writelines(
            value + b"\n" for topic, _, value, _, _ in outputs if topic == "decisions"
        )
        if dead_letters is not None:
            letters = dead_letter_outputs(config, 0, outcome, time.time())
            dead_letters.writelines(
                _of_the_whole(value, chunk[place]) + b"\n" for _, _, value, _, place in letters
            )
        totals.lines += len(chunk)
        totals.decided += len(outcome.decisions)
        totals.rejected.update(rejected.error.error for rejected in outcome.rejected)
        totals.actions.update(decision.action for decision in outcome.decisions)
        for decision in outcome.decisions:
            totals.withheld.update(decision.scans_withheld)
            totals.unread.update(s.reason for s in decision.signals if isinstance(s, MediaError))
        totals.seconds = time.perf_counter() - started
        progress(totals)
    return totals


def _too_long(size: int, most: int, stage: str) -> Rejected:
    message = f"the line has {size} bytes, more than {most}"
    return Rejected(0, BadRecord("too_large", message), stage)


def _of_the_whole(letter: bytes, line: Line) -> bytes:
    """A letter that tells of all of the line, where that was not held."""
    if line.cut is None:
        return letter
    told = msgspec.json.decode(letter, type=DeadLetter)
    return encode_dead_letter(
        msgspec.structs.replace(told, size=line.cut.size, sha256=line.cut.sha256)
    )


async def _decide(
    chain: Chain,
    store: StateStore,
    owner: Partition,
    done: int,
    chunk: Sequence[Line],
    excluded: Mapping[int, Rejected],
) -> tuple[Outcome, list[Output]]:
    backoff = Backoff()
    while True:
        work = ChunkWork(chain, chunk, excluded, budget=0)
        try:
            keys = work.advance()
            while keys is not None:
                keys = work.advance(await store.load(owner, done, keys))
            return work.result()
        except DependencyUnavailable:
            await asyncio.sleep(backoff.next())


def _chunks(lines: Iterator[Line]) -> Iterator[list[Line]]:
    while chunk := list(islice(lines, CHUNK)):
        yield chunk
