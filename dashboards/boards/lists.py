"""Lists: are they current, the same everywhere, and right?"""

from dashboards.boards.model import HERE, RATE, Board, Panel, Query, Row

_CURRENT = Row(
    "Current, and the same everywhere",
    (
        Panel(
            "Since lists last changed",
            "Age of the version in use that was loaded last, and of the one loaded first: they "
            "differ while workers differ.",
            "s",
            (
                Query(f"time() - max(seawall_lists_loaded_timestamp_seconds{{{HERE}}})", "newest"),
                Query(
                    f"time() - min(seawall_lists_loaded_timestamp_seconds{{{HERE}}} > 0)", "oldest"
                ),
            ),
            alerts=("SeawallListsOld",),
        ),
        Panel(
            "Versions in use",
            "Workers by the version of the lists that they use.",
            "short",
            (Query(f"count by (version) (seawall_lists_info{{{HERE}}} == 1)", "{{version}}"),),
            alerts=("SeawallListVersionsDiffer",),
        ),
        Panel(
            "Version skew",
            "How far apart workers are on the control topic, and the changes that the slowest has "
            "still to follow.",
            "short",
            (
                Query(
                    f"max(seawall_lists_control_offset{{{HERE}}})"
                    f" - min(seawall_lists_control_offset{{{HERE}}})",
                    "apart",
                ),
                Query(f"max(seawall_lists_lag_records{{{HERE}}})", "to follow"),
            ),
            alerts=("SeawallListChangesNotFollowed", "SeawallListVersionsDiffer"),
        ),
        Panel(
            "Entries in use",
            "By list and algorithm, at the worker that has most.",
            "short",
            (
                Query(
                    f"max by (list, algorithm) (seawall_list_entries{{{HERE}}})",
                    "{{list}} {{algorithm}}",
                ),
            ),
            alerts=("SeawallListsMissing",),
        ),
        Panel(
            "Reloads",
            "Versions of the lists that were loaded, or could not be.",
            "short",
            (
                Query(
                    f"sum by (result) (increase(seawall_list_reloads_total{{{HERE}}}{RATE}))",
                    "{{result}}",
                ),
            ),
            kind="bars",
            alerts=("SeawallListReloadFailed",),
        ),
        Panel(
            "Since the last sync with a source",
            "By list, as the librarian has it.",
            "s",
            (
                Query(
                    "time() - max by (list) "
                    f"(seawall_librarian_last_sync_timestamp_seconds{{{HERE}}} > 0)",
                    "{{list}}",
                ),
            ),
            alerts=("SeawallListSyncFailing",),
        ),
        Panel(
            "Rounds of the librarian that ended early",
            "Fetching from the sources is tried again in the next round; several in an hour are a "
            "ticket.",
            "short",
            (
                Query(
                    f"sum(increase(seawall_librarian_rounds_failed_total{{{HERE}}}{RATE}))",
                    "ended early",
                ),
            ),
            kind="bars",
            alerts=("SeawallListRoundsFailing",),
        ),
    ),
)

_MATCHES = Row(
    "Matches",
    (
        Panel(
            "Matches by list",
            "Signals a second. A list that stops matching is as much to look at as one that "
            "matches too much.",
            "cps",
            (
                Query(
                    f"sum by (list) (rate(seawall_matches_total{{{HERE}}}{RATE}))",
                    "{{list}}",
                ),
            ),
            alerts=("SeawallListStoppedMatching", "SeawallMatchRateOff"),
        ),
        Panel(
            "Matches by algorithm",
            "Signals a second.",
            "cps",
            (
                Query(
                    f"sum by (algorithm) (rate(seawall_matches_total{{{HERE}}}{RATE}))",
                    "{{algorithm}}",
                ),
            ),
            alerts=("SeawallListStoppedMatching", "SeawallMatchRateOff"),
        ),
        Panel(
            "Matches against last week",
            "An hour's matches by list, as a multiple of the same hour a week ago.",
            "short",
            (
                Query(
                    f"sum by (list) (increase(seawall_matches_total{{{HERE}}}[1h]))"
                    f" / sum by (list) (increase(seawall_matches_total{{{HERE}}}[1h] offset 1w))",
                    "{{list}}",
                ),
            ),
            alerts=("SeawallListStoppedMatching", "SeawallMatchRateOff"),
            of_weeks=True,
        ),
    ),
)

_RIGHT = Row(
    "Right",
    (
        Panel(
            "Flagged hashes",
            "Entries whose near matches are only held, since they match a large share of what "
            "people send, until somebody has looked at them.",
            "short",
            (Query(f"max by (list) (seawall_list_flagged_entries{{{HERE}}})", "{{list}}"),),
            alerts=("SeawallHashSuspected",),
        ),
        Panel(
            "Precision, from what people found",
            "Share of matches that reviewers confirmed in the last 30 days, by list, rule and "
            "indicator. Only the sample `control` is of all decisions.",
            "percentunit",
            (
                Query(
                    f"max by (kind, name, sample) (seawall_review_precision{{{HERE}}})",
                    "{{kind}} {{name}} ({{sample}})",
                ),
            ),
            alerts=("SeawallHashSuspected", "SeawallLimitTripped"),
        ),
        Panel(
            "What that share is of",
            "Reviewed matches of the last 30 days, by what people found.",
            "short",
            (
                Query(
                    f"sum by (kind, outcome) (seawall_reviewed{{{HERE}}})",
                    "{{kind}} {{outcome}}",
                ),
            ),
            alerts=("SeawallCasesBehind",),
        ),
        Panel(
            "Waiting for a person at the librarian",
            "Changes that are too large, entries that are held, and entries that reviewers "
            "propose.",
            "short",
            (
                Query(f"sum(seawall_librarian_changes_waiting{{{HERE}}})", "changes"),
                Query(f"sum(seawall_librarian_entries_held{{{HERE}}})", "entries held"),
                Query(f"sum(seawall_librarian_proposals_waiting{{{HERE}}})", "proposals"),
                Query(f"sum(seawall_review_proposals_waiting{{{HERE}}})", "not handed over"),
            ),
            alerts=("SeawallListChangeWaits",),
        ),
        Panel(
            "Changes that no worker was told of",
            "Revisions in the librarian's store that are not published.",
            "short",
            (Query(f"max(seawall_librarian_unpublished_revisions{{{HERE}}})", "revisions"),),
            alerts=("SeawallListChangesUnpublished",),
        ),
        Panel(
            "Rules past their limit",
            "Decisions in which a rule was past its limit, so that near matches were held, and "
            "those whose report waits for a person.",
            "cps",
            (
                Query(
                    f"sum(rate(seawall_policy_limited_total{{{HERE}}}{RATE})) or vector(0)",
                    "limited",
                ),
                Query(f"sum(rate(seawall_reports_paused_total{{{HERE}}}{RATE}))", "report waits"),
            ),
            alerts=("SeawallLimitTripped", "SeawallReportsPaused"),
        ),
    ),
)

BOARD = Board(
    "seawall-lists",
    "Seawall / Lists",
    "Are the lists current, the same on every worker, and right?",
    (_CURRENT, _MATCHES, _RIGHT),
    by_stage=False,
)
