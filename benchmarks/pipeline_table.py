"""The pipeline benchmark's table and the goals beside its results."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks.pipeline_run import Drain, Paced

EXACTLY, AT_LEAST = "exactly_once", "at_least_once"


@dataclass(frozen=True)
class Row:
    """What was measured of one case under one workload."""

    letter: str
    subject: str
    case: str
    note: str
    workload: str
    drains: Sequence[Drain]
    paced: Paced | None

    @property
    def rate(self) -> float:
        """Median events/s."""
        return median(drain.events_per_second for drain in self.drains)

    @property
    def cpu(self) -> float:
        """Median CPU seconds per million events."""
        return median(drain.cpu_seconds_per_million for drain in self.drains)


def print_table(console: Console, workload: str, rows: Sequence[Row]) -> None:
    """One workload's subjects, with events/s as multiples of stock Faust doing the same work."""
    table = Table(title=f"pipeline, {workload}", title_justify="left")
    for name in ("", "subject", "work", "how"):
        table.add_column(name, no_wrap=name != "how")
    for name in (
        "events/s", "× faust", "CPU s/M", "peak MB", "broker\ncores",
        "p50 ms", "p99 ms", "at\nevents/s",
    ):  # fmt: skip
        table.add_column(name, justify="right")
    faust = {row.case.split("/")[0]: row.rate for row in rows if row.subject == "faust"}
    for row in rows:
        work = row.case.split("/")[0]
        paced = row.paced
        table.add_row(
            row.letter,
            row.subject,
            row.case.replace("/", "\n").replace("_", "-"),
            row.note,
            _spread([d.events_per_second for d in row.drains], 0),
            f"{row.rate / faust[work]:.1f}" if work in faust else "",
            _spread([d.cpu_seconds_per_million for d in row.drains], 1),
            f"{median(d.peak_mb for d in row.drains):.0f}",
            f"{median(d.broker_cores for d in row.drains):.2f}",
            f"{paced.p50:.0f}" if paced else "",
            f"{paced.p99:.0f}" if paced else "",
            f"{paced.rate:,.0f}" if paced else "",
        )
    console.print(table)


def print_goals(console: Console, rows: Sequence[Row]) -> None:
    """Each goal with what was measured, for the text workload. A goal whose subjects were not
    measured is left out."""
    found = {(row.letter, row.case): row for row in rows if row.workload == "text"}
    a, a_least = found.get(("a", f"stages/{EXACTLY}")), found.get(("a", f"stages/{AT_LEAST}"))
    b, b_pass = found.get(("b", f"stages/{AT_LEAST}")), found.get(("b'", f"pass/{AT_LEAST}"))
    c, d = found.get(("c", f"pass/{AT_LEAST}")), found.get(("d", f"pass/{EXACTLY}"))
    e = found.get(("e", f"stages/{AT_LEAST}"))
    table = Table(title="goals (text)", title_justify="left")
    for name in ("goal", "wanted", "measured", ""):
        table.add_column(name)

    def goal(text: str, wanted: str, measured: float, met: bool, unit: str = "") -> None:
        verdict = "[green]met[/]" if met else "[red]missed[/]"
        table.add_row(text, wanted, f"{measured:,.1f}{unit}", verdict)

    if d and b_pass:
        ratio = d.rate / b_pass.rate
        goal("(d) exactly once over (b') events/s", "≥ 25 ×", ratio, ratio >= 25, " ×")
    if d and c:
        ratio = d.cpu / c.cpu
        goal("(d) exactly once over (c) CPU", "≤ 1.5 ×", ratio, ratio <= 1.5, " ×")
    if a and b:
        ratio = a.rate / b.rate
        goal("(a) exactly once over (b) events/s", "≥ 8 ×", ratio, ratio >= 8, " ×")
    if a and e:
        ratio = a.rate / e.rate
        goal("(a) exactly once over (e) events/s", "> 1 ×", ratio, ratio > 1, " ×")
    if a:
        goal("(a) exactly once, CPU", "≤ 80 s/million", a.cpu, a.cpu <= 80, " s/million")
    for row, limit in ((a, 400), (a_least, 150)):
        if row and row.paced:
            mode = row.case.split("/")[1].replace("_", "-")
            p99 = row.paced.p99
            goal(f"(a) {mode}, p99 at half load", f"< {limit} ms", p99, p99 < limit, " ms")
    if table.row_count:
        console.print(table)


def _spread(values: Sequence[float], digits: int) -> str:
    half = (max(values) - min(values)) / 2
    return f"{median(values):,.{digits}f}" + (f" ± {half:,.{digits}f}" if len(values) > 1 else "")
