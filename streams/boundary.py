"""What stands before and behind the stages: records to envelopes, results to records."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import PurePath
from typing import NamedTuple

import prometheus_client
from msgspec.structs import force_setattr

from matchers.language.catalogue import built_in_files
from streams.contracts.codec import (
    decision_headers,
    decode_envelope,
    encode_decision,
    encode_envelope,
    hop_headers,
)
from streams.contracts.decoding import EventDecoder
from streams.contracts.envelope import Envelope
from streams.contracts.event import ContentEvent, MediaHashes, event_key
from streams.contracts.signal import (
    HashMatch,
    MediaError,
    Signal,
    TextMatch,
    TextRisk,
    UrlMatch,
)
from streams.contracts.values import Scan, StageName
from streams.engine.chain import Outcome, Output, SourceRecord
from streams.metrics import Metrics
from streams.policy.limits import LIMITED, REPORTS_PAUSED

ScanGate = Callable[[ContentEvent, int], tuple[ContentEvent, tuple[Scan, ...]]]
"""Drops what may not be scanned, at a time in ms; gives the event left and the scans withheld."""


class Topics(NamedTuple):
    """Where decisions and what comes with them go."""

    decisions: str
    urgent: str
    cases: str


def event_intake(
    decoder: EventDecoder, gate: ScanGate, clock: Callable[[], float]
) -> Callable[[SourceRecord], Envelope]:
    """For a pipeline's first stage: events, through the legal gate before anything else. A scan
    must be permitted both when the event came and now (`clock`, seconds since the epoch), since a
    backlog may outlive its basis."""
    decode = decoder.decode

    def intake(record: SourceRecord) -> Envelope:
        event, withheld = gate(decode(record.value, record.headers), record.timestamp)
        event, lapsed = gate(event, int(clock() * 1000))
        if lapsed:
            withheld = tuple(dict.fromkeys((*withheld, *lapsed)))
        if withheld:
            return Envelope(
                event=event, received_at=record.timestamp, scans_withheld=list(withheld)
            )
        return Envelope(event=event, received_at=record.timestamp)

    return intake


def file_intake(
    decoder: EventDecoder, gate: ScanGate, clock: Callable[[], float]
) -> Callable[[SourceRecord], Envelope]:
    """For records that no broker has dated: the event's own time is taken for stages, and `clock`
    (seconds since the epoch) for the legal gate, since the scan happens now."""

    def intake(record: SourceRecord) -> Envelope:
        event, withheld = gate(decoder.decode(record.value, record.headers), int(clock() * 1000))
        received_at = int(event.occurred_at.timestamp() * 1000)
        return Envelope(event=event, received_at=received_at, scans_withheld=list(withheld))

    return intake


def hop_intake(gate: ScanGate, clock: Callable[[], float]) -> Callable[[SourceRecord], Envelope]:
    """For later stages: envelopes from the hop topic, through the gate again: an envelope may have
    waited there for longer than its basis holds."""

    def intake(record: SourceRecord) -> Envelope:
        envelope = decode_envelope(record.value)
        envelope.event, lapsed = gate(envelope.event, int(clock() * 1000))
        for scan in lapsed:
            if scan not in envelope.scans_withheld:
                envelope.scans_withheld.append(scan)
        return envelope

    return intake


CHARACTERS_PER_MS = 16
"""Of text that is read at the worst: 100,000 characters of the slowest kind took 3.2 s twice."""
ADDRESS_CHARACTERS_PER_MS = 200
"""Of an event's addresses at the worst: random letters in every one's path took 2.1 us a character,
twice."""
MS_PER_HASH = 3
"""Of a perceptual hash that is looked up at the worst: amid 20,000 near copies it took 2.7 ms."""


def slow_work(decoders: int, seconds_per_file: float) -> Callable[[Envelope], int]:
    """What an envelope may cost at the worst, in milliseconds, for `Chain.cost`: files that have
    to be read and decoded (with no decoders, none), hashes that came with it, text, and
    addresses."""
    per_file = int(seconds_per_file * 1000 / decoders) if decoders else 0

    def cost(envelope: Envelope) -> int:
        event = envelope.event
        spent = len(event.text) // CHARACTERS_PER_MS if event.text else 0
        if event.urls:
            spent += sum(map(len, event.urls)) // ADDRESS_CHARACTERS_PER_MS
        for item in event.media:
            hashes = item.hashes
            spent += per_file if hashes is None else MS_PER_HASH * _perceptual(hashes)
        return spent

    return cost


def _perceptual(hashes: MediaHashes) -> int:
    """How many look-ups take longer the more near copies are listed."""
    single = (hashes.pdq, hashes.phash, hashes.dhash)
    views = len(hashes.variants) + len(hashes.frames) + len(hashes.opaque)
    return views + sum(value is not None for value in single)


def hop_output(topic: str) -> Callable[[Outcome], list[Output]]:
    """For a chain that ends before enforcement: the envelopes, to the next stage's topic."""

    def encode(outcome: Outcome) -> list[Output]:
        records = outcome.records
        return [
            (
                topic,
                records[place].key,
                encode_envelope(envelope),
                hop_headers(records[place].headers),
                place,
            )
            for place, envelope in zip(outcome.places, outcome.envelopes, strict=True)
        ]

    return encode


