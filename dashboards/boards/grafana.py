"""Boards as the JSON that Grafana reads (11 and later)."""

from collections.abc import Iterator, Mapping
from typing import Any

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import prometheus as prometheus_models
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DataSourceRef,
    GridPos,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from dashboards.boards.model import HERE, Board, Panel, Query

_SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
_HEIGHTS = {"number": 4, "lines": 8, "bars": 8, "table": 8}
_COLUMNS = 24
_ALL = VariableOption(selected=True, text="All", value="$__all")
_BUILDERS: Mapping[str, Any] = {
    "number": stat.Panel,
    "lines": timeseries.Panel,
    "bars": timeseries.Panel,
    "table": table.Panel,
}


def board_json(board: Board, runbooks: str) -> str:
    """The dashboard's file. `runbooks` is where the runbook pages are, as a reader of it can
    change in the variable of that name."""
    made = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .description(board.description)
        .tags(["seawall"])
        .readonly()
        .time("now-6h", "now")
        .refresh("1m")
        .link(
            dashboard.DashboardLink("Seawall dashboards")
            .type(DashboardLinkType.DASHBOARDS)
            .tags(["seawall"])
            .as_dropdown(True)
            .include_vars(True)
            .keep_time(True)
        )
        .link(
            dashboard.DashboardLink("Runbooks")
            .type(DashboardLinkType.LINK)
            .url("${runbooks}/README.md")
            .target_blank(True)
        )
    )
    for variable in _variables(board, runbooks):
        made.with_variable(variable)
    number, y = 0, 0
    for row in board.rows:
        number += 1
        made.with_row(
            dashboard.Row(row.title).id(number).grid_pos(GridPos(h=1, w=_COLUMNS, x=0, y=y))
        )
        y, x, tallest = y + 1, 0, 0
        for panel in row.panels:
            if x + panel.width > _COLUMNS:
                x, y, tallest = 0, y + tallest, 0
            height = _HEIGHTS[panel.kind]
            number += 1
            place = GridPos(h=height, w=panel.width, x=x, y=y)
            made.with_panel(_panel(panel).id(number).grid_pos(place))
            x, tallest = x + panel.width, max(tallest, height)
        y += tallest
    return JSONEncoder(sort_keys=True, indent=2).encode(made.build()) + "\n"


def _variables(board: Board, runbooks: str) -> Iterator[Any]:
    yield dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus")
    yield _labels("cluster", "Cluster", "seawall_build_info")
    yield _labels("namespace", "Namespace", 'seawall_build_info{cluster=~"$cluster"}')
    if board.by_stage:
        yield _labels("stage", "Stage", f"seawall_events_in_total{{{HERE}}}")
    yield (
        dashboard.TextBoxVariable("runbooks")
        .label("Runbooks")
        .description("Where the runbook pages are.")
        .default_value(runbooks)
        .current(VariableOption(selected=True, text=runbooks, value=runbooks))
    )


def _labels(name: str, label: str, series: str) -> dashboard.QueryVariable:
    # `.*` for all, so that a Prometheus that sets no such label shows everything.
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(_SOURCE)
        .query(f"label_values({series}, {name})")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(_ALL)
    )


def _panel(panel: Panel) -> Any:
    made = (
        _BUILDERS[panel.kind]()
        .title(panel.title)
        .description(panel.description)
        .datasource(_SOURCE)
        .unit(panel.unit)
    )
    for place, query in enumerate(panel.queries):
        made.with_target(_target(query, "ABCDEFGH"[place], panel.kind))
    if panel.alerts:
        made.links(
            [
                dashboard.DashboardLink(f"Runbook: {name}")
                .type(DashboardLinkType.LINK)
                .url(f"${{runbooks}}/{name}.md")
                .target_blank(True)
                for name in panel.alerts
            ]
        )
    if panel.kind in ("lines", "bars"):
        legend = common.VizLegendOptions()
        legend.display_mode(common_models.LegendDisplayMode.LIST)
        legend.placement(common_models.LegendPlacement.BOTTOM).show_legend(True)
        tooltip = common.VizTooltipOptions()
        tooltip.mode(common_models.TooltipDisplayMode.MULTI)
        tooltip.sort(common_models.SortOrder.DESCENDING)
        made.legend(legend).tooltip(tooltip).min(0)
    if panel.kind == "bars":
        made.draw_style(common_models.GraphDrawStyle.BARS).fill_opacity(80)
        made.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL))
    return made


def _target(query: Query, ref: str, kind: str) -> prometheus.Dataquery:
    made = prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(ref)
    made.datasource(_SOURCE)
    if kind in ("number", "table"):
        made.instant()
    else:
        made.range()
    if kind == "table":
        made.format(prometheus_models.PromQueryFormat.TABLE)
    return made
