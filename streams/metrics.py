"""Every metric that a worker exports, in one place.

Base units, `_total` for counters, few labels, never an id or a text as a label. The engine updates
them once a chunk through children that are looked up once. Latencies are bucketed a chunk at a
time: `BatchHistogram` adds a whole array of observations in one call, which prometheus_client's
own Histogram cannot.
"""

import platform
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

LATENCY_BUCKETS = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75,
    1.0, 1.5, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0,
)  # fmt: skip
"""1 ms to 10 min; dense around the goals (0.15 s, 0.4 s, 5 s, 60 s)."""

BATCH_BUCKETS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2000, 4000)


class BatchHistogram(Collector):
    """A histogram that takes a chunk's observations at once.

    `observe(labels, values)`: `values` is a float array of seconds, any length. Buckets are upper
    bounds, as Prometheus has them.
    """

    def __init__(
        self,
        name: str,
        documentation: str,
        labelnames: Sequence[str],
        registry: CollectorRegistry,
        buckets: Sequence[float] = LATENCY_BUCKETS,
    ) -> None:
        self._name = name
        self._documentation = documentation
        self._labelnames = tuple(labelnames)
        self._bounds = np.asarray(buckets, dtype=np.float64)
        self._names: list[str] = [repr(float(bound)) for bound in buckets] + ["+Inf"]
        self._counts: dict[tuple[str, ...], NDArray[np.int64]] = {}
        self._sums: dict[tuple[str, ...], float] = {}
        self._lock = Lock()
        registry.register(self)

    def observe(self, labels: tuple[str, ...], values: NDArray[np.float64]) -> None:
        """Add each of `values` to the child with these label values."""
        places = np.searchsorted(self._bounds, values, side="left")
        counts: NDArray[np.int64] = np.bincount(places, minlength=len(self._names))
        with self._lock:
            if labels in self._counts:
                self._counts[labels] += counts
                self._sums[labels] += float(values.sum())
            else:
                self._counts[labels] = counts
                self._sums[labels] = float(values.sum())

    def quantile(self, labels: tuple[str, ...], q: float) -> float | None:
        """The upper bound of the bucket that holds quantile `q`; None without observations."""
        with self._lock:
            counts = self._counts.get(labels)
            if counts is None or not counts.sum():
                return None
            place = bisect_left(np.cumsum(counts).tolist(), q * counts.sum())
        return float(self._bounds[place]) if place < len(self._bounds) else float("inf")

    def describe(self) -> Iterable[HistogramMetricFamily]:
        """The family without samples, so that the registry knows the name."""
        return [HistogramMetricFamily(self._name, self._documentation, labels=self._labelnames)]

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """One family with a sample set for each label combination seen."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=self._labelnames)
        with self._lock:
            for labels, counts in self._counts.items():
                cumulative = np.cumsum(counts)
                buckets = [
                    (name, float(count))
                    for name, count in zip(self._names, cumulative, strict=True)
                ]
                family.add_metric(labels, buckets, self._sums[labels])
        yield family


class _DecoderRestarts(Collector):
    """The pool counts its restarts itself; they are read when asked for."""

    def __init__(self, restarts: Callable[[], int]) -> None:
        self._restarts = restarts

    def collect(self) -> Iterable[CounterMetricFamily]:
        yield CounterMetricFamily(
            "seawall_decoder_restarts",
            "Decoder processes killed and started again.",
            value=self._restarts(),
        )


class Metrics:
    """The worker's metrics on one registry; `stage` labels are stage names, or a worker's whole
    run of stages (`hash-matching..enforcement`) where a number belongs to the chunk."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry = registry or CollectorRegistry()

        # Flow: what came in, what went out, and how fast.
        self.events_in = Counter(
            "seawall_events_in_total", "Records read from the input topic.", ["stage"],
            registry=registry,
        )  # fmt: skip
        self.events_out = Counter(
            "seawall_events_out_total",
            "Records that left, by outcome: decided, forwarded or dead_lettered.",
            ["stage", "outcome"], registry=registry,
        )  # fmt: skip
        self.batch_size = Histogram(
            "seawall_chunk_records", "Records in a chunk.", ["stage"], buckets=BATCH_BUCKETS,
            registry=registry,
        )  # fmt: skip
        self.processing = Histogram(
            "seawall_stage_processing_seconds",
            "Time one stage took for one chunk.", ["stage"], buckets=LATENCY_BUCKETS,
            registry=registry,
        )  # fmt: skip
        self.commit = Histogram(
            "seawall_chunk_commit_seconds",
            "Time from the start of a chunk's delivery to its commit.", ["stage"],
            buckets=LATENCY_BUCKETS, registry=registry,
        )  # fmt: skip
        self.latency_since_occurred = BatchHistogram(
            "seawall_event_latency_since_occurred_seconds",
            "From the platform's occurred_at (clamped to the broker's time) to the commit. "
            "`content` is media where a file was read, else text.",
            ["stage", "origin", "content"], registry,
        )  # fmt: skip
        self.latency_since_received = BatchHistogram(
            "seawall_event_latency_since_received_seconds",
            "From the broker's timestamp of the event's first record to the commit. `content` is "
            "media where a file was read, else text.",
            ["stage", "origin", "content"], registry,
        )  # fmt: skip
        self.in_flight = Gauge(
            "seawall_chunks_in_flight", "Chunks being worked on.", ["stage"], registry=registry
        )
        self.last_finished = Gauge(
            "seawall_last_finished_timestamp_seconds", "When a chunk was last committed.",
            ["stage"], registry=registry,
        )  # fmt: skip
        self.clock_skew = Counter(
            "seawall_events_from_future_total",
            "Events whose occurred_at was after the broker's timestamp by more than 60 s.",
            ["stage"], registry=registry,
        )  # fmt: skip

        # Kafka.
        self.lag_records = Gauge(
            "seawall_consumer_lag_records", "Stable records not yet read, by input partition.",
            ["stage", "partition"], registry=registry,
        )  # fmt: skip
        self.lag_seconds = Gauge(
            "seawall_consumer_lag_seconds",
            "Age of the oldest record not yet committed, by input partition.",
            ["stage", "partition"], registry=registry,
        )  # fmt: skip
        self.unstable_records = Gauge(
            "seawall_consumer_unstable_records",
            "Records behind an open transaction of the input topic, by partition.",
            ["stage", "partition"], registry=registry,
        )  # fmt: skip
        self.partitions = Gauge(
            "seawall_partitions_assigned", "Input partitions that this worker has.", ["stage"],
            registry=registry,
        )  # fmt: skip
        self.transactions = Counter(
            "seawall_transactions_total", "Kafka transactions: committed, aborted or fenced.",
            ["stage", "result"], registry=registry,
        )  # fmt: skip
        self.rebalances = Counter(
            "seawall_rebalances_total", "Times that partitions were taken away.", ["stage"],
            registry=registry,
        )  # fmt: skip
        self.expired_records = Counter(
            "seawall_records_expired_total",
            "Records that retention removed before they were read: lost.", ["stage"],
            registry=registry,
        )  # fmt: skip
        self.split_conversations = Counter(
            "seawall_split_conversations_total",
            "Conversations, once a chunk, whose state another input partition wrote last: their "
            "events are on two partitions and out of order. After partitions were added, or the "
            "stages of workers changed, each known conversation counts once. Live surfaces keyed "
            "by author count all the time if they have a conversation_id.",
            ["stage"], registry=registry,
        )  # fmt: skip

        # What went wrong.
        self.dead_letters = Counter(
            "seawall_dead_letters_total", "Records that could not be decided.",
            ["stage", "error"], registry=registry,
        )  # fmt: skip
        self.internal_errors = Counter(
            "seawall_internal_errors_total", "Exceptions that escaped a stage.", ["stage"],
            registry=registry,
        )  # fmt: skip
        self.dependency_waits = Counter(
            "seawall_dependency_waits_total", "Waits for something that was away.",
            ["stage", "dependency"], registry=registry,
        )  # fmt: skip
        self.dependency_waiting = Gauge(
            "seawall_dependency_waiting", "Partitions that wait for a dependency now.",
            ["stage", "dependency"], registry=registry,
        )  # fmt: skip
        self.state_evicted = Gauge(
            "seawall_state_evicted_keys",
            "Keys that the state store has evicted for lack of memory, as it says itself: "
            "conversations forgotten before their time.", registry=registry,
        )  # fmt: skip
        self.state_unreadable = Counter(
            "seawall_state_unreadable_total",
            "Values in the state store, once a chunk, that could not be read (damaged, or of "
            "another version) and were forgotten.", ["stage"], registry=registry,
        )  # fmt: skip
        self._decoder_restarts: Callable[[], int] = lambda: 0
        registry.register(_DecoderRestarts(lambda: self._decoder_restarts()))

        # What was found and decided.
        self.matches = Counter(
            "seawall_matches_total", "Signals of a list match.", ["list", "algorithm"],
            registry=registry,
        )  # fmt: skip
        self.text_risk = Counter(
            "seawall_text_risk_total", "Text-risk signals by level and pattern.",
            ["level", "pattern"], registry=registry,
        )  # fmt: skip
        self.text_risk_categories = Counter(
            "seawall_text_risk_categories_total",
            "Text-risk signals by category of what was found, and by the event's language.",
            ["category", "language"], registry=registry,
        )  # fmt: skip
        self.event_languages = Counter(
            "seawall_event_languages_total",
            "Events that were read for text risk, by the language that the platform gave: one of "
            "those with a catalogue, other, or unknown.", ["language"], registry=registry,
        )  # fmt: skip
        self.media_errors = Counter(
            "seawall_media_errors_total", "Media that could not be hashed as a picture.",
            ["reason"], registry=registry,
        )  # fmt: skip
        self.decisions = Counter(
            "seawall_decisions_total", "Decisions by action and priority.",
            ["action", "priority"], registry=registry,
        )  # fmt: skip
        self.decision_reasons = Counter(
            "seawall_decision_reasons_total", "Reasons given, by rule.", ["rule"],
            registry=registry,
        )  # fmt: skip
        self.scans_withheld = Counter(
            "seawall_scans_withheld_total", "Scans that no basis permitted.", ["scan"],
            registry=registry,
        )  # fmt: skip

        # Lists and policy.
        self.list_version = Gauge(
            "seawall_lists_info", "1 for the version of the lists in use.", ["version"],
            registry=registry,
        )  # fmt: skip
        self.list_loaded = Gauge(
            "seawall_lists_loaded_timestamp_seconds", "When the lists in use were loaded.",
            registry=registry,
        )  # fmt: skip
        self.list_entries = Gauge(
            "seawall_list_entries", "Entries in use.", ["list", "algorithm"], registry=registry
        )
        self.list_reloads = Counter(
            "seawall_list_reloads_total", "Reloads of the lists: loaded or failed.", ["result"],
            registry=registry,
        )  # fmt: skip
        for result in ("loaded", "failed"):  # from the start, so that the first is an increase
            self.list_reloads.labels(result)
        self.policy_version = Gauge(
            "seawall_policy_info", "1 for the version of the policy in use.", ["version"],
            registry=registry,
        )  # fmt: skip
        self.policy_changes = Counter(
            "seawall_policy_changes_total",
            "Policies that came on the control topic: taken or refused.", ["result"],
            registry=registry,
        )  # fmt: skip
        self.policy_limited = Counter(
            "seawall_policy_limited_total",
            "Decisions in which a rule was past its limit.", ["rule"], registry=registry,
        )  # fmt: skip
        self.reports_paused = Counter(
            "seawall_reports_paused_total",
            "Decisions whose report waits, since a rule was past its limit.", registry=registry,
        )  # fmt: skip
        self.lists_offset = Gauge(
            "seawall_lists_control_offset",
            "The offset on the control topic up to which list changes are in use. How far workers "
            "are apart is the skew of their lists.",
            registry=registry,
        )
        self.list_suspected = Counter(
            "seawall_list_suspected_entries_total",
            "Entries whose perceptual hash matched a large share of media; the librarian is asked "
            "to flag them.", ["list"], registry=registry,
        )  # fmt: skip
        self.lists_lag = Gauge(
            "seawall_lists_lag_records", "Records of the control topic not yet followed.",
            registry=registry,
        )  # fmt: skip
        self.scan_basis_lapse = Gauge(
            "seawall_scan_basis_next_lapse_timestamp_seconds",
            "When the next scan basis ends, or the first of those that have ended did; +Inf when "
            "none does.", registry=registry,
        )  # fmt: skip

        self.build = Gauge(
            "seawall_build_info", "1, with what runs.", ["version", "python", "policy", "stages"],
            registry=registry,
        )  # fmt: skip

    def set_build(self, version: str, policy: str, stages: str) -> None:
        """Say what runs."""
        self.build.labels(version, platform.python_version(), policy, stages).set(1)

    def set_policy(self, version: str) -> None:
        """Say which policy is in use."""
        self.policy_version.clear()
        self.policy_version.labels(version).set(1)

    def observe_decoder_restarts(self, restarts: Callable[[], int]) -> None:
        """Read the number of restarts from the decoder pool at each scrape."""
        self._decoder_restarts = restarts

    def set_lists(
        self, version: str, loaded_at: float, entries: Mapping[tuple[str, str], int]
    ) -> None:
        """Say which lists are in use; `entries` is by (list, algorithm)."""
        self.list_version.clear()
        self.list_version.labels(version).set(1)
        self.list_loaded.set(loaded_at)
        self.list_entries.clear()
        for (name, algorithm), count in entries.items():
            self.list_entries.labels(name, algorithm).set(count)
            # At 0 before the first match, which is then an increase.
            self.matches.labels(name, algorithm)
            self.list_suspected.labels(name)


