"""What a rule can say besides its condition, and that the index finds what all rules would."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.policy.condition import context_of
from streams.policy.facts import signal_type
from streams.policy.load import PolicyError, default_policy, parse_policy
from streams.policy.policy import Policy
from streams.policy.rule_index import RuleIndex
from streams.policy.rules import BadRule, Rule, Share, compile_rule, share_of
from streams.policy.variables import Judged, variables_of
from tests.unit.policy.signals import (
    CLOSENESS,
    digest,
    event,
    events,
    evidence,
    risk,
    url,
)

DEFAULT = default_policy()


def rule(**changes) -> Rule:
    fields = {"id": "x", "owner": "o", "ground": "g", "on": "hash_match", "action": "block"}
    return Rule(**(fields | changes))


def with_rules(*rules: Rule, control_share=0.0) -> Policy:
    return Policy("1", DEFAULT.scan_basis, rules, CLOSENESS, control_share=control_share)


def test_further_targets():
    policy = with_rules(rule(targets={"account": "review", "conversation": "label"}))
    verdict = policy.judge(event(), [digest()])
    assert {(t.kind, t.id): t.action for t in verdict.targets} == {
        ("media", "m1"): "block",
        ("account", "a1"): "review",
        ("conversation", "k1"): "label",
    }
    reported = event(kind="user_report", conversation_id=None)
    assert [t.kind for t in policy.judge(reported, [digest()]).targets] == ["media"]


def test_further_targets_alone():
    verdict = with_rules(rule(action="allow", targets={"account": "review"})).judge(
        event(), [digest()]
    )
    assert (verdict.action, [t.kind for t in verdict.targets]) == ("review", ["account"])
    assert [reason.rule for reason in verdict.reasons] == ["x"]


def test_further_targets_of_a_rule_on_trial_are_noted():
    policy = with_rules(rule(action="allow", targets={"account": "review"}, mode="trial"))
    verdict = policy.judge(event(), [digest()])
    assert (verdict.action, verdict.targets) == ("allow", ())
    assert [(noted.rule, noted.action) for noted in verdict.would_have] == [("x", "review")]


def test_further_targets_are_capped_by_the_lists_role_too():
    policy = with_rules(rule(targets={"account": "block"}))
    verdict = policy.judge(event(), [digest(role="review")])
    assert {t.action for t in verdict.targets} == {"review"}


def test_a_rule_makes_a_decision_at_least_so_urgent_and_never_less():
    policy = with_rules(rule(priority=2))
    assert policy.judge(event(), [digest()]).priority == 2
    assert policy.judge(event("adult", ["under_13"]), [digest()]).priority == 1
    assert with_rules(rule(priority=0, mode="trial")).judge(event(), [digest()]).priority == 4
    assert with_rules(rule(priority=0)).judge(event(), [digest(role="observe")]).priority == 4


def test_a_share_is_live_for_the_same_content_each_time():
    policy = with_rules(rule(mode=Share(share=0.25)), rule(id="rest", action="label"))
    live = set()
    for number in range(2000):
        verdict = policy.judge(event(content_id=f"c{number}"), [digest()])
        again = policy.judge(event(content_id=f"c{number}", event_id="e2"), [digest()])
        assert verdict == again
        if verdict.action == "block":
            live.add(number)
            assert not verdict.would_have
        else:
            assert verdict.action == "label"
            assert [noted.rule for noted in verdict.would_have] == ["x"]
    assert 0.2 < len(live) / 2000 < 0.3
    wider = with_rules(rule(mode=Share(share=0.5)))
    assert all(
        wider.judge(event(content_id=f"c{number}"), [digest()]).action == "block" for number in live
    )


@given(st.text(max_size=5), st.text(max_size=5), st.text(max_size=5))
def test_a_share_is_between_0_and_1_and_of_rule_tenant_and_content(one, other, content):
    assert 0 <= share_of(one, other, content) < 1
    if one != other:
        assert share_of(one, other, content) != share_of(other, one, content)


def test_a_rule_for_lists_is_for_these_only():
    policy = with_rules(rule(lists=["a", "b"]), rule(id="rest", action="label"))
    actions = [policy.judge(event(), [digest(list=name)]).action for name in ("a", "b", "c")]
    assert actions == ["block", "block", "label"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"on": "text_risk", "lists": ["a"]}, "lists"),
        ({"action": "allow", "report": True}, "report"),
        ({"when": "true"}, "when"),
    ],
)
def test_a_rule_that_can_do_nothing_is_refused(changes, field):
    with pytest.raises(BadRule) as failure:
        compile_rule(rule(**changes))
    assert failure.value.field == field


def test_conditions_see_the_event_and_what_else_was_found():
    policy = with_rules(
        rule(
            on="text_risk",
            when='signals.url_match > 0 && event.child_recipient && "secrecy" in signal.categories',
        )
    )
    child = event("adult", ["13_15"])
    assert policy.judge(child, [risk(), url()]).action == "block"
    assert policy.judge(child, [risk()]).action == "allow"
    assert policy.judge(event(), [risk(), url()]).action == "allow"
    assert policy.judge(child, [risk("review", ("meeting",)), url()]).action == "allow"


def test_the_control_sample_is_the_share_that_is_asked_for_and_stable():
    policy = with_rules(control_share=0.1)
    ids = [f"{number * 2**20:08x}-rest" for number in range(4096)]
    chosen = [policy.samples(id) for id in ids]
    assert sum(chosen) == 410
    assert chosen == [policy.samples(id) for id in ids]
    assert not any(with_rules().samples(id) for id in ids)
    assert all(with_rules(control_share=1.0).samples(id) for id in ids)


CONDITIONS = {
    "hash_match": [
        None,
        'signal.match == "exact"',
        "signal.distance < 16",
        "signal.verified && event.child_recipient",
        "signals.hash_match > 1",
        'event.surface == "live"',
    ],
    "url_match": [None, 'signal.source_kind == "victim"', "signals.text_risk > 0"],
    "text_risk": [
        None,
        'signal.level == "review"',
        '"meeting" in signal.categories',
        'signal.pattern != ""',
    ],
}
random_rules = st.sampled_from(sorted(CONDITIONS)).flatmap(
    lambda on: st.builds(
        rule,
        id=st.uuids().map(lambda id: f"r{id.hex}"),
        on=st.just(on),
        when=st.sampled_from(CONDITIONS[on]),
        lists=st.just([])
        if on == "text_risk"
        else st.lists(st.sampled_from(["hotline-a", "b"]), max_size=1),
        action=st.sampled_from(["allow", "label", "review", "hold", "block"]),
        mode=st.sampled_from(["live", "trial", Share(share=0.5)]),
        tenants=st.sampled_from([[], ["acme"], ["other"]]),
        jurisdictions=st.sampled_from([[], ["DE"]]),
    )
)
happened = st.builds(
    lambda made, place, tenant: type(made)(
        **{f: getattr(made, f) for f in made.__struct_fields__}
        | {"jurisdiction": place, "tenant": tenant}
    ),
    events,
    st.sampled_from([None, "DE", "FR"]),
    st.sampled_from(["acme", "other"]),
)


def matching_by_hand(compiled, made, signal, signals):
    """Every rule looked at, one by one."""
    for each in compiled:
        mine = each.rule
        if mine.on != signal_type(signal) or not each.is_for(made):
            continue
        if mine.lists and signal.list not in mine.lists:
            continue
        if each.condition is not None:
            names, variables = each.condition.names, variables_of(mine.on)
            judged = Judged(made, signal, signals, CLOSENESS)
            values = [variables[name].read(judged) for name in names]
            if not each.condition.program.execute(context_of(names, values)):
                continue
        yield mine.id
        if each.always:
            return


@settings(max_examples=60)
@given(st.lists(random_rules, max_size=8), st.lists(st.tuples(happened, evidence), max_size=6))
def test_the_index_finds_what_looking_at_every_rule_does(rules, found):
    compiled = [compile_rule(each) for each in rules]
    index = RuleIndex(compiled, CLOSENESS)
    signals = [signal for _, signal in found]
    for _ in range(2):  # the second time from what is remembered
        for made, signal in found:
            matched = [each.rule.id for each in index.matching(made, signal, signals)]
            assert matched == list(matching_by_hand(compiled, made, signal, signals))


def test_many_values_do_not_fill_the_memory():
    policy = with_rules(rule(when="event.recipient_count > 5 && signal.verified"))
    for number in range(5000):
        policy.judge(event(recipient_count=number), [digest()])
    groups = policy._index._by_list["hash_match"].values()
    assert all(len(group.answers) <= 4096 for group in groups)


trial_rules = random_rules.map(
    lambda made: type(made)(
        **{f: getattr(made, f) for f in made.__struct_fields__} | {"mode": "trial"}
    )
)


@given(events, st.lists(evidence, max_size=4), trial_rules, st.integers(0, 12))
def test_a_rule_on_trial_with_a_condition_never_changes_an_action(made, signals, trial, place):
    rules = list(DEFAULT.rules)
    rules.insert(place, trial)
    noted = with_rules(*rules).judge(made, signals)
    plain = with_rules(*DEFAULT.rules).judge(made, signals)
    assert noted._replace(would_have=()) == plain._replace(would_have=())


def test_two_hundred_rules_load_in_a_file():
    rules = "\n".join(
        f'[[rules]]\nid = "r{number}"\nowner = "o"\nground = "g"\non = "hash_match"\n'
        f"when = 'signal.distance < {number % 30 + 1} && event.recipient_count > {number}'\n"
        'action = "hold"\n'
        for number in range(200)
    )
    policy = parse_policy(f'version = "1"\n{rules}', "f")
    assert len(policy.rules) == 200
    with pytest.raises(PolicyError, match="a second"):
        parse_policy(f'version = "1"\n{rules}{rules}', "f")
