"""`make bench-policy`: decisions/s of the enforcement stage alone, 200 rules, one core.

Timed is the CPU of one process for `keys` and `run` in chunks of 1,000 envelopes: no Kafka, no
JSON, no other stage. The policy has 200 rules in CEL over every type of signal, a third of them
for one list each, many on trial, so that they are passed over rather than ending the search.
"no signals" is what most events are. "signals" draws list, distance, quality, score and people at
random for one to three signals an event; "signals, none alike" gives every event values of its own
in a variable that rules name, so that no answer is remembered from another event.
Environment: `OUT=file.json` writes the results; `REPEAT` passes (5); `EVENTS` a pass (20000).
"""

import gc
import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.report import Result, machine, no_arguments, summarised, write
from streams.contracts.envelope import Envelope
from streams.contracts.event import Author, ContentEvent, Recipient
from streams.contracts.signal import HashMatch, Signal, TextRisk, UrlMatch
from streams.contracts.stage import StateKey, StateValue
from streams.policy.load import parse_policy
from streams.policy.policy import Policy
from streams.stages.enforcement import Enforcement

CHUNK = 1_000
RULES = 200
LISTS = [f"list-{number}" for number in range(20)]
CATEGORIES = ("secrecy", "platform_move", "image_request", "meeting", "flattery", "urgency")
GOALS = {"no signals": 250_000, "signals": 15_000, "signals, none alike": 15_000}
"""Decisions/s on one core."""


def rule(number: int, on: str, when: str, *, lists: Sequence[str] = (), trial: bool) -> str:
    """A rule's table."""
    return "\n".join(
        [
            "[[rules]]",
            f'id = "rule-{number}"',
            'owner = "bench"',
            'ground = "bench"',
            f'on = "{on}"',
            f"when = '{when}'",
            f"lists = {list(lists)!r}",
            f'action = "{("label", "review", "hold", "block")[number % 4]}"',
            f'mode = "{"trial" if trial else "live"}"',
            "",
        ]
    )


def policy_of(rules: int) -> Policy:
    """A policy of so many rules, a fixed mix of all types."""
    made: list[str] = []
    for number in range(rules):
        kind, trial = number % 10, number % 3 != 0
        if kind < 3:
            when = (
                f'signal.match == "exact" && signal.distance < {number % 9 + 1} && signal.verified'
            )
            lists = [LISTS[number % len(LISTS)]]
            made.append(rule(number, "hash_match", when, lists=lists, trial=trial))
        elif kind < 5:
            when = (
                f'signal.match != "exact" && signal.quality > {number % 100} '
                f"&& event.recipient_count == {number}"
            )
            made.append(rule(number, "hash_match", when, trial=trial))
        elif kind < 7:
            when = f'signal.category == "c{number}" || signal.source_kind == "victim"'
            made.append(rule(number, "url_match", when, trial=trial))
        else:
            when = (
                f'signal.level == "review" && signal.score > {number}.5 '
                f'&& "{CATEGORIES[number % 6]}" in signal.categories && event.child_recipient'
            )
            made.append(rule(number, "text_risk", when, trial=trial))
    limits = "[[limits]]\nper_day = 1_000_000_000\n"
    return parse_policy('version = "bench"\n' + "\n".join(made) + limits, "bench")


def envelopes(count: int, *, signals: bool, alike: bool, seed: int = 1) -> list[Envelope]:
    """Events of a second each."""
    chance = random.Random(seed)
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
                author=Author(id=f"a{number % 997}"),
                recipients=[Recipient(id="r", age_band=chance.choice(("unknown", "13_15")))],
                recipient_count=chance.randrange(1, 10) if alike else 1000 + number,
                conversation_id=f"k{number % 4999}",
            ),
            received_at=1_767_225_600_000 + number * 1000,
            signals=[_signal(chance, number) for _ in range(chance.randrange(1, 4))]
            if signals
            else [],
            scans_performed=["hash", "url", "text"],
            lists_version="bench",
        )
        for number in range(count)
    ]


def _signal(chance: random.Random, number: int) -> Signal:
    kind = chance.randrange(3)
    if kind == 0:
        exact = chance.random() < 0.3
        return HashMatch(
            media_id="m",
            list=chance.choice(LISTS),
            entry="e",
            algorithm="md5" if exact else "pdq",
            distance=0 if exact else chance.randrange(32),
            radius=31,
            role="block",
            category=f"c{chance.randrange(200)}",
            source_kind="hotline",
            verified=chance.random() < 0.5,
            hash_origin="server",
            quality=None if exact else chance.randrange(50, 101),
        )
    if kind == 1:
        return UrlMatch(
            list=chance.choice(LISTS),
            entry="e",
            role="block",
            category=f"c{chance.randrange(200)}",
            source_kind="hotline",
            verified=True,
            url_index=0,
        )
    return TextRisk(
        scope="conversation",
        score=chance.random() * 10 + number / 1e6,
        level=chance.choice(("note", "watch", "review")),
        categories=tuple(chance.sample(CATEGORIES, chance.randrange(1, 4))),
        hits=(),
        parts=(),
    )


def stage_pass(stage: Enforcement, batch: Sequence[Envelope]) -> Callable[[], None]:
    """A pass over the events, with the counts of limits carried from chunk to chunk."""

    def work() -> None:
        saved: dict[StateKey, bytes | None] = {}
        for start in range(0, len(batch), CHUNK):
            chunk = batch[start : start + CHUNK]
            state = {key: StateValue(saved.get(key)) for key in stage.keys(chunk)}
            saved.update(stage.run(chunk, state).changes)

    return work


def rates(
    work: Callable[[], None], decisions: int, repeat: int, fresh: Callable[[], None]
) -> list[float]:
    """Decisions/s of CPU time, for each pass; a first one warms up. `fresh` goes before each."""
    found: list[float] = []
    for number in range(repeat + 1):
        fresh()
        gc.collect()
        start = time.process_time()
        work()
        taken = time.process_time() - start
        if number:
            found.append(decisions / taken)
    return found


def main() -> None:
    """Run everything and print the table."""
    no_arguments(__doc__)
    repeat = int(os.environ.get("REPEAT", "5"))
    events = int(os.environ.get("EVENTS", "20000"))
    description = machine()
    policy = policy_of(RULES)
    stage = Enforcement(policy)
    results: list[Result] = []
    for case, signals, alike in (
        ("no signals", False, True),
        ("signals", True, True),
        ("signals, none alike", True, False),
    ):
        batch = envelopes(events, signals=signals, alike=alike)
        gc.freeze()

        def fresh() -> None:
            # A policy of its own for each pass: nothing is remembered from the pass before.
            stage.policy = policy_of(RULES)

        values = rates(stage_pass(stage, batch), events, repeat, fresh)
        results.append(summarised("policy", "seawall", case, "decisions/s", "1/s", values))
    console = Console(width=None if sys.stdout.isatty() else 140)
    table = Table(
        "case", "decisions/s", "spread", "µs a decision", "goal", title=f"{RULES} rules, one core"
    )
    for result in results:
        goal = GOALS[result.case]
        table.add_row(
            result.case,
            f"{result.value:,.0f}",
            f"{result.spread:,.0f}",
            f"{1e6 / result.value:.1f}",
            f"{goal:,} {'met' if result.value >= goal else 'NOT MET'}",
        )
    console.print(table)
    if out := os.environ.get("OUT"):
        write(Path(out), results, description)


if __name__ == "__main__":
    sys.exit(main())
