"""The seeded short form of the fault matrix, for CI: 20,000 events, exactly once.

The whole matrix: `python -m tests.faults.matrix`.
"""

import asyncio
import logging
import os
from collections.abc import Iterator

import pytest

from streams.localbroker import LocalCluster
from tests.faults import topics
from tests.faults.run import Run
from tests.faults.scenarios import SCENARIOS, SHORT
from tests.faults.state_server import StateServer, state_server

EVENTS = 20_000 // len(SHORT)
SEED = int(os.environ.get("FAULT_SEED", "20260101"))


@pytest.fixture(scope="module")
def state() -> Iterator[StateServer]:
    with state_server() as running:
        yield running


@pytest.mark.parametrize("name", SHORT)
def test_every_record_is_decided_once_under(name: str, cluster: LocalCluster, state) -> None:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)

    async def scenario() -> None:
        async with Run(cluster, state, name, EVENTS, SEED, print) as run:
            await SCENARIOS[name](run)
            outcome = await run.finish()
        print(f"seed {SEED}, resumed after {outcome.resume:.1f} s, {outcome.notes}")
        assert outcome.broken == []
        assert outcome.verdict.decided == EVENTS

    asyncio.run(scenario())
    topics.wait_in_sync(cluster.bootstrap)
