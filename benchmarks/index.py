"""`make bench-index`: the Hamming index beside FAISS, python-threatexchange and NumPy, in one go.

PDQ's 256 bits, all entries within 31, on one core, each subject in a process of its own.
Environment: `OUT=file.json` writes the results (and `file.machine.json`); `SIZES` are the numbers
of codes (100000,1000000,10000000); `ONLY` the subjects, by name; `SHAPES` uniform,clustered;
`BUDGET` seconds for each kind of measurement (10), which decides how many queries slow peers get;
`MEMORY_GIB` is what a peer may be expected to take before it is not run (what is available).
Recall is over 20 queries at each distance from 0 to the radius, and at the distance where it is
worst; a peer that is too slow for all gets some of them, spread over the distances.
"""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.index_codes import Shape, make_codes
from benchmarks.index_sharing import shared_memory
from benchmarks.index_subjects import SUBJECTS, missing
from benchmarks.report import Result, machine, no_arguments, summarised, write

METRICS = {
    "look-ups/s": "1/s",
    "CPU us/look-up": "us",
    "single p50 us": "us",
    "single p99 us": "us",
    "recall %": "%",
    "worst distance recall %": "%",
    "bytes per entry": "B",
    "build s": "s",
    "open s": "s",
    "add ms": "ms",
    "remove ms": "ms",
    "peak memory MB": "MB",
    "one worker MB": "MB",
    "two workers MB": "MB",
}
EXPECTED_BYTES = {"faiss multihash": 1000, "threatexchange": 1300}
"""Rough bytes an entry of the peers that take much, to refuse what would not fit."""
GOALS = {1_000_000: 40_000, 10_000_000: 10_000}
"""Look-ups/s on one core, by number of codes."""


def main() -> int:
    """Measure, print, write; 1 if Seawall's recall is not exactly 100 %."""
    no_arguments(__doc__)
    console = Console(width=None if sys.stdout.isatty() else 200)
    sizes = [int(float(size)) for size in os.environ.get("SIZES", "1e5,1e6,1e7").split(",")]
    only = os.environ.get("ONLY")
    subjects = only.split(",") if only else list(SUBJECTS)
    shapes: list[Shape] = [
        "clustered" if name == "clustered" else "uniform"
        for name in os.environ.get("SHAPES", "uniform,clustered").split(",")
    ]
    room = float(os.environ.get("MEMORY_GIB", psutil.virtual_memory().available / 2**30)) * 2**30
    description = machine()
    for package in ("faiss-cpu", "threatexchange"):
        with suppress(PackageNotFoundError):
            description["libraries"][package] = version(package)
    results: list[Result] = []
    for size in sizes:
        for shape in shapes:
            case = f"{size:,} {shape}"
            with tempfile.TemporaryDirectory() as folder:
                with console.status(f"{case}: making codes"):
                    make_codes(Path(folder, "codes.npy"), size, shape)
                rows: list[tuple[str, dict[str, list[float]] | str]] = []
                for subject in subjects:
                    with console.status(f"{case}: {subject}"):
                        rows.append((subject, _measured(subject, folder, size, room)))
            console.print(_table(case, rows))
            for subject, found in rows:
                if isinstance(found, str):
                    continue
                results += [
                    summarised("index", subject, case, metric, METRICS[metric], values)
                    for metric, values in found.items()
                ]
            if out := os.environ.get("OUT"):  # after every case: the whole takes long
                write(Path(out), results, description)
    _print_goals(console, results)
    short = [
        result
        for result in results
        if result.subject == "seawall" and result.metric == "recall %" and result.value != 100
    ]
    return bool(short)


def _measured(subject: str, folder: str, size: int, room: float) -> dict[str, list[float]] | str:
    """A subject's numbers, or why it did not run."""
    if package := missing(subject):
        return f"{package} is not installed (make bench-deps)"
    expected = EXPECTED_BYTES.get(subject, 0) * size
    if expected > room:
        return f"would take about {expected / 2**30:.0f} GiB"
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.index_subjects", subject, folder],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    if run.returncode:
        return f"failed: {run.stderr.strip().splitlines()[-1] if run.stderr else run.returncode}"
    found: dict[str, list[float]] = json.loads(run.stdout)
    if subject == "seawall":
        found |= shared_memory(Path(folder))
    return found


def _table(case: str, rows: list[tuple[str, dict[str, list[float]] | str]]) -> Table:
    table = Table(title=f"index, {case}, one core", title_justify="left")
    table.add_column("subject")
    for metric in METRICS:
        table.add_column(metric, justify="right")
    for subject, found in rows:
        if isinstance(found, str):
            table.add_row(subject, f"NOT RUN: {found}")
            continue
        table.add_row(
            subject, *(_shown(found[metric]) if metric in found else "–" for metric in METRICS)
        )
    return table


def _shown(values: list[float]) -> str:
    value = median(values)
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _print_goals(console: Console, results: list[Result]) -> None:
    """Seawall's goals (look-ups and bytes: at a million codes and above) beside its numbers."""
    alone = {r.case: r.value for r in results if r.metric == "one worker MB"}
    for result in results:
        if result.subject != "seawall":
            continue
        size, value = int(result.case.split()[0].replace(",", "")), result.value
        rate = GOALS.get(size)
        goals = {
            "recall %": (value == 100, "exactly 100"),
            "open s": (value < 2, "under 2"),
            "add ms": (value < 1, "under 1"),
            "remove ms": (value < 1, "under 1"),
        }
        if rate is not None and result.metric == "two workers MB":
            goals["two workers MB"] = (value < 1.2 * alone[result.case], "as one (within a fifth)")
        if rate is not None:
            goals["look-ups/s"] = (value >= rate, f"at least {rate:,}")
            goals["bytes per entry"] = (value <= 300, "at most 300")
        if result.metric in goals:
            met, wanted = goals[result.metric]
            verdict = "[green]met[/]" if met else "[red]missed[/]"
            console.print(f"{result.case}: {result.metric} {value:,.4g}, {wanted}: {verdict}")


if __name__ == "__main__":
    sys.exit(main())
