"""Alerts on the flow of events: nothing lost, nothing late, nothing stuck."""

from dashboards.rules.model import (
    WHERE,
    Alert,
    Case,
    Scale,
    Severity,
    Step,
    first,
    restarted,
    rose,
    settled,
)
from dashboards.rules.recording import OBJECTIVES, live

_STAGE = 'stage="a..enforcement"'
_LATENCY = "seawall_event_latency_since_received_seconds"
FEWEST_PER_MINUTE = 10
"""Of fewer events the share that is late says nothing: the canary sends three a minute itself, and
one late event of fifty in five minutes must not wake anybody."""


def alerts(scale: Scale) -> list[Alert]:
    """All of them."""
    return [
        *_lost(scale),
        *(alert for content in OBJECTIVES for alert in _burning(content, scale)),
        *_stuck(scale),
        *_refused(scale),
    ]


def _lost(scale: Scale) -> list[Alert]:
    return [
        Alert(
            "SeawallRecordsUnaccounted",
            f"sum by ({WHERE}, stage) (seawall_events_in_total)\n"
            f"  - sum by ({WHERE}, stage) (seawall_events_out_total) != 0",
            scale.span("5m"),
            "page",
            "Records came in and did not come out",
            "{{ $value }} records of {{ $labels.stage }} ended neither as a decision nor as a dead "
            "letter. Every one of them may be about a child.",
            Case(
                {
                    f"seawall_events_in_total{{{_STAGE}}}": "0+100x60",
                    f'seawall_events_out_total{{{_STAGE}, outcome="decided"}}': "0+99x60",
                }
            ),
            Case(
                {
                    f"seawall_events_in_total{{{_STAGE}}}": "0+100x60",
                    f'seawall_events_out_total{{{_STAGE}, outcome="decided"}}': "0+99x60",
                    f'seawall_events_out_total{{{_STAGE}, outcome="dead_lettered"}}': "0+1x60",
                }
            ),
        ),
        Alert(
            "SeawallRecordsExpired",
            rose(scale, "seawall_records_expired_total", f"{WHERE}, stage", "15m"),
            "0s",
            "page",
            "Kafka's retention removed records before they were read",
            "{{ $value | humanize }} records of {{ $labels.stage }} are lost. Raise the retention "
            "of its input topic now, then find why it fell behind.",
            Case({f"seawall_records_expired_total{{{_STAGE}}}": "0x50 100x10"}),
            Case({f"seawall_records_expired_total{{{_STAGE}}}": "100x60"}),
            # A worker that starts after retention ran.
            also=(
                first(f"seawall_records_expired_total{{{_STAGE}}}", 100),
                restarted(f"seawall_records_expired_total{{{_STAGE}}}"),
            ),
            nor=settled(f"seawall_records_expired_total{{{_STAGE}}}"),
        ),
    ]


def _burning(content: str, scale: Scale) -> list[Alert]:
    """Multi-window, multi-burn-rate alerts, as the Site Reliability Workbook (chapter 5) has them:
    14.4 times the budget's pace spends 2 % of a month in an hour, 6 times 5 % in six hours."""
    objective, bound = OBJECTIVES[content]
    budget = 1 - objective
    alerts: list[Alert] = []
    paces: tuple[tuple[str, float, str, str, str, Severity], ...] = (
        ("Fast", 14.4, "1h", "5m", "2m", "page"),
        ("Slow", 6.0, "6h", "30m", "15m", "page"),
        ("Creeping", 1.0, "3d", "6h", "1h", "ticket"),
    )
    for name, rate, long, short, hold, severity in paces:
        ratio = f"{content}:seawall_late_events:ratio_rate"
        step: Step = "15m" if name == "Creeping" else "5m"
        number = f"rate({_LATENCY}_count{{{live(content)}}}[{scale.span(short)}])"
        threshold = f"{rate * budget:.4g}"
        kind = "text and hash-only" if content == "text" else "media"
        alerts.append(
            Alert(
                f"Seawall{content.capitalize()}Late{name}",
                f"{ratio}{long} > {threshold}\nand\n{ratio}{short} > {threshold}\nand\n"
                f"60 * sum by ({WHERE}) ({number}) > {FEWEST_PER_MINUTE}",
                scale.span(hold),
                severity,
                f"Decisions on {kind} events come too late",
                f"{{{{ $value | humanizePercentage }}}} of {kind} events were decided later than "
                f"{float(bound):.0f} s after they arrived; the objective is {objective:.1%} in "
                "time.",
                _latencies(content, bound, 20, step),
                _latencies(content, bound, 0, step),
                also=(_latencies(content, bound, 20, step, per_minute=20),),
                nor=(_latencies(content, bound, 20, step, per_minute=5),),
            )
        )
    return alerts


