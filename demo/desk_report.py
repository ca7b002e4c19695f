"""The second half of the demo's report: cases, a trial, what people found, and a reversal."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from demo.desk import CaseFile, Desk
from demo.desk_checks import of_look, things, trial_decisions
from demo.expectations import Outcome, Sent
from demo.policies import TRIAL_RULE
from demo.report import plain_table

SHOWN_KINDS = 4
MISSING = (
    "what the report's schema demands and nobody has said yet: reportId and fileId are given by "
    "who takes the report, and noted with seawall cases submitted"
)


def cases_by_priority(sent: Sequence[Sent], outcome: Outcome, desk: Desk) -> Table:
    """A row for each priority: how many cases, and what they are about."""
    table = plain_table("Cases, the most urgent first")
    table.add_column("priority", justify="right")
    table.add_column("cases", justify="right")
    table.add_column("decisions", justify="right")
    table.add_column("to report", justify="right")
    table.add_column("what they are about", ratio=1)
    kinds = {record.event_id: record.kind for record in sent}
    by_id = {decision.decision_id: decision for decision in outcome.decisions}
    about: dict[int, Counter[str]] = defaultdict(Counter)
    for ids in things(sent, outcome.decisions).values():
        first = min((by_id[id] for id in ids), key=lambda d: (d.priority, d.event_id))
        about[first.priority][kinds[first.event_id]] += 1
    for priority in sorted({case.priority for case in desk.cases}):
        rows = [case for case in desk.cases if case.priority == priority]
        table.add_row(
            str(priority),
            str(len(rows)),
            str(sum(1 + case.repeats for case in rows)),
            str(sum(case.report == "yes" for case in rows) or ""),
            _most(about[priority]),
        )
    return table


def opened_case(desk: Desk) -> Table:
    """One case as a reviewer opens it, before and after a person looked at the file."""
    document = desk.opened.document
    case, summary = document.case, document.report["incidentSummary"]
    grid = _panel("A case, opened", f"seawall cases show {case.case_id}")
    verdict = f"[bold]{case.priority}[/]   report: {'yes' if case.report else 'no'}"
    grid.add_row("priority", verdict)
    grid.add_row("stands for", f"{1 + len(case.folded)} decisions about the same file")
    grid.add_row("rules", ", ".join(case.rules))
    grid.add_row("when", f"{summary['incidentDateTime'][:19]}Z")
    reported = document.report.get("personOrUserReported", [])
    recipients = document.report.get("intendedRecipient", [])
    grid.add_row("accounts", f"reported: {len(reported)}, recipients: {len(recipients)}")
    for file, later in zip(document.files, desk.opened_after.document.files, strict=True):
        grid.add_row(f"file {file.media_id}", "\n".join(_matches(file)))
        grid.add_row("viewed", _viewed(file, later))
    grid.add_row("missing", "\n".join(escape(path) for path in document.missing) or "nothing")
    if document.missing:
        grid.add_row("", f"[dim]{MISSING}[/]")
    return grid


def trial(outcome: Outcome, desk: Desk) -> Table:
    """What the rule on trial noted, did, and would do were it live."""
    noted = trial_decisions(outcome.decisions)
    would = Counter(w.action for d in noted for w in d.would_have if w.rule == TRIAL_RULE)
    did = Counter(decision.action for decision in noted)
    grid = _panel("A rule on trial", TRIAL_RULE)
    grid.add_row("would have", f"{_counted(would)}, as `would_have` in decisions says")
    grid.add_row("did", f"nothing: {_counted(did)}, as without it")
    changes = "; ".join(f"{c.before} → {c.after} in {c.decisions}" for c in desk.replay.changes)
    replay = desk.replay
    grid.add_row(
        "if live",
        f"{changes or 'no change'} of {replay.judged:,} decisions with signals, "
        "as seawall policy replay says",
    )
    return grid


def feedback(desk: Desk) -> Group:
    """What people looked at, what they found, what followed; and how right lists and rules are."""
    table = plain_table("What people found (review.outcomes)")
    for name in ("looked at", "decided,\npriority", "outcome", "they saw", "what followed"):
        table.add_column(name)
    for review in of_look(desk):
        look = review.look
        assert look is not None
        decided = f"{review.decision.action}, {review.decision.priority}"
        table.add_row(look.kind, decided, look.result, look.found, look.follows)
    sampled = [review for review in desk.made if review.look is None]
    results = Counter(review.outcome.outcome for review in sampled)
    table.add_row(
        f"{len(sampled)} of the control sample", "", _counted(results), "", "precision, below"
    )
    shares = plain_table("How right rules and lists are")
    shares.add_column("of")
    shares.add_column("name", overflow="fold")
    for sample in ("control", "queue"):
        shares.add_column(f"{sample}:\nconfirmed", justify="right")
        shares.add_column("\n95 %", justify="right")
    rows = {(row.kind, row.name, row.sample): row for row in desk.precision}
    names = dict.fromkeys((r.kind, r.name) for r in desk.precision if r.kind != "indicator")
    for kind, name in sorted(names, reverse=True):
        cells: list[str] = []
        for sample in ("control", "queue"):
            row = rows.get((kind, name, sample))
            if row is None:
                cells += ["", ""]
                continue
            low, high = row.interval
            cells += [f"{row.confirmed} of {row.confirmed + row.rejected}", f"{low:.0%}–{high:.0%}"]
        shares.add_row(kind, name, *cells)
    waiting = _counted(
        Counter(
            f"{proposal.kind} ({', '.join(entry.algorithm for entry in proposal.hashes)})"
            for proposal in desk.proposals
        )
    )
    return Group(table, shares, f"[bold]proposed for the own list:[/] {waiting}", "")


def last_lines(desk: Desk) -> RenderableType:
    """The canary and the audit log, a line each."""
    probes = ", ".join(
        f"{probe.probe} {probe.result}"
        + ("" if probe.seconds is None else f" in {probe.seconds * 1000:.0f} ms")
        for probe in desk.canary
    )
    audit = "all hold" if desk.audit.fault is None else "[bold red]do not hold"
    return f"[bold]canary[/]     {probes}\n[bold]audit log[/]  {desk.audit.rows} rows, {audit}"


def _panel(title: str, more: str) -> Table:
    grid = Table(box=box.ROUNDED, show_header=False, expand=True, title_justify="left")
    grid.title = Text.assemble((title, "bold"), (f" ({more})", "dim"))
    grid.add_column(style="dim", width=10)
    grid.add_column()
    return grid


def _matches(file: CaseFile) -> list[str]:
    """A line for each list and kind of match, with the algorithms."""
    found: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for match in file.matches:
        found[match.kind, match.list, match.verified_by].append(match.algorithm)
    return [
        f"{kind} match of {name}, verified by {verified_by}: {', '.join(algorithms)}"
        for (kind, name, verified_by), algorithms in found.items()
    ]


def _viewed(before: CaseFile, after: CaseFile) -> str:
    words = {False: "by nobody", True: "by a person"}
    return (
        f"{words[before.details.viewed]}, when this case was opened; after a reviewer told what "
        f"they found: {words[after.details.viewed]}"
    )


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common()) or "nothing"


def _most(counts: Counter[str]) -> str:
    shown = counts.most_common(SHOWN_KINDS)
    words = [f"{name} {count}" for name, count in shown]
    rest = counts.total() - sum(count for _, count in shown)
    return ", ".join([*words, *([f"others {rest}"] if rest else [])])
