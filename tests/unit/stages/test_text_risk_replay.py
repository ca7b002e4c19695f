"""Scores after kills and replays are those of an undisturbed run, over random histories."""

import asyncio
import itertools
from collections.abc import Sequence
from datetime import UTC, datetime

from hypothesis import example, given, settings
from hypothesis import strategies as st

from streams.contracts.envelope import Envelope
from streams.contracts.event import Author, ContentEvent, Recipient
from streams.contracts.signal import Signal
from streams.stages.text_risk import build_text_risk
from streams.state.memory import MemoryStore
from streams.state.store import Partition

STAGE = build_text_risk()
PARTITION = Partition("t", "content.events", 0)
START = 1_700_000_000_000
SAID = [
    "hello there",
    "how old are you?",
    "13",
    "are your parents home?",
    "don't tell your mum",
    "add me on snapchat",
    "send me a pic of you",
    "pay me 200 dollars or everyone will see",
]
HISTORIES = st.lists(
    st.tuples(st.sampled_from(SAID), st.sampled_from("ab"), st.sampled_from("xy")),
    min_size=1,
    max_size=20,
)


def envelopes(history: Sequence[tuple[str, str, str]]) -> list[Envelope]:
    return [
        Envelope(
            event=ContentEvent(
                event_id=f"e{number}",
                tenant="t",
                kind="created",
                occurred_at=datetime.fromtimestamp(START / 1000, UTC),
                content_id=f"c{number}",
                surface="message",
                author=Author(id=author),
                recipients=[Recipient(id="b" if author == "a" else "a")],
                conversation_id=conversation,
                text=text,
            ),
            received_at=START + number * 60_000,
        )
        for number, (text, author, conversation) in enumerate(history)
    ]


async def run(
    batch: Sequence[Envelope], cuts: Sequence[int], killed: Sequence[int]
) -> list[list[Signal]]:
    """The committed signals. A chunk whose number is in `killed` dies after it saved its state and
    before it committed, and a new owner reads it again, perhaps cut elsewhere."""
    store = MemoryStore(ttl=3600)
    fence = await store.claim(PARTITION)
    signals: list[list[Signal]] = []
    bounds = [0, *sorted({cut % len(batch) for cut in cuts} - {0}), len(batch)]
    for number, (start, end) in enumerate(itertools.pairwise(bounds)):
        if number in killed:
            part = max(start + 1, (start + end) // 2) if number % 2 else end
            await _chunk(store, fence, batch[start:part], start)
            fence = await store.claim(PARTITION)
        signals += await _chunk(store, fence, batch[start:end], start)
    return signals


async def _chunk(
    store: MemoryStore, fence: int, chunk: Sequence[Envelope], committed: int
) -> list[list[Signal]]:
    state = await store.load(PARTITION, committed, STAGE.keys(chunk))
    result = STAGE.run(chunk, state)
    await store.save(PARTITION, fence, committed, committed + len(chunk), result.changes)
    return [envelope.signals for envelope in result.batch]


@given(
    HISTORIES,
    st.lists(st.integers(0, 40), max_size=6),
    st.lists(st.integers(0, 6), max_size=4),
)
@settings(max_examples=100, deadline=None)
def test_kills_between_save_and_commit_change_no_score(
    history: list[tuple[str, str, str]], cuts: list[int], killed: list[int]
) -> None:
    batch = envelopes(history)
    undisturbed = asyncio.run(run(batch, [], []))
    assert asyncio.run(run(batch, cuts, killed)) == undisturbed


@given(HISTORIES, st.lists(st.integers(0, 19), min_size=1, max_size=8))
@example(
    [
        *[("hello there", "a", "x")] * 3,
        ("13", "b", "x"),
        *[("hello there", "a", "x")] * 5,
        *[("how old are you?", "a", "x")] * 2,
    ],
    [3],
)
@settings(max_examples=100, deadline=None)
def test_repeated_events_add_nothing(history: list[tuple[str, str, str]], again: list[int]) -> None:
    batch = envelopes(history)
    # A producer's repeats follow their event, before anything else or later.
    repeated: list[Envelope] = []
    for number, envelope in enumerate(batch):
        repeated.append(envelope)
        repeated += [batch[i] for i in again if i <= number and number % 3 == i % 3]
    once = asyncio.run(run(batch, [], []))
    twice = asyncio.run(run(repeated, [], []))
    seen: dict[str, list[Signal]] = {}
    for envelope, signals in zip(repeated, twice, strict=True):
        seen.setdefault(envelope.event.event_id, signals)
    last = {e.event.event_id: s for e, s in zip(batch, once, strict=True)}
    assert [seen[e.event.event_id] for e in batch] == [last[e.event.event_id] for e in batch]