def _latencies(content: str, bound: str, late: int, step: Step, per_minute: int = 100) -> Case:
    """Events of which `late` in a hundred were late, as the histogram has them."""
    labels = f'origin="live", content="{content}", {_STAGE}'
    samples, count = (320, 15 * per_minute) if step == "15m" else (100, 5 * per_minute)
    return Case(
        {
            f'{_LATENCY}_bucket{{le="{bound}", {labels}}}': (
                f"0+{count - count * late // 100}x{samples}"
            ),
            f"{_LATENCY}_count{{{labels}}}": f"0+{count}x{samples}",
        },
        at="78h" if step == "15m" else "7h",
        step=step,
    )


def _stuck(scale: Scale) -> list[Alert]:
    w5 = scale.span("5m")
    return [
        Alert(
            "SeawallNoProgress",
            f"sum by ({WHERE}, stage) (rate(seawall_events_out_total[{w5}])) == 0\n"
            f"and max by ({WHERE}, stage) (seawall_consumer_lag_seconds) > {scale.seconds(60)}",
            scale.span("2m"),
            "page",
            "Records wait and nothing is decided",
            "{{ $labels.stage }} finished no record for five minutes while records wait: nothing "
            "is moderated.",
            Case(
                {
                    f'seawall_events_out_total{{{_STAGE}, outcome="decided"}}': "100x60",
                    f'seawall_consumer_lag_seconds{{{_STAGE}, partition="0"}}': "0+60x60",
                }
            ),
            Case(
                {
                    f'seawall_events_out_total{{{_STAGE}, outcome="decided"}}': "100x60",
                    f'seawall_consumer_lag_seconds{{{_STAGE}, partition="0"}}': "0x60",
                }
            ),
        ),
        Alert(
            "SeawallLagging",
            f"max by ({WHERE}, stage) (seawall_consumer_lag_seconds) > {scale.seconds(300)}",
            scale.span("10m"),
            "page",
            "Moderation is minutes behind",
            "The oldest record that {{ $labels.stage }} has not decided is "
            "{{ $value | humanizeDuration }} old.",
            Case({f'seawall_consumer_lag_seconds{{{_STAGE}, partition="0"}}': "400x60"}),
            Case({f'seawall_consumer_lag_seconds{{{_STAGE}, partition="0"}}': "200x60"}),
        ),
        Alert(
            "SeawallStuckTransaction",
            f"min_over_time(seawall_consumer_unstable_records[{w5}]) > 0\n"
            f"and delta(seawall_consumer_unstable_records[{w5}]) > 0\n"
            f"and max_over_time(seawall_consumer_lag_records[{w5}]) == 0",
            scale.span("2m"),
            "page",
            "A transaction that does not end holds records back",
            "Partition {{ $labels.partition }} of {{ $labels.stage }}'s input has "
            "{{ $value }} records behind an open transaction, and more are coming: none of them "
            "can be read.",
            Case(
                {
                    f'seawall_consumer_unstable_records{{{_STAGE}, partition="0"}}': "5+50x60",
                    f'seawall_consumer_lag_records{{{_STAGE}, partition="0"}}': "0x60",
                }
            ),
            Case(
                {
                    f'seawall_consumer_unstable_records{{{_STAGE}, partition="0"}}': "5 0 9 0 4x55",
                    f'seawall_consumer_lag_records{{{_STAGE}, partition="0"}}': "0x60",
                }
            ),
        ),
        Alert(
            "SeawallDependencyAway",
            f"max by ({WHERE}, stage, dependency) (seawall_dependency_waiting) > 0",
            scale.span("3m"),
            "page",
            "Moderation waits for something that is away",
            "{{ $labels.stage }} waits for {{ $labels.dependency }}. Nothing is skipped; "
            "decisions come late until it is back.",
            Case({f'seawall_dependency_waiting{{{_STAGE}, dependency="state"}}': "2x60"}),
            Case({f'seawall_dependency_waiting{{{_STAGE}, dependency="state"}}': "1 0x59"}),
        ),
        Alert(
            "SeawallNoWorkers",
            "absent(seawall_build_info)",
            scale.span("2m"),
            "page",
            "No worker can be seen",
            "Prometheus sees no Seawall worker at all: none runs, or none is scraped.",
            Case({}),
            Case({"seawall_build_info": "1x60"}),
        ),
        Alert(
            "SeawallNoDecisions",
            f"sum by ({WHERE}) (rate(seawall_decisions_total[{scale.span('15m')}])) == 0\n"
            f"and sum by ({WHERE}) (rate(seawall_decisions_total[{scale.span('1h')}]"
            f" offset {scale.span('7d')})) > 1",
            scale.span("10m"),
            "page",
            "No decisions in an hour that was busy a week ago",
            "Nothing was decided for a quarter of an hour. Either the platform sends no events, "
            "or they go elsewhere.",
            Case(
                {'seawall_decisions_total{action="allow", priority="4"}': "0+3000x2000 6000000x60"},
                at="170h",
                step="5m",
            ),
            Case(
                {'seawall_decisions_total{action="allow", priority="4"}': "0+30x2060"},
                at="170h",
                step="5m",
            ),
        ),
    ]


