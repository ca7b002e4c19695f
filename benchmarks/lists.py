"""How long a change of a large list takes to decide, and what decisions wait for it meanwhile.

A list of `ENTRIES` (a million) entries is imported, compiled by a running `seawall librarian` and
followed by a `seawall worker` with all stages, under a steady load of `SHARE` (0.6) of what the
worker has just drained a backlog with, or of `RATE` events/s. Then, while the load goes on, one
entry is added, then a fiftieth of the list, then a tenth (which is too much for the control topic,
and goes out as a snapshot), and the last two are rolled back.

Of each change it is measured how long it takes from before it is made in the store until a
decision on it is read, and the p99 of all decisions from there to `SETTLE` seconds after it. An
event counts from when it was due, and all of them must come, once.

Environment: `ENTRIES`, `RATE` or `SHARE`, `SECONDS` of load before (30); `OUT=file.json` writes
the results.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.lists_run import (
    LIST,
    Failed,
    Load,
    changes,
    command,
    ready,
    running,
    until,
    write_list,
)
from benchmarks.pipeline_events import PARTITIONS
from benchmarks.pipeline_load import backlog, preload
from benchmarks.report import Result, machine, no_arguments, summarised, write
from matchers.lists.librarian.store import ListStore
from streams.kafka.client import READ_COMMITTED, TopicPartition, admin_client, native
from streams.localbroker import LocalCluster

SETTLE = 5.0
BACKLOG = 60_000
LONGEST, WORSE = 10.0, 100.0
"""The goals: seconds until a change decides, and milliseconds that p99 may be worse meanwhile."""
PREFIX = "lists."
POLICY = """version = "benchmark"
[[scan_basis]]
tenant = "*"
surface = "*"
jurisdiction = "*"
scans = ["hash", "url", "text", "provenance"]
"""
CATALOGUE = f"""[[list]]
name = "{LIST}"
source_kind = "industry"
verified_by = "Benchmark"
roles = {{ A1 = "block" }}
file = "list.csv"
"""


class Span(NamedTuple):
    """A part of the load, in seconds since the epoch, and the change that was made in it."""

    case: str
    begin: float
    end: float
    decided: float | None = None


def main() -> int:
    """Measure, print, write; 1 when a goal is missed, 2 when there are no numbers."""
    no_arguments(__doc__)
    console = Console(width=None if sys.stdout.isatty() else 140)
    description = machine()
    entries = int(float(os.environ.get("ENTRIES", "1e6")))
    try:
        with (
            tempfile.TemporaryDirectory(prefix="seawall-lists-") as folder,
            LocalCluster(1) as cluster,
        ):
            try:
                results = _measured(console, Path(folder), cluster.bootstrap, entries)
            except Failed:
                for log in Path(folder).glob("*.log"):
                    console.print(f"{log.name}:\n{log.read_text()[-3000:]}", markup=False)
                raise
    except Failed as why:
        console.print(f"[red]failed[/]: {why}")
        return 2
    if out := os.environ.get("OUT"):
        write(Path(out), results, description)
    return _goals(console, results)


def _measured(console: Console, folder: Path, bootstrap: str, entries: int) -> list[Result]:
    environment = {
        "SEAWALL_KAFKA_BOOTSTRAP": bootstrap,
        "SEAWALL_PIPELINE_NAME": "lists",
        "SEAWALL_PIPELINE_TOPIC_PREFIX": PREFIX,
        "SEAWALL_PIPELINE_PARTITIONS": str(PARTITIONS),
        "SEAWALL_LISTS_STORE": str(folder / "lists.db"),
        "SEAWALL_LISTS_FILES": str(folder / "lists.snapshot"),
        "SEAWALL_POLICY_FILE": str(folder / "policy.toml"),
    }
    (folder / "policy.toml").write_text(POLICY)
    (folder / "lists.toml").write_text(CATALOGUE)
    write_list(folder / "list.csv", entries)
    command(["topics", "apply"], environment)
    once: list[tuple[str, float]] = []
    with console.status(f"importing {entries:,} entries"):
        seconds = command(["lists", "import", str(folder / "lists.toml")], environment)
        once.append(("import", seconds))
    librarian = ["librarian", str(folder / "lists.toml"), "--every", "86400"]
    with running(
        [*librarian, "--snapshot", str(folder / "lists.snapshot")],
        environment,
        folder / "librarian.log",
    ):
        with console.status("compiling"):
            started = time.monotonic()
            until((folder / "lists.snapshot").exists, "the first snapshot")
            once.append(("compile", time.monotonic() - started))
        with running(["worker"], environment, folder / "worker.log"):
            until(lambda: ready(folder / "worker.log"), "a worker that is ready")
            with console.status("draining a backlog"):
                capacity = _drained(bootstrap)
            rate = float(os.environ.get("RATE", 0)) or capacity * float(
                os.environ.get("SHARE", 0.6)
            )
            with console.status(f"changing the list under {rate:,.0f} events/s"):
                spans, load = _changed(folder, bootstrap, entries, rate)
    return _report(console, load, spans, once, capacity, rate)


def _drained(bootstrap: str) -> float:
    """Events/s that the worker drains a backlog with, after its first fifth."""

    asyncio.run(preload(bootstrap, f"{PREFIX}content.events", backlog("mixed", BACKLOG)))
    admin = admin_client({"bootstrap_servers": bootstrap})
    wanted = {
        native(TopicPartition(f"{PREFIX}enforcement.decisions", number)): -1
        for number in range(PARTITIONS)
    }
    reached: dict[float, float] = {}

    def share_done() -> float:
        found = admin.list_partition_offsets(wanted, isolation_level=READ_COMMITTED)
        return sum(place.offset for place in found.values()) / BACKLOG

    def done(share: float) -> Callable[[], bool]:
        def reaches() -> bool:
            if share_done() < share:
                return False
            reached[share] = time.monotonic()
            return True

        return reaches

    until(done(0.2), "a fifth of the backlog")
    until(done(1.0), "the whole backlog")
    admin.close()
    return 0.8 * BACKLOG / (reached[1.0] - reached[0.2])


def _changed(folder: Path, bootstrap: str, entries: int, rate: float) -> tuple[list[Span], Load]:
    probes = [f"{number + 1:032x}" for number in range(3)]
    some, many = max(entries // 50, 10), max(entries // 10, 20)
    load = Load(bootstrap, PREFIX, folder)
    spans: list[Span] = []

    def span(case: str, probe: int, matched: bool, change: Callable[[], object]) -> None:
        begin = time.time()
        change()
        seen = load.sees(probe, matched=matched)
        time.sleep(SETTLE)
        spans.append(Span(case, begin, time.time(), seen - begin))

    now = datetime.now(UTC)
    with load.running(rate, probes), ListStore.open(folder / "lists.db") as store:
        # Changes are made here as the librarian makes them: after all that serves.
        os.nice(19)
        time.sleep(SETTLE)
        begin = time.time()
        time.sleep(float(os.environ.get("SECONDS", 30)))
        spans.append(Span("before", begin, time.time()))

        def add(count: int, probe: int) -> Callable[[], object]:
            feed = changes(count, probes[probe], f"change{probe}")
            return lambda: store.import_feed(LIST, feed, origin="benchmark", at=now)

        span("one entry added", 0, True, add(1, 0))
        first = store.revision()
        span(f"{some:,} entries added", 1, True, add(some, 1))
        span(
            f"{some:,} entries rolled back", 1, False,
            lambda: store.rollback(LIST, first, origin="benchmark", at=now),
        )  # fmt: skip
        second = store.revision()
        span(f"{many:,} entries added", 2, True, add(many, 2))
        span(
            f"{many:,} entries rolled back", 2, False,
            lambda: store.rollback(LIST, second, origin="benchmark", at=now),
        )  # fmt: skip
    return spans, load


def _report(
    console: Console,
    load: Load,
    spans: list[Span],
    once: list[tuple[str, float]],
    capacity: float,
    rate: float,
) -> list[Result]:
    saved = np.load(load.times)
    due, received = saved["due"], saved["received"]
    if int(saved["distinct"]) != len(due):
        raise Failed(f"{len(due)} decisions of {int(saved['distinct'])} events")

    def number(case: str, metric: str, unit: str, value: float) -> Result:
        return summarised("lists", "seawall", case, metric, unit, [value])

    results = [
        number("load", "drained", "events/s", capacity),
        number("load", "rate", "events/s", rate),
        *(number("first", what, "s", seconds) for what, seconds in once),
    ]
    table = Table(title=f"{rate:,.0f} of {capacity:,.0f} events/s", title_justify="left")
    for column in ("change", "decides after s", "p50 ms", "p99 ms", "p99 worse by ms"):
        table.add_column(column, justify="right")
    usual = 0.0
    for span in spans:
        chosen = (due >= span.begin * 1e6) & (due < span.end * 1e6)
        if not chosen.any():
            raise Failed(f"{span.case}: no event was due: the generator fell behind by all of it")
        p50, p99 = np.percentile((received[chosen] - due[chosen]) / 1000, [50, 99])
        usual = usual or float(p99)
        results += [
            number(span.case, "p50", "ms", float(p50)),
            number(span.case, "p99", "ms", float(p99)),
        ]
        worse = "" if span.decided is None else f"{p99 - usual:,.0f}"
        if span.decided is not None:
            results += [
                number(span.case, "decides_after", "s", span.decided),
                number(span.case, "p99_worse", "ms", float(p99) - usual),
            ]
        decided = "" if span.decided is None else f"{span.decided:.2f}"
        table.add_row(span.case, decided, f"{p50:,.0f}", f"{p99:,.0f}", worse)
    console.print(", ".join(f"{what} {seconds:.1f} s" for what, seconds in once))
    console.print(table)
    return results


def _goals(console: Console, results: list[Result]) -> int:
    """Print each goal beside its number; 1 if one is missed."""
    missed = False
    for result in results:
        goals = {"decides_after": LONGEST, "p99_worse": WORSE}
        if result.metric in goals:
            met = result.value <= goals[result.metric]
            missed |= not met
            verdict = "[green]met[/]" if met else "[red]missed[/]"
            console.print(
                f"{result.case}: {result.metric} {result.value:,.4g} {result.unit}, at most "
                f"{goals[result.metric]:g}: {verdict}"
            )
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
