"""What `seawall text evaluate` shows: tables, JSON, and the trade-off as a picture."""

from collections.abc import Mapping, Sequence

import typer

from matchers.language.evaluation import BenignReport, Rate, Report
from matchers.language.grid import IN_FORCE, Outcome, best
from matchers.language.missed import Lost
from streams.cli.chart import Axis, Chart, svg
from streams.cli.fitted import print_fitted, print_stacked
from streams.cli.options import print_json

NOTHING = "—"
"""In the place of a rate of nothing."""


def show_benign(rows: Mapping[str, BenignReport], as_json: bool) -> None:
    """Alarms on ordinary talk, a row for every reading of it, and what caused them."""
    if as_json:
        print_json({name: found._asdict() for name, found in rows.items()})
        return
    print_fitted(
        (
            "read as", "conversations", "alarms", "on\ntrial", "per\n10,000", "at most\n(95 %)",
            "messages", "per\nmillion", "at most\n(95 %)",
        ),
        [
            (
                name,
                f"{found.conversations:,}",
                str(found.alarms),
                str(found.on_trial),
                f"{found.per_10k_conversations:.2f}",
                f"{found.per_10k_bound:.2f}",
                f"{found.messages:,}",
                f"{found.per_million_messages:.1f}",
                f"{found.per_million_bound:.1f}",
            )
            for name, found in rows.items()
        ],
    )  # fmt: skip
    for name, found in rows.items():
        for indicator, count in found.causes.items():
            typer.echo(f"{name}: {indicator}: {count}")


def show_report(found: Report, as_json: bool) -> None:
    """Recall, precision and earliness on labelled conversations."""
    rates = {
        "recall": found.recall,
        "precision": found.precision,
        "recall, authors": found.author_recall,
        "precision, authors": found.author_precision,
        "recall, sextortion": found.sextortion,
        **{f"recall, {name or 'no language'}": value for name, value in found.by_language.items()},
        **{f"recall, {name or 'no pattern'}": value for name, value in found.by_pattern.items()},
    }
    if as_json:
        print_json(
            {
                "rates": {n: {**r._asdict(), "value": r.value} for n, r in rates.items()},
                "f_half": found.f_half,
                "f_latency": found.f_latency,
                "median_messages": found.messages,
                "median_categories": found.categories,
            }
        )
        return
    print_fitted(
        ("rate", "value", "95 % interval", "of"),
        [
            (
                name,
                _shown(value),
                f"{value.low:.3f}–{value.high:.3f}" if value.total else NOTHING,
                str(value.total),
            )
            for name, value in rates.items()
        ],
    )
    typer.echo(
        f"F0.5 {found.f_half:.3f}, F-latency {found.f_latency:.3f}; median alarm at message "
        f"{found.messages:g}, with {found.categories:g} categories."
    )


def show_disguised(plain: Report, hidden: Mapping[str, Report], as_json: bool) -> None:
    """What every disguise leaves of the recall."""
    rows = {
        name: {
            "recall": found.recall.value,
            "kept": found.recall.value / plain.recall.value if plain.recall.value else 0.0,
            "precision": found.precision.value,
        }
        for name, found in {"plain": plain, **hidden}.items()
    }
    if as_json:
        print_json(rows)
        return
    print_fitted(
        ("disguise", "recall", "kept of the plain", "precision"),
        [
            (
                name,
                _shown(found.recall),
                f"{rows[name]['kept']:.1%}" if plain.recall.hits else NOTHING,
                _shown(found.precision),
            )
            for name, found in {"plain": plain, **hidden}.items()
        ],
    )


