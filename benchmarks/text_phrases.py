"""The cost of a message by the number of phrases that are looked for: Seawall beside its peers."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from benchmarks.peers.text_matchers import (
    Alternation,
    SentinelFormula,
    TextPeer,
    ThreatExchangeRawText,
    has_threatexchange,
)
from matchers.language.catalogue import Catalogue, Indicator, LanguageCatalogue
from matchers.language.indicators import IndicatorMatcher
from streams.cli.chart import Axis, Chart, svg

SIZES = (500, 1_500, 5_000, 15_000, 50_000)
SECONDS = 2.0
"""For which a peer is timed at least: some take a second for one message."""
LEAST = 3
"""Messages that a peer reads at least."""


class Cost(NamedTuple):
    """Messages/s of a subject with so many phrases."""

    subject: str
    phrases: int
    rates: list[float]


class _Seawall:
    def __init__(self, catalogue: Catalogue) -> None:
        self._find = IndicatorMatcher(catalogue).find

    def read(self, author: str, text: str) -> object:
        return self._find(text)


def sentences(count: int) -> list[str]:
    """Made-up phrases of three or four made-up words."""
    chance = random.Random(count)
    syllables = [a + b for a in "bcdfghjklmnprstvz" for b in "aeiou"]
    words = ["".join(chance.choices(syllables, k=chance.randrange(2, 4))) for _ in range(5_000)]
    return [" ".join(chance.choices(words, k=chance.randrange(3, 5))) for _ in range(count)]


def synthetic(phrases: Sequence[str]) -> Catalogue:
    """A catalogue of these phrases."""
    indicator = Indicator(
        id="en.bench.synthetic",
        category="secrecy",
        phrases=tuple(phrases),
        weight=0.5,
        source="synthetic",
        match=("none",),
    )
    made_up = LanguageCatalogue(
        language="en", name="made up", reviewed=True, indicators=(indicator,)
    )
    return Catalogue(languages=(made_up,), files=("made up",), version="bench")


def costs(rows: Sequence[tuple[str, str]], repeat: int) -> Iterator[Cost]:
    """Every subject with every number of phrases over (author, text) rows."""
    for size in SIZES:
        phrases = sentences(size)
        makers: dict[str, Callable[[], TextPeer]] = {
            "seawall": lambda p=phrases: _Seawall(synthetic(p)),
            "re": lambda p=phrases: Alternation({"en": [f"(?<= ){text} " for text in p]}),
            "sentinel formula": lambda p=phrases: SentinelFormula(p, p[: len(p) // 2]),
        }
        if has_threatexchange():
            makers["threatexchange raw text"] = lambda p=phrases: ThreatExchangeRawText(p)
        for subject, make in makers.items():
            peer = make()
            yield Cost(subject, size, [rate_of(peer, rows) for _ in range(repeat)])


def rate_of(peer: TextPeer, rows: Sequence[tuple[str, str]]) -> float:
    """Messages/s of CPU time, over at least `SECONDS` or all rows."""
    start = time.process_time()
    done = 0
    for author, text in rows:
        peer.read(author, text)
        done += 1
        if done >= LEAST and (done % 256 == 0 or done < 256) and _since(start) > SECONDS:
            break
    return done / _since(start)


def _since(start: float) -> float:
    return time.process_time() - start


def picture(found: Sequence[Cost]) -> str:
    """Cost per message by the number of phrases, as SVG, both axes in powers of ten."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for cost in found:
        middle = sorted(cost.rates)[len(cost.rates) // 2]
        lines.setdefault(cost.subject, []).append((cost.phrases, 1e6 / middle))
    spent = [y for points in lines.values() for _, y in points]
    return svg(
        [
            Chart(
                "CPU time of a message by the number of phrases",
                Axis("phrases", SIZES[0], SIZES[-1], log=True),
                Axis("µs a message", min(*spent, 1.0), max(spent) * 2, log=True),
                lines,
            )
        ]
    )