class LibrarianMetrics:
    """The librarian's metrics on one registry."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry = registry or CollectorRegistry()
        self.changes_waiting = Gauge(
            "seawall_librarian_changes_waiting", "1 for a list with a change that waits for "
            "approval.", ["list"], registry=registry,
        )  # fmt: skip
        self.entries_held = Gauge(
            "seawall_librarian_entries_held", "Entries that wait for approval by themselves.",
            ["list"], registry=registry,
        )  # fmt: skip
        self.entries_flagged = Gauge(
            "seawall_list_flagged_entries",
            "Entries whose perceptual matches are only held, since they match a large share of "
            "what people send.", ["list"], registry=registry,
        )  # fmt: skip
        self.proposals_waiting = Gauge(
            "seawall_librarian_proposals_waiting", "Entries that reviewers propose.", ["list"],
            registry=registry,
        )  # fmt: skip
        self.last_sync = Gauge(
            "seawall_librarian_last_sync_timestamp_seconds",
            "When a list was last brought up to its source.", ["list"], registry=registry,
        )  # fmt: skip
        self.sync_failures = Counter(
            "seawall_librarian_sync_failures_total", "Rounds in which a source or file failed.",
            ["list"], registry=registry,
        )  # fmt: skip
        self.rounds_failed = Counter(
            "seawall_librarian_rounds_failed_total",
            "Rounds of fetching that an error ended before every list was looked at, or before "
            "what changed was in the audit log.", registry=registry,
        )  # fmt: skip
        self.unpublished = Gauge(
            "seawall_librarian_unpublished_revisions",
            "Changes that no worker was told of, and what workers know and the store does not (a "
            "copy that was put back).", registry=registry,
        )  # fmt: skip
        self.control_offset = Gauge(
            "seawall_librarian_control_offset",
            "The offset on the control topic after the last published change.", registry=registry,
        )  # fmt: skip
        self.snapshot_version = Gauge(
            "seawall_librarian_snapshot_info", "1 for the version of the newest snapshot.",
            ["version"], registry=registry,
        )  # fmt: skip
        self.snapshot_compiled = Gauge(
            "seawall_librarian_snapshot_timestamp_seconds", "When it was compiled.",
            registry=registry,
        )  # fmt: skip
        self.compile_seconds = Gauge(
            "seawall_librarian_compile_seconds", "How long that took.", registry=registry
        )

    def set_snapshot(self, version: str, at: float, seconds: float) -> None:
        """Say which snapshot is the newest."""
        self.snapshot_version.clear()
        self.snapshot_version.labels(version).set(1)
        self.snapshot_compiled.set(at)
        self.compile_seconds.set(seconds)
