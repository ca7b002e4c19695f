"""How well, how early and how quietly the text risk raises alarms.

Recall, precision and F0.5 count conversations and authors; F-latency (Sadeque, Xu and Bethard,
"Measuring the Latency of Depression Detection in Social Media", WSDM 2018) also asks after how
many messages. Intervals are Wilson's (1927); the upper bound of a rate of rare alarms is the
exact Poisson one (Garwood 1936), which for none in n is 3/n.
"""

import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

from matchers.language.categories import Category
from matchers.language.conversation import (
    LEVELS,
    NO_SCORE,
    Level,
    Score,
    advance,
    raised,
    score,
)
from matchers.language.corpora import Talk
from matchers.language.findings import findings_of
from matchers.language.indicators import Hit, IndicatorMatcher
from matchers.language.state import (
    MINOR_BANDS,
    Conversation,
    Message,
    Participant,
    Person,
    short_hash,
)
from matchers.language.weights import EVIDENCE_LEAST

_T = TypeVar("_T", bound=str)
Z95 = 1.959964
LATENCY_HALF = 20
"""Messages after which an alarm is worth half: the parameter of F-latency's penalty."""


class Alarm(NamedTuple):
    """The first time that one author's score reached the level: at message `message` (from 1),
    after `offences` messages of theirs with evidence in `categories` categories."""

    author: str
    message: int
    categories: int
    pattern: str | None
    trial: bool
    indicators: tuple[str, ...]


class Mark(NamedTuple):
    """What a side amounted to after message `message`: what the thresholds are held against."""

    message: int
    points: float
    steps: int
    messages: int
    pattern: str | None
    categories: int


class Side(NamedTuple):
    """What one author said: the `categories` that were evidence, in order of their first hit, and
    those that were found but `discounted` until they were none; `level` and `points` are the
    highest that the side reached, `trail` what it amounted to on the way."""

    author: str
    categories: tuple[Category, ...] = ()
    discounted: tuple[Category, ...] = ()
    indicators: tuple[str, ...] = ()
    level: Level = "none"
    points: float = 0.0
    trail: tuple[Mark, ...] = ()


class Verdict(NamedTuple):
    """A conversation, the alarms in it, one for each author at most, and the sides of all who
    said anything that the catalogue knows."""

    talk: Talk
    alarms: tuple[Alarm, ...]
    sides: tuple[Side, ...] = ()


def judge(talk: Talk, matcher: IndicatorMatcher, level: Level = "review") -> Verdict:
    """Read one conversation as the stage would."""
    state: Conversation | None = None
    alarms: dict[str, Alarm] = {}
    sides: dict[str, Side] = {}
    people = {turn.author for turn in talk.turns}
    for number, turn in enumerate(talk.turns, start=1):
        hits = matcher.find(turn.text)
        recipients: tuple[Participant, ...] = ()
        if turn.recipient is not None:
            key = short_hash(talk.id, turn.recipient)
            recipients = (Participant(key, turn.recipient_age_band),)
        author = Participant(short_hash(talk.id, turn.author), turn.age_band)
        count = 0 if turn.recipient is not None else len(people) - 1
        message = Message(number, author, recipients, count, findings_of(hits))
        before, state = state, advance(state, message, turn.at)
        for person, alarm in _raised(before, state, author.key, turn.at):
            own = person.key == author.key
            if (own and not hits) or (not own and person.band not in MINOR_BANDS):
                who = next(name for name in sides if short_hash(talk.id, name) == person.key)
                sides[who] = _after(sides[who], number, (), alarm)
                alarms.setdefault(who, _alarm(sides[who], number, alarm))
        if not hits:
            continue
        result = NO_SCORE
        if state is not None and state is not before:
            result = score(state, author.key, turn.at)
        side = _after(sides.get(turn.author) or Side(turn.author), number, hits, result)
        sides[turn.author] = side
        if LEVELS.index(result.level) >= LEVELS.index(level):
            alarms.setdefault(turn.author, _alarm(side, number, result))
    return Verdict(talk, tuple(alarms.values()), tuple(sides.values()))


def _raised(
    before: Conversation | None, state: Conversation | None, author: int, at: int
) -> list[tuple[Person, Score]]:
    return [] if state is None else raised(before, state, author, at)


def _alarm(side: Side, number: int, result: Score) -> Alarm:
    return Alarm(
        side.author, number, len(result.categories), result.pattern, result.trial, side.indicators
    )


def _after(side: Side, number: int, hits: Sequence[Hit], result: Score) -> Side:
    plain: list[Category] = [hit.category for hit in hits if hit.weight >= EVIDENCE_LEAST]
    categories: tuple[Category, ...] = _distinct(side.categories, plain)
    every: tuple[Category, ...] = _distinct(side.discounted, [hit.category for hit in hits])
    mark = Mark(
        number,
        result.points,
        result.steps,
        result.messages,
        result.pattern,
        len(result.categories),
    )
    return Side(
        side.author,
        categories,
        tuple(category for category in every if category not in categories),
        _distinct(side.indicators, [hit.indicator for hit in hits]),
        LEVELS[max(LEVELS.index(side.level), LEVELS.index(result.level))],
        max(side.points, result.points),
        side.trail if result is NO_SCORE else (*side.trail, mark),
    )


def _distinct(known: Sequence[_T], further: Sequence[_T]) -> tuple[_T, ...]:
    return (*known, *(one for one in dict.fromkeys(further) if one not in known))


