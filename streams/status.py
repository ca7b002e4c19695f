"""What a worker says of itself on its status page: counts, ages and versions, no content."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

from streams.engine.health import Health
from streams.logs import RecentProblems

_TABLES = {
    "in": ("seawall_events_in", ("stage",)),
    "out": ("seawall_events_out", ("outcome",)),
    "decisions": ("seawall_decisions", ("action", "priority")),
    "reasons": ("seawall_decision_reasons", ("rule",)),
    "matches": ("seawall_matches", ("list", "algorithm")),
    "text_risk": ("seawall_text_risk", ("level", "pattern")),
    "dead_letters": ("seawall_dead_letters", ("stage", "error")),
    "withheld": ("seawall_scans_withheld", ("scan",)),
    "transactions": ("seawall_transactions", ("result",)),
    "waiting": ("seawall_dependency_waiting", ("dependency",)),
    "entries": ("seawall_list_entries", ("list", "algorithm")),
    "lag_records": ("seawall_consumer_lag_records", ("partition",)),
    "lag_seconds": ("seawall_consumer_lag_seconds", ("partition",)),
}
_LATENCY = "seawall_event_latency_since_received_seconds"
_LOADED = "seawall_lists_loaded_timestamp_seconds"
_FINISHED = "seawall_last_finished_timestamp_seconds"


def status_of(
    registry: CollectorRegistry,
    health: Health,
    problems: RecentProblems,
    about: Mapping[str, Any],
    clock: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """`about` with the worker's health and what its metrics count.

    Counts are since the start; rates and quantiles are for the reader to make from two answers:
    `now` is in seconds since the epoch, and `latency` holds bucket bounds in seconds with their
    own (not cumulative) counts, of live events.
    """
    families = {family.name: family for family in registry.collect()}
    ready, alive = health.ready(), health.alive(monotonic())
    return {
        **about,
        "now": clock(),
        "ready": {"ok": ready.ok, "why": list(ready.why)},
        "alive": {"ok": alive.ok, "why": list(alive.why)},
        "partitions": sorted(health.partitions),
        **{name: _table(families.get(family), by) for name, (family, by) in _TABLES.items()},
        "latency": _buckets(families.get(_LATENCY)),
        "lists_loaded_at": _newest(families.get(_LOADED)),
        "last_finished_at": _newest(families.get(_FINISHED)),
        "problems": problems.latest(),
    }


def _samples(family: Metric | None) -> Iterable[tuple[str, dict[str, str], float]]:
    for sample in family.samples if family is not None else ():
        yield sample.name, sample.labels, sample.value


def _table(family: Metric | None, by: tuple[str, ...]) -> list[list[Any]]:
    """Rows of label values and their sum, the largest first."""
    sums: dict[tuple[str, ...], float] = {}
    for name, labels, value in _samples(family):
        if not name.endswith("_created"):
            key = tuple(labels[label] for label in by)
            sums[key] = sums.get(key, 0.0) + value
    return [[*key, value] for key, value in sorted(sums.items(), key=lambda row: (-row[1], row[0]))]


def _buckets(family: Metric | None) -> list[list[float | None]]:
    """[upper bound in seconds (none for the last), count] for each bucket, live events only."""
    cumulative: dict[float, float] = {}
    for name, labels, value in _samples(family):
        if name.endswith("_bucket") and labels["origin"] == "live":
            bound = float(labels["le"])
            cumulative[bound] = cumulative.get(bound, 0.0) + value
    below = 0.0
    rows: list[list[float | None]] = []
    for bound, count in sorted(cumulative.items()):
        rows.append([bound if bound != float("inf") else None, count - below])
        below = count
    return rows


def _newest(family: Metric | None) -> float | None:
    return max((value for _, _, value in _samples(family) if value > 0), default=None)
