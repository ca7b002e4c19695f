"""Recording rules: what dashboards and alerts ask again and again."""

from dashboards.rules.model import WHERE, Recording, Scale

DECIDES = 'stage=~"(.*[.][.])?enforcement"'
"""The workers whose commit is the decision, whatever stages are fused before it."""

OBJECTIVES = {"text": (0.999, "5.0"), "media": (0.99, "60.0")}
"""Of live events by content: the share that must be decided, within how many seconds."""

BURN_WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")


def recordings(scale: Scale) -> list[Recording]:
    """All of them, in the order in which they are evaluated."""
    w = scale.span("5m")
    rules = [
        Recording(
            "stage:seawall_events_in:rate5m",
            f"sum by ({WHERE}, stage) (rate(seawall_events_in_total[{w}]))",
        ),
        Recording(
            "stage_outcome:seawall_events_out:rate5m",
            f"sum by ({WHERE}, stage, outcome) (rate(seawall_events_out_total[{w}]))",
        ),
        Recording(
            "action_priority:seawall_decisions:rate5m",
            f"sum by ({WHERE}, action, priority) (rate(seawall_decisions_total[{w}]))",
        ),
        Recording(
            "list_algorithm:seawall_matches:rate5m",
            f"sum by ({WHERE}, list, algorithm) (rate(seawall_matches_total[{w}]))",
        ),
    ]
    rules += [
        Recording(
            f"content:seawall_event_latency_seconds:p{quantile[2:].ljust(2, '0')}_5m",
            f"histogram_quantile({quantile}, sum by ({WHERE}, content, le) (rate("
            f"seawall_event_latency_since_received_seconds_bucket{{"
            f'origin="live", {DECIDES}}}[{w}])))',
        )
        for quantile in ("0.5", "0.95", "0.99")
    ]
    rules += [
        late_ratio(content, bound, window, scale)
        for content, (_, bound) in OBJECTIVES.items()
        for window in BURN_WINDOWS
    ]
    return rules


def live(content: str) -> str:
    """The labels of live events' latencies at the decision."""
    return f'origin="live", content="{content}", {DECIDES}'


def late_ratio(content: str, bound: str, window: str, scale: Scale) -> Recording:
    """The share of live events that were decided later than `bound` seconds."""
    selector = live(content)
    metric, span = "seawall_event_latency_since_received_seconds", scale.span(window)
    return Recording(
        f"{content}:seawall_late_events:ratio_rate{window}",
        f'1 - sum by ({WHERE}) (rate({metric}_bucket{{le="{bound}", {selector}}}[{span}]))'
        f" / (sum by ({WHERE}) (rate({metric}_count{{{selector}}}[{span}])) > 0)",
    )
