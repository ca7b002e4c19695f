"""Alerts on what is found and decided: lists, policy, scan basis, and the canary."""

from dashboards.rules.model import WHERE, Alert, Case, Scale, first, restarted, rose, settled

_DAY = 86_400


def alerts(scale: Scale) -> list[Alert]:
    """All of them."""
    return [
        *_canary(scale),
        *_lists(scale),
        *_librarian(scale),
        *_matching(scale),
        *_policy(scale),
    ]


def _canary(scale: Scale) -> list[Alert]:
    last = "seawall_canary_last_found_timestamp_seconds"
    return [
        Alert(
            "SeawallCanaryLost",
            f"time() - max by ({WHERE}, probe) ({last}) > {scale.seconds(300)}",
            scale.span("1m"),
            "page",
            "Known things are no longer found",
            "The canary's {{ $labels.probe }} probe has not come back as it must for "
            "{{ $value | humanizeDuration }}: what it stands for may pass unseen on the whole "
            "platform.",
            Case({f'{last}{{probe="hash"}}': "0x60"}),
            Case({f'{last}{{probe="hash"}}': "0+60x60"}),
        ),
        Alert(
            "SeawallCanaryAbsent",
            f"absent({last})",
            scale.span("10m"),
            "ticket",
            "No canary runs",
            "Nothing proves that matching works: run `seawall canary run` beside the workers.",
            Case({}),
            Case({f'{last}{{probe="hash"}}': "0+60x60"}),
        ),
    ]


def _lists(scale: Scale) -> list[Alert]:
    loaded = "seawall_lists_loaded_timestamp_seconds"
    return [
        Alert(
            "SeawallListsMissing",
            # Lists that never had an entry have no series of them.
            f"sum by ({WHERE}) (seawall_list_entries) == 0\n"
            f"or max by ({WHERE}) (seawall_lists_info) == 1\n"
            f"unless sum by ({WHERE}) (seawall_list_entries)",
            scale.span("5m"),
            "page",
            "Workers run without any list entry",
            "No list holds an entry: known material passes.",
            Case({'seawall_list_entries{list="a", algorithm="pdq"}': "0x60"}),
            Case(
                {
                    'seawall_list_entries{list="a", algorithm="pdq"}': "5x60",
                    'seawall_lists_info{version="1", instance="a"}': "1x60",
                    'seawall_lists_info{version="2", instance="b"}': "1x60",
                }
            ),
            (Case({'seawall_lists_info{version="1", instance="a"}': "1x60"}),),
        ),
        Alert(
            "SeawallListReloadFailed",
            f'sum by ({WHERE}) (increase(seawall_list_reloads_total{{result="failed"}}'
            f"[{scale.span('15m')}])) > 0",
            scale.span("5m"),
            "ticket",
            "A new version of the lists cannot be loaded",
            "Workers keep the lists that they have, which grow old; their log says which file "
            "cannot be read and why.",
            Case({'seawall_list_reloads_total{result="failed"}': "0+1x60"}),
            Case({'seawall_list_reloads_total{result="failed"}': "4x60"}),
        ),
        Alert(
            "SeawallListVersionsDiffer",
            f"count by ({WHERE}) (count by ({WHERE}, version) (seawall_lists_info == 1)) > 1",
            scale.span("15m"),
            "ticket",
            "Workers use different versions of the lists",
            "{{ $value }} versions of the lists are in use at once: what is found depends on the "
            "worker.",
            Case(
                {
                    'seawall_lists_info{version="1", instance="a"}': "1x60",
                    'seawall_lists_info{version="2", instance="b"}': "1x60",
                }
            ),
            Case(
                {
                    'seawall_lists_info{version="1", instance="a"}': "1x30 0x30",
                    'seawall_lists_info{version="2", instance="a"}': "0x30 1x30",
                    'seawall_lists_info{version="2", instance="b"}': "1x60",
                }
            ),
        ),
        Alert(
            "SeawallListChangesNotFollowed",
            f"max by ({WHERE}, instance) (seawall_lists_lag_records) > 0",
            scale.span("5m"),
            "page",
            "A worker does not follow list changes",
            "{{ $labels.instance }} has not taken {{ $value }} list changes into use for five "
            "minutes.",
            Case({'seawall_lists_lag_records{instance="a"}': "3x60"}),
            Case({'seawall_lists_lag_records{instance="a"}': "0 3 0 0x57"}),
        ),
        Alert(
            "SeawallListsOld",
            f"time() - max by ({WHERE}) ({loaded}) > {scale.seconds(3 * _DAY)}",
            scale.span("1h"),
            "ticket",
            "The lists have not changed for days",
            "Workers loaded their lists {{ $value | humanizeDuration }} ago and have seen no newer "
            "version since; industry lists change every hour.",
            Case({loaded: "0x320"}, at="76h", step="15m"),
            Case({loaded: "0x130 120000x190"}, at="76h", step="15m"),
        ),
        Alert(
            "SeawallHashSuspected",
            rose(scale, "seawall_list_suspected_entries_total", f"{WHERE}, list", "1h"),
            "0s",
            "ticket",
            "One hash suddenly matches a large share of traffic",
            "An entry of {{ $labels.list }} matches so much that it may be of an everyday picture. "
            "Its near matches are held for people until somebody has looked at it.",
            Case({'seawall_list_suspected_entries_total{list="a"}': "0x50 1x10"}),
            Case({'seawall_list_suspected_entries_total{list="a"}': "1x120"}, at="2h"),
            also=(
                first('seawall_list_suspected_entries_total{list="a"}', 1),
                restarted('seawall_list_suspected_entries_total{list="a"}'),
            ),
        ),
    ]


