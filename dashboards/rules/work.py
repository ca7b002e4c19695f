"""Alerts on how workers do their work: spread, clocks, decoders, fences, state."""

from dashboards.rules.model import WHERE, Alert, Case, Scale

_STAGE = 'stage="a..enforcement"'


def alerts(scale: Scale) -> list[Alert]:
    """All of them."""
    return [*_away(scale), *_spread(scale), *_trouble(scale)]


def _away(scale: Scale) -> list[Alert]:
    target = 'job="workers", instance="a"'
    assigned, hour = "seawall_partitions_assigned", scale.span("1h")
    return [
        Alert(
            "SeawallWorkerUnreachable",
            f"up == 0\nand on ({WHERE}, job, instance) "
            f"last_over_time(seawall_build_info[{hour}]) == 1",
            scale.span("3m"),
            "ticket",
            "A worker does not answer",
            "{{ $labels.instance }} was a worker within the last hour and cannot be scraped: it "
            "hangs, is starved, or the network is cut. Others take its partitions.",
            Case(
                {
                    f"up{{{target}}}": "1x20 0x40",
                    f"seawall_build_info{{{target}}}": "1x20 _x40",
                }
            ),
            Case({f"up{{{target}}}": "1x60", f"seawall_build_info{{{target}}}": "1x60"}),
        ),
        Alert(
            "SeawallStageWithoutWorkers",
            f"group by ({WHERE}, stage) (last_over_time({assigned}[{hour}]))\n"
            f"unless group by ({WHERE}, stage) ({assigned})",
            scale.span("3m"),
            "page",
            "A stage has no worker left",
            "{{ $labels.stage }} had workers within the last hour and has none that answers: its "
            "records wait, and its lag cannot be seen.",
            Case({f"{assigned}{{{_STAGE}, {target}}}": "8x20 _x40"}),
            Case({f"{assigned}{{{_STAGE}, {target}}}": "8x60"}),
        ),
    ]


def _spread(scale: Scale) -> list[Alert]:
    lag = "seawall_consumer_lag_records"
    return [
        Alert(
            "SeawallPartitionSkew",
            f"max by ({WHERE}, stage) ({lag}) > 10000\n"
            f"and max by ({WHERE}, stage) ({lag}) > 5 * avg by ({WHERE}, stage) ({lag})",
            scale.span("30m"),
            "ticket",
            "One partition is far behind the others",
            "A partition of {{ $labels.stage }}'s input is {{ $value | humanize }} records behind, "
            "five times the mean: one key has too much traffic, or one worker is slow.",
            Case(
                {
                    f'{lag}{{{_STAGE}, partition="0"}}': "90000x60",
                    **{f'{lag}{{{_STAGE}, partition="{n}"}}': "10x60" for n in range(1, 8)},
                }
            ),
            Case({f'{lag}{{{_STAGE}, partition="{n}"}}': "90000x60" for n in range(8)}),
        ),
        Alert(
            "SeawallWorkersUneven",
            f"max by ({WHERE}, stage) (seawall_partitions_assigned)\n"
            f"  > 2 * avg by ({WHERE}, stage) (seawall_partitions_assigned) + 1",
            scale.span("30m"),
            "ticket",
            "One worker has most of the partitions",
            "A worker of {{ $labels.stage }} has {{ $value }} partitions, more than twice the "
            "mean.",
            Case(
                {
                    f'seawall_partitions_assigned{{{_STAGE}, instance="a"}}': "16x60",
                    f'seawall_partitions_assigned{{{_STAGE}, instance="b"}}': "0x60",
                    f'seawall_partitions_assigned{{{_STAGE}, instance="c"}}': "2x60",
                }
            ),
            Case(
                {
                    f'seawall_partitions_assigned{{{_STAGE}, instance="a"}}': "6x60",
                    f'seawall_partitions_assigned{{{_STAGE}, instance="b"}}': "5x60",
                }
            ),
        ),
        Alert(
            "SeawallClockSkew",
            f"sum by ({WHERE}, stage) (rate(seawall_events_from_future_total[{scale.span('15m')}]))"
            f"\n  / (sum by ({WHERE}, stage) (rate(seawall_events_in_total[{scale.span('15m')}]))"
            " > 0) > 0.01",
            scale.span("15m"),
            "ticket",
            "Events come from the future",
            "{{ $value | humanizePercentage }} of the events of {{ $labels.stage }} say that they "
            "happened more than a minute after they arrived: a producer's clock, or the broker's, "
            "is wrong.",
            Case(
                {
                    f"seawall_events_from_future_total{{{_STAGE}}}": "0+5x60",
                    f"seawall_events_in_total{{{_STAGE}}}": "0+100x60",
                }
            ),
            Case(
                {
                    f"seawall_events_from_future_total{{{_STAGE}}}": "0x60",
                    f"seawall_events_in_total{{{_STAGE}}}": "0+100x60",
                }
            ),
        ),
    ]