def show_lost(found: Sequence[Lost], as_json: bool) -> None:
    """The families in which something was missed, or ordinary talk raised an alarm."""
    if as_json:
        print_json([one._asdict() for one in found])
        return
    if not found:
        typer.echo("Nothing was missed, and there was no false alarm.")
        return
    rows: list[Sequence[Sequence[str]]] = []
    for one in found:
        what = [f"{count} × {name}" for name, count in one.combinations.items()]
        what += [f"discounted: {name} ({count})" for name, count in one.discounted.items()]
        what += [f"false: {name} ({count})" for name, count in one.causes.items()]
        reached = f"{one.best} {one.points:.1f}" if one.unraised else ""
        rows.append(
            (
                [one.family + ("" if one.label else " (benign)")],
                [f"{one.alarms}/{one.conversations}"],
                [str(one.unseen)],
                [str(one.unraised)],
                [reached],
                what,
            )
        )
    print_stacked(("family", "alarms", "no hit", "hit, no alarm", "reached", "what was hit"), rows)


def show_grid(outcomes: Sequence[Outcome], as_json: bool) -> None:
    """The thresholds than which none are better in every way, and those in force."""
    shown = best(outcomes)
    shown += [o for o in outcomes if o.thresholds == IN_FORCE and o not in shown]
    if as_json:
        print_json(
            [
                {
                    **one.thresholds._asdict(),
                    "in_force": one.thresholds == IN_FORCE,
                    "recall": one.recall.value,
                    "precision": one.precision.value,
                    "f_half": one.f_half,
                    "ordinary": one.ordinary,
                    "per_10k_bound": one.per_10k_bound,
                }
                for one in shown
            ]
        )
        return
    print_fitted(
        (
            "points", "categories", "messages", "recall", "precision", "F0.5", "ordinary\nalarms",
            "per 10,000,\nat most",
        ),
        [
            (
                f"{one.thresholds.points:g}" + (" in force" if one.thresholds == IN_FORCE else ""),
                str(one.thresholds.categories),
                str(one.thresholds.messages),
                _shown(one.recall),
                _shown(one.precision),
                f"{one.f_half:.3f}",
                str(one.ordinary),
                f"{one.per_10k_bound:.2f}",
            )
            for one in shown
        ],
    )  # fmt: skip


def _shown(found: Rate) -> str:
    return f"{found.value:.3f}" if found.total else NOTHING


def trade_off(outcomes: Sequence[Outcome]) -> str:
    """The trade-off as SVG: precision against recall, and false alarms against the points that
    `review` needs, a line for every number of categories (with the messages in force)."""
    shown = [o for o in outcomes if o.thresholds.messages == IN_FORCE.messages]
    lines: dict[str, list[Outcome]] = {}
    for outcome in shown:
        count = outcome.thresholds.categories
        lines.setdefault(f"{count} {'category' if count == 1 else 'categories'}", []).append(
            outcome
        )
    now = next(o for o in outcomes if o.thresholds == IN_FORCE)
    least = min(0.9, *(min(o.recall.value, o.precision.value) for o in shown))
    floor = int(least * 10) / 10
    points = [o.thresholds.points for o in shown]
    most = max(1.0, *(o.per_10k_bound for o in shown))
    label = f"in force: {IN_FORCE.points:g} points"
    return svg(
        [
            Chart(
                "Recall and precision as the threshold moves",
                Axis("recall", floor, 1.0),
                Axis("precision", floor, 1.0),
                {
                    n: [(o.recall.value, o.precision.value) for o in some]
                    for n, some in lines.items()
                },
                {label: (now.recall.value, now.precision.value)},
            ),
            Chart(
                "Recall by the points that review needs",
                Axis("points", min(points), max(points)),
                Axis("recall", floor, 1.0),
                {
                    n: [(o.thresholds.points, o.recall.value) for o in some]
                    for n, some in lines.items()
                },
                {label: (IN_FORCE.points, now.recall.value)},
            ),
            Chart(
                "Alarms on ordinary talk (95 % upper bound)",
                Axis("points", min(points), max(points)),
                Axis("per 10,000 conversations", 0.0, most * 1.1),
                {
                    n: [(o.thresholds.points, o.per_10k_bound) for o in some]
                    for n, some in lines.items()
                },
                {label: (IN_FORCE.points, now.per_10k_bound)},
            ),
        ]
    )