def _librarian(scale: Scale) -> list[Alert]:
    synced = "seawall_librarian_last_sync_timestamp_seconds"
    waiting = "seawall_librarian_changes_waiting"
    unpublished = "seawall_librarian_unpublished_revisions"
    failed = "seawall_librarian_rounds_failed_total"
    failures = "seawall_librarian_sync_failures_total"
    return [
        Alert(
            "SeawallListSyncFailing",
            # One that never could be read has no time of the last.
            f"time() - max by ({WHERE}, list) ({synced} > 0) > {scale.seconds(3 * 3600)}\n"
            f"or sum by ({WHERE}, list) (increase({failures}[{scale.span('3h')}])) > 0\n"
            f"unless max by ({WHERE}, list) ({synced} > 0)",
            scale.span("5m"),
            "ticket",
            "A list's source or file cannot be read",
            "{{ $labels.list }} was not brought up to its source or file for three hours, or never "
            "yet: what was added there passes.",
            Case({f'{synced}{{list="a"}}': "1x260", f'{failures}{{list="a"}}': "0+1x260"}, at="4h"),
            Case(
                {f'{synced}{{list="a"}}': "0+60x260", f'{failures}{{list="a"}}': "0+1x260"}, at="4h"
            ),
            (Case({f'{failures}{{list="a"}}': "1+0.2x60"}),),
        ),
        Alert(
            "SeawallListRoundsFailing",
            f"sum by ({WHERE}) (increase({failed}[{scale.span('1h')}])) > 2",
            "0s",
            "ticket",
            "The librarian's rounds end before they are done",
            "{{ $value | humanize }} rounds of fetching ended early within an hour: lists were "
            "not looked at, or what changed is not in the audit log yet.",
            Case({failed: "0+1x60"}),
            Case({failed: "0x50 2x10"}),
        ),
        Alert(
            "SeawallListChangeWaits",
            f"max by ({WHERE}, list) ({waiting}) > 0",
            scale.span("30m"),
            "ticket",
            "A change of a list waits for a person",
            "A change of {{ $labels.list }} is so large that somebody must look at it before it "
            "acts; until then the list stays as it was.",
            Case({f'{waiting}{{list="a"}}': "1x60"}),
            Case({f'{waiting}{{list="a"}}': "0x50 1x10"}),
        ),
        Alert(
            "SeawallListChangesUnpublished",
            f"max by ({WHERE}) ({unpublished}) > 0",
            scale.span("10m"),
            "page",
            "Workers are not told of list changes",
            "{{ $value }} changes of the lists have not reached the control topic for ten "
            "minutes, or are only there and not in the store: new entries do not match, and "
            "removed ones still do.",
            Case({unpublished: "3x60"}),
            Case({unpublished: "0 3 0 1 0x56"}),
        ),
    ]


