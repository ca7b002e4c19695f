"""`make bench-pipeline`: Seawall and its peers on one real broker, in one go.

Environment: `OUT=file.json` writes the results (and `file.machine.json`); `REPEAT` runs of each
case (3); `QUICK=1` is a smoke run of about a minute whose numbers mean little; `ONLY=a,d` runs
some subjects by their letter.
"""

import asyncio
import logging
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.pipeline_events import LISTED, WORKLOADS, Workload, listed_hash
from benchmarks.pipeline_load import backlog, preload
from benchmarks.pipeline_run import Bench, Drain, Paced, Subject, SubjectFailed
from benchmarks.pipeline_table import Row, print_goals, print_table
from benchmarks.report import Result, machine, no_arguments, summarised, write
from streams.localbroker.cluster import LocalCluster


@dataclass(frozen=True)
class Case:
    """A subject doing one kind of work in one delivery mode. `size` is its backlog in units of the
    slowest subjects', which would take minutes over what the fast ones do in seconds."""

    letter: str
    subject: str
    work: str
    delivery: str
    note: str
    size: int

    @property
    def name(self) -> str:
        """Such as `stages/exactly_once`."""
        return f"{self.work}/{self.delivery}"

    @property
    def process(self) -> Subject:
        """What to start."""
        return Subject(f"{self.subject}-{self.work}", {"SEAWALL_WORKER_DELIVERY": self.delivery})


CASES = (
    Case("a", "seawall", "stages", "exactly_once", "all stages fused, uvloop", 20),
    Case("a", "seawall", "stages", "at_least_once", "all stages fused, uvloop", 20),
    Case("b", "faust", "stages", "at_least_once", "agent, event by event, defaults", 1),
    Case("b'", "faust", "pass", "at_least_once", "agent, event by event, defaults", 1),
    Case("c", "aiokafka", "pass", "at_least_once", "bare loop, uvloop", 50),
    Case("d", "seawall", "pass", "exactly_once", "engine, chunks of 1,000, uvloop", 50),
    Case("d", "seawall", "pass", "at_least_once", "engine, chunks of 1,000, uvloop", 50),
    Case("e", "quixstreams", "stages", "at_least_once", "application, defaults", 20),
)


@dataclass(frozen=True)
class Plan:
    """How much to do. `unit` is the slowest subjects' backlog in events; `warm_up` and `measured`
    are the seconds of steady rate, for the subjects whose letter is in `paced`."""

    unit: int
    repeat: int
    warm_up: float
    measured: float
    workloads: tuple[Workload, ...]
    paced: str

    @staticmethod
    def from_environment() -> "Plan":
        """By `QUICK` and `REPEAT`."""
        if os.environ.get("QUICK"):
            return Plan(1_000, int(os.environ.get("REPEAT", "1")), 1, 2, ("text",), "a")
        return Plan(10_000, int(os.environ.get("REPEAT", "3")), 3, 15, WORKLOADS, "ab'cde")


def main() -> int:
    """Run, print and write; the exit code says whether every subject's numbers count."""
    no_arguments(__doc__)
    # A new topic's partitions have no leader at first; the generator tries again by itself.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    console = Console(width=None if sys.stdout.isatty() else 140)
    plan = Plan.from_environment()
    only = os.environ.get("ONLY", "")
    cases = [case for case in CASES if not only or case.letter.strip("'") in only.split(",")]
    description = machine()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="seawall-bench-") as directory:
        settings = seawall_settings(Path(directory))
        with LocalCluster(1) as cluster:
            broker = cluster.nodes[1].process
            if broker is None:
                raise SubjectFailed("the broker has ended")
            bench = Bench(cluster.bootstrap, broker, settings)
            try:
                rows, failures = _measure(console, bench, cases, plan)
            finally:
                bench.close()
    for workload in plan.workloads:
        print_table(console, workload, [row for row in rows if row.workload == workload])
    print_goals(console, rows)
    console.print(
        f"{plan.repeat} runs each: median ± half the range. Backlogs of "
        f"{', '.join(f'{plan.unit * s:,}' for s in sorted({c.size for c in cases}))} events "
        "(the slow subjects get the beginning of the same sequence). Broker, load generator and "
        f"reader share the machine's {description['cores']} cores. "
        f"{time.monotonic() - began:.0f} s in all."
    )
    for failure in failures:
        console.print(f"[red]NOT MEASURED[/] {failure}")
    if out := os.environ.get("OUT"):
        write(Path(out), [result for row in rows for result in _results(row)], description)
    return 1 if failures else 0