def _trouble(scale: Scale) -> list[Alert]:
    w15 = scale.span("15m")
    return [
        Alert(
            "SeawallDecodersKilled",
            f"sum by ({WHERE}) (increase(seawall_decoder_restarts_total[{w15}])) > 10",
            "0s",
            "ticket",
            "Media decoders are killed again and again",
            "{{ $value | humanize }} decoder processes were killed in a quarter of an hour: files "
            "that break them are coming in. They are media_error signals, matched by digest only.",
            Case({"seawall_decoder_restarts_total": "0+2x60"}),
            Case({"seawall_decoder_restarts_total": "0x55 3x5"}),
        ),
        Alert(
            "SeawallFencedOften",
            f"sum by ({WHERE}, stage) (increase(seawall_transactions_total"
            f'{{result="fenced"}}[{w15}])) > 3',
            "0s",
            "ticket",
            "Workers take partitions from each other",
            "{{ $labels.stage }} was fenced {{ $value | humanize }} times. Most likely two workers "
            "have the same worker.instance_id, or one is starved past its session.",
            Case({f'seawall_transactions_total{{{_STAGE}, result="fenced"}}': "0+1x60"}),
            Case({f'seawall_transactions_total{{{_STAGE}, result="fenced"}}': "0x50 1x10"}),
        ),
        Alert(
            "SeawallRebalancing",
            # Each restart of a rolling one costs every worker two; none rolls for half an hour.
            f"sum by ({WHERE}, stage) (increase(seawall_rebalances_total[{scale.span('10m')}]))"
            f" > 3 * count by ({WHERE}, stage) (seawall_partitions_assigned)",
            scale.span("30m"),
            "ticket",
            "The consumer group does not settle",
            "Partitions of {{ $labels.stage }} were taken away {{ $value | humanize }} times in "
            "ten minutes, and so for half an hour: workers come and go, or miss their heartbeats.",
            Case(
                {
                    f"seawall_rebalances_total{{{_STAGE}}}": "0+1x60",
                    f"seawall_partitions_assigned{{{_STAGE}}}": "8x60",
                }
            ),
            Case(
                {
                    f"seawall_rebalances_total{{{_STAGE}}}": "0x40 2+2x6 14x13",
                    f"seawall_partitions_assigned{{{_STAGE}}}": "8x60",
                }
            ),
        ),
        Alert(
            "SeawallStateEvicting",
            f"max by ({WHERE}) (delta(seawall_state_evicted_keys[{w15}])) > 0",
            "0s",
            "page",
            "The state store forgets conversations",
            "{{ $value | humanize }} keys were evicted for lack of memory: conversations begin "
            "anew, and what they showed before is gone.",
            Case({"seawall_state_evicted_keys": "0x50 0+100x10"}),
            Case({"seawall_state_evicted_keys": "100x60"}),
        ),
    ]