def _refused(scale: Scale) -> list[Alert]:
    def ratio(window: str) -> str:
        w = scale.span(window)
        return (
            f"sum by ({WHERE}, stage) (rate(seawall_events_out_total"
            f'{{outcome="dead_lettered"}}[{w}]))\n'
            f"  / (sum by ({WHERE}, stage) (rate(seawall_events_out_total[{w}])) > 0)"
        )

    def parts(dead: str, decided: str) -> Case:
        return Case(
            {
                f'seawall_events_out_total{{{_STAGE}, outcome="dead_lettered"}}': dead,
                f'seawall_events_out_total{{{_STAGE}, outcome="decided"}}': decided,
            }
        )

    def letters(dead: int) -> Case:
        return parts(f"0+{dead}x60", f"0+{1000 - dead}x60")

    return [
        Alert(
            "SeawallDeadLetters",
            f"{ratio('10m')} > 0.01",
            scale.span("10m"),
            "ticket",
            "More than one record in a hundred cannot be decided",
            "{{ $value | humanizePercentage }} of the records of {{ $labels.stage }} become dead "
            "letters: nobody moderates them until they are replayed.",
            letters(20),
            letters(5),
        ),
        Alert(
            "SeawallDeadLetterFlood",
            # A few minutes of a lot, or an hour of what one client of many may send.
            f"{ratio('10m')} > 0.2\nor\n(\n{ratio('1h')} > 0.05\nand\n{ratio('10m')} > 0.05\n)",
            scale.span("5m"),
            "page",
            "One record in five cannot be decided, or one in twenty over an hour",
            "{{ $value | humanizePercentage }} of the records of {{ $labels.stage }} become dead "
            "letters. Most likely a producer changed its format.",
            letters(600),
            letters(40),
            also=(letters(80),),
            nor=(
                # Begun ten minutes ago; and over, or nearly.
                parts("0x50 0+150x10", "0+1000x50 50850+850x9"),
                parts("0+190x40 7600+40x19", "0+810x40 32400+960x19"),
            ),
        ),
        Alert(
            "SeawallInternalErrors",
            rose(scale, "seawall_internal_errors_total", f"{WHERE}, stage", "15m"),
            "0s",
            "page",
            "A stage has a defect",
            "{{ $labels.stage }} raised {{ $value | humanize }} exceptions that it should not "
            "raise; the records are dead letters of class internal_error.",
            Case({f"seawall_internal_errors_total{{{_STAGE}}}": "0x50 3x10"}),
            Case({f"seawall_internal_errors_total{{{_STAGE}}}": "3x60"}),
            also=(
                first(f"seawall_internal_errors_total{{{_STAGE}}}", 3),
                restarted(f"seawall_internal_errors_total{{{_STAGE}}}"),
            ),
            nor=settled(f"seawall_internal_errors_total{{{_STAGE}}}"),
        ),
    ]
