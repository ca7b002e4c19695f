"""`python -m demo`: run the demo; exit code 0 when every record became what it should."""

import argparse
import shlex
import shutil
import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.markup import escape

from demo import desk_report, kept, kinds, report
from demo.desk import Desk, visit
from demo.desk_checks import desk_differences
from demo.events import make_backfill, make_events
from demo.exchange import Reader, send
from demo.expectations import Difference, Outcome, Place, Sent, differences
from demo.measures import Measures, scrape_counted
from demo.pipeline import Pipeline
from demo.progress import Steps
from demo.reviewing import NothingToReview
from demo.service import DemoFailed
from streams.kafka.client import KafkaError
from streams.localbroker import LocalBrokerError

EVENTS_PER_SECOND = 400.0
COUNTED_SECONDS = 30.0
"""Within which the worker has counted what it committed, however busy the machine is."""
OPENED = (
    ("listed picture, cropped", -1),
    ("listed address, disguised", 0),
    ("encrypted, hashes attested", 0),
    (kinds.THREATENED, -1),
    (kinds.WRITING, -1),
    ("messages not to be read here", -1),
)
"""Kinds of which one decision is shown whole: the first, or the last that was sent."""

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Run the demo; 0 as expected, 1 not, 2 it could not run, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m demo",
        description="Run the whole pipeline on a broker of its own, and show what it decides.",
    )
    parser.add_argument("--keep", action="store_true", help="leave broker and worker running")
    parser.add_argument("--stop", action="store_true", help="end the demos that were left running")
    arguments = parser.parse_args()
    # In a log, where nothing says how wide it is, the tables need more than 80 columns.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    for number in _ENDING:
        signal.signal(number, _interrupted)
    try:
        if arguments.stop:
            return _stop(console)
        return _run(console, keep=arguments.keep)
    except KeyboardInterrupt:
        console.print("interrupted; everything was stopped and removed")
        return 130
    except (DemoFailed, LocalBrokerError, KafkaError, OSError) as failure:
        console.print(f"[bold red]the demo could not run:[/] {escape(str(failure))}")
        return 2


def _interrupted(_: int, __: object) -> None:
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)  # what was started is ended once, undisturbed
    raise KeyboardInterrupt


def _stop(console: Console) -> int:
    stopped = list(kept.stop_all())
    where = kept.HOME.resolve()
    console.print(
        f"stopped {len(stopped)} demo(s)" if stopped else f"no demo was left running in {where}",
        soft_wrap=True,
    )
    return 0


def _run(console: Console, *, keep: bool) -> int:
    started = time.monotonic()
    with ExitStack() as ending:
        folder = kept.new_folder() if keep else Path(tempfile.mkdtemp(prefix="seawall-demo-"))
        ending.callback(shutil.rmtree, folder, ignore_errors=True)
        try:
            with Steps(console) as steps:
                pipeline, events, backfill = _prepared(steps, ending, folder, keep=keep)
                with closing(Reader(pipeline.settings, pipeline.worker.still_runs)) as reader:
                    exchange = _exchanged(steps, pipeline, reader, events, backfill)
                    found = _first_differences(exchange)
                    desk = _visited(steps, pipeline, reader, exchange, found)
        except KeyboardInterrupt:
            console.print("stopping the processes …")
            raise
        _show(console, exchange, desk)
        if keep:
            ending.pop_all()
            _tell_addresses(console, pipeline)
        else:
            doing = "stopping desk, worker and broker"
            with Steps(console) as steps, steps.step(doing, "all stopped"):
                ending.close()
    console.print()
    if found:
        console.print(report.wrong(found))
        console.print(f"[bold red]✗ {len(found):,} differences from what was expected[/]")
        return 1
    outcome, sent = exchange.outcome, exchange.sent
    console.print(
        f"[bold green]✓[/] all {len(sent):,} records became exactly what they should: "
        f"{len(outcome.decisions):,} decisions,\n  {len(outcome.dead_letters)} dead letters; none "
        f"lost, none twice; so did cases and feedback ({time.monotonic() - started:.0f} s)"
    )
    return 0


class _Exchange(NamedTuple):
    """What was sent and what came out."""

    sent: list[tuple[Sent, Place]]
    outcome: Outcome
    measures: Measures
    pace: report.Pace

    @property
    def records(self) -> list[Sent]:
        return [record for record, _ in self.sent]


def _prepared(
    steps: Steps, ending: ExitStack, folder: Path, *, keep: bool
) -> tuple[Pipeline, list[Sent], list[Sent]]:
    """Broker, topics, lists and worker, while the pictures are drawn beside."""
    beside = ending.enter_context(ThreadPoolExecutor(1))
    drawn = beside.submit(_drawn, steps)
    with steps.step("starting Apache Kafka", "") as step:
        pipeline = Pipeline(folder, kept=keep, say=step.say)
        ending.callback(pipeline.stop)
        pipeline.start_broker()
        step.done = f"Apache Kafka runs at {pipeline.bootstrap}"
    with steps.step("writing lists and policy, creating topics", "") as step:
        pipeline.write_files()
        step.done = f"sample lists and policy written, {pipeline.create_topics()} topics created"
    with steps.step("starting the worker", "") as step:
        worker = pipeline.worker
        worker.start()
        worker.wait_ready()
        step.done = f"seawall worker is ready, metrics at {worker.address}/metrics"
    return pipeline, *drawn.result()


