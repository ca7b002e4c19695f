"""A broker that is away for longer than fetching may stand still, and comes back."""

import asyncio
import threading

import pytest

from streams.engine import delivery as delivering
from streams.engine import service as engine
from streams.localbroker import LocalCluster
from tests.integration.engine.rig import PassOn, Rig, encoded, ids

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


@pytest.mark.parametrize("delivery", ["exactly_once", "at_least_once"])
def test_a_broker_that_stands_still_ends_no_worker_and_loses_nothing(
    monkeypatch: pytest.MonkeyPatch, delivery: str
) -> None:
    """A producer cannot flush to it, nor be stopped by its own means."""
    monkeypatch.setattr(delivering, "STOP_SECONDS", 0.5)

    class Freezing(PassOn):
        """Freezes the broker under the chunk that it has just worked through."""

        def __init__(self, cluster: LocalCluster) -> None:
            self.cluster = cluster
            self.frozen = threading.Event()

        def run(self, batch, state):
            result = super().run(batch, state)
            self.cluster.freeze(1)
            self.frozen.set()
            return result

    async def run(cluster: LocalCluster) -> list[str]:
        rig = Rig(cluster.bootstrap, "frozen.", partitions=1)
        await rig.create_topics()
        await rig.produce([encoded(number) for number in range(5)])
        stage = Freezing(cluster)
        service = rig.service(stage, delivery=delivery, revoke_seconds=0.5)
        await service.start()
        try:
            await asyncio.to_thread(stage.frozen.wait, 60)
            await asyncio.sleep(0.5)
            await service.revoke(list(service._owned))
            crashed = service.crashed
        finally:
            cluster.thaw(1)
        assert not crashed, service.crash_reason
        await service.stop()
        async with rig.running(delivery=delivery):
            return ids(await rig.read(rig.sink, 5, seconds=60))

    with LocalCluster(1) as cluster:
        seen = asyncio.run(run(cluster))
    assert set(seen) == {"0", "1", "2", "3", "4"}
    if delivery == "exactly_once":
        assert len(seen) == 5