class Rate(NamedTuple):
    """A proportion with its 95 % interval."""

    hits: int
    total: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The proportion; 0 of nothing is 0."""
        return self.hits / self.total if self.total else 0.0


def rate(hits: int, total: int) -> Rate:
    """A proportion with Wilson's score interval."""
    if total == 0:
        return Rate(0, 0, 0.0, 1.0)
    share = hits / total
    spread = Z95 * math.sqrt(share * (1 - share) / total + Z95**2 / (4 * total**2))
    middle, scale = share + Z95**2 / (2 * total), 1 + Z95**2 / total
    return Rate(
        hits, total, max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)
    )


def upper_bound(events: int, total: int) -> float:
    """The one-sided exact 95 % upper bound of a rate, given `events` in `total`."""
    if total == 0:
        return 1.0
    low, high = 0.0, events + 10.0 + 4.0 * math.sqrt(events + 1.0)
    for _ in range(80):
        middle = (low + high) / 2
        term = total_p = math.exp(-middle)
        for k in range(1, events + 1):
            term *= middle / k
            total_p += term
        low, high = (middle, high) if total_p > 0.05 else (low, middle)
    return min(1.0, high / total)


class Report(NamedTuple):
    """Counts and rates over labelled conversations. `messages` and `categories` are medians until
    the alarm, over the true ones."""

    recall: Rate
    precision: Rate
    author_recall: Rate
    author_precision: Rate
    f_half: float
    f_latency: float
    messages: float
    categories: float
    sextortion: Rate
    by_language: dict[str, Rate]
    by_pattern: dict[str, Rate]


def report(verdicts: Sequence[Verdict]) -> Report:
    """Sum up labelled verdicts; unlabelled ones are left out."""
    labelled = [v for v in verdicts if v.talk.label is not None]
    positive = [v for v in labelled if v.talk.label]
    caught = [v for v in positive if true_alarms(v)]
    false = [v for v in labelled if not v.talk.label and v.alarms]
    recall = rate(len(caught), len(positive))
    precision = rate(len(caught), len(caught) + len(false))
    offenders = sum(len(v.talk.offenders) for v in positive)
    named = sum(a.author in v.talk.offenders for v in labelled for a in v.alarms)
    every = sum(len(v.alarms) for v in labelled)
    firsts = [min(true_alarms(v), key=lambda a: a.message) for v in caught]
    delays = [alarm.message for alarm in firsts]
    penalties = [-1 + 2 / (1 + math.exp(-_DECAY * (delay - 1))) for delay in delays]
    speed = 1 - (_median(penalties) if penalties else 0.0)
    return Report(
        recall,
        precision,
        rate(named, offenders),
        rate(named, every),
        f_beta(precision.value, recall.value, 0.5),
        f_beta(precision.value, recall.value, 1.0) * speed,
        _median(delays),
        _median([alarm.categories for alarm in firsts]),
        _recall_of(positive, lambda v: v.talk.pattern == "sextortion"),
        {
            language: _recall_of(positive, lambda v, name=language: v.talk.language == name)
            for language in sorted({v.talk.language for v in positive})
        },
        {
            pattern: _recall_of(positive, lambda v, name=pattern: v.talk.pattern == name)
            for pattern in sorted({v.talk.pattern for v in positive})
        },
    )


class BenignReport(NamedTuple):
    """Conversations with an alarm, in talk that is taken to be ordinary; `on_trial` of them would
    have none but for languages on trial. Bounds are one-sided 95 %. `causes` counts the
    indicators of the alarmed authors, never their text."""

    conversations: int
    messages: int
    alarms: int
    on_trial: int
    per_10k_conversations: float
    per_10k_bound: float
    per_million_messages: float
    per_million_bound: float
    causes: dict[str, int]


def report_benign(verdicts: Iterable[Verdict]) -> BenignReport:
    """Sum up verdicts on ordinary talk."""
    conversations = messages = alarms = on_trial = 0
    causes: Counter[str] = Counter()
    for verdict in verdicts:
        conversations += 1
        messages += len(verdict.talk.turns)
        alarms += bool(verdict.alarms)
        on_trial += bool(verdict.alarms) and all(alarm.trial for alarm in verdict.alarms)
        for alarm in verdict.alarms:
            causes.update(alarm.indicators)
    return BenignReport(
        conversations,
        messages,
        alarms,
        on_trial,
        1e4 * alarms / max(conversations, 1),
        1e4 * upper_bound(alarms, conversations),
        1e6 * alarms / max(messages, 1),
        1e6 * upper_bound(alarms, messages),
        dict(causes.most_common()),
    )


_DECAY = math.log(3) / (LATENCY_HALF - 1)


def true_alarms(verdict: Verdict) -> list[Alarm]:
    """The alarms about offenders; all, where nobody said who they are."""
    offenders = verdict.talk.offenders
    return [a for a in verdict.alarms if not offenders or a.author in offenders]


def _recall_of(positive: Sequence[Verdict], chosen: Callable[[Verdict], bool]) -> Rate:
    some = [v for v in positive if chosen(v)]
    return rate(sum(bool(true_alarms(v)) for v in some), len(some))


def f_beta(precision: float, recall: float, beta: float) -> float:
    """The F measure in which recall weighs `beta` times as much as precision."""
    below = beta**2 * precision + recall
    return (1 + beta**2) * precision * recall / below if below else 0.0


def _median(values: Sequence[float]) -> float:
    return float(statistics.median(values)) if values else 0.0
