"""A policy in a few words, as `seawall policy check` shows it."""

from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec import Struct

from streams.cli.counts import counted
from streams.cli.tables import visible
from streams.policy.file import PolicyFile
from streams.policy.idle import idle_parts, unspoken
from streams.policy.limits import ANY
from streams.policy.load import default_policy
from streams.policy.policy import Policy

MOST_NAMED = 5


class PolicySummary(Struct, frozen=True):
    """`next_lapse` is RFC 3339, `lapsing` the row's columns and scans. `own_rules` and
    `own_limits`: the file holds the table, so that nothing of the default policy's does.
    `without_limit` are the rules that block, hold or report, and that no limit is for; `idle` the
    rules and limits that never act, with the reason; `unspoken` what is found and no rule is
    for. `lapsed` are the rows that have lapsed, `over` says that no row permits anything any
    more."""

    version: str
    rules: int
    own_rules: bool
    limits: int
    own_limits: bool
    without_limit: tuple[str, ...]
    scan_basis_rows: int
    next_lapse: str | None = None
    lapsing: str | None = None
    idle: tuple[str, ...] = ()
    unspoken: tuple[str, ...] = ()
    lapsed: tuple[str, ...] = ()
    over: bool = False


def summarize(policy: Policy, content: PolicyFile, now_ms: int) -> PolicySummary:
    """What is to be known of a policy that can be used, and of what its file leaves out."""
    lapse = policy.scan_basis.next_lapse(now_ms)
    limited = {limit.rule for limit in policy.limits}
    return PolicySummary(
        version=policy.version,
        rules=len(policy.rules),
        own_rules=content.rules is not None,
        limits=len(policy.limits),
        own_limits=content.limits is not None,
        without_limit=tuple(
            rule.id
            for rule in policy.rules
            if (rule.report or rule.action in ("block", "hold")) and not limited & {ANY, rule.id}
        ),
        scan_basis_rows=len(policy.scan_basis.rows),
        next_lapse=None
        if lapse is None
        else datetime.fromtimestamp(lapse.at_ms / 1000, UTC).isoformat(),
        lapsing=None
        if lapse is None
        else f"{lapse.tenant} {lapse.surface} {lapse.jurisdiction}: {', '.join(lapse.scans)}",
        idle=tuple(f"{each.what} never acts: {each.why}" for each in idle_parts(policy)),
        unspoken=tuple(unspoken(policy)),
        lapsed=lapsed_rows(policy, now_ms),
        over=policy.scan_basis.is_over(now_ms),
    )


def lapsed_rows(policy: Policy, now_ms: int) -> tuple[str, ...]:
    """The rows of its scan basis that have lapsed, each with what is not scanned since."""
    return tuple(
        f"row {lapse.tenant}/{lapse.surface}/{lapse.jurisdiction}: lapsed on "
        f"{datetime.fromtimestamp(lapse.at_ms / 1000, UTC).date()}, not scanned there since: "
        f"{', '.join(lapse.scans)}"
        for lapse in policy.scan_basis.lapsed(now_ms)
    )


def lapse_lines(lapsed: Sequence[str]) -> list[str]:
    """The same as warnings, a line each."""
    return [visible(f"warning: {each}") for each in lapsed]


def summary_lines(summary: PolicySummary) -> list[str]:
    """The same in words, a line for each part of the file."""
    lines = [
        f"rules: {_whose(summary.rules, len(default_policy().rules), own=summary.own_rules)}",
        f"limits: {_whose(summary.limits, len(default_policy().limits), own=summary.own_limits)}"
        f"{_without(summary.without_limit)}",
    ]
    rows = counted(summary.scan_basis_rows, "row")
    if summary.scan_basis_rows == 0:
        lines.append("scan basis: no rows, so nothing is scanned")
    elif summary.over:
        lines.append(f"scan basis: {rows}, of which none holds any more, so nothing is scanned")
    elif summary.next_lapse is None:
        other = "no other" if summary.lapsed else "none"
        lines.append(f"scan basis: {rows}, {other} of which lapses")
    else:
        lines.append(
            f"scan basis: {rows}; the first to lapse, at {summary.next_lapse}, is {summary.lapsing}"
        )
    notes = [f"note: {each}" for each in (*summary.idle, *summary.unspoken)]
    return [*map(visible, lines), *lapse_lines(summary.lapsed), *map(visible, notes)]


def _whose(count: int, of_default: int, *, own: bool) -> str:
    if not own:
        return f"the default policy's {count}"
    return f"{count} of the file's own, and none of the default policy's {of_default}"


def _without(rules: tuple[str, ...]) -> str:
    if not rules:
        return ""
    more = len(rules) - MOST_NAMED
    named = ", ".join(rules[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"; no limit is for {named}"
