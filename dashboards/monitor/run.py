"""The demo's pipeline under a real Prometheus, until Ctrl-C.

With `--check` it ends by itself and says of every dashboard's panels whether they have data.
"""

import argparse
import contextlib
import math
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import psutil
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dashboards.__main__ import FOLDER
from dashboards.monitor.feed import Feed
from dashboards.monitor.panels import Shown, asked
from dashboards.monitor.side import Side, SideFailed
from dashboards.monitor.source import list_source
from dashboards.prometheus import Prometheus, PrometheusFailed, Target
from dashboards.rules.model import Scale
from dashboards.tool import ToolMissing, find_tool
from demo.pipeline import Pipeline
from demo.service import DemoFailed, seawall
from streams.kafka.client import KafkaError
from streams.localbroker import LocalBrokerError

EVERY = 2
WINDOW = "1m"
CHECK_SECONDS = 300
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """0 asked to end, or every panel has data; 1 one has none; 2 it could not run, 130 interrupted
    before it ran."""
    parser = argparse.ArgumentParser(prog="python -m dashboards.monitor", description=__doc__)
    parser.add_argument("--check", action="store_true", help="ask for every panel's data, and end")
    check = parser.parse_args().check
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    for number in _ENDING:
        signal.signal(number, _interrupted)
    try:
        find_tool("prometheus")
        return _run(console, check=check)
    except ToolMissing as missing:
        console.print(f"NOT RUN Prometheus beside the demo: {escape(str(missing))}")
        return 2
    except (
        DemoFailed, SideFailed, PrometheusFailed, LocalBrokerError, KafkaError, OSError,
    ) as failure:  # fmt: skip
        console.print(f"[bold red]it cannot go on:[/] {escape(str(failure))}")
        return 2
    except KeyboardInterrupt:
        console.print("interrupted; everything was stopped and removed")
        return 130


def _interrupted(_: int, __: object) -> None:
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)  # what was started is ended once, undisturbed
    raise KeyboardInterrupt


def _run(console: Console, *, check: bool) -> int:
    with ExitStack() as ending:
        try:
            return _watched(console, ending, check=check)
        finally:
            # Before anything is ended: what is frozen, guards among it, hears of no end.
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()


def _watched(console: Console, ending: ExitStack, *, check: bool) -> int:
    folder = Path(tempfile.mkdtemp(prefix="seawall-monitor-"))
    ending.callback(shutil.rmtree, folder, ignore_errors=True)
    pipeline = Pipeline(folder, kept=False, say=console.print)
    ending.callback(pipeline.kill)
    console.print("starting Apache Kafka, the worker and what stands beside it …")
    pipeline.start_broker()
    pipeline.write_files()
    source = ending.enter_context(list_source(folder / "service"))
    lists = (folder / "lists.toml").read_text()
    (folder / "librarian.toml").write_text(lists + source)
    pipeline.create_topics()
    services = (pipeline.worker, pipeline.desk)
    for service in services:
        service.start()
    sides = _sides(pipeline)
    for side in sides:
        ending.enter_context(side)
    for service in services:
        service.wait_ready()
    addresses = {one.name: one.address.removeprefix("http://") for one in services}
    addresses |= {side.name: side.wait() for side in sides}
    prometheus = ending.enter_context(Prometheus(folder / "prometheus", Scale(), EVERY))
    prometheus.scrape([Target("seawall", name, address) for name, address in addresses.items()])
    sending = [sys.executable, "-m", "dashboards.monitor.traffic", str(pipeline.config)]
    feed = ending.enter_context(
        Feed(folder, sending, lambda what: console.print(escape(what), soft_wrap=True))
    )
    _tell(console, prometheus, pipeline)

    def all_well() -> None:
        pipeline.still_runs()
        prometheus.still_runs()
        for side in sides:
            side.still_runs()
        feed.look()

    if check:
        return _checked(console, prometheus, all_well)
    try:
        while True:
            time.sleep(1)
            all_well()
    except KeyboardInterrupt:
        console.print("stopping; nothing is left behind")
    return 0


def _sides(pipeline: Pipeline) -> list[Side]:
    folder, config = pipeline.folder, ("--config", str(pipeline.config))
    return [
        Side("canary", folder, seawall("canary", "run", "--every", "5", "--port", "0", *config)),
        Side(
            "librarian",
            folder,
            seawall(
                *("librarian", "librarian.toml", "--store", "lists.db", "--http-port", "0"),
                *("--snapshot", "lists.snapshot", "--every", "10", *config),
            ),
        ),
    ]


def _tell(console: Console, prometheus: Prometheus, pipeline: Pipeline) -> None:
    console.print()
    for name, value in (
        ("Prometheus", prometheus.address),
        ("rules", prometheus.page("rules")),
        ("alerts", prometheus.page("alerts")),
        ("runbooks", f"{prometheus.address}/user/runbooks/README.md"),
        ("status page", pipeline.worker.address),
        ("settings", str(pipeline.config)),
    ):
        console.print(f"  {name:12} {value}", soft_wrap=True)
    console.print(
        "\nSeawallDeadLetters fires by design: the demo sends some broken records.\n"
        "Ctrl-C ends it.",
        soft_wrap=True,
    )


def _checked(console: Console, prometheus: Prometheus, all_well: Callable[[], None]) -> int:
    """Wait until every panel has data, within a bound; show them all."""
    ends = time.monotonic() + CHECK_SECONDS
    while True:
        all_well()
        shown = list(asked(prometheus, FOLDER / "grafana", WINDOW))
        empty = [one for one in shown if not one.series and not one.exempt]
        if not empty or time.monotonic() > ends:
            break
        time.sleep(5)
    console.print(_table(shown))
    broken = prometheus.unhealthy_rules()
    for line in broken:
        console.print(f"[red]rule failed[/] {escape(line)}")
    firing = prometheus.alerts("firing")
    console.print(f"firing: {', '.join(sorted(firing)) or 'no alert'}")
    exempt = sum(one.exempt for one in shown)
    console.print(
        f"{len(shown)} queries of {len({(one.board, one.panel) for one in shown})} panels: "
        f"{len(shown) - len(empty) - exempt} with data, {len(empty)} without, "
        f"{exempt} exempt (week over week)"
    )
    return 1 if empty or broken else 0


def _table(shown: list[Shown]) -> Table:
    table = Table("dashboard", "panel", "query", title="Panels, asked of the live Prometheus")
    table.add_column("series", justify="right")
    table.add_column("first value", justify="right")
    for one in shown:
        state = str(one.series) if one.series else "exempt" if one.exempt else "[red]no data"
        value = "–" if math.isnan(one.value) else f"{one.value:.4g}"
        table.add_row(one.board, one.panel, escape(one.legend), state, value)
    return table
