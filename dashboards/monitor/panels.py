"""Does every panel of every dashboard have data? Asked of a live Prometheus."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dashboards.boards import BOARDS
from dashboards.prometheus import Prometheus

OF_WEEKS = frozenset(
    (board.title, panel.title) for board in BOARDS for panel in board.panels if panel.of_weeks
)
"""Panels that compare with a week ago: a Prometheus of minutes has nothing to show there."""


class Shown(NamedTuple):
    """One query of a panel: how many series it gave, and one of their values."""

    board: str
    panel: str
    legend: str
    series: int
    value: float

    @property
    def exempt(self) -> bool:
        """Whether it may be empty."""
        return (self.board, self.panel) in OF_WEEKS


def asked(prometheus: Prometheus, folder: Path, window: str) -> Iterator[Shown]:
    """Ask what each panel of the dashboards' files asks, for all clusters, namespaces and stages;
    `window` stands for Grafana's interval of rates."""
    for path in sorted(folder.glob("*.json")):
        board = json.loads(path.read_text("utf-8"))
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                found = prometheus.query(filled(target["expr"], window))
                values = [one.value for one in found if not math.isnan(one.value)]
                yield Shown(
                    board["title"],
                    panel["title"],
                    target["legendFormat"],
                    len(values),
                    values[0] if values else math.nan,
                )


def filled(expr: str, window: str) -> str:
    """The expression with Grafana's variables filled in, all values chosen."""
    for name, value in (
        ("$__rate_interval", window),
        ("$cluster", ".*"),
        ("$namespace", ".*"),
        ("$stage", ".*"),
    ):
        expr = expr.replace(name, value)
    return expr
