"""Alerts on what becomes of decisions: the cases that are built, and the log of who did what."""

from dashboards.rules.model import WHERE, Alert, Case, Scale, first, rose, settled


def alerts(scale: Scale) -> list[Alert]:
    """All of them."""
    return [*_cases(scale), _audit(scale)]


def _cases(scale: Scale) -> list[Alert]:
    behind, expired = "seawall_desk_behind_records", "seawall_desk_expired_records_total"
    last = "seawall_desk_last_round_timestamp_seconds"
    w15, w6h = scale.span("15m"), scale.span("6h")
    topic = 'topic="enforcement.cases"'
    return [
        Alert(
            "SeawallCasesBehind",
            f"min by ({WHERE}) (min_over_time({behind}[{w15}])) > 1000",
            scale.span("15m"),
            "page",
            "Cases are not built",
            "`seawall cases build` is {{ $value | humanize }} records behind: what has to be "
            "reported does not reach the people who report it.",
            Case({behind: "5000x60"}),
            Case({behind: "5000 10 4000 5 9000 0x55"}),
        ),
        Alert(
            "SeawallCasesStandStill",
            # Also when it is gone altogether, for as long as it is remembered.
            f"time() - max by ({WHERE}) (last_over_time({last}[{w6h}])) > {scale.seconds(300)}",
            scale.span("5m"),
            "page",
            "Nobody builds cases",
            "`seawall cases build` has not looked at its topics for more than five minutes, or "
            "does not run any more: no case is opened, and what reviewers found does not act.",
            Case({last: "0+60x20 _x40"}),
            Case({last: "0+60x60"}),
        ),
        Alert(
            "SeawallCaseRecordsExpired",
            rose(scale, expired, f"{WHERE}, topic", "15m"),
            "0s",
            "page",
            "Kafka's retention removed records that belong in cases",
            "{{ $value | humanize }} records of {{ $labels.topic }} were removed before "
            "`seawall cases build` read them: what they said is in no case.",
            first(f"{expired}{{{topic}}}", 9),
            Case({f"{expired}{{{topic}}}": "9x60"}),
            nor=settled(f"{expired}{{{topic}}}"),
        ),
    ]


def _audit(scale: Scale) -> Alert:
    broken = "seawall_audit_broken"
    return Alert(
        "SeawallAuditBroken",
        f"max by ({WHERE}, job, instance) ({broken}) > 0",
        scale.span("5m"),
        "page",
        "The audit log does not hold",
        "The audit log that {{ $labels.instance }} watches was altered, shortened or made anew, or "
        "cannot be read: what it says of exports, approvals and deletions is no evidence.",
        Case({f'{broken}{{job="cases", instance="a"}}': "0x20 1x40"}),
        Case({f'{broken}{{job="cases", instance="a"}}': "0x30 1 0x29"}),
    )
