"""The worker's page and what it shows."""

import asyncio
import logging
import re
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import numpy as np

from streams.engine.health import Health, PartitionHealth
from streams.logs import RecentProblems
from streams.metrics import Metrics
from streams.status import status_of
from streams.web import WebService


def test_status_sums_counts_over_what_the_page_does_not_show() -> None:
    metrics = Metrics()
    metrics.events_in.labels("a..b").inc(5)
    metrics.decisions.labels("allow", "4").inc(3)
    metrics.decisions.labels("block", "1").inc(2)
    metrics.dead_letters.labels("a", "not_json").inc()
    status = _status(metrics, Health(60))
    assert status["in"] == [["a..b", 5]]
    assert status["decisions"] == [["allow", "4", 3], ["block", "1", 2]]
    assert status["dead_letters"] == [["a", "not_json", 1]]
    assert status["matches"] == []


def test_status_counts_the_latencies_of_live_events_in_their_own_buckets() -> None:
    metrics = Metrics()
    observe = metrics.latency_since_received.observe
    observe(("s", "live", "text"), np.array([0.004, 0.004, 0.2, 9_999.0]))
    observe(("s", "backfill", "text"), np.array([0.004] * 7))
    counted = {bound: count for bound, count in _status(metrics, Health(60))["latency"] if count}
    assert counted == {0.005: 2, 0.2: 1, None: 1}


def test_status_says_why_a_worker_is_not_well() -> None:
    health = Health(60, missing={"lists loaded"})
    health.partitions[3] = PartitionHealth(progressed_at=time.monotonic() - 100, behind=True)
    status = _status(Metrics(), health)
    assert not status["ready"]["ok"]
    assert "lists loaded" in str(status["ready"]["why"])
    assert not status["alive"]["ok"]
    assert "partition 3" in str(status["alive"]["why"])


def test_recent_problems_keep_the_newest_and_no_traceback() -> None:
    problems = RecentProblems(kept=2)
    logger = logging.Logger("streams.test")
    logger.addHandler(problems)
    logger.info("nothing to see")
    for number in range(3):
        logger.warning("trouble %d\nwith more lines", number)
    assert [line["what"] for line in problems.latest()] == [
        "streams.test: trouble 2", "streams.test: trouble 1",
    ]  # fmt: skip


def test_the_page_needs_nothing_from_elsewhere() -> None:
    async def fetch(address: str, path: str) -> tuple[str, str]:
        async with aiohttp.ClientSession() as session, session.get(address + path) as answer:
            assert answer.status == 200
            return await answer.text(), answer.headers.get("Content-Security-Policy", "")

    async def serve() -> tuple[str, str, str]:
        web = WebService("127.0.0.1", 0, Metrics(), Health(60), _nothing, _ignored)
        await web.on_start()
        try:
            page, guard = await fetch(web.address, "/")
            return page, guard, (await fetch(web.address, "/status"))[0]
        finally:
            await web.on_stop()

    page, guard, status = asyncio.run(serve())
    assert not re.findall(r"""(?:src|href|@import|url)\s*[=(]\s*["']?\s*(?:https?:)?//""", page)
    assert "default-src 'none'" in guard
    assert status == "{}"


def _nothing() -> dict[str, Any]:
    return {}


def _ignored(_: str) -> None:
    pass


def _status(
    metrics: Metrics, health: Health, clock: Callable[[], float] = time.time
) -> dict[str, Any]:
    return status_of(metrics.registry, health, RecentProblems(), {}, clock)
