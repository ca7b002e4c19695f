"""What stands before and behind the stages: records to envelopes, results to records."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import PurePath
from typing import NamedTuple

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
from streams.contracts.event import ContentEvent, event_key
from streams.contracts.signal import HashMatch, MediaError, TextMatch, TextRisk, UrlMatch
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


def slow_work(decoders: int, seconds_per_file: float) -> Callable[[Envelope], int]:
    """What an envelope may cost at the worst, in milliseconds, for `Chain.cost`: files that have
    to be read and decoded (with no decoders, none), and text."""
    per_file = int(seconds_per_file * 1000 / decoders) if decoders else 0

    def cost(envelope: Envelope) -> int:
        event = envelope.event
        spent = len(event.text) // CHARACTERS_PER_MS if event.text else 0
        if per_file and event.media:
            spent += per_file * sum(item.hashes is None for item in event.media)
        return spent

    return cost


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


def outcome_counter(metrics: Metrics, stages: Sequence[StageName]) -> Callable[[Outcome], None]:
    """Counts what a committed outcome's signals and decisions say, each by the worker that runs
    the stage which found it, so that split workers count nothing twice."""
    mine = set(stages)
    languages = {PurePath(name).stem for name in built_in_files()}

    def language_of(envelope: Envelope) -> str:
        # What a platform writes there is not bounded; labels are.
        given = (envelope.event.language or "unknown").lower().split("-")[0]
        return given if given in languages or given == "unknown" else "other"

    def count(outcome: Outcome) -> None:
        matches: Counter[tuple[str, str]] = Counter()
        risks: Counter[tuple[str, str]] = Counter()
        errors: Counter[str] = Counter()
        withheld: Counter[str] = Counter()
        for envelope in outcome.envelopes:
            withheld.update(envelope.scans_withheld)
            for signal in envelope.signals:
                match signal:
                    case HashMatch() | TextMatch():
                        matches[signal.list, signal.algorithm] += 1
                    case UrlMatch():
                        matches[signal.list, "url"] += 1
                    case TextRisk():
                        risks[signal.level, signal.pattern or ""] += 1
                    case MediaError():
                        errors[signal.reason] += 1
                    case _:
                        pass
        if "hash-matching" in mine:
            for labels, count in matches.items():
                metrics.matches.labels(*labels).inc(count)
        if "text-risk" in mine:
            for labels, count in risks.items():
                metrics.text_risk.labels(*labels).inc(count)
            _count_languages(metrics, outcome, language_of)
        if "media-hashing" in mine:
            for reason, count in errors.items():
                metrics.media_errors.labels(reason).inc(count)
        if "enforcement" in mine:
            for scan, count in withheld.items():
                metrics.scans_withheld.labels(scan).inc(count)
            _count_decisions(metrics, outcome)

    return count


def _count_languages(
    metrics: Metrics, outcome: Outcome, language_of: Callable[[Envelope], str]
) -> None:
    events: Counter[str] = Counter()
    found: Counter[tuple[str, str]] = Counter()
    for envelope in outcome.envelopes:
        events[language := language_of(envelope)] += 1
        for signal in envelope.signals:
            if isinstance(signal, TextRisk):
                found.update((category, language) for category in signal.categories)
    for language, count in events.items():
        metrics.event_languages.labels(language).inc(count)
    for labels, count in found.items():
        metrics.text_risk_categories.labels(*labels).inc(count)


def _count_decisions(metrics: Metrics, outcome: Outcome) -> None:
    kinds = Counter((decision.action, decision.priority) for decision in outcome.decisions)
    for (action, priority), count in kinds.items():
        metrics.decisions.labels(action, str(priority)).inc(count)
    rules = Counter(r.rule for decision in outcome.decisions for r in decision.reasons)
    degraded = Counter(
        word for decision in outcome.decisions if decision.degraded for word in decision.degraded
    )
    for word, count in degraded.items():
        if word == REPORTS_PAUSED:
            metrics.reports_paused.inc(count)
        elif word.startswith(LIMITED):
            metrics.policy_limited.labels(word.removeprefix(LIMITED)).inc(count)
    for rule, count in rules.items():
        metrics.decision_reasons.labels(rule).inc(count)
