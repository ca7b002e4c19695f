"""The demo's report: what went in, what was decided and why, and how fast."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple, cast

from msgspec.structs import asdict
from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from demo.expectations import Difference, Outcome, Place, Sent, tag_of
from demo.measures import LATENCY, Measures
from streams.contracts.dead_letter import DeadLetter
from streams.contracts.decision import Decision
from streams.contracts.signal import MediaError, Signal, TextRisk
from streams.contracts.values import ACTIONS

COLOURS = {"allow": "green", "label": "cyan", "review": "yellow", "hold": "magenta", "block": "red"}

WIDE = 110
"""Cells in which the widest tables stand with all their columns beside each other."""


class Pace(NamedTuple):
    """How the demo sent: at `steady` events/s first, then `burst` events at once, the last of
    which was committed `burst_seconds` after the first was sent."""

    steady: float
    burst: int
    burst_seconds: float


def by_kind(sent: Sequence[tuple[Sent, Place]], outcome: Outcome, width: int = WIDE) -> Group:
    """A row for each kind of record: how many were sent, what was decided, by which rules. What a
    terminal of `width` cells has no room for beside each other stands below each other."""
    made: dict[str, list[Decision]] = defaultdict(list)
    for decision in outcome.decisions:
        made[decision.event_id].append(decision)
    letters = {Place(x.partition, x.offset): x for x in outcome.dead_letters}
    table = plain_table("What went in, and what was decided")
    wide = width >= WIDE
    table.add_column("kind", min_width=20)
    table.add_column("sent", justify="right")
    if wide:
        table.add_column("decided")
    table.add_column("report", justify="right")
    table.add_column("priority", justify="right")
    table.add_column("why" if wide else "decided, and why", ratio=1, min_width=26, overflow="fold")
    for kind, records in _kinds(sent):
        ids = dict.fromkeys(record.event_id for record, _ in records if record.event_id)
        decisions = [decision for event_id in ids for decision in made[event_id]]
        dead = [letters[place] for _, place in records if place in letters]
        decided, why = _decided(decisions, dead), _why(decisions, dead)
        table.add_row(
            kind,
            f"{len(records):,}",
            *([decided] if wide else []),
            _count(sum(decision.report for decision in decisions)),
            _range(sorted({decision.priority for decision in decisions})),
            why if wide else _below(decided, why),
        )
    total = Text(f"all {len(sent):,}: ", "bold")
    total.append_text(_decided(outcome.decisions, outcome.dead_letters))
    total.append(f"; {len(outcome.urgent)} of priority 0 or 1, also on the urgent topic")
    return Group(table, total, "")


def opened(record: Sent, decision: Decision) -> Table:
    """One decision, with what a reviewer would see."""
    grid = Table(box=box.ROUNDED, show_header=False, expand=True, title_justify="left")
    grid.title = Text.assemble((record.kind, "bold"), (f" ({record.about})", "dim"))
    grid.add_column(style="dim", width=10)
    grid.add_column()
    if record.text:
        grid.add_row("text sent", Text(record.text))
    verdict = Text(decision.action, f"bold {COLOURS[decision.action]}")
    verdict.append(f"   priority {decision.priority}", "default not bold")
    verdict.append("   report" if decision.report else "", "bold red")
    if decision.supersedes is not None:
        by = "by itself" if decision.automated else "by a person"
        grid.add_row(decision.kind, f"of {decision.supersedes}, {by}")
    grid.add_row("action", verdict)
    if decision.targets:
        grid.add_row("targets", ", ".join(f"{t.kind} {t.id}: {t.action}" for t in decision.targets))
    for reason in decision.reasons:
        grid.add_row("reason", f"[bold]{reason.rule}[/]: {reason.ground}")
    for noted in decision.would_have:
        grid.add_row("would have", f"{noted.action} by {noted.rule}")
    for notice in decision.notices:
        grid.add_row("notice", f"{notice.advice}, to the {notice.audience}")
    for signal in decision.signals:
        grid.add_row("signal", _signal(signal))
    scans = f"{_words(decision.scans_performed)}; withheld: {_words(decision.scans_withheld)}"
    grid.add_row("scans", scans)
    versions = f"policy {decision.policy_version}, lists {decision.lists_version or 'none'}"
    grid.add_row("by", f"{versions}, decision {decision.decision_id}")
    return grid


def dead_letters(letters: Iterable[DeadLetter], width: int = WIDE) -> Table:
    """The dead letters, those with one class and field in one row; `width` as for `by_kind`."""
    table = plain_table("What lies in the dead letters (no content, only why and where)")
    wide = width >= WIDE
    if wide:
        table.add_column("class", overflow="fold")
        table.add_column("field", overflow="fold")
    else:
        table.add_column("class,\nfield", overflow="fold")
    table.add_column("message", ratio=1, min_width=20)
    table.add_column("records", justify="right")
    table.add_column("the first: partition,\noffset, size", justify="right")
    grouped: dict[tuple[str, str], list[DeadLetter]] = defaultdict(list)
    for letter in sorted(letters, key=lambda letter: (letter.partition, letter.offset)):
        grouped[letter.error, letter.field or ""].append(letter)
    for (error, field), alike in sorted(grouped.items()):
        first = alike[0]
        where = f"{first.partition}, {first.offset}, {first.size:,} B"
        what = (error, field) if wide else (_below(Text(error), field),)
        table.add_row(*what, first.message, str(len(alike)), where)
    return table


def speed(measures: Measures, pace: Pace) -> Table:
    """What the worker's own metrics say of speed."""
    table = plain_table("From the worker's own metrics")
    table.add_column("what")
    table.add_column("value", justify="right")
    p50, p99 = (measures.quantile(LATENCY, q, origin="live") for q in (0.5, 0.99))
    decided = measures.total("seawall_events_out_total", outcome="decided")
    dead = measures.total("seawall_events_out_total", outcome="dead_lettered")
    committed = measures.total("seawall_transactions_total", result="committed")
    table.add_row("records in", f"{measures.total('seawall_events_in_total'):,.0f}")
    table.add_row("decided", f"{decided:,.0f}")
    table.add_row("dead-lettered", f"{dead:,.0f}")
    table.add_row("Kafka transactions committed", f"{committed:,.0f}")
    table.add_row(
        f"latency p50, at {pace.steady:.0f} events/s with pictures", f"{p50 * 1000:,.0f} ms"
    )
    table.add_row(
        f"latency p99, at {pace.steady:.0f} events/s with pictures", f"{p99 * 1000:,.0f} ms"
    )
    rate = pace.burst / pace.burst_seconds
    table.add_row(f"throughput, {pace.burst:,} messages at once", f"{rate:,.0f} events/s")
    return table


