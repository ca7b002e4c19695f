"""What PromQL may name here: the code's own metrics with their labels, and what is recorded."""

from collections.abc import Iterator, Mapping
from typing import Any

import promql_parser as promql
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from dashboards.rules.model import Scale
from dashboards.rules.recording import recordings
from streams.audit.metrics import AuditMetrics
from streams.canary.metrics import CanaryMetrics
from streams.cases.metrics import DeskMetrics
from streams.metrics import BatchHistogram, LibrarianMetrics, Metrics

TARGET = {"cluster", "namespace", "job", "instance"}
"""Labels that scraping adds."""
FROM_PROMETHEUS = {"up": set[str](), "ALERTS": {"alertname", "alertstate", "severity"}}


def exported() -> dict[str, set[str]]:
    """Every series of the code's own registries, by name, with its labels."""
    found: dict[str, set[str]] = {"seawall_decoder_restarts_total": set()}
    for owner in (Metrics(), LibrarianMetrics(), DeskMetrics(), CanaryMetrics(), AuditMetrics()):
        for metric in vars(owner).values():
            if isinstance(metric, Counter | Gauge | Histogram | BatchHistogram):
                found |= _series(metric)
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    found |= {sample.name: set() for family in registry.collect() for sample in family.samples}
    return found


def _series(metric: Any) -> Iterator[tuple[str, set[str]]]:
    name, labels = metric._name, set(metric._labelnames)
    if isinstance(metric, Counter):
        yield f"{name}_total", labels
        yield f"{name}_created", labels
    elif isinstance(metric, Gauge):
        yield name, labels
    else:
        yield f"{name}_bucket", labels | {"le"}
        yield f"{name}_count", labels
        yield f"{name}_sum", labels


def recorded() -> dict[str, set[str]]:
    """Every recorded series, with the labels that its expression leaves."""
    return {
        rule.record: labels_of(promql.parse(rule.expr), exported()) for rule in recordings(Scale())
    }


def known() -> dict[str, set[str]]:
    """All names with their labels, without those of the target."""
    return exported() | recorded() | FROM_PROMETHEUS


class Unknown(Exception):
    """A metric or label that the code does not have."""


def labels_of(expr: Any, names: Mapping[str, set[str]]) -> set[str]:
    """The labels that an expression's result may have. Raises `Unknown` for a metric that nobody
    exports, and for a label (in a matcher, a grouping or a join) that its metrics do not have."""
    match expr:
        case promql.NumberLiteral() | promql.StringLiteral():
            return set()
        case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            return labels_of(expr.expr, names)
        case promql.MatrixSelector():
            return labels_of(expr.vector_selector, names)
        case promql.VectorSelector():
            return _selected(expr, names)
        case promql.Call():
            found = set[str]().union(*(labels_of(argument, names) for argument in expr.args))
            if expr.func.name in ("absent", "scalar", "time", "vector"):
                return set()
            return found - {"le"} if expr.func.name == "histogram_quantile" else found
        case promql.AggregateExpr():
            return _grouped(expr, names)
        case promql.BinaryExpr():
            left, right = labels_of(expr.lhs, names), labels_of(expr.rhs, names)
            _check_join(expr, left | right)
            return left | right
        case _:
            raise TypeError(type(expr))


def _selected(selector: Any, names: Mapping[str, set[str]]) -> set[str]:
    if selector.name not in names:
        raise Unknown(f"metric {selector.name}")
    labels = names[selector.name] | TARGET
    for matcher in selector.matchers.matchers:
        if matcher.name not in labels:
            raise Unknown(f"label {matcher.name} of {selector.name}")
    return labels


def _grouped(aggregate: Any, names: Mapping[str, set[str]]) -> set[str]:
    labels = labels_of(aggregate.expr, names)
    if aggregate.modifier is None:
        # `topk` and its like keep their series as they are.
        return labels if str(aggregate.op) in ("topk", "bottomk") else set()
    wanted = set(aggregate.modifier.labels)
    if missing := wanted - labels:
        raise Unknown(f"labels {missing} in {aggregate.prettify()}")
    return wanted


def _check_join(expr: Any, labels: set[str]) -> None:
    if expr.modifier is not None and expr.modifier.matching is not None:
        missing = set(expr.modifier.matching.labels) - labels
        if missing:
            raise Unknown(f"labels {missing} in {expr.prettify()}")


def selectors(expr: Any) -> Iterator[tuple[Any, bool]]:
    """Every vector selector of an expression, and whether it stands under a counter's function
    (rate, increase and their like)."""
    yield from _selectors(expr, False)


def _selectors(expr: Any, counted: bool) -> Iterator[tuple[Any, bool]]:
    match expr:
        case promql.VectorSelector():
            yield expr, counted
        case promql.MatrixSelector():
            yield expr.vector_selector, counted
        case promql.Call():
            inside = counted or expr.func.name in ("rate", "irate", "increase", "resets")
            for argument in expr.args:
                yield from _selectors(argument, inside)
        case promql.BinaryExpr():
            yield from _selectors(expr.lhs, counted)
            yield from _selectors(expr.rhs, counted)
        case promql.AggregateExpr() | promql.ParenExpr() | promql.UnaryExpr():
            yield from _selectors(expr.expr, counted)
        case promql.SubqueryExpr():
            yield from _selectors(expr.expr, counted)
        case _:
            return
