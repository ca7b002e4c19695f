"""The metrics of `seawall cases build`."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class DeskMetrics:
    """The metrics of `seawall cases build`, on one registry. `name` labels are of lists, rules and
    indicators, `kind` says of which."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry = registry or CollectorRegistry()
        self.cases = Gauge(
            "seawall_cases", "Cases that are kept, by status and priority, without folded ones.",
            ["status", "priority"], registry=registry,
        )  # fmt: skip
        self.behind = Gauge(
            "seawall_desk_behind_records", "Offsets that are not yet read, of all its topics.",
            registry=registry,
        )  # fmt: skip
        self.last_round = Gauge(
            "seawall_desk_last_round_timestamp_seconds",
            "When it last looked at all its topics and did what followed, in Unix time.",
            registry=registry,
        )
        self.expired = Counter(
            "seawall_desk_expired_records_total",
            "Offsets of a topic that retention removed before the desk read them.",
            ["topic"], registry=registry,
        )  # fmt: skip
        self.unreadable = Counter(
            "seawall_desk_unreadable_total", "Records that are none of their topic's contract.",
            ["topic"], registry=registry,
        )  # fmt: skip
        self.reversals = Counter(
            "seawall_reversals_total", "Reversals that were sent.", registry=registry
        )
        self.outcomes_waiting = Gauge(
            "seawall_review_outcomes_waiting", "Outcomes about decisions or cases not known yet.",
            registry=registry,
        )  # fmt: skip
        self.proposals_waiting = Gauge(
            "seawall_review_proposals_waiting", "Proposals that the librarian does not have.",
            registry=registry,
        )  # fmt: skip
        self.tasks = Gauge(
            "seawall_review_tasks", "Tasks that wait for a person, within a day's budget or below.",
            ["line", "priority"], registry=registry,
        )  # fmt: skip
        self.precision = Gauge(
            "seawall_review_precision",
            "Share that people confirmed, of the last 30 days; only the sample control is of all.",
            ["kind", "name", "sample"], registry=registry,
        )  # fmt: skip
        self.reviewed = Gauge(
            "seawall_reviewed", "What that share is of, by what people found.",
            ["kind", "name", "sample", "outcome"], registry=registry,
        )  # fmt: skip
