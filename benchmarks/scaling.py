"""`make bench-scaling`: one and two workers, fused and split, on the machine's cores.

Events/s of a backlog that is written in one go when all workers are ready, from its first event
to the last decision; and how much of a core the workers and the broker used, which says what the
limit was. Environment as for the pipeline benchmark (`OUT`, `REPEAT`, `QUICK`).
"""

import asyncio
import logging
import os
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks.pipeline import seawall_settings
from benchmarks.pipeline_load import backlog, preload
from benchmarks.pipeline_reader import read_output
from benchmarks.pipeline_run import Bench, Subject, SubjectFailed
from benchmarks.report import Result, machine, no_arguments, summarised, write
from streams.localbroker.cluster import LocalCluster
from streams.localbroker.ports import free_ports

FUSED = ("media-hashing,hash-matching,text-risk,enforcement",)
SPLIT = ("media-hashing,hash-matching", "text-risk", "enforcement")
LAYOUTS = (
    ("fused", FUSED, 1),
    ("fused", FUSED, 2),
    ("split", SPLIT, 1),
    ("split", SPLIT, 2),
)
READY_SECONDS = 120.0
SETTLE_SECONDS = 3.0
BUSY = 0.9


@dataclass(frozen=True)
class Scaled:
    """One run. `cores` is by worker run of stages, and `broker`."""

    events_per_second: float
    cores: dict[str, float]


def main() -> int:
    """Run, print and write."""
    no_arguments(__doc__)
    # A new topic's partitions have no leader at first; the generator tries again by itself.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    console = Console(width=None if sys.stdout.isatty() else 140)
    quick = bool(os.environ.get("QUICK"))
    count = 10_000 if quick else 150_000
    repeat = int(os.environ.get("REPEAT", "1" if quick else "3"))
    description = machine()
    runs: list[tuple[str, int, list[Scaled]]] = []
    with tempfile.TemporaryDirectory(prefix="seawall-bench-") as directory:
        settings = seawall_settings(Path(directory))
        with LocalCluster(1) as cluster:
            broker = cluster.nodes[1].process
            if broker is None:
                raise SubjectFailed("the broker has ended")
            bench = Bench(cluster.bootstrap, broker, settings)
            try:
                for name, stages, workers in LAYOUTS:
                    measured: list[Scaled] = []
                    for run in range(repeat):
                        # Topics of its own: a new group reads what is there from the beginning.
                        prefix = f"{name}-{workers}-{run}."
                        bench.make_topics(prefix)
                        measured.append(_measure(bench, prefix, stages, workers, count))
                    runs.append((name, workers, measured))
            finally:
                bench.close()
    _print(console, runs, int(description["cores"] or 1))
    if out := os.environ.get("OUT"):
        write(Path(out), [r for run in runs for r in _results(*run)], description)
    return 0


def _measure(bench: Bench, prefix: str, stages: Sequence[str], workers: int, count: int) -> Scaled:
    ports = free_ports(len(stages) * workers)
    layout = [run for run in stages for _ in range(workers)]
    subjects = [
        Subject(
            "seawall-stages",
            {"SEAWALL_WORKER_STAGES": run, "SEAWALL_WORKER_HTTP_PORT": str(port)},
        )
        for run, port in zip(layout, ports, strict=True)
    ]
    topic = f"{prefix}enforcement.decisions"
    made = backlog("text", count)
    with bench.running(subjects, prefix) as (usage, alive):
        _wait_ready(ports, alive)
        time.sleep(SETTLE_SECONDS)
        start = bench.ends(topic)
        since = time.time()
        asyncio.run(preload(bench.bootstrap, f"{prefix}content.events", made))
        bench.wait_for(topic, start, count, alive)
    output = asyncio.run(read_output(bench.bootstrap, topic, start))
    if len(output.times_ms) != count or output.distinct != count:
        raise SubjectFailed(
            f"{count} events in, {len(output.times_ms)} results of {output.distinct} events out"
        )
    until = float(output.times_ms[-1]) / 1000
    cores: dict[str, float] = {"broker": 0.0}
    for number, run in enumerate(layout):
        used = usage.cpu_seconds(f"worker-{number}", since, until) / (until - since)
        cores[run] = cores.get(run, 0.0) + used
    cores["broker"] = usage.cpu_seconds("broker", since, until) / (until - since)
    return Scaled(count / (until - since), cores)


def _wait_ready(ports: Sequence[int], alive: Callable[[], None]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    for port in ports:
        while True:
            alive()
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5):
                    break
            except (urllib.error.URLError, OSError) as error:
                if time.monotonic() > deadline:
                    raise SubjectFailed(f"the worker on port {port} is not ready") from error
                time.sleep(0.2)


def _print(
    console: Console, runs: Sequence[tuple[str, int, list[Scaled]]], machine_cores: int
) -> None:
    table = Table(title="scaling (text, exactly-once)", title_justify="left")
    for name in ("layout", "workers", "events/s", "workers' cores", "broker's cores", "limit"):
        table.add_column(name, justify="left" if name in ("layout", "limit") else "right")
    for name, workers, measured in runs:
        rates = [run.events_per_second for run in measured]
        cores = {key: median(run.cores[key] for run in measured) for key in measured[0].cores}
        broker = cores.pop("broker")
        processes = workers * len(cores)
        table.add_row(
            name,
            str(processes),
            f"{median(rates):,.0f} ± {(max(rates) - min(rates)) / 2:,.0f}",
            " + ".join(f"{used:.2f}" for used in cores.values()),
            f"{broker:.2f}",
            _limit(cores, workers, broker, machine_cores),
        )
    console.print(table)


def _limit(cores: dict[str, float], workers: int, broker: float, machine_cores: int) -> str:
    total = sum(cores.values()) + broker
    if total >= BUSY * machine_cores:
        return f"the machine: {total:.1f} of {machine_cores} cores, the broker {broker:.1f} of it"
    slowest = max(cores, key=lambda run: cores[run])
    if cores[slowest] / workers >= BUSY:
        return f"Python in {slowest}: a core for each worker"
    return f"waiting (round trips to the broker): {total:.1f} of {machine_cores} cores used"


def _results(name: str, workers: int, measured: Sequence[Scaled]) -> list[Result]:
    case = f"{name}/{workers}"

    def result(metric: str, unit: str, values: Sequence[float]) -> Result:
        return summarised("scaling", "seawall", case, metric, unit, values)

    return [
        result("throughput", "events/s", [run.events_per_second for run in measured]),
        result("broker_cpu", "cores", [run.cores["broker"] for run in measured]),
        result(
            "worker_cpu",
            "cores",
            [sum(run.cores.values()) - run.cores["broker"] for run in measured],
        ),
    ]


if __name__ == "__main__":
    sys.exit(main())
