"""Overview: is moderation keeping up?"""

from dashboards.boards.model import HERE, RATE, STAGE, Board, Panel, Query, Row, quantiles

_LATE = ("SeawallTextLateFast", "SeawallTextLateSlow", "SeawallTextLateCreeping")
_MEDIA_LATE = ("SeawallMediaLateFast", "SeawallMediaLateSlow", "SeawallMediaLateCreeping")
_LATENCY = "seawall_event_latency_since_received_seconds"


def _latency(content: str) -> tuple[Query, ...]:
    selector = f'{HERE}, origin="live", content="{content}", stage=~"(.*[.][.])?enforcement"'
    return quantiles(_LATENCY, selector, "content")


_PROMISES = Row(
    "Is moderation keeping up?",
    (
        Panel(
            "Text decided in time, last hour",
            "Share of live text and hash-only events decided within 5 s of arrival. The objective "
            "is 99.9 % over 30 days.",
            "percentunit",
            (Query(f"1 - text:seawall_late_events:ratio_rate1h{{{HERE}}}", "in time"),),
            kind="number",
            alerts=_LATE,
            width=4,
        ),
        Panel(
            "Media decided in time, last hour",
            "Share of live events with files decided within 60 s of arrival. The objective is "
            "99 % over 30 days.",
            "percentunit",
            (Query(f"1 - media:seawall_late_events:ratio_rate1h{{{HERE}}}", "in time"),),
            kind="number",
            alerts=_MEDIA_LATE,
            width=4,
        ),
        Panel(
            "Oldest record waiting",
            "Age of the oldest record that is not decided yet, of all partitions.",
            "s",
            (Query(f"max(seawall_consumer_lag_seconds{{{STAGE}}})", "oldest"),),
            kind="number",
            alerts=("SeawallLagging", "SeawallNoProgress"),
            width=4,
        ),
        Panel(
            "Records unaccounted for",
            "Records that came in and left neither as a decision (or forwarded) nor as a dead "
            "letter, by the workers that run now. Anything but 0 is a page.",
            "short",
            (
                Query(
                    f"sum(seawall_events_in_total{{{STAGE}}})"
                    f" - sum(seawall_events_out_total{{{STAGE}}})",
                    "unaccounted",
                ),
            ),
            kind="number",
            alerts=("SeawallRecordsUnaccounted", "SeawallRecordsExpired"),
            width=4,
        ),
        Panel(
            "Canary: since last found",
            "Seconds since the synthetic hash, address and conversation last came back as they "
            "must. The only proof that matching works: more than five minutes is a page.",
            "s",
            (
                Query(
                    "time() - max by (probe) "
                    f"(seawall_canary_last_found_timestamp_seconds{{{HERE}}})",
                    "{{probe}}",
                ),
            ),
            kind="number",
            alerts=("SeawallCanaryLost", "SeawallCanaryAbsent"),
            width=4,
        ),
        Panel(
            "Alerts firing",
            "How many of Seawall's alerts fire now. Each has a runbook of its name.",
            "short",
            (
                Query(
                    'count(ALERTS{alertname=~"Seawall.+", alertstate="firing", '
                    f'severity="page", {HERE}}}) or vector(0)',
                    "page",
                ),
                Query(
                    'count(ALERTS{alertname=~"Seawall.+", alertstate="firing", '
                    f'severity="ticket", {HERE}}}) or vector(0)',
                    "ticket",
                ),
            ),
            kind="number",
            width=4,
        ),
        Panel(
            "Pace at which the error budget is spent: text",
            "1 spends exactly the budget of 30 days in 30 days. 14.4 over an hour pages, so does 6 "
            "over six hours, and 1 over three days is a ticket.",
            "short",
            tuple(
                Query(f"text:seawall_late_events:ratio_rate{w}{{{HERE}}} / 0.001", w)
                for w in ("1h", "6h", "3d")
            ),
            alerts=_LATE,
        ),
        Panel(
            "Pace at which the error budget is spent: media",
            "As for text, with an objective of 99 % within 60 s.",
            "short",
            tuple(
                Query(f"media:seawall_late_events:ratio_rate{w}{{{HERE}}} / 0.01", w)
                for w in ("1h", "6h", "3d")
            ),
            alerts=_MEDIA_LATE,
        ),
        Panel(
            "Lag in seconds",
            "Age of the oldest record not yet decided, by stage: what users feel, whatever the "
            "number of records.",
            "s",
            (Query(f"max by (stage) (seawall_consumer_lag_seconds{{{STAGE}}})", "{{stage}}"),),
            alerts=("SeawallLagging", "SeawallNoProgress", "SeawallStuckTransaction"),
        ),
    ),
)

_FLOW = Row(
    "Flow",
    (
        Panel(
            "Events in, by stage",
            "Records whose chunk was committed. Where stages are fused, one line stands for the "
            "whole run.",
            "eps",
            (
                Query(
                    f"sum by (stage) (rate(seawall_events_in_total{{{STAGE}}}{RATE}))", "{{stage}}"
                ),
            ),
            alerts=("SeawallNoDecisions", "SeawallNoWorkers"),
        ),
        Panel(
            "Events out, by stage and outcome",
            "Decided, forwarded to the next stage, or dead-lettered.",
            "eps",
            (
                Query(
                    f"sum by (stage, outcome) (rate(seawall_events_out_total{{{STAGE}}}{RATE}))",
                    "{{outcome}} {{stage}}",
                ),
            ),
            alerts=("SeawallNoProgress", "SeawallDeadLetterFlood"),
        ),
        Panel(
            "Lag in records",
            "Stable records not yet read, by stage.",
            "short",
            (Query(f"sum by (stage) (seawall_consumer_lag_records{{{STAGE}}})", "{{stage}}"),),
            alerts=("SeawallLagging", "SeawallPartitionSkew"),
        ),
        Panel(
            "From arrival to decision: text",
            "Live text and hash-only events, from the broker's timestamp to the commit of the "
            "decision. Objective: 99.9 % within 5 s.",
            "s",
            _latency("text"),
            alerts=_LATE,
            width=12,
        ),
        Panel(
            "From arrival to decision: media",
            "Live events with files. Objective: 99 % within 60 s.",
            "s",
            _latency("media"),
            alerts=_MEDIA_LATE,
            width=12,
        ),
    ),
)

