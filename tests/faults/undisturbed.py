"""What an undisturbed run makes of the input: the text-risk stage over it, in one process.

It shares the stage with the workers and nothing else: no Kafka client, no engine, no state store.
"""

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from streams.contracts.decoding import EventDecoder
from streams.contracts.envelope import Envelope
from streams.contracts.signal import TextRisk
from streams.contracts.stage import StateKey, StateValue
from streams.stages.text_risk import build_text_risk
from tests.faults.reading import Record

CHUNK = 5_000

Scores = bytes
"""A record's conversation scores, encoded; empty for none."""


class Undisturbed:
    """Scores of every good record by event id (in the order of the input, where an id repeats),
    and the state that every conversation ends with."""

    def __init__(self) -> None:
        self.scores: dict[str, list[Scores]] = defaultdict(list)
        self.state: dict[StateKey, bytes | None] = {}
        self._stage = build_text_risk()
        self._decode = EventDecoder(max_bytes=1 << 20).decode

    def run(self, records: Sequence[Record]) -> None:
        """Score one partition's good records, in their order."""
        for first in range(0, len(records), CHUNK):
            batch = [
                Envelope(event=self._decode(r.value, r.headers), received_at=r.timestamp)
                for r in records[first : first + CHUNK]
            ]
            ids = [envelope.event.event_id for envelope in batch]
            state = {key: StateValue(self.state.get(key)) for key in self._stage.keys(batch)}
            result = self._stage.run(batch, state)
            self.state.update(result.changes)
            for event_id, envelope in zip(ids, result.batch, strict=True):
                self.scores[event_id].append(scores_of(envelope.signals))


def scores_of(signals: Sequence[object]) -> Scores:
    """The conversation's scores among signals; a sender's may differ after a replay."""
    own = [s for s in signals if isinstance(s, TextRisk) and s.scope == "conversation"]
    return msgspec.json.encode(own) if own else b""