def decision_output(
    topics: Topics, clock: Callable[[], float], write_allow: bool = True
) -> Callable[[Outcome], list[Output]]:
    """For a chain that ends with enforcement: decisions, urgent ones twice, and cases. Without
    `write_allow`, a decision that allows, with no signal found and nothing degraded, is left out.
    """

    def encode(outcome: Outcome) -> list[Output]:
        decided_at = datetime.fromtimestamp(clock(), UTC)
        records = outcome.records
        outputs: list[Output] = []
        urgent: list[Output] = []
        for place, envelope, decision in zip(
            outcome.places, outcome.envelopes, outcome.decisions, strict=True
        ):
            if not write_allow and not (decision.signals or decision.degraded):
                continue
            force_setattr(decision, "decided_at", decided_at)
            headers = decision_headers(decision, records[place].headers)
            key, value = event_key(envelope.event), encode_decision(decision)
            outputs.append((topics.decisions, key, value, headers, place))
            if decision.priority <= 1:
                urgent.append((topics.urgent, key, value, headers, place))
        outputs += urgent
        outputs += [
            (topics.cases, case.key, case.value, hop_headers(records[place].headers), place)
            for place, case in outcome.cases
        ]
        return outputs

    return encode


_Increments = list[tuple[prometheus_client.Counter, tuple[str, ...], int]]
"""What to add to which counter's child; a counter without labels has the empty tuple."""


def outcome_counter(
    metrics: Metrics, stages: Sequence[StageName]
) -> Callable[[Outcome], Callable[[], None]]:
    """For `Chain.observe`: reads what an outcome's signals and decisions say, each by the worker
    that runs the stage which found it, so that split workers count nothing twice."""
    mine = set(stages)
    languages = {PurePath(name).stem for name in built_in_files()}

    @lru_cache(1024)
    def language_of(given: str | None) -> str:
        # What a platform writes there is not bounded; labels are.
        language = (given or "unknown").lower().split("-")[0]
        return language if language in languages or language == "unknown" else "other"

    def read(outcome: Outcome) -> Callable[[], None]:
        found: _Increments = []
        signals = [s for envelope in outcome.envelopes for s in envelope.signals]
        if signals and "hash-matching" in mine:
            found += _matches(metrics, signals)
        if "text-risk" in mine:
            found += _text(metrics, outcome, language_of)
        if signals and "media-hashing" in mine:
            errors = Counter(s.reason for s in signals if isinstance(s, MediaError))
            found += [(metrics.media_errors, (reason,), n) for reason, n in errors.items()]
        if "enforcement" in mine:
            withheld = Counter(s for e in outcome.envelopes for s in e.scans_withheld)
            found += [(metrics.scans_withheld, (scan,), n) for scan, n in withheld.items()]
            found += _decisions(metrics, outcome)
        return partial(_add, found)

    return read


def _add(found: _Increments) -> None:
    for counter, labels, number in found:
        (counter.labels(*labels) if labels else counter).inc(number)


def _matches(metrics: Metrics, signals: Sequence[Signal]) -> _Increments:
    matches: Counter[tuple[str, str]] = Counter()
    for signal in signals:
        match signal:
            case HashMatch() | TextMatch():
                matches[signal.list, signal.algorithm] += 1
            case UrlMatch():
                matches[signal.list, "url"] += 1
            case _:
                pass
    return [(metrics.matches, labels, number) for labels, number in matches.items()]


def _text(
    metrics: Metrics, outcome: Outcome, language_of: Callable[[str | None], str]
) -> _Increments:
    risks: Counter[tuple[str, str]] = Counter()
    categories: Counter[tuple[str, str]] = Counter()
    for envelope in outcome.envelopes:
        for signal in envelope.signals:
            if isinstance(signal, TextRisk):
                risks[signal.level, signal.pattern or ""] += 1
                language = language_of(envelope.event.language)
                categories.update((category, language) for category in signal.categories)
    events = Counter(language_of(envelope.event.language) for envelope in outcome.envelopes)
    return [
        *((metrics.text_risk, labels, number) for labels, number in risks.items()),
        *((metrics.event_languages, (name,), number) for name, number in events.items()),
        *((metrics.text_risk_categories, labels, number) for labels, number in categories.items()),
    ]


def _decisions(metrics: Metrics, outcome: Outcome) -> _Increments:
    decisions = outcome.decisions
    kinds = Counter((decision.action, decision.priority) for decision in decisions)
    rules = Counter(reason.rule for decision in decisions for reason in decision.reasons)
    degraded = Counter(word for decision in decisions for word in decision.degraded)
    found: _Increments = [
        (metrics.decisions, (action, str(priority)), n) for (action, priority), n in kinds.items()
    ]
    for word, number in degraded.items():
        if word == REPORTS_PAUSED:
            found.append((metrics.reports_paused, (), number))
        elif word.startswith(LIMITED):
            found.append((metrics.policy_limited, (word.removeprefix(LIMITED),), number))
    found += [(metrics.decision_reasons, (rule,), number) for rule, number in rules.items()]
    return found