_DECISIONS = Row(
    "Decisions",
    (
        Panel(
            "Decisions by action",
            "What is done about content.",
            "eps",
            (
                Query(
                    f"sum by (action) (rate(seawall_decisions_total{{{HERE}}}{RATE}))", "{{action}}"
                ),
            ),
            kind="bars",
            alerts=("SeawallNoDecisions", "SeawallLimitTripped"),
        ),
        Panel(
            "Decisions by priority",
            "0: a child may be in danger now; 4: known, or nothing found.",
            "eps",
            (
                Query(
                    f"sum by (priority) (rate(seawall_decisions_total{{{HERE}}}{RATE}))",
                    "priority {{priority}}",
                ),
            ),
            kind="bars",
            alerts=("SeawallNoDecisions", "SeawallReportsPaused"),
        ),
        Panel(
            "Reasons",
            "The ten rules that are given as reasons most often.",
            "eps",
            (
                Query(
                    "topk(10, sum by (rule) "
                    f"(rate(seawall_decision_reasons_total{{{HERE}}}{RATE})))",
                    "{{rule}}",
                ),
            ),
            alerts=("SeawallLimitTripped",),
        ),
    ),
)

_WRONG = Row(
    "What goes wrong",
    (
        Panel(
            "Dead letters, by stage and class",
            "Records that could not be decided: nobody moderates them until they are replayed.",
            "eps",
            (
                Query(
                    f"sum by (stage, error) (rate(seawall_dead_letters_total{{{HERE}}}{RATE}))",
                    "{{error}} {{stage}}",
                ),
            ),
            alerts=("SeawallDeadLetters", "SeawallDeadLetterFlood"),
        ),
        Panel(
            "Defects",
            "Exceptions that escaped a stage. Each is a bug.",
            "short",
            (
                Query(
                    f"sum by (stage) (increase(seawall_internal_errors_total{{{HERE}}}{RATE}))",
                    "{{stage}}",
                ),
            ),
            alerts=("SeawallInternalErrors",),
        ),
        Panel(
            "Waiting for something that is away",
            "Partitions that wait for the broker or the state store now. Nothing is skipped.",
            "short",
            (
                Query(
                    f"sum by (dependency) (seawall_dependency_waiting{{{STAGE}}})", "{{dependency}}"
                ),
            ),
            alerts=("SeawallDependencyAway",),
        ),
        Panel(
            "Scans withheld",
            "Scans that no row of the policy's scan basis permits.",
            "cps",
            (
                Query(
                    f"sum by (scan) (rate(seawall_scans_withheld_total{{{HERE}}}{RATE}))",
                    "{{scan}}",
                ),
            ),
            alerts=("SeawallScanBasisLapsing", "SeawallScanBasisLapsesNow"),
        ),
        Panel(
            "Policy versions in use",
            "Workers by the version of the policy that they decide by: more than one line for long "
            "is a ticket.",
            "short",
            (Query(f"count by (version) (seawall_policy_info{{{HERE}}} == 1)", "{{version}}"),),
            alerts=("SeawallPolicyVersionsDiffer", "SeawallPolicyRefused"),
        ),
        Panel(
            "Cases behind, outcomes waiting",
            "Records that `seawall cases build` has not read, and reviewers' outcomes about "
            "decisions that it does not know.",
            "short",
            (
                Query(f"max(seawall_desk_behind_records{{{HERE}}})", "not read"),
                Query(f"max(seawall_review_outcomes_waiting{{{HERE}}})", "outcomes waiting"),
            ),
            alerts=("SeawallCasesBehind",),
        ),
        Panel(
            "Cases: since the last look",
            "Seconds since `seawall cases build` last looked at all its topics. More than five "
            "minutes is a page.",
            "s",
            (
                Query(
                    f"time() - max(seawall_desk_last_round_timestamp_seconds{{{HERE}}})",
                    "since the last look",
                ),
            ),
            alerts=("SeawallCasesStandStill",),
        ),
        Panel(
            "Lost for cases",
            "Records that retention removed before `seawall cases build` read them. Anything but "
            "0 is a page.",
            "short",
            (
                Query(
                    f"sum(increase(seawall_desk_expired_records_total{{{HERE}}}{RATE}))"
                    " or vector(0)",
                    "removed unread",
                ),
            ),
            kind="bars",
            alerts=("SeawallCaseRecordsExpired",),
        ),
        Panel(
            "Audit log that does not hold",
            "1 while the chain of hashes is broken, by the process that watches it: somebody "
            "changed, removed or put in rows, or the file cannot be read. Anything but 0 is a "
            "page.",
            "short",
            (Query(f"max by (instance) (seawall_audit_broken{{{HERE}}})", "{{instance}}"),),
            alerts=("SeawallAuditBroken",),
        ),
    ),
)

BOARD = Board(
    "seawall-overview",
    "Seawall / Overview",
    "Is moderation keeping up, what does it decide, and what goes wrong? Look here first.",
    (_PROMISES, _FLOW, _DECISIONS, _WRONG),
)
