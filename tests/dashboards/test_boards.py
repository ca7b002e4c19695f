"""Dashboards as they are committed: Grafana's dashboard linter's rules, and ours."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import promql_parser as promql
import pytest
from grafana_foundation_sdk.models import units

from dashboards.__main__ import FOLDER
from dashboards.boards import BOARDS
from dashboards.rules.model import Scale
from dashboards.rules.render import all_alerts
from tests.dashboards.vocabulary import TARGET, Unknown, known, labels_of, selectors

FILES = sorted((FOLDER / "grafana").glob("*.json"))
UNITS = {value for value in vars(units).values() if isinstance(value, str)}
LONG_WINDOWS = {"1h", "6h", "1d", "1d:5m"}
"""Windows that mean what they say; every other is `$__rate_interval`."""


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text("utf-8"))


class Target(NamedTuple):
    panel: dict[str, Any]
    expr: str
    legend: str

    @property
    def parsed(self) -> Any:
        """The expression with Grafana's variables filled in."""
        return promql.parse(self.expr.replace("$__rate_interval", "5m"))


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in board["panels"]:
        if panel["type"] != "row":
            yield panel


def targets(board: dict[str, Any]) -> Iterator[Target]:
    for panel in panels(board):
        for target in panel["targets"]:
            yield Target(panel, target["expr"], target["legendFormat"])


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def board(request: pytest.FixtureRequest) -> dict[str, Any]:
    return read(request.param)


def test_the_boards_are_there() -> None:
    assert [path.stem for path in FILES] == sorted(board.uid for board in BOARDS)


def test_the_board_can_be_told_apart_and_not_edited(board) -> None:
    assert board["title"].startswith("Seawall / ")
    assert board["uid"]
    assert board["description"]
    assert board["editable"] is False
    assert board["tags"] == ["seawall"]
    assert board["schemaVersion"] >= 39


def test_data_source_cluster_and_namespace_are_variables(board) -> None:
    variables = {variable["name"]: variable for variable in board["templating"]["list"]}
    source = variables.pop("datasource")
    assert (source["type"], source["query"], source["label"]) == (
        "datasource", "prometheus", "Data source",
    )  # fmt: skip
    assert set(variables) - {"stage"} == {"cluster", "namespace", "runbooks"}
    assert variables.pop("runbooks")["type"] == "textbox"
    for name, variable in variables.items():
        assert variable["label"] == name.capitalize()
        assert variable["type"] == "query"
        assert variable["multi"]
        assert variable["includeAll"]
        assert variable["allValue"] == ".*"
        assert variable["refresh"] == 2  # when the time range changes
        assert variable["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        series = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"])
        assert series is not None
        assert series[2] in labels_of(promql.parse(series[1]), known())


def test_every_panel_says_what_it_shows(board) -> None:
    titles = Counter(panel["title"] for panel in panels(board))
    assert max(titles.values()) == 1
    for panel in panels(board):
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["targets"]


def test_panels_have_their_own_place(board) -> None:
    ids = Counter(panel["id"] for panel in board["panels"])
    assert max(ids.values()) == 1
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_every_expression_names_what_the_code_exports(board) -> None:
    names = known()
    for target in targets(board):
        labels = labels_of(target.parsed, names)
        shown = set(re.findall(r"\{\{(\w+)\}\}", target.legend))
        assert shown <= labels, (target.panel["title"], shown - labels)


def test_every_selector_is_of_the_chosen_clusters_and_namespaces(board) -> None:
    for target in targets(board):
        for selector, _ in selectors(target.parsed):
            matched = {(m.name, m.value) for m in selector.matchers.matchers}
            assert {("cluster", "$cluster"), ("namespace", "$namespace")} <= matched, target.expr


def test_counters_are_read_as_rates_over_grafanas_interval(board) -> None:
    totals = {"Records unaccounted for"}  # the difference of two counters of one process
    for target in targets(board):
        for selector, counted in selectors(target.parsed):
            counter = re.search(r"_(total|sum|count|bucket)$", selector.name)
            assert counted or not counter or target.panel["title"] in totals, target.expr
        windows = set(re.findall(r"\[([\d$][^\]]*)\]", target.expr))
        assert windows - LONG_WINDOWS <= {"$__rate_interval"}, target.expr


def test_every_target_has_a_name_and_no_variable_that_the_board_lacks(board) -> None:
    variables = {variable["name"] for variable in board["templating"]["list"]}
    for target in targets(board):
        assert target.legend
        used = set(re.findall(r"\$(\w+)", target.expr)) - {"__rate_interval"}
        assert used <= variables, target.expr


@pytest.mark.parametrize(
    "wrong",
    [
        "rate(seawall_event_in_total[5m])",
        'sum(rate(seawall_events_in_total{outcome="decided"}[5m]))',
        "sum by (outcome) (rate(seawall_events_in_total[5m]))",
        "seawall_lists_info * on (stage) seawall_policy_info",
        "max(text:seawall_late_events:ratio_rate7d)",
    ],
)
def test_what_the_code_does_not_export_is_noticed(wrong: str) -> None:
    with pytest.raises(Unknown):
        labels_of(promql.parse(wrong), known())


def test_links_lead_to_runbooks(board) -> None:
    pages = {f"${{runbooks}}/{alert.name}.md" for alert in all_alerts(Scale())}
    for panel in panels(board):
        for link in panel.get("links", []):
            assert link["url"] in pages, panel["title"]
            assert link["targetBlank"]


def test_every_alert_is_linked_from_a_panel() -> None:
    linked = {name for board in BOARDS for panel in board.panels for name in panel.alerts}
    assert linked >= {alert.name for alert in all_alerts(Scale())}


def test_target_labels_are_no_metrics_own() -> None:
    for name, labels in known().items():
        assert not labels & (TARGET - {"cluster", "namespace"}), name
