"""What each record must become, and what is different where it did not."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
from msgspec import Struct

from streams.contracts.case_record import CaseOpening
from streams.contracts.dead_letter import DeadLetter
from streams.contracts.decision import Decision, decision_id
from streams.contracts.signal import Signal

Header = tuple[str, bytes]


class Decided(Struct, frozen=True, kw_only=True):
    """A decision: one of `actions`, by none but the rules named. `report`, `priorities` and
    `withheld` are as given, `None` for any; `signals` (their types), `notices` and `would_have`
    must be there."""

    actions: frozenset[str]
    rules: frozenset[str] = frozenset()
    report: bool | None = False
    priorities: frozenset[int] | None = None
    withheld: frozenset[str] = frozenset()
    signals: frozenset[str] = frozenset()
    notices: frozenset[str] = frozenset()
    would_have: frozenset[str] = frozenset()
    degraded: frozenset[str] = frozenset()


class Refused(Struct, frozen=True, kw_only=True):
    """A dead letter of a class that names a field (a JSON path or a header), or none."""

    error: str
    field: str | None = None


class Sent(Struct, frozen=True, kw_only=True):
    """A record for the input topic. `kind` is its row in the report, `about` says in words what it
    is, `event_id` and `tenant` are the event's (of a broken one: empty), `text` must not appear in
    any output, records of one `sequence` are sent in order.
    """

    kind: str
    about: str
    key: bytes
    value: bytes
    expected: Decided | Refused
    headers: tuple[Header, ...] = ()
    event_id: str = ""
    tenant: str = ""
    text: str | None = None
    sequence: str = ""


class Place(NamedTuple):
    """Where the broker put a record."""

    partition: int
    offset: int


class Outcome(Struct, frozen=True):
    """What came out: decisions, of them those on the urgent topic, dead letters, and the cases
    that decisions open. `raw` are all their bytes."""

    decisions: Sequence[Decision]
    urgent: Sequence[Decision]
    dead_letters: Sequence[DeadLetter]
    cases: Sequence[CaseOpening]
    raw: bytes


class Difference(NamedTuple):
    """One thing that is not as expected."""

    kind: str
    record: str
    expected: str
    found: str


def differences(sent: Sequence[tuple[Sent, Place]], outcome: Outcome) -> list[Difference]:
    """Compares what came out with what went in: each record has exactly one decision or dead
    letter, and the one that it should have. A repeated event has as many decisions as records,
    all with one id."""
    decisions: dict[str, list[Decision]] = defaultdict(list)
    for decision in outcome.decisions:
        decisions[decision.event_id].append(decision)
    letters: dict[Place, list[DeadLetter]] = defaultdict(list)
    for letter in outcome.dead_letters:
        letters[Place(letter.partition, letter.offset)].append(letter)
    found: list[Difference] = []
    expected_ids: dict[str, list[Sent]] = defaultdict(list)
    for record, place in sent:
        refused = letters.pop(place, [])
        if isinstance(record.expected, Refused):
            found += _of_refused(record, record.expected, refused)
        else:
            expected_ids[record.event_id].append(record)
            found += [
                Difference(
                    record.kind, record.about, "a decision", f"dead letter {x.error}: {x.message}"
                )
                for x in refused
            ]
    for event_id, records in expected_ids.items():
        found += _of_decided(
            records, decisions.pop(event_id, []), decision_id(records[0].tenant, event_id)
        )
    found += [
        Difference(
            "-", f"event {event_id}", "no decision: it was never sent", f"{len(made)} decisions"
        )
        for event_id, made in decisions.items()
    ]
    found += [
        Difference(
            "-", f"partition {place.partition}, offset {place.offset}", "no dead letter", x.error
        )
        for place, made in letters.items()
        for x in made
    ]
    texts = _of_texts([record for record, _ in sent], outcome)
    return [*found, *_of_urgent(outcome), *_of_cases(outcome), *texts]


def _of_refused(record: Sent, expected: Refused, found: Sequence[DeadLetter]) -> list[Difference]:
    want = f"one dead letter: {expected.error} {expected.field or ''}".rstrip()
    got = "; ".join(f"{x.error} {x.field or ''}".rstrip() for x in found) or "none"
    right = [x for x in found if (x.error, x.field) == (expected.error, expected.field)]
    if len(found) == 1 and right:
        return []
    return [Difference(record.kind, record.about, want, got)]


def _of_decided(
    records: Sequence[Sent], made: Sequence[Decision], wanted_id: str
) -> list[Difference]:
    first = records[0]
    if len(made) != len(records):
        return [Difference(first.kind, first.about, f"{len(records)} decision(s)", f"{len(made)}")]
    wrong = [
        Difference(record.kind, f"{record.about} ({decision.event_id})", *fault)
        for record, decision in zip(records, made, strict=True)
        for fault in _faults(record, decision)
    ]
    wrong += [
        Difference(first.kind, first.about, f"decision_id {wanted_id}", decision.decision_id)
        for decision in made
        if decision.decision_id != wanted_id
    ]
    return wrong


def _faults(record: Sent, made: Decision) -> list[tuple[str, str]]:
    """(expected, found) for each part of the decision that is not as expected."""
    want = record.expected
    assert isinstance(want, Decided)
    rules = {reason.rule for reason in made.reasons}
    signals = {tag_of(signal) for signal in made.signals}
    notices = {notice.advice for notice in made.notices}
    faults: list[tuple[str, str]] = []
    if made.action not in want.actions:
        by = f" by {_words(rules)}" if rules else ""
        faults.append((f"action {_words(want.actions)}", f"{made.action}{by}"))
    elif not rules <= want.rules or (made.action != "allow" and not rules):
        faults.append((f"only rules {_words(want.rules)}", _words(rules)))
    if want.report is not None and made.report != want.report:
        faults.append((f"report {want.report}", str(made.report)))
    if want.priorities is not None and made.priority not in want.priorities:
        faults.append((f"priority {_words(want.priorities)}", str(made.priority)))
    if frozenset[str](made.scans_withheld) != want.withheld:
        faults.append((f"withheld {_words(want.withheld)}", _words(made.scans_withheld)))
    noted = {noted.rule for noted in made.would_have}
    for name, needed, there in (
        ("signal", want.signals, signals),
        ("notice", want.notices, notices),
        ("degraded", want.degraded, set(made.degraded)),
        ("would have", want.would_have, noted),
    ):
        if not needed <= there:
            faults.append((f"{name} {_words(needed)}", _words(there)))
    return faults


def _of_urgent(outcome: Outcome) -> list[Difference]:
    wanted = sorted(d.event_id for d in outcome.decisions if d.priority <= 1)
    there = sorted(d.event_id for d in outcome.urgent)
    if wanted == there:
        return []
    missing, extra = set(wanted) - set(there), set(there) - set(wanted)
    return [
        Difference(
            "-",
            "the urgent topic",
            f"the {len(wanted)} decisions of priority 0 and 1, once each",
            f"{len(there)}: {len(missing)} missing, {len(extra)} others",
        )
    ]


def _of_cases(outcome: Outcome) -> list[Difference]:
    """Whatever is reviewed, held or blocked opens a case, once for each decision."""
    wanted = sorted(d.event_id for d in outcome.decisions if d.action != "allow")
    named = sorted(d.event_id for d in outcome.decisions if d.case_id is not None)
    opened = sorted(opening.decision.event_id for opening in outcome.cases)
    return [
        Difference("-", where, f"one for each of {len(wanted)} decisions", f"{len(there)}")
        for where, there in (("case ids", named), ("the cases topic", opened))
        if there != wanted
    ]


def _of_texts(sent: Sequence[Sent], outcome: Outcome) -> list[Difference]:
    """No message's text may travel on, in no spelling that JSON has for it."""
    texts = {record.text: record for record in sent if record.text}
    return [
        Difference(record.kind, record.about, "its text in no output", "its text came out")
        for text, record in texts.items()
        if msgspec.json.encode(text)[1:-1] in outcome.raw
    ]


def tag_of(signal: Signal) -> str:
    """A signal's type, as in JSON."""
    return str(signal.__struct_config__.tag)


def _words(values: Iterable[object]) -> str:
    return ", ".join(sorted(map(str, values))) or "none"