def _matching(scale: Scale) -> list[Alert]:
    matches = "seawall_matches_total"
    hour, day, week = scale.span("1h"), scale.span("1d"), scale.span("7d")
    series = f'{matches}{{list="a", algorithm="pdq"}}'
    return [
        Alert(
            "SeawallListStoppedMatching",
            f"sum by ({WHERE}, list) (increase({matches}[{day}])) == 0\n"
            f"and sum by ({WHERE}, list) (increase({matches}[{week}] offset {day})) > 20",
            scale.span("1h"),
            "ticket",
            "A list that used to match has stopped",
            "{{ $labels.list }} has matched nothing for a day, and more than 20 times in the week "
            "before.",
            Case({series: "0+15x730 10950x120"}, at="210h", step="15m"),
            Case({series: "0+15x850"}, at="210h", step="15m"),
        ),
        Alert(
            "SeawallMatchRateOff",
            f"sum by ({WHERE}, list) (rate({matches}[{hour}]))\n"
            f"  > 5 * sum by ({WHERE}, list) (rate({matches}[{week}] offset {hour}))\n"
            f"and sum by ({WHERE}, list) (increase({matches}[{hour}])) > 100",
            scale.span("15m"),
            "ticket",
            "A list matches far more than in its week",
            "{{ $labels.list }} matches {{ $value | humanize }} times a second, more than five "
            "times its week's mean: a flood of known material, or a bad entry.",
            Case({series: "0+15x672 10080+300x9"}, at="170h", step="15m"),
            Case({series: "0+15x690"}, at="170h", step="15m"),
        ),
    ]


def _policy(scale: Scale) -> list[Alert]:
    lapse = "seawall_scan_basis_next_lapse_timestamp_seconds"
    limited = "seawall_policy_limited_total"
    return [
        Alert(
            "SeawallScanBasisLapsing",
            f"min by ({WHERE}) ({lapse}) - time() < {scale.seconds(14 * _DAY)}",
            scale.span("5m"),
            "ticket",
            "A scan basis ends within two weeks, or has ended",
            "In {{ $value | humanizeDuration }} (negative: ago) a row of the policy's scan basis "
            "ends, and what it permits is no longer scanned.",
            Case({lapse: f"{7 * _DAY}x60"}),
            Case({lapse: f"{30 * _DAY}x60"}),
        ),
        Alert(
            "SeawallScanBasisLapsesNow",
            f"min by ({WHERE}) ({lapse}) - time() < {scale.seconds(_DAY)}",
            scale.span("5m"),
            "page",
            "A scan basis ends within a day, or has ended",
            "In {{ $value | humanizeDuration }} (negative: ago) scanning stops for what a row of "
            "the scan basis covers.",
            Case({lapse: f"{_DAY // 2}x60"}),
            Case({lapse: f"{2 * _DAY}x60"}),
        ),
        Alert(
            "SeawallPolicyRefused",
            rose(scale, 'seawall_policy_changes_total{result="refused"}', WHERE, "10m"),
            "0s",
            "ticket",
            "Workers refuse a new policy",
            "A policy that was published cannot be used; the one before it stays. The workers' "
            "status pages say why.",
            Case({'seawall_policy_changes_total{result="refused"}': "0x55 1x5"}),
            Case({'seawall_policy_changes_total{result="refused"}': "1x60"}),
            also=(
                first('seawall_policy_changes_total{result="refused"}', 1),
                restarted('seawall_policy_changes_total{result="refused"}'),
            ),
        ),
        Alert(
            "SeawallPolicyVersionsDiffer",
            f"count by ({WHERE}) (count by ({WHERE}, version) (seawall_policy_info == 1)) > 1",
            scale.span("15m"),
            "ticket",
            "Workers decide by different policies",
            "{{ $value }} versions of the policy are in use at once.",
            Case(
                {
                    'seawall_policy_info{version="1", instance="a"}': "1x60",
                    'seawall_policy_info{version="2", instance="b"}': "1x60",
                }
            ),
            Case({'seawall_policy_info{version="2", instance="b"}': "1x60"}),
        ),
        Alert(
            "SeawallLimitTripped",
            rose(scale, limited, f"{WHERE}, rule", "10m"),
            "0s",
            "ticket",
            "A rule is past its limit",
            "{{ $labels.rule }} acts more often than its limit allows: near matches are held "
            "instead of blocked. Exact matches on verified lists are blocked as always.",
            first(f'{limited}{{rule="near-copy"}}', 9),
            Case({f'{limited}{{rule="near-copy"}}': "9x60"}),
        ),
        Alert(
            "SeawallReportsPaused",
            rose(scale, "seawall_reports_paused_total", WHERE, "10m"),
            "0s",
            "page",
            "Reports wait for a person",
            "{{ $value | humanize }} reports were not made automatically since a rule is past its "
            "limit. They wait in the cases.",
            Case({"seawall_reports_paused_total": "0x55 9x5"}),
            Case({"seawall_reports_paused_total": "9x60"}),
            also=(
                first("seawall_reports_paused_total", 9),
                restarted("seawall_reports_paused_total"),
            ),
            nor=settled("seawall_reports_paused_total"),
        ),
    ]
