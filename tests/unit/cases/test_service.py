"""The desk's process: when it is alive, and how it ends."""

import asyncio
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from streams.cases.app import STALL_SECONDS
from streams.cases.desk import Desk, DeskTopics
from streams.cases.metrics import DeskMetrics
from streams.cases.service import DeskService
from streams.cases.store import CaseStore
from streams.engine.health import Health
from streams.settings import CaseSettings, FeedbackSettings
from tests.unit.cases.occurrences import AT, opening


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


class Watched:
    """Rounds that take a while, in place of those that need brokers, and are given back."""

    def __init__(self) -> None:
        self.busy = False
        self.caught_up = True
        self.said: list[str] = []

    def once(self) -> int:
        self.busy = True
        time.sleep(0.5)
        self.busy = False
        self.said.append("done")
        return 0

    def close(self) -> None:
        self.said.append("closed amid a round" if self.busy else "closed")

    def take_sent(self) -> int:
        return 0

    def take_expired(self) -> dict[str, int]:
        return {}


def test_a_round_under_way_ends_before_its_clients_are_given_back(tmp_path: Path) -> None:
    """Used from two threads they may wait for ever, and the process is ended by force."""

    async def run(desk: Desk) -> list[str]:
        health = Health(STALL_SECONDS, joined=True)
        service = DeskService(desk, {}, "urgent", "desk", None, 1, DeskMetrics(), health)
        service._rounds = watched = Watched()  # type: ignore[assignment]
        await service.start()
        await until(lambda: watched.busy)
        for task in service._futures:  # as a worker that ends does before it stops its services
            task.cancel()
        await service.stop()
        return watched.said

    with CaseStore.open(tmp_path / "cases.db") as store:
        topics = DeskTopics("decisions", "cases", "outcomes")
        settings = CaseSettings(), FeedbackSettings()
        said = asyncio.run(run(Desk(store, topics, lambda: datetime.now(UTC), *settings)))
    assert said == ["done", "closed"]


class Behind(Watched):
    """Rounds that have read what there was only by the fourth, and always have something left."""

    def __init__(self, gone: Callable[[], bool]) -> None:
        super().__init__()
        self.gone: list[bool] = []
        self._gone = gone

    def once(self) -> int:
        self.gone.append(self._gone())
        self.caught_up = len(self.gone) >= 4
        return 1


def test_no_case_is_deleted_before_what_waits_about_it_is_read(tmp_path: Path) -> None:
    """After a pause, appeals about it and its repeats lie on the topics."""

    async def run(desk: Desk) -> list[bool]:
        health = Health(STALL_SECONDS, joined=True)
        service = DeskService(desk, {}, "urgent", "desk", None, 1, DeskMetrics(), health)
        service._rounds = behind = Behind(lambda: not desk.store.cases(limit=1))  # type: ignore[assignment]
        await service.start()
        await until(lambda: not desk.store.cases(limit=1))
        await service.stop()
        return behind.gone

    with CaseStore.open(tmp_path / "cases.db") as store:
        store.open_case(opening())
        topics = DeskTopics("decisions", "cases", "outcomes")
        settings = CaseSettings(delete_after_days={"*": 30}), FeedbackSettings()
        desk = Desk(store, topics, lambda: AT + timedelta(days=40), *settings)
        assert asyncio.run(run(desk))[:4] == [False] * 4