def _measure(
    console: Console, bench: Bench, cases: Sequence[Case], plan: Plan
) -> tuple[list[Row], list[str]]:
    rows: list[Row] = []
    failures: list[str] = []
    total = len(cases) * len(plan.workloads) * plan.repeat
    with Progress(
        TextColumn("{task.description:40}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=console,
    ) as progress:  # fmt: skip
        task = progress.add_task("backlogs", total=total)
        for workload in plan.workloads:
            for size in sorted({case.size for case in cases}):
                prefix = f"{workload}-{size}."
                bench.make_topics(prefix)
                made = backlog(workload, plan.unit * size)
                asyncio.run(preload(bench.bootstrap, f"{prefix}content.events", made))
        for workload in plan.workloads:
            for case in cases:
                title = f"({case.letter}) {case.subject} {case.name}, {workload}"
                drains: list[Drain] = []
                paced: Paced | None = None
                try:
                    for number in range(plan.repeat):
                        progress.update(task, description=f"{title} {number + 1}")
                        prefix = f"{workload}-{case.size}."
                        drains.append(bench.drain([case.process], prefix, plan.unit * case.size))
                        progress.advance(task)
                    if workload == "text" and case.letter in plan.paced:
                        progress.update(task, description=f"{title} paced")
                        paced = _half_load(bench, case, workload, drains, plan)
                except SubjectFailed as failed:
                    failures.append(f"{title}: {failed}")
                if drains:
                    rows.append(
                        Row(
                            case.letter, case.subject, case.name, case.note, workload, drains, paced
                        )
                    )
    return rows, failures


def _half_load(
    bench: Bench, case: Case, workload: Workload, drains: Sequence[Drain], plan: Plan
) -> Paced:
    rate = median(drain.events_per_second for drain in drains) / 2
    prefix = f"paced-{case.subject}-{case.work}-{case.delivery}."
    return bench.paced([case.process], prefix, workload, rate, plan.warm_up, plan.measured)


def _results(row: Row) -> list[Result]:
    case = f"{row.workload}/{row.case}"

    def result(metric: str, unit: str, values: Sequence[float]) -> Result:
        return summarised("pipeline", row.subject, case, metric, unit, values)

    results = [
        result("throughput", "events/s", [d.events_per_second for d in row.drains]),
        result("cpu", "s/million events", [d.cpu_seconds_per_million for d in row.drains]),
        result("peak_memory", "MB", [d.peak_mb for d in row.drains]),
        result("broker_cpu", "cores", [d.broker_cores for d in row.drains]),
    ]
    if row.paced is not None:
        results += [
            result("half_load_rate", "events/s", [row.paced.rate]),
            result("half_load_latency_p50", "ms", [row.paced.p50]),
            result("half_load_latency_p99", "ms", [row.paced.p99]),
            result("half_load_cpu", "s/million events", [row.paced.cpu_seconds_per_million]),
        ]
    return results


def seawall_settings(directory: Path) -> Mapping[str, str]:
    """Lists and policy in files, and the settings that name them. The policy permits every scan;
    the lists hold 20,000 hashes and 1,000 addresses."""
    rows = ["id,algorithm,value,category"]
    for number in range(LISTED):
        algorithm = "sha256" if number % 2 else "pdq"
        rows.append(f"entry-{number},{algorithm},{listed_hash(number)},known")
    rows += [f"url-{n},url,https://listed-{n}.example/,known" for n in range(1000)]
    (directory / "bench.csv").write_text("\n".join(rows) + "\n")
    (directory / "lists.toml").write_text(
        '[[list]]\nname = "bench"\nfile = "bench.csv"\nsource_kind = "industry"\n'
        'verified_by = "benchmark"\nroles = { known = "block" }\n'
    )
    (directory / "policy.toml").write_text(
        'version = "bench-1"\n[[scan_basis]]\n'
        'scans = ["hash", "url", "text", "provenance"]\nbasis = "benchmark"\n'
    )
    return {
        "SEAWALL_LISTS_FILES": str(directory / "lists.toml"),
        "SEAWALL_POLICY_FILE": str(directory / "policy.toml"),
        "SEAWALL_WORKER_CHUNK_RECORDS": "1000",
    }


if __name__ == "__main__":
    sys.exit(main())
