"""From a rejected record to what is produced on the dead-letter topic."""

import hashlib
import re
from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from streams.contracts.codec import encode_dead_letter, hop_headers
from streams.contracts.dead_letter import REPLAYED_FROM, DeadLetter
from streams.engine.chain import Outcome, Output, Rejected
from streams.engine.config import EngineConfig

_SOURCE = re.compile(rb"[A-Za-z0-9._-]{1,249}/\d{1,10}/\d{1,19}")
"""A topic's name as Kafka has it, a partition and an offset: a producer may write any header."""


def dead_letter_outputs(
    config: EngineConfig, partition: int, outcome: Outcome, now: float, slim: Collection[int] = ()
) -> list[Output]:
    """One output for each rejected record, in the order of the chunk. `now` is epoch seconds.

    A letter must fit where the record did not. So the payload, where it is wanted, goes only when
    it is well below a batch, and letters of the offsets in `slim`, which the topic has refused
    before, go without payload and key. A header says that something was cut.
    """
    at = datetime.fromtimestamp(now, UTC)
    return [
        _output(config, partition, outcome, rejected, at, slim)
        for rejected in sorted(outcome.rejected, key=lambda rejected: rejected.place)
    ]


def _output(
    config: EngineConfig,
    partition: int,
    outcome: Outcome,
    rejected: Rejected,
    at: datetime,
    slim: Collection[int],
) -> Output:
    record = outcome.records[rejected.place]
    value = record.value or b""
    thin = record.offset in slim
    payload = _payload(config, value) if config.dead_letter_payload and not thin else None
    letter = DeadLetter(
        topic=config.input_topic,
        partition=partition,
        offset=record.offset,
        stage=rejected.stage,
        error=rejected.error.error,
        message=rejected.error.message,
        field=rejected.error.field,
        at=at,
        attempts=rejected.attempts,
        sha256=hashlib.sha256(value).hexdigest(),
        size=len(value),
        payload=payload,
        replayed_from=_replayed_from(record.headers),
    )
    headers = [
        ("seawall-error", letter.error.encode()),
        ("seawall-source", f"{letter.topic}/{partition}/{letter.offset}".encode()),
        *hop_headers(record.headers),
    ]
    if thin or (config.dead_letter_payload and payload is None):
        headers = [*headers[:2], ("seawall-payload", b"cut")]
    key = None if thin else record.key
    return config.dead_letter_topic, key, encode_dead_letter(letter), headers, rejected.place


def _replayed_from(headers: Iterable[tuple[str, bytes | None]]) -> str | None:
    for name, value in headers:
        if name == REPLAYED_FROM and value is not None and _SOURCE.fullmatch(value):
            return value.decode()
    return None


def _payload(config: EngineConfig, value: bytes) -> bytes | None:
    # Base64 makes 4 bytes of 3; leave room for the letter around it.
    return value if len(value) * 4 // 3 < config.output_batch_bytes - 4096 else None
