"""What a worker does last: whether it gives up its place in the group."""

import asyncio

import faust
import pytest

from tests.integration.engine.rig import Rig


class Failing(faust.Service):
    """A service beside the engine, such as one that follows the lists."""

    def __init__(self, fails: bool) -> None:
        super().__init__()
        self._fails = fails

    @faust.Service.task
    async def _work(self) -> None:
        if self._fails:
            raise RuntimeError("a defect")
        await self.wait_until_stopped()


class Both(faust.Service):
    """As a worker runs its services."""

    def __init__(self, *services: faust.Service) -> None:
        super().__init__()
        self._services = services

    async def on_start(self) -> None:
        for service in self._services:
            await self.add_runtime_dependency(service)


@pytest.mark.parametrize("fails", [False, True])
def test_a_worker_leaves_its_group_unless_anything_in_it_failed(broker, prefix, fails) -> None:
    async def run() -> list[int]:
        rig, left = Rig(broker.bootstrap, prefix), []
        await rig.create_topics()
        service = rig.service(leave=lambda: left.append(1), instance_id="w-1")
        both = Both(service, Failing(fails))
        await both.start()
        if fails:
            await asyncio.wait_for(both.wait_until_stopped(), 30)
        await both.stop()
        return left

    assert asyncio.run(run()) == ([] if fails else [1])
