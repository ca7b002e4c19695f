"""Stage: what each worker does with its time."""

from dashboards.boards.model import HERE, RATE, STAGE, Board, Panel, Query, Row, quantiles

_WORKER = "{{instance}}"
_OF_STAGE = (
    "* on (cluster, namespace, job, instance) group_left (stage) "
    f"(seawall_partitions_assigned{{{STAGE}}} >= bool 0)"
)

_WORK = Row(
    "Work",
    (
        Panel(
            "Records in a chunk",
            "Small chunks at low load are right; small chunks while records wait mean that fetches "
            "are too small.",
            "short",
            quantiles("seawall_chunk_records", STAGE, "stage", 0.5, 0.95),
            alerts=("SeawallLagging",),
        ),
        Panel(
            "Time of a chunk, by stage",
            "How long one stage takes for one chunk. These are single stages, whatever run of them "
            "a worker has.",
            "s",
            quantiles("seawall_stage_processing_seconds", HERE, "stage", 0.5, 0.95),
            alerts=("SeawallLagging",),
        ),
        Panel(
            "Share of the time, by stage",
            "Seconds of work in a second: which stage the time goes to.",
            "percentunit",
            (
                Query(
                    f"sum by (stage) (rate(seawall_stage_processing_seconds_sum{{{HERE}}}{RATE}))",
                    "{{stage}}",
                ),
            ),
            alerts=("SeawallLagging",),
        ),
        Panel(
            "Delivery and commit",
            "From the start of a chunk's delivery to its commit: Kafka's part of the latency.",
            "s",
            quantiles("seawall_chunk_commit_seconds", STAGE, "stage"),
            alerts=("SeawallTextLateFast", "SeawallDependencyAway"),
        ),
        Panel(
            "Chunks in flight",
            "Chunks being worked on, by worker.",
            "short",
            (
                Query(
                    f"sum by (instance) (seawall_chunks_in_flight{{{STAGE}}})",
                    _WORKER,
                ),
            ),
            alerts=("SeawallNoProgress",),
        ),
        Panel(
            "Since a chunk was last committed",
            "By worker. It grows at a worker without records, too.",
            "s",
            (
                Query(
                    "time() - max by (instance) "
                    f"(seawall_last_finished_timestamp_seconds{{{STAGE}}})",
                    _WORKER,
                ),
            ),
            alerts=("SeawallNoProgress",),
        ),
    ),
)

_KAFKA = Row(
    "Kafka",
    (
        Panel(
            "Transactions",
            "Committed, aborted or fenced. A fenced one is a partition that another worker took.",
            "ops",
            (
                Query(
                    f"sum by (result) (rate(seawall_transactions_total{{{STAGE}}}{RATE}))",
                    "{{result}}",
                ),
            ),
            alerts=("SeawallFencedOften",),
        ),
        Panel(
            "Partitions by worker",
            "What each worker has.",
            "short",
            (Query(f"sum by (instance) (seawall_partitions_assigned{{{STAGE}}})", _WORKER),),
            alerts=("SeawallWorkersUneven", "SeawallStageWithoutWorkers"),
        ),
        Panel(
            "Partitions taken away",
            "Rebalances, by worker. Steady ones mean workers that come and go, or miss heartbeats.",
            "short",
            (
                Query(
                    f"sum by (instance) (increase(seawall_rebalances_total{{{STAGE}}}{RATE}))",
                    _WORKER,
                ),
            ),
            alerts=("SeawallRebalancing",),
        ),
        Panel(
            "Records waiting, by partition",
            "The ten partitions that are furthest behind.",
            "short",
            (
                Query(
                    "topk(10, max by (stage, partition) "
                    f"(seawall_consumer_lag_records{{{STAGE}}}))",
                    "{{partition}} {{stage}}",
                ),
            ),
            alerts=("SeawallPartitionSkew",),
        ),
        Panel(
            "Records behind an open transaction",
            "Records of the input that nobody can read until a producer ends its transaction.",
            "short",
            (
                Query(
                    f"max by (stage) (seawall_consumer_unstable_records{{{STAGE}}})",
                    "{{stage}}",
                ),
            ),
            alerts=("SeawallStuckTransaction",),
        ),
        Panel(
            "Waits for a dependency",
            "Partitions that wait now, by what for.",
            "short",
            (
                Query(
                    f"sum by (stage, dependency) (seawall_dependency_waiting{{{STAGE}}})",
                    "{{dependency}} {{stage}}",
                ),
            ),
            alerts=("SeawallDependencyAway", "SeawallStateEvicting"),
        ),
    ),
)

_PROCESS = Row(
    "Process and decoders",
    (
        Panel(
            "Cores",
            "CPU seconds a second, by worker, without its decoder processes. A worker's stages "
            "share one core: near 1 it needs company.",
            "short",
            (
                Query(
                    f"sum by (instance) (rate(process_cpu_seconds_total{{{HERE}}}{RATE})"
                    f" {_OF_STAGE})",
                    _WORKER,
                ),
            ),
            alerts=("SeawallLagging",),
        ),
        Panel(
            "Memory",
            "Resident memory, by worker, without its decoder processes. Snapshots of lists are "
            "mapped and shared by the workers of a host, and are counted at each.",
            "bytes",
            (
                Query(
                    f"sum by (instance) (process_resident_memory_bytes{{{HERE}}} {_OF_STAGE})",
                    _WORKER,
                ),
            ),
            alerts=("SeawallWorkerUnreachable",),
        ),
        Panel(
            "Decoders killed",
            "Decoder processes that died or were killed by their limits.",
            "short",
            (Query(f"sum(increase(seawall_decoder_restarts_total{{{HERE}}}{RATE}))", "killed"),),
            alerts=("SeawallDecodersKilled",),
        ),
        Panel(
            "Media that cannot be hashed",
            "Files that are no picture or video, broken, or past a limit, by reason. Their digests "
            "are matched all the same.",
            "cps",
            (
                Query(
                    f"sum by (reason) (rate(seawall_media_errors_total{{{HERE}}}{RATE}))",
                    "{{reason}}",
                ),
            ),
            alerts=("SeawallDecodersKilled",),
        ),
        Panel(
            "What runs",
            "Workers by version, Python and stages.",
            "none",
            (
                Query(
                    f"count by (version, python, stages) (seawall_build_info{{{HERE}}})",
                    "{{version}}",
                ),
            ),
            kind="table",
            alerts=("SeawallNoWorkers",),
        ),
        Panel(
            "Events from the future",
            "Events that say that they happened more than a minute after they arrived.",
            "eps",
            (
                Query(
                    f"sum by (stage) (rate(seawall_events_from_future_total{{{STAGE}}}{RATE}))",
                    "{{stage}}",
                ),
            ),
            alerts=("SeawallClockSkew",),
        ),
    ),
)

BOARD = Board(
    "seawall-stage",
    "Seawall / Stage",
    "What the workers of a stage do with their time, and what they wait for.",
    (_WORK, _KAFKA, _PROCESS),
)
