"""A rolling restart of three workers, as Kubernetes does it with the chart's own values.

Processes stand for pods: the same static ids, from the highest number down, each with the chart's
time to end, and the next only when the one before is ready again and has been for a while.
"""

import asyncio
import time
from pathlib import Path
from typing import Any

import yaml

from tests.faults.run import Run

CHART = Path(__file__).parents[2] / "deploy" / "helm" / "seawall"
WORKERS = 3
PACE = 2_000
"""Events a second: well under what three workers do on two cores, so that what is measured is the
restart and not the machine."""
PORTION_SECONDS = 5
CALM_SECONDS = 15.0
"""Measured before the first restart, to compare with."""
SESSION_MS = 10_000  # the setting's default, which the chart leaves as it is
GRACE_BEYOND_SHUTDOWN = 10.0
MIN_READY_SECONDS = 5.0
"""Of the chart's StatefulSets, which tests/deploy compares with what it renders."""


async def rolling_workers(run: Run) -> None:
    """Three workers with static ids are restarted one after another under load."""
    values: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    grace = float(values["worker"]["shutdownSeconds"]) + GRACE_BEYOND_SHUTDOWN
    workers = [
        run.worker(f"seawall-text-{number}", session_ms=SESSION_MS) for number in range(WORKERS)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        await worker.ready()
    finished = asyncio.Event()
    load = asyncio.create_task(_load(run, finished))
    try:
        await run.progress(0.1)
        calm = time.monotonic()
        await asyncio.sleep(CALM_SECONDS)
        began = time.monotonic()
        gaps: list[float] = []
        for worker in reversed(workers):
            run.fault(f"restart {worker.name}")
            stopped = time.monotonic()
            seconds = await run.end(worker)
            run.demand(seconds < grace, f"{worker.name} outlived its pod's {grace:.0f} s")
            worker.start()
            await worker.ready()
            gaps.append(time.monotonic() - stopped)
            await asyncio.sleep(MIN_READY_SECONDS)
        ended = time.monotonic()
    finally:
        finished.set()
        await load
    await run.drained()
    run.notes.append(
        f"p50/p99/max before {_spread(run.waits(calm, began))}, "
        f"during {_spread(run.waits(began, ended))}; SIGTERM to ready "
        + ", ".join(f"{gap:.1f}" for gap in gaps)
        + " s"
    )


async def _load(run: Run, finished: asyncio.Event) -> None:
    """All events of the run, and more of them for as long as the restarts take."""
    sent = 0
    while sent < run.events or not finished.is_set():
        await run.produce(PACE * PORTION_SECONDS, PORTION_SECONDS)
        sent += PACE * PORTION_SECONDS


def _spread(waits: list[float]) -> str:
    if not waits:
        return "nothing"
    p50, p99 = (waits[int(len(waits) * share)] for share in (0.5, 0.99))
    return f"{p50:.2f}/{p99:.2f}/{waits[-1]:.2f} s of {len(waits):,}"
