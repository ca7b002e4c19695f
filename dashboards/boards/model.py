"""What a dashboard is made of, before it becomes Grafana's JSON.

Expressions are PromQL with Grafana's variables. `HERE` selects the clusters and namespaces that
are chosen, `STAGE` the workers' stages too; `RATE` is the window of every rate.
"""

from dataclasses import dataclass
from typing import Literal

HERE = 'cluster=~"$cluster", namespace=~"$namespace"'
STAGE = f'{HERE}, stage=~"$stage"'
RATE = "[$__rate_interval]"

Kind = Literal["lines", "bars", "number", "table"]


@dataclass(frozen=True)
class Query:
    """One expression and the name of its series, with labels as `{{label}}`."""

    expr: str
    legend: str


@dataclass(frozen=True)
class Panel:
    """A panel. `unit` is Grafana's name of it; `alerts` are those whose runbooks say what to do
    about it; `of_weeks` panels compare with a week ago and are empty on a younger Prometheus."""

    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    kind: Kind = "lines"
    alerts: tuple[str, ...] = ()
    width: int = 8
    of_weeks: bool = False


@dataclass(frozen=True)
class Row:
    """Panels under a heading."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Board:
    """A dashboard; `uid` names its file and its address in Grafana. With `by_stage` it has the
    variable `$stage`."""

    uid: str
    title: str
    description: str
    rows: tuple[Row, ...]
    by_stage: bool = True

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All of them, in order."""
        return tuple(panel for row in self.rows for panel in row.panels)


def quantiles(histogram: str, selector: str, by: str, *parts: float) -> tuple[Query, ...]:
    """Quantiles of a histogram, `by` label; 0.5, 0.95 and 0.99 unless others are given."""
    return tuple(
        Query(
            f"histogram_quantile({part}, sum by (le, {by}) (rate({histogram}_bucket"
            f"{{{selector}}}{RATE})))",
            f"p{100 * part:.0f} {{{{{by}}}}}",
        )
        for part in parts or (0.5, 0.95, 0.99)
    )
