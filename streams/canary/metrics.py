"""What the canary's process exports."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from streams.canary.probes import PROBES
from streams.canary.rounds import Answer
from streams.metrics import LATENCY_BUCKETS


class CanaryMetrics:
    """The canary's metrics on a registry; every series is there from the start, so that an alert
    on one that does not move has something to look at."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry = registry or CollectorRegistry()
        self.answers = Counter(
            "seawall_canary_answers_total",
            "Probes by what became of them: found, wrong (decided, but not found or allowed) or "
            "missing (no decision in time).",
            ["probe", "result"], registry=registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "seawall_canary_seconds", "From sending a probe to its decision.", ["probe"],
            buckets=LATENCY_BUCKETS, registry=registry,
        )  # fmt: skip
        self.last_found = Gauge(
            "seawall_canary_last_found_timestamp_seconds",
            "When a probe last came back as it must; the start of the canary before that.",
            ["probe"], registry=registry,
        )  # fmt: skip
        self.unreachable = Counter(
            "seawall_canary_unreachable_total",
            "Rounds that could not be sent or read: Kafka was away, or a topic missing.",
            registry=registry,
        )  # fmt: skip
        for probe in PROBES:
            self.last_found.labels(probe).set_to_current_time()
            for result in ("found", "wrong", "missing"):
                self.answers.labels(probe, result)

    def count(self, answers: Iterable[Answer]) -> None:
        """Count a round."""
        for answer in answers:
            self.answers.labels(answer.probe, answer.result).inc()
            if answer.seconds is not None:
                self.seconds.labels(answer.probe).observe(answer.seconds)
            if answer.result == "found":
                self.last_found.labels(answer.probe).set_to_current_time()
