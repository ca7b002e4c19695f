"""From a rejected record to what is produced on the dead-letter topic."""

import hashlib
from datetime import UTC, datetime

from streams.contracts.codec import encode_dead_letter
from streams.contracts.dead_letter import DeadLetter
from streams.engine.chain import Outcome, Output, Rejected
from streams.engine.config import EngineConfig


def dead_letter_outputs(
    config: EngineConfig, partition: int, outcome: Outcome, now: float
) -> list[Output]:
    """One output for each rejected record, in the order of the chunk. `now` is epoch seconds."""
    at = datetime.fromtimestamp(now, UTC)
    return [
        _output(config, partition, outcome, rejected, at)
        for rejected in sorted(outcome.rejected, key=lambda rejected: rejected.place)
    ]


def _output(
    config: EngineConfig, partition: int, outcome: Outcome, rejected: Rejected, at: datetime
) -> Output:
    record = outcome.records[rejected.place]
    value = record.value or b""
    letter = DeadLetter(
        topic=config.input_topic,
        partition=partition,
        offset=record.offset,
        stage=config.stage,
        error=rejected.error.error,
        message=rejected.error.message,
        field=rejected.error.field,
        at=at,
        attempts=rejected.attempts,
        sha256=hashlib.sha256(value).hexdigest(),
        size=len(value),
        payload=_payload(config, value),
    )
    headers = [
        ("seawall-error", letter.error.encode()),
        ("seawall-source", f"{letter.topic}/{partition}/{letter.offset}".encode()),
    ]
    if config.dead_letter_payload and letter.payload is None:
        headers.append(("seawall-payload", b"cut"))
    return Output(
        config.dead_letter_topic, record.key, encode_dead_letter(letter), headers, rejected.place
    )


def _payload(config: EngineConfig, value: bytes) -> bytes | None:
    # Base64 makes 4 bytes of 3; leave room for the letter around it. A value that does not fit
    # is cut, which a header says: a letter must fit where the record did not.
    fits = len(value) * 4 // 3 < config.output_batch_bytes - 4096
    return value if config.dead_letter_payload and fits else None
