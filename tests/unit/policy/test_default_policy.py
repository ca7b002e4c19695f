"""Both sides of each rule of the default policy, and what must hold whatever the signals."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.contracts.signal import MediaError, Provenance, UserReport
from streams.contracts.values import ACTION_STRENGTH
from streams.policy.load import default_policy
from streams.policy.policy import Policy, target_of
from streams.policy.rules import Rule
from streams.policy.scan_basis import ScanBasis
from tests.unit.policy.signals import (
    allows,
    digest,
    digests,
    event,
    events,
    evidence,
    perceptual,
    perceptuals,
    risk,
    risks,
    text,
    url,
)

POLICY = default_policy()
GENERATED = Provenance(media_id="m1", standing="claimed", evidence="trainedAlgorithmicMedia")


@pytest.mark.parametrize(
    ("signal", "rule", "action", "report"),
    [
        (digest(), "known-material", "block", True),
        (digest(hash_origin="client_attested"), "known-material", "block", True),
        (digest(hash_origin="client_unverified"), "known-material-unconfirmed", "block", False),
        (digest(verified=False), "known-material-unconfirmed", "block", False),
        (digest(role="hold"), "known-material", "hold", False),
        (digest(role="review"), "known-material", "review", False),
        (digest(source_kind="victim"), "victim-submitted", "hold", False),
        (digest(source_kind="victim", verified=False), "victim-submitted", "hold", False),
        (perceptual(15), "near-copy", "block", False),
        (perceptual(0), "near-copy", "block", False),
        (perceptual(16), "possible-copy", "hold", False),
        (perceptual(31), "possible-copy", "hold", False),
        (perceptual(4, quality=80), "near-copy", "block", False),
        (perceptual(4, quality=79), "possible-copy", "hold", False),
        (perceptual(4, quality=None), "possible-copy", "hold", False),
        (perceptual(0, algorithm="phash"), "possible-copy", "hold", False),
        (perceptual(0, algorithm="photodna"), "possible-copy", "hold", False),
        (perceptual(4, algorithm="vpdq"), "near-copy", "block", False),
        (perceptual(4, source_kind="victim"), "victim-submitted", "hold", False),
        (perceptual(4, role="review"), "near-copy", "review", False),
        (url(), "known-address", "block", False),
        (url(role="review"), "known-address", "review", False),
        (url(source_kind="victim"), "victim-submitted-address", "hold", False),
        (text(), "known-text", "hold", False),
        (text(0.6), "known-text", "hold", False),
        (risk("review"), "contact-risk", "review", False),
        (risk("watch", pattern="sextortion"), "sextortion", "review", False),
        (
            risk("review", ("self_harm", "secrecy"), pattern="self_harm"),
            "self-harm-and-more",
            "review",
            False,
        ),
        (UserReport(), "reported-by-a-person", "review", False),
    ],
)
def test_a_rule_applies(signal, rule, action, report):
    verdict = POLICY.judge(event(), [signal])
    assert (verdict.action, verdict.report) == (action, report)
    assert [reason.rule for reason in verdict.reasons] == [rule]
    assert [target.action for target in verdict.targets] == [action]
    assert not verdict.would_have


@pytest.mark.parametrize(
    "signal",
    [
        risk("watch"),
        risk("note"),
        risk("none"),
        GENERATED,
        MediaError(media_id="m1", reason="truncated"),
        digest(role="allow"),
        url(role="allow"),
    ],
)
def test_nothing_is_done(signal):
    verdict = POLICY.judge(event(), [signal])
    assert (verdict.action, verdict.report) == ("allow", False)
    assert not verdict.targets
    assert not verdict.reasons


@pytest.mark.parametrize(
    ("signal", "rule", "action", "report"),
    [
        (digest(role="observe"), "known-material", "block", True),
        (perceptual(20, role="observe"), "possible-copy", "hold", False),
        (url(role="observe"), "known-address", "block", False),
        (risk("review", on_trial=True), "contact-risk", "review", False),
    ],
)
def test_what_is_on_trial_is_only_noted(signal, rule, action, report):
    verdict = POLICY.judge(event("13_15", ["under_13"]), [signal])
    assert (verdict.action, verdict.report, verdict.priority) == ("allow", False, 4)
    assert not verdict.targets
    assert not verdict.notices
    assert [(w.rule, w.action, w.report) for w in verdict.would_have] == [(rule, action, report)]


@pytest.mark.parametrize("level", ["none", "note", "watch", "review"])
def test_self_harm_gets_help_and_is_never_enforced(level):
    verdict = POLICY.judge(event("13_15"), [risk(level, ("self_harm",), pattern="self_harm")])
    assert (verdict.action, verdict.report, verdict.targets) == ("allow", False, ())
    assert verdict.priority == 0
    assert [(n.advice, n.audience) for n in verdict.notices] == [("self-harm-support", "author")]


@pytest.mark.parametrize(
    ("allow", "match", "action"),
    [
        (text(0.9, role="allow"), text(0.8, algorithm="tlsh"), "hold"),
        (text(0.9, role="allow", algorithm="tlsh"), text(0.8), "hold"),
        (perceptual(0, role="allow"), perceptual(10), "allow"),
        (perceptual(10, role="allow"), perceptual(10), "allow"),
        (perceptual(12, role="allow"), perceptual(10), "block"),
        (digest(role="allow"), perceptual(0), "allow"),
        (digest(role="allow"), digest(), "block"),
        (digest(role="allow"), digest(verified=False), "block"),
        (perceptual(0, role="allow"), digest(), "block"),
        (perceptual(0, role="allow", media_id="m2"), perceptual(10), "block"),
        (perceptual(0, role="allow", algorithm="phash"), perceptual(10), "block"),
        (url(role="allow"), url(), "block"),
        (text(0.9, role="allow"), text(0.8), "allow"),
        (text(0.7, role="allow"), text(0.8), "hold"),
    ],
)
def test_an_allowed_entry(allow, match, action):
    for signals in ([allow, match], [match, allow]):
        assert POLICY.judge(event(), signals).action == action


def test_each_target_has_its_strongest_action():
    signals = [
        perceptual(20, media_id="m1"),
        digest(media_id="m1"),
        perceptual(20, media_id="m2"),
        url(url_index=3),
        url(url_index=None, start=0, end=9, role="review"),
        risk(),
        risk(scope="sender"),
    ]
    verdict = POLICY.judge(event(), signals)
    assert verdict.action == "block"
    assert {(t.kind, t.id): t.action for t in verdict.targets} == {
        ("media", "m1"): "block",
        ("media", "m2"): "hold",
        ("url", "url:3"): "block",
        ("text", "text"): "review",
        ("conversation", "k1"): "review",
        ("account", "a1"): "review",
    }


def test_without_a_conversation_the_account_is_the_target():
    verdict = POLICY.judge(event(conversation_id=None), [risk()])
    assert [(t.kind, t.id) for t in verdict.targets] == [("account", "a1")]


def rule(**changes) -> Rule:
    fields = {"id": "x", "owner": "o", "ground": "g", "on": "text_risk", "action": "hold"}
    return Rule(**(fields | changes))


def with_rules(*rules: Rule) -> Policy:
    return Policy("1", ScanBasis([]), rules, POLICY.closeness)


def test_a_trial_rule_is_passed_over():
    policy = with_rules(
        rule(id="t", on="hash_match", mode="trial", action="block", report=True),
        rule(id="l", on="hash_match", action="label"),
    )
    verdict = policy.judge(event(), [digest()])
    assert (verdict.action, verdict.report) == ("label", False)
    assert [(w.rule, w.action, w.report) for w in verdict.would_have] == [("t", "block", True)]


def test_rules_are_for_their_tenants_and_jurisdictions():
    policy = with_rules(
        rule(id="t", tenants=["other"]), rule(id="j", jurisdictions=["FR"]), rule(id="rest")
    )
    places = [("acme", None), ("other", None), ("acme", "FR-IDF"), ("acme", "DE")]
    answers = [
        policy.judge(event(tenant=t, jurisdiction=j), [risk()]).reasons[0].rule for t, j in places
    ]
    assert answers == ["rest", "t", "j", "rest"]


def test_authors_of_urgent_cases_are_not_warned():
    to_author = [{"advice": "a", "audience": "author"}]
    policy = with_rules(
        msgspec.convert({**msgspec.to_builtins(rule()), "notices": to_author}, Rule)
    )
    assert not policy.judge(event("13_15"), [risk()]).notices
    assert policy.judge(event("adult", ["adult"]), [risk()]).notices


def strength(verdict) -> tuple[int, bool, int]:
    return ACTION_STRENGTH[verdict.action], verdict.report, -verdict.priority


def no_weaker(after, before) -> bool:
    return all(a >= b for a, b in zip(strength(after), strength(before), strict=True))


@given(events, st.lists(evidence, max_size=5), evidence)
def test_more_evidence_never_weakens(happened, signals, further):
    before = POLICY.judge(happened, signals)
    after = POLICY.judge(happened, [*signals, further])
    assert no_weaker(after, before)
    kept = {(t.kind, t.id): ACTION_STRENGTH[t.action] for t in after.targets}
    assert all(kept[t.kind, t.id] >= ACTION_STRENGTH[t.action] for t in before.targets)


@given(events, perceptuals, st.integers(0, 31), st.integers(0, 50))
def test_a_closer_or_better_match_never_weakens(happened, match, closer, better):
    stronger = msgspec.structs.replace(
        match,
        distance=min(match.distance, closer),
        quality=min(100, (match.quality or 0) + better) if better else match.quality,
    )
    assert no_weaker(POLICY.judge(happened, [stronger]), POLICY.judge(happened, [match]))


@given(events, digests | perceptuals)
def test_verification_never_weakens(happened, match):
    without, verified = (
        POLICY.judge(happened, [msgspec.structs.replace(match, verified=value)])
        for value in (False, True)
    )
    assert no_weaker(verified, without)


LEVELS = ["none", "note", "watch", "review"]


@given(events, risks, st.sampled_from(LEVELS), risks)
def test_more_text_risk_never_weakens(happened, found, level, more):
    stronger = msgspec.structs.replace(
        found,
        level=max(level, found.level, key=LEVELS.index),
        categories=tuple(dict.fromkeys((*found.categories, *more.categories))),
        minor_involved=found.minor_involved or more.minor_involved,
        pattern=found.pattern or more.pattern,
    )
    assert no_weaker(POLICY.judge(happened, [stronger]), POLICY.judge(happened, [found]))


@given(events, st.lists(evidence, max_size=4), st.lists(allows, max_size=3))
def test_allow_never_beats_an_exact_match(happened, signals, allowed):
    verified = digest()
    verdict = POLICY.judge(happened, [*allowed, verified, *signals])
    assert (verdict.action, verdict.report) == ("block", True)


@given(events, st.lists(evidence, max_size=4))
def test_the_order_of_signals_does_not_matter(happened, signals):
    assert strength(POLICY.judge(happened, signals)) == strength(
        POLICY.judge(happened, signals[::-1])
    )


@given(
    events,
    st.lists(evidence, max_size=4),
    st.sampled_from(["hash_match", "url_match", "text_match", "text_risk", "user_report"]),
    st.sampled_from(["block", "hold", "allow"]),
    st.integers(0, 12),
)
def test_a_trial_rule_never_changes_an_action(happened, signals, on, action, place):
    rules = list(POLICY.rules)
    report = action != "allow" and on != "text_risk"
    rules.insert(place, rule(on=on, action=action, report=report, mode="trial"))
    with_trial = Policy("1", ScanBasis([]), rules, POLICY.closeness).judge(happened, signals)
    plain = POLICY.judge(happened, signals)
    assert with_trial._replace(would_have=()) == plain._replace(would_have=())


@given(events, st.lists(evidence, max_size=4), perceptuals | digests)
def test_an_observed_list_never_changes_an_action(happened, signals, match):
    observed = msgspec.structs.replace(match, role="observe")
    with_observed = POLICY.judge(happened, [*signals, observed])
    assert with_observed._replace(would_have=()) == POLICY.judge(happened, signals)._replace(
        would_have=()
    )


@given(events, st.lists(evidence, max_size=5))
def test_clients_and_victims_alone_never_report(happened, signals):
    alone = [
        s
        for s in signals
        if getattr(s, "hash_origin", None) == "client_unverified"
        or getattr(s, "source_kind", None) == "victim"
    ]
    assert not POLICY.judge(happened, alone).report


@given(events, st.lists(evidence, max_size=5))
def test_provenance_never_changes_the_action(happened, signals):
    before = POLICY.judge(happened, signals)
    after = POLICY.judge(happened, [*signals, GENERATED])
    assert (after.action, after.report, after.targets) == (
        before.action,
        before.report,
        before.targets,
    )


def test_a_risk_of_somebody_else_advises_and_spares_the_author() -> None:
    """The message of a child, whose age completes what another asked before it."""
    found = risk(pattern="minor_image_request", minor_involved=True, of_other=True, account_id="a")
    verdict = POLICY.judge(event(conversation_id="k"), [found])
    assert verdict.action == "review"
    assert verdict.priority == 0
    assert [(target.kind, target.id) for target in verdict.targets] == [("conversation", "k")]
    assert [(n.advice, n.audience) for n in verdict.notices] == [("talking-to-strangers", "author")]


def test_who_is_a_risk_too_is_not_warned_by_anothers() -> None:
    both = [risk(), risk(of_other=True, account_id="a")]
    verdict = POLICY.judge(event(conversation_id="k"), both)
    assert "author" not in {notice.audience for notice in verdict.notices}


def test_without_a_conversation_nothing_of_the_authors_is_the_target() -> None:
    for account, target in (("a", ("account", "a")), (None, ("text", "text"))):
        found = risk(of_other=True, account_id=account)
        assert target_of(event(conversation_id=None), found) == target


@pytest.mark.parametrize("account", ["a", None])
def test_further_targets_of_a_risk_of_somebody_else_are_theirs(account: str | None) -> None:
    rule = Rule(
        id="r",
        owner="o",
        ground="g",
        on="text_risk",
        action="review",
        targets={"account": "hold", "text": "block"},
    )
    policy = Policy("1", ScanBasis([]), [rule], POLICY.closeness)
    mine = event(conversation_id="k")
    own, others = (
        {(t.kind, t.id): t.action for t in policy.judge(mine, [found]).targets}
        for found in (risk(), risk(of_other=True, account_id=account))
    )
    conversation = {("conversation", "k"): "review"}
    assert own == conversation | {("account", mine.author.id): "hold", ("text", "text"): "block"}
    assert others == conversation | ({("account", account): "hold"} if account else {})
