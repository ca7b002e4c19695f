"""Limits that fail safe, and counts that a replay makes again."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.contracts.envelope import Envelope
from streams.contracts.stage import StateValue
from streams.contracts.values import ACTION_STRENGTH
from streams.policy.limits import Limit, Meter, count_key
from streams.policy.load import default_policy
from streams.policy.policy import Policy
from streams.policy.rules import Rule
from streams.stages.enforcement import Enforcement
from tests.unit.policy.signals import (
    digest,
    event,
    evidence,
    perceptual,
    risk,
    url,
)

DEFAULT = default_policy()
DAY = 86_400_000
NOON = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp() * 1000)


def limited(*limits: Limit) -> Policy:
    return Policy("1", DEFAULT.scan_basis, DEFAULT.rules, DEFAULT.closeness, limits)


def envelope(*signals, at=NOON, happened=None) -> Envelope:
    return Envelope(event=happened or event(), received_at=at, signals=list(signals))


def decide(policy, envelopes, partitions=1, saved=None):
    stage = Enforcement(policy, partitions)
    saved = saved or {}
    state = {key: StateValue(saved.get(key)) for key in stage.keys(envelopes)}
    result = stage.run(envelopes, state)
    return list(result.decisions), {**saved, **result.changes}


def outcome(decision):
    return decision.action, decision.report, decision.degraded


@pytest.mark.parametrize(
    ("signal", "usual", "past"),
    [
        (
            digest(),
            ("block", True, ()),
            ("block", False, ("limited:known-material", "reports_paused")),
        ),
        (
            digest(verified=False),
            ("block", False, ()),
            ("hold", False, ("limited:known-material-unconfirmed",)),
        ),
        (perceptual(4), ("block", False, ()), ("hold", False, ("limited:near-copy",))),
        (perceptual(20), ("hold", False, ()), ("hold", False, ("limited:possible-copy",))),
        (url(), ("block", False, ()), ("block", False, ("limited:known-address",))),
        (url(verified=False), ("block", False, ()), ("hold", False, ("limited:known-address",))),
        (risk(), ("review", False, ()), ("review", False, ("limited:contact-risk",))),
        (digest(role="observe"), ("allow", False, ()), ("allow", False, ())),
    ],
)
def test_past_a_limit_nothing_is_dropped_or_made_visible(signal, usual, past):
    policy = limited(Limit(per_day=2))
    decisions, _ = decide(policy, [envelope(signal) for _ in range(4)])
    assert [outcome(each) for each in decisions] == [usual, usual, past, past]
    assert [each.signals for each in decisions] == [[signal]] * 4
    assert len({each.priority for each in decisions}) == 1


def test_targets_are_contained_as_the_action_is():
    decisions, _ = decide(limited(Limit(per_day=1)), [envelope(perceptual(4))] * 2)
    assert [[t.action for t in each.targets] for each in decisions] == [["block"], ["hold"]]


def test_one_report_goes_out_though_another_waits():
    policy = limited(Limit(list="hotline-a", per_day=1))
    both = envelope(digest(), digest(list="hotline-b"))
    decisions, _ = decide(policy, [both, both])
    assert [each.report for each in decisions] == [True, True]
    assert decisions[1].degraded == ("limited:known-material",)


def test_each_rule_and_list_counts_on_its_own():
    policy = limited(Limit(rule="near-copy", per_day=1))
    a, b = perceptual(4, list="a"), perceptual(4, list="b")
    decisions, _ = decide(
        policy, [envelope(each) for each in (a, b, a, b, perceptual(20, list="a"))]
    )
    assert [each.action for each in decisions] == ["block", "block", "hold", "hold", "hold"]
    assert not decisions[4].degraded


def test_an_event_counts_once_however_many_signals_it_has():
    policy = limited(Limit(per_day=2))
    decisions, _ = decide(policy, [envelope(perceptual(4), perceptual(4, media_id="m2"))] * 3)
    assert [each.action for each in decisions] == ["block", "block", "hold"]


def test_the_first_limit_that_is_for_a_pair_is_its_limit():
    policy = limited(Limit(list="hotline-a", per_day=3), Limit(per_day=1))
    decisions, _ = decide(policy, [envelope(perceptual(4)) for _ in range(4)])
    assert [each.action for each in decisions] == ["block", "block", "block", "hold"]


def test_a_day_and_a_minute_end():
    times = [NOON, NOON + 1, NOON + 60_000, NOON + DAY, NOON + DAY + 1]
    for limit, actions in (
        (Limit(per_minute=1), ["block", "hold", "block", "block", "hold"]),
        (Limit(per_day=2), ["block", "block", "hold", "block", "block"]),
    ):
        decisions, _ = decide(limited(limit), [envelope(perceptual(4), at=at) for at in times])
        assert [each.action for each in decisions] == actions


def test_a_late_record_counts_in_the_window_that_has_begun():
    meter = Meter([Limit(per_minute=2)], 1, {count_key("l"): StateValue(None)})
    assert [meter.trips("r", "l", NOON + at) for at in (60_000, 0, 59_999)] == [False, False, True]


def test_a_wrong_clock_does_not_limit_for_ever():
    meter = Meter([Limit(per_day=1)], 1, {count_key("l"): StateValue(None)})
    far = 253_402_300_799_999
    assert not meter.trips("r", "l", far)
    assert not meter.trips("r", "l", NOON)
    assert meter.trips("r", "l", NOON)


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, DAY // 2)), max_size=30),
    # One that is less than two days ahead may begin the next window for all, as time does.
    st.integers(-40 * DAY, 0) | st.integers(2 * DAY + 1, 40 * DAY),
    st.sampled_from([Limit(per_day=3), Limit(per_minute=3), Limit(per_day=5, per_minute=2)]),
)
def test_another_clock_never_begins_a_window_anew(drawn, offset, limit):
    """A backfill, or a producer whose clock is wrong: what trips alone trips among its records."""

    def meter() -> Meter:
        return Meter([limit], 1, {count_key("l"): StateValue(None)})

    together, alone = meter(), meter()
    at = NOON + 50 * DAY
    for other, step in drawn:
        at += step // 30
        tripped = together.trips("r", "l", at + offset * other)
        if not other and alone.trips("r", "l", at):
            assert tripped


@pytest.mark.parametrize("behind", [61_000, 3_600_000, 2 * DAY, 30 * DAY])
def test_times_that_alternate_do_not_escape_a_limit(behind):
    for limit in (Limit(per_day=4), Limit(per_minute=4)):
        meter = Meter([limit], 1, {count_key("l"): StateValue(None)})
        tripped = [meter.trips("r", "l", NOON - behind * (n % 2)) for n in range(40)]
        assert not any(tripped[:4])
        assert all(tripped[8:])


def test_a_clock_far_ahead_of_one_rule_leaves_the_others_counts():
    policy = limited(Limit(per_day=1))
    _, saved = decide(policy, [envelope(perceptual(4)), envelope(perceptual(20), at=NOON * 9)])
    decisions, _ = decide(policy, [envelope(perceptual(4))], saved=saved)
    assert decisions[0].degraded == ("limited:near-copy",)


def test_counts_saved_before_there_was_a_clock_behind_are_read():
    day, minute = NOON // DAY, NOON // 60_000
    old = msgspec.msgpack.encode({"r": (day, 1, minute, 1)})
    meter = Meter([Limit(per_day=1)], 1, {count_key("l"): StateValue(old)})
    assert meter.trips("r", "l", NOON)


@pytest.mark.parametrize("kind", ["account", "conversation", "text"])
def test_a_rule_that_acts_on_a_further_target_only_is_limited_too(kind):
    fields = {"id": "others", "owner": "o", "ground": "g", "on": "hash_match", "action": "allow"}
    rule = Rule(**fields, targets={kind: "block"})
    policy = Policy("1", DEFAULT.scan_basis, [rule], DEFAULT.closeness, [Limit(per_day=1)])
    decisions, _ = decide(policy, [envelope(perceptual(4))] * 2)
    assert [[t.action for t in each.targets] for each in decisions] == [["block"], ["hold"]]
    assert decisions[1].degraded == ("limited:others",)


def test_limits_are_shared_out_among_partitions_rounded_up():
    for partitions, most in ((1, 10), (4, 3), (100, 1)):
        decisions, _ = decide(
            limited(Limit(per_day=10)), [envelope(perceptual(4)) for _ in range(12)], partitions
        )
        assert sum(each.action == "block" for each in decisions) == most


def test_state_is_asked_for_only_where_there_is_something_to_count():
    stage = Enforcement(limited(Limit(rule="near-copy", per_day=1)))
    assert stage.keys([envelope(), envelope(risk()), envelope(url())]) == []
    of_list = count_key("hotline-a")
    assert stage.keys([envelope(risk(), digest()), envelope(perceptual())]) == [of_list]
    assert stage.keys([envelope(happened=event(kind="user_report"))]) == []
    reports = Enforcement(limited(Limit(rule="reported-by-a-person", per_day=1)))
    assert reports.keys([envelope(happened=event(kind="user_report"))]) == [count_key("")]
    assert Enforcement(limited()).keys([envelope(risk())]) == ()
    assert stage.run([envelope()], {}).changes == {}


def test_counts_of_rules_that_are_gone_are_forgotten():
    policy = limited(Limit(per_day=1))
    _, saved = decide(policy, [envelope(perceptual(20)), envelope(perceptual(4), at=NOON + DAY)])
    assert list(msgspec.msgpack.decode(saved[count_key("hotline-a")])) == [
        "near-copy",
        "possible-copy",
    ]
    rules = [rule for rule in DEFAULT.rules if rule.id == "near-copy"]
    policy = Policy("2", DEFAULT.scan_basis, rules, DEFAULT.closeness, policy.limits)
    _, saved = decide(policy, [envelope(perceptual(4))], saved=saved)
    assert list(msgspec.msgpack.decode(saved[count_key("hotline-a")])) == ["near-copy"]


def test_nothing_is_counted_that_the_state_was_not_there_for():
    stage = Enforcement(limited(Limit(per_day=1)))
    result = stage.run([envelope(perceptual(4))] * 3, {})
    assert [each.action for each in result.decisions] == ["block"] * 3
    assert result.changes == {}


batches = st.lists(
    st.builds(
        lambda signals, step: (signals, step),
        st.lists(evidence, max_size=2),
        st.integers(0, 90_000),
    ),
    max_size=8,
)


@given(batches, st.integers(0, 8), st.integers(1, 3))
def test_counts_are_the_same_however_records_fall_into_chunks(drawn, cut, most):
    policy = limited(Limit(per_day=most, per_minute=most))
    at, envelopes = NOON, []
    for signals, step in drawn:
        at += step
        envelopes.append(envelope(*signals, at=at))
    together, saved = decide(policy, envelopes)
    first, between = decide(policy, envelopes[:cut])
    rest, after = decide(policy, envelopes[cut:], saved=between)
    assert [*first, *rest] == together
    assert after == saved


@given(batches, st.integers(1, 3))
def test_a_limit_never_makes_anything_visible(drawn, most):
    envelopes = [envelope(*signals) for signals, _ in drawn]
    free, _ = decide(limited(), envelopes)
    held, _ = decide(limited(Limit(per_day=most)), envelopes)
    for usual, past in zip(free, held, strict=True):
        assert past.priority == usual.priority
        assert past.signals == usual.signals
        assert past.reasons == usual.reasons
        hidden = ACTION_STRENGTH["hold"]
        assert (ACTION_STRENGTH[past.action] >= hidden) == (ACTION_STRENGTH[usual.action] >= hidden)
        if ACTION_STRENGTH[usual.action] < hidden:
            assert past.action == usual.action
        assert past.report or not usual.report or "reports_paused" in past.degraded


def test_counts_that_are_damaged_begin_anew():
    policy = limited(Limit(per_day=1))
    first, saved = decide(policy, [envelope(perceptual(4))])
    assert first[0].action == "block"
    ((key, sound),) = saved.items()
    beyond = msgspec.msgpack.encode({"near-copy": (2**64 - 1,) * 8})
    for damaged in (b"", sound[:-1], b"\xc1" + sound, b"\x81\xa1\xff\x90", beyond):
        stage = Enforcement(policy)
        result = stage.run([envelope(perceptual(4))] * 2, {key: StateValue(damaged)})
        assert [each.action for each in result.decisions] == ["block", "hold"]
        assert list(result.unreadable) == [key]
        assert not stage.run([envelope(perceptual(4))], {key: StateValue(sound)}).unreadable
