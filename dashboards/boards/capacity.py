"""Capacity: what a core does, what is left, and for how long."""

from dashboards.boards.model import HERE, RATE, STAGE, Board, Panel, Query, Row


def _cores(window: str) -> str:
    """Cores in use, by stage: a worker's process is joined with its stages by its target."""
    return (
        f"sum by (stage) (rate(process_cpu_seconds_total{{{HERE}}}{window})"
        " * on (cluster, namespace, job, instance) group_left (stage)"
        f" (seawall_partitions_assigned{{{STAGE}}} >= bool 0))"
    )


_EVENTS = f"sum by (stage) (rate(seawall_events_in_total{{{STAGE}}}{RATE}))"
_WORKERS = f"count by (stage) (seawall_partitions_assigned{{{STAGE}}})"
_DAY = f"seawall_events_in_total{{{STAGE}}}[1d]"
_GREW = f"sum by (stage) (increase({_DAY})) / sum by (stage) (increase({_DAY} offset 1w))"
_BUSY = f"({_cores(RATE)}) / ({_WORKERS})"

_NOW = Row(
    "Now",
    (
        Panel(
            "Events a second and core",
            "Events by the CPU seconds that the workers took, without decoder processes. At low "
            "load waiting and committing dominate: read it at the daily peak.",
            "eps",
            (Query(f"{_EVENTS} / ({_cores(RATE)} > 0)", "{{stage}}"),),
            alerts=("SeawallLagging",),
        ),
        Panel(
            "Busy",
            "Share of a core that the mean worker takes. A worker's stages share one core.",
            "percentunit",
            (Query(_BUSY, "{{stage}}"),),
            alerts=("SeawallLagging",),
        ),
        Panel(
            "Headroom",
            "How many more events a second the workers could take, were each one's core full: "
            "events a second, times what is left of the cores by what is taken.",
            "eps",
            (
                Query(
                    f"{_EVENTS} * (({_WORKERS} - {_cores(RATE)}) / ({_cores(RATE)} > 0))",
                    "{{stage}}",
                ),
            ),
            alerts=("SeawallLagging",),
        ),
    ),
)

_SPREAD = Row(
    "Partitions against workers",
    (
        Panel(
            "Partitions and workers",
            "More workers than partitions stand idle: raise the partitions first.",
            "short",
            (
                Query(
                    f"sum by (stage) (seawall_partitions_assigned{{{STAGE}}})",
                    "partitions {{stage}}",
                ),
                Query(_WORKERS, "workers {{stage}}"),
            ),
            alerts=("SeawallWorkersUneven", "SeawallStageWithoutWorkers"),
        ),
        Panel(
            "Skew of partitions",
            "Records waiting at the worst partition, as a multiple of the mean. High while lag is "
            "high: one key has too much traffic.",
            "short",
            (
                Query(
                    f"max by (stage) (seawall_consumer_lag_records{{{STAGE}}})"
                    f" / (avg by (stage) (seawall_consumer_lag_records{{{STAGE}}}) > 0)"
                    f" or 0 * max by (stage) (seawall_consumer_lag_records{{{STAGE}}})",
                    "{{stage}}",
                ),
            ),
            alerts=("SeawallPartitionSkew",),
        ),
        Panel(
            "Skew of workers",
            "Partitions of the worker that has most, as a multiple of the mean.",
            "short",
            (
                Query(
                    f"max by (stage) (seawall_partitions_assigned{{{STAGE}}})"
                    f" / avg by (stage) (seawall_partitions_assigned{{{STAGE}}})",
                    "{{stage}}",
                ),
            ),
            alerts=("SeawallWorkersUneven",),
        ),
    ),
)

_GROWTH = Row(
    "Growth",
    (
        Panel(
            "Events against last week",
            "A day's events, as a multiple of the same day a week ago.",
            "short",
            (
                Query(
                    _GREW,
                    "{{stage}}",
                ),
            ),
            of_weeks=True,
        ),
        Panel(
            "Weeks of headroom at the growth since last week",
            "In how many weeks the mean worker's core is full at today's daily peak, if events "
            "grow by the same factor each week. Not shown where they do not grow.",
            "short",
            (
                Query(
                    f"-ln(max_over_time(({_BUSY})[1d:5m])) / ln({_GREW} > 1)",
                    "{{stage}}",
                ),
            ),
            of_weeks=True,
        ),
        Panel(
            "Records a chunk, at the mean",
            "It grows as the workers come near their limit: the chunk is what gives way.",
            "short",
            (
                Query(
                    f"sum by (stage) (rate(seawall_chunk_records_sum{{{STAGE}}}{RATE}))"
                    f" / (sum by (stage) (rate(seawall_chunk_records_count{{{STAGE}}}{RATE})) > 0)",
                    "{{stage}}",
                ),
            ),
            alerts=("SeawallLagging",),
        ),
    ),
)

BOARD = Board(
    "seawall-capacity",
    "Seawall / Capacity",
    "What a core does, how partitions and workers are spread, and how long the headroom lasts.",
    (_NOW, _SPREAD, _GROWTH),
)
