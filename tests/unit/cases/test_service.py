"""The desk's process: when it is alive."""

import asyncio
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from streams.cases.app import STALL_SECONDS
from streams.cases.desk import Desk, DeskTopics
from streams.cases.metrics import DeskMetrics
from streams.cases.service import DeskService
from streams.cases.store import CaseStore
from streams.engine.health import Health
from streams.settings import CaseSettings, FeedbackSettings


async def until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends
        await asyncio.sleep(0.02)


def test_a_round_that_does_not_end_is_not_alive_and_one_that_failed_is(tmp_path: Path) -> None:
    health = Health(STALL_SECONDS, joined=True)

    def alive_later() -> bool:
        return health.alive(time.monotonic() + STALL_SECONDS + 1).ok

    async def run(desk: Desk, port: int) -> None:
        config = {"bootstrap_servers": [f"127.0.0.1:{port}"], "bootstrap_timeout_ms": 1_000}
        service = DeskService(desk, config, "urgent", "desk", None, 1, DeskMetrics(), health)
        await service.start()
        try:
            await until(lambda: not alive_later())
            assert health.alive(time.monotonic()).ok, "it has only begun"
            await until(alive_later)
        finally:
            await service.stop()

    # It takes connections, and never answers.
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        CaseStore.open(tmp_path / "cases.db") as store,
    ):
        topics = DeskTopics("decisions", "cases", "outcomes")
        settings = CaseSettings(), FeedbackSettings()
        desk = Desk(store, topics, lambda: datetime.now(UTC), *settings)
        asyncio.run(run(desk, silent.getsockname()[1]))