def wrong(found: Sequence[Difference], shown: int = 40) -> RenderableType:
    """What differs from what was expected."""
    table = plain_table("[bold red]Not as expected[/]")
    for name, ratio in (("kind", 3), ("record", 3), ("expected", 4), ("found", 4)):
        table.add_column(name, ratio=ratio)
    for difference in found[:shown]:
        table.add_row(*difference)
    if len(found) <= shown:
        return table
    return Group(table, f"… and {len(found) - shown:,} more")


def miscounted(measures: Measures, sent: int, outcome: Outcome) -> list[Difference]:
    """Where the worker's own counts are not what went in and came out."""
    counts = {
        "seawall_events_in_total": sent,
        "seawall_decisions_total": len(outcome.decisions),
        "seawall_dead_letters_total": len(outcome.dead_letters),
    }
    return [
        Difference("-", f"metric {name}", str(expected), f"{measures.total(name):.0f}")
        for name, expected in counts.items()
        if measures.total(name) != expected
    ]


def _kinds(
    sent: Sequence[tuple[Sent, Place]],
) -> list[tuple[str, list[tuple[Sent, Place]]]]:
    """The records of each kind; the kinds in the order of their first event, broken ones last."""
    found: dict[str, list[tuple[Sent, Place]]] = defaultdict(list)
    for record, place in sent:
        found[record.kind].append((record, place))
    return sorted(found.items(), key=lambda item: min(r.event_id or "~" for r, _ in item[1]))


def _decided(decisions: Sequence[Decision], dead: Sequence[DeadLetter]) -> Text:
    counts = Counter(decision.action for decision in decisions)
    parts = [Text(f"{a} {counts[a]:,}", COLOURS[a]) for a in ACTIONS if counts[a]]
    if dead:
        parts.append(Text(f"dead letter {len(dead):,}", "bold"))
    return Text(", ").join(parts)


def _why(decisions: Sequence[Decision], dead: Sequence[DeadLetter]) -> str:
    rules = Counter(reason.rule for decision in decisions for reason in decision.reasons)
    parts = [_counted(rules)] if rules else []
    noted = Counter(w.rule for decision in decisions for w in decision.would_have)
    if noted:
        parts.append(f"would have: {_counted(noted)}")
    errors = Counter(s.reason for d in decisions for s in d.signals if isinstance(s, MediaError))
    if errors:
        parts.append(f"media error: {_counted(errors)}")
    for name in ("degraded", "scans_withheld"):
        words = dict.fromkeys(word for d in decisions for word in getattr(d, name))
        if words:
            parts.append(f"{name.removeprefix('scans_')}: {', '.join(words)}")
    classes = Counter(letter.error for letter in dead)
    if classes:
        parts.append(f"{len(classes)} classes, see below")
    return "; ".join(parts)


def _signal(signal: Signal) -> str:
    """A signal's fields that say something, on a line."""
    said = [f"{tag_of(signal)}:"]
    for name, value in asdict(signal).items():
        if name in ("parts", "model", "labels") or value is None or value is False:
            continue
        if name == "hits" and isinstance(signal, TextRisk):
            value = tuple(f"{h.indicator}[{h.start}:{h.end}]" for h in signal.hits)
        if isinstance(value, tuple):
            value = ",".join(map(str, cast(tuple[object, ...], value)))
        said.append(f"{name}={value}")
    return escape(" ".join(said))


def _below(first: Text, second: str) -> Text:
    """Two cells in one, in which both may go on in the next line."""
    return Text("\n").join([first, *([Text(second)] if second else [])])


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())


def _words(values: Iterable[object]) -> str:
    return ",".join(map(str, values)) or "none"


def _count(number: int) -> str:
    return f"{number:,}" if number else ""


def _range(values: Sequence[int]) -> str:
    if len(values) < 2:
        return "".join(map(str, values))
    return f"{values[0]}–{values[-1]}"


def plain_table(title: str) -> Table:
    """A table without a frame."""
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
