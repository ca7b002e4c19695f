"""What the engine is told; times in seconds unless the name says otherwise."""

from dataclasses import dataclass, field
from typing import Any, Literal

DeliveryMode = Literal["exactly_once", "at_least_once"]


@dataclass(frozen=True)
class EngineConfig:
    """`client` holds the arguments that every aiokafka client gets (bootstrap, TLS, SASL).

    `stage` names the worker's run of stages in metrics. A fetch waits up to
    `chunk_cost` bounds the slow work of a chunk in milliseconds, as `Chain.cost` counts it at
    the worst: three times that, for the chunks before it in the same thread (one may have been
    given up in a rebalance), are no more than `stall_seconds`.
    `chunk_bytes` bounds the values of a chunk as they are when decompressed, which a fetch of
    `partition_fetch_bytes` does not. A fetch waits up to
    `fetch_max_wait_ms` for `fetch_min_bytes`, which is no more than `partition_fetch_bytes`, so
    that one partition with a backlog does not wait.
    """

    group: str
    input_topic: str
    dead_letter_topic: str
    stage: str
    client: dict[str, Any] = field(default_factory=dict[str, Any])
    delivery: DeliveryMode = "exactly_once"
    chunk_records: int = 1000
    chunk_bytes: int = 4 * 1024 * 1024
    fetch_min_bytes: int = 1024 * 1024
    fetch_max_wait_ms: int = 100
    partition_fetch_bytes: int = 4 * 1024 * 1024
    chunk_cost: int = 80_000
    output_batch_bytes: int = 900_000
    session_timeout_ms: int = 10_000
    transaction_timeout_ms: int = 15_000
    instance_id: str | None = None
    threads: int = 1
    revoke_seconds: float = 8.0
    internal_error_limit: int = 20
    dead_letter_payload: bool = False
    stall_seconds: float = 240.0
