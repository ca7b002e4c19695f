"""What became of every record: read with `read_committed`, and held against the input."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Struct

from streams.contracts.dead_letter import DeadLetter
from streams.contracts.signal import Signal
from streams.contracts.stage import StateKey
from streams.state.open import open_store
from streams.state.store import Partition
from tests.faults.events import EXPECT
from tests.faults.reading import Record, read_all
from tests.faults.undisturbed import Scores, Undisturbed, scores_of


class _Decided(Struct):
    """The part of a decision that the verification reads."""

    event_id: str
    decision_id: str
    signals: list[Signal] = []


@dataclass
class Verdict:
    """Counts over one run. `duplicates` are decisions or dead letters beyond one for each record;
    `other_ids` those of them whose decision id differs, which no mode allows."""

    records: int = 0
    decided: int = 0
    dead_letters: int = 0
    lost: int = 0
    duplicates: int = 0
    other_ids: int = 0
    wrong_letters: int = 0
    unordered: int = 0
    differing_scores: int = 0
    scored: int = 0
    differing_states: int = 0
    states: int = 0
    acknowledged: int = 0
    notes: list[str] = field(default_factory=list)

    def broken_promises(self, mode: str) -> list[str]:
        """What the delivery promise of the mode rules out and was seen."""
        exact = mode == "exactly_once"
        promises = {
            "lost": self.lost,
            "duplicated": self.duplicates if exact else 0,
            "duplicated under another id": self.other_ids,
            "wrong dead letters": self.wrong_letters,
            "out of order": self.unordered if exact else 0,
            "differing scores": self.differing_scores,
            "differing states": self.differing_states,
            "acknowledged and not in the input": max(0, self.acknowledged - self.records),
            "no score to compare": 0 if self.scored else 1,
            "no state to compare": 0 if self.states else 1,
        }
        return [f"{name}: {count}" for name, count in promises.items() if count]


class Reading:
    """Reads a run's topics and compares."""

    def __init__(self, bootstrap: str, prefix: str, partitions: int, dead: int) -> None:
        self._bootstrap = bootstrap
        self._dead = dead
        self._prefix = prefix
        self._partitions = partitions
        self._good: dict[int, list[Record]] = defaultdict(list)
        self._expected: dict[tuple[int, int], str] = {}
        self._decisions: dict[int, list[_Decided]] = defaultdict(list)
        self._letters: list[DeadLetter] = []
        self._decode: Any = msgspec.json.Decoder(_Decided).decode
        self._letter: Any = msgspec.json.Decoder(DeadLetter).decode

    async def verdict(self, state_url: str | None, hmac_key: str) -> Verdict:
        """Read everything to its end, and compare."""
        await self._read("content.events", self._partitions, self._take_input)
        await self._read("enforcement.decisions", self._partitions, self._take_decision)
        await self._read("seawall.dead-letters", self._dead, self._take_letter)
        verdict = Verdict()
        undisturbed = Undisturbed()
        for partition in range(self._partitions):
            undisturbed.run(self._good[partition])
        self._compare_decisions(verdict, undisturbed)
        self._compare_letters(verdict)
        verdict.records = sum(map(len, self._good.values())) + len(self._expected)
        if state_url is not None:
            await compare_states(verdict, undisturbed.state, state_url, hmac_key)
        return verdict

    async def _read(self, topic: str, partitions: int, take: Any) -> None:
        await read_all(self._bootstrap, self._prefix + topic, partitions, take)

    def _take_input(self, record: Record) -> None:
        for name, value in record.headers:
            if name == EXPECT:
                self._expected[record.partition, record.offset] = value.decode()
                return
        self._good[record.partition].append(record)

    def _take_decision(self, record: Record) -> None:
        self._decisions[record.partition].append(self._decode(record.value))

    def _take_letter(self, record: Record) -> None:
        self._letters.append(self._letter(record.value))

    def _compare_decisions(self, verdict: Verdict, undisturbed: Undisturbed) -> None:
        wanted = {event_id: len(scores) for event_id, scores in undisturbed.scores.items()}
        found: Counter[str] = Counter()
        ids: dict[str, set[str]] = defaultdict(set)
        scores: dict[str, list[Scores]] = defaultdict(list)
        for partition, decisions in self._decisions.items():
            verdict.decided += len(decisions)
            for decision in decisions:
                found[decision.event_id] += 1
                ids[decision.event_id].add(decision.decision_id)
                scores[decision.event_id].append(scores_of(decision.signals))
            verdict.unordered += self._unordered(partition, decisions)
        verdict.lost += sum(max(0, n - found[event_id]) for event_id, n in wanted.items())
        verdict.duplicates += sum(max(0, n - wanted.get(e, 0)) for e, n in found.items())
        verdict.other_ids += sum(len(each) > 1 for each in ids.values())
        for event_id, expected in undisturbed.scores.items():
            verdict.scored += any(expected)
            verdict.differing_scores += bool(scores[event_id]) and set(scores[event_id]) != set(
                expected
            )

    def _unordered(self, partition: int, decisions: list[_Decided]) -> int:
        """Decisions that stand before one of an earlier record of the same partition."""
        places: dict[str, list[int]] = defaultdict(list)
        for place, record in enumerate(self._good[partition]):
            places[_event_id(record)].append(place)
        unordered = last = 0
        for decision in decisions:
            mine = places.get(decision.event_id)
            if mine is None:
                unordered += 1
            elif len(mine) == 1:
                unordered += mine[0] < last
                last = max(last, mine[0])
        return unordered

    def _compare_letters(self, verdict: Verdict) -> None:
        verdict.dead_letters = len(self._letters)
        first = self._prefix + "content.events"
        found: Counter[tuple[int, int]] = Counter()
        for letter in self._letters:
            place = letter.partition, letter.offset
            told = letter.error if letter.field is None else f"{letter.error}:{letter.field}"
            expected = self._expected.get(place)
            found[place] += 1
            if (
                letter.topic != first
                or expected is None
                or told.split(":")[0] != (expected.split(":")[0])
                or (":" in expected and told != expected)
            ):
                verdict.wrong_letters += 1
                if len(verdict.notes) < 5:
                    verdict.notes.append(
                        f"dead letter {told} of {letter.topic}/{place}, expected {expected}: "
                        f"{letter.message}"
                    )
        verdict.lost += sum(place not in found for place in self._expected)
        verdict.duplicates += sum(n - 1 for n in found.values())


async def compare_states(
    verdict: Verdict, expected: dict[StateKey, bytes | None], url: str, hmac_key: str
) -> None:
    """The newest state of every conversation against the undisturbed run's."""
    store = open_store(url, hmac_key.encode())
    # A partition that owns nothing is shown each key's newest version.
    nobody = Partition("verification", "none", 0)
    try:
        conversations = [key for key in expected if key.scope == "conversation"]
        state = await store.load(nobody, 0, conversations)
    finally:
        await store.close()
    verdict.states = len(conversations)
    verdict.differing_states = sum(state[key].own != expected[key] for key in conversations)


def _event_id(record: Record) -> str:
    return msgspec.json.decode(record.value, type=_Id).event_id


class _Id(Struct):
    event_id: str
