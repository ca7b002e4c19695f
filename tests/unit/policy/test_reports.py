"""What never reports by itself, whatever the rules of a policy say."""

import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.cli.policy_testing import run_tests
from streams.contracts.signal import HashMatch, TextRisk, UrlMatch
from streams.contracts.values import Action
from streams.policy.load import PolicyError, default_policy, parse_policy, parse_policy_file
from streams.policy.policy import Policy
from streams.policy.rules import BadRule, Rule, compile_rule
from tests.unit.policy.signals import digest, event, events, evidence, url

DEFAULT = default_policy()
DOCUMENT = Path(__file__).parents[3] / "docs" / "own-the-policy.md"
ACTIONS = [action for action in get_args(Action) if action != "allow"]


def reporting(on: str, action: Action = "block") -> Rule:
    return Rule(id=on.replace("_", "-"), owner="o", ground="g", on=on, action=action, report=True)


def policy(*rules: Rule) -> Policy:
    return Policy("1", DEFAULT.scan_basis, rules, DEFAULT.closeness)


def may_report(signal: object) -> bool:
    if isinstance(signal, HashMatch):
        return signal.source_kind != "victim" and signal.hash_origin != "client_unverified"
    if isinstance(signal, UrlMatch):
        return signal.source_kind != "victim"
    return not isinstance(signal, TextRisk) and getattr(signal, "source_kind", "") != "victim"


@given(events, st.lists(evidence, max_size=4), st.sampled_from(ACTIONS))
def test_a_policy_that_would_report_everything_reports_on_evidence_that_bears_it(
    happened, signals, action
):
    kinds = ("hash_match", "url_match", "text_match", "user_report", "provenance")
    verdict = policy(*(reporting(kind, action) for kind in kinds)).judge(happened, signals)
    assert not verdict.report or any(map(may_report, signals))
    noted = any(each.report for each in verdict.would_have)
    assert not noted or any(map(may_report, signals))


@pytest.mark.parametrize(
    "signal",
    [
        digest(source_kind="victim"),
        digest(hash_origin="client_unverified"),
        url(source_kind="victim"),
    ],
)
def test_it_is_blocked_all_the_same(signal):
    rules = (reporting("hash_match"), reporting("url_match"))
    verdict = policy(*rules).judge(event(), [signal])
    assert (verdict.action, verdict.report) == ("block", False)
    trial = [replace(each, mode="trial") for each in rules]
    (noted,) = policy(*trial).judge(event(), [signal]).would_have
    assert not noted.report


def test_a_rule_on_language_that_reports_is_refused_with_its_line():
    with pytest.raises(BadRule, match="never reports"):
        compile_rule(reporting("text_risk"))
    text = (
        'version = "1"\n[[rules]]\nid = "a"\nowner = "o"\nground = "g"\non = "text_risk"\n'
        'action = "review"\nreport = true\n'
    )
    with pytest.raises(PolicyError, match="t:8"):
        parse_policy(text, "t")


def documented() -> str:
    block = re.search(r"```toml\n(version.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert block is not None
    return block[1]


def test_the_documented_policy_passes_its_own_tests():
    text = documented()
    outcomes = run_tests(parse_policy(text, "t"), parse_policy_file(text, "t").tests)
    assert len(outcomes) == 2
    assert not [each for each in outcomes if each.wrong]


def test_the_documented_policy_holds_what_a_victim_submitted():
    verdict = parse_policy(documented(), "t").judge(event(), [digest(source_kind="victim")])
    assert (verdict.action, verdict.report) == ("hold", False)
