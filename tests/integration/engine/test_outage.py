"""A broker that is away for longer than fetching may stand still, and comes back."""

import asyncio

import pytest

from streams.engine import service as engine
from streams.localbroker import LocalCluster
from tests.integration.engine.rig import Rig, encoded

STALE_SECONDS = 5


def test_a_worker_goes_on_after_an_outage_however_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "FETCH_STALE_SECONDS", STALE_SECONDS)
    monkeypatch.setattr(engine, "LAG_SECONDS", 0.05)  # looks before fetching has begun again

    async def run(cluster: LocalCluster) -> None:
        rig = Rig(cluster.bootstrap, "outage.")
        await rig.create_topics()
        async with rig.running() as service:
            await rig.produce([encoded(0), encoded(1)])
            await rig.read(rig.sink, 2)
            await asyncio.to_thread(cluster.stop, 1)
            await asyncio.sleep(2.5 * STALE_SECONDS)
            await asyncio.to_thread(cluster.start, 1)
            await rig.produce([encoded(2), encoded(3)])
            await rig.read(rig.sink, 4, seconds=60)
            await asyncio.sleep(STALE_SECONDS)
            assert not service.crashed, service.crash_reason

    with LocalCluster(1) as cluster:
        asyncio.run(run(cluster))


def test_a_fetcher_that_stands_still_though_the_broker_answers_ends_the_worker(
    broker, prefix, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "FETCH_STALE_SECONDS", 2)
    monkeypatch.setattr(engine.ChunkService, "_unfetched", lambda self, _, __: list(self._owned))

    async def run() -> BaseException | None:
        rig = Rig(broker.bootstrap, prefix)
        await rig.create_topics()
        service = rig.service()
        await service.start()
        await asyncio.wait_for(service.wait_until_stopped(), 60)
        reason = service.crash_reason
        await service.stop()
        return reason

    assert isinstance(asyncio.run(run()), engine.FetchingStopped)
