"""What a process that watches over the audit log says of it."""

from prometheus_client import CollectorRegistry, Gauge


class AuditMetrics:
    """On the registry of the process."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        registry = registry or CollectorRegistry()
        self.broken = Gauge(
            "seawall_audit_broken",
            "1 while the audit log's chain of hashes does not hold, or cannot be read.",
            registry=registry,
        )
        self.rows = Gauge(
            "seawall_audit_rows", "Rows of the audit log that were checked, and hold.",
            registry=registry,
        )  # fmt: skip