def _drawn(steps: Steps) -> tuple[list[Sent], list[Sent]]:
    with steps.step("drawing pictures, writing messages", "") as step:
        events, backfill = make_events(step.advance), make_backfill()
        step.done = f"pictures drawn and messages written: {len(events) + len(backfill):,} records"
    return events, backfill


def _exchanged(
    steps: Steps,
    pipeline: Pipeline,
    reader: Reader,
    events: list[Sent],
    backfill: list[Sent],
) -> _Exchange:
    """Send everything and read what comes out."""
    settings = pipeline.settings
    doing = f"sending events, {EVENTS_PER_SECOND:.0f} a second"
    with steps.step(doing, f"{len(events):,} events of every kind sent", len(events)) as step:
        sent = send(settings, events, step.advance, EVENTS_PER_SECOND)
    with steps.step("waiting for decisions", "all of them decided", len(events)) as step:
        flowing = reader.read_until(len(events), step.advance)
        if not flowing:
            step.done = f"only {reader.finished:,} of {len(events):,} records were decided"
    done = f"{len(backfill):,} older messages sent at once and decided"
    with steps.step("sending older messages at once", done, len(backfill)) as step:
        burst_started = time.time()
        sent += send(settings, backfill, lambda _: None)
        if flowing:
            reader.read_until(len(sent), step.advance)
    with steps.step("reading what is left", "all outputs read to their ends"):
        reader.read_rest()
    outcome = reader.outcome()
    measures = scrape_counted(
        pipeline.worker.address,
        lambda found: not report.miscounted(found, len(sent), outcome),
        COUNTED_SECONDS,
    )
    last = measures.latest("seawall_last_finished_timestamp_seconds")
    pace = report.Pace(EVENTS_PER_SECOND, len(backfill), last - burst_started)
    return _Exchange(sent, outcome, measures, pace)


def _first_differences(exchange: _Exchange) -> list[Difference]:
    sent, outcome, measures, _ = exchange
    return differences(sent, outcome) + report.miscounted(measures, len(sent), outcome)


def _visited(
    steps: Steps,
    pipeline: Pipeline,
    reader: Reader,
    exchange: _Exchange,
    found: list[Difference],
) -> Desk | None:
    """What the desk made of it; what is wrong with that is added to `found`."""
    try:
        desk = visit(steps, pipeline, reader, exchange.records, exchange.outcome)
    except NothingToReview as nothing:
        found.append(Difference(str(nothing), "-", "a case to look at", "none"))
        return None
    found += desk_differences(exchange.records, exchange.outcome, desk)
    return desk


def _show(console: Console, exchange: _Exchange, desk: Desk | None) -> None:
    sent, outcome, measures, pace = exchange
    console.print()
    console.print(report.by_kind(sent, outcome, console.width))
    console.print("[bold]Some decisions, opened[/]")
    made = {decision.event_id: decision for decision in outcome.decisions}
    for kind, which in OPENED:
        of_kind = [record for record, _ in sent if record.kind == kind and record.event_id in made]
        if of_kind:
            console.print(report.opened(of_kind[which], made[of_kind[which].event_id]))
    console.print()
    console.print(report.dead_letters(outcome.dead_letters, console.width))
    console.print(report.speed(measures, pace))
    if desk is None:
        return
    console.print(desk_report.cases_by_priority(exchange.records, outcome, desk))
    console.print(desk_report.opened_case(desk))
    console.print(desk_report.trial(outcome, desk))
    console.print()
    console.print(desk_report.feedback(desk))
    for reversal in desk.reversals:
        console.print(report.opened(desk.made[-1].record, reversal))
    console.print()
    console.print(desk_report.last_lines(desk))


def _tell_addresses(console: Console, pipeline: Pipeline) -> None:
    worker, desk = pipeline.worker, pipeline.desk
    command = Path(sys.executable).with_name("seawall")
    console.print()
    console.print("[bold]Left running[/]")
    for name, value in (
        ("broker", pipeline.bootstrap),
        ("page", f"{worker.address}/ (for people: rates, lag, decisions, dead letters)"),
        ("metrics", f"{worker.address}/metrics (also /ready, /live, /status)"),
        ("worker", f"pid {worker.pid}, log {worker.log_file}"),
        ("desk", f"pid {desk.pid}, log {desk.log_file}, {desk.address}/metrics"),
        ("settings", str(pipeline.config)),
        ("try", f"{command} cases list --config {pipeline.config}"),
        ("", f"{command} dlq list --config {pipeline.config}"),
        ("", f"{command} feedback precision --config {pipeline.config}"),
        ("", f"{command} lag --config {pipeline.config}"),
        ("stop", f"cd {shlex.quote(str(Path.cwd()))} && {sys.executable} -m demo --stop"),
    ):
        console.print(f"  {name:9} {value}", soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
