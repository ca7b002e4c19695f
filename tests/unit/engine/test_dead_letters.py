"""What a dead letter says of where its record came from."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import pytest

from streams.contracts.dead_letter import REPLAYED_FROM, BadRecord, DeadLetter
from streams.engine.chain import Outcome, Rejected
from streams.engine.config import EngineConfig
from streams.engine.dead_letters import dead_letter_outputs

CONFIG = EngineConfig(
    group="g", input_topic="content.events", dead_letter_topic="dead", stage="all"
)


class Record(NamedTuple):
    headers: Sequence[tuple[str, bytes | None]]
    offset: int = 20
    value: bytes | None = b"{}"
    timestamp: int = 1_700_000_000_000
    key: bytes | None = None


def letter(*headers: tuple[str, bytes | None]) -> DeadLetter:
    error = BadRecord("missing_field", "it is missing", "$.author")
    outcome = Outcome([Record(headers)], rejected=[Rejected(0, error, "media-hashing")])
    (output,) = dead_letter_outputs(CONFIG, 3, outcome, 1_700_000_000)
    return msgspec.json.decode(output[2], type=DeadLetter)


def test_a_record_that_was_replayed_names_the_letter_that_it_was() -> None:
    made = letter(("traceparent", b"00-1-2-01"), (REPLAYED_FROM, b"content.events/3/17"))
    assert (made.offset, made.replayed_from) == (20, "content.events/3/17")
    assert letter().replayed_from is None


@pytest.mark.parametrize(
    "forged",
    [
        *(b"words of a person", b"content.events/3", b"a/1/2\n", b"a b/1/2", b"\xff/1/2"),
        *(b"a" * 250 + b"/1/2", b"", None),
    ],
)
def test_what_a_producer_writes_into_the_header_is_not_repeated(forged: bytes | None) -> None:
    assert letter((REPLAYED_FROM, forged)).replayed_from is None
