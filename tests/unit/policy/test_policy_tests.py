"""A policy's own test cases, and the default policy's."""

import json
from datetime import datetime

import pytest
from typer.testing import CliRunner

from streams.cli.policy import app
from streams.cli.policy_testing import run_tests
from streams.policy.load import completed, default_policy, parse_policy, parse_policy_file
from streams.policy.policy_tests import BadPolicyTest, Expectation, PolicyTest, signals_of

DEFAULT_TESTS = completed(parse_policy_file('version = "1"', "f")).tests


@pytest.mark.parametrize("case", DEFAULT_TESTS, ids=lambda case: case.name)
def test_of_the_default_policy(case):
    [outcome] = run_tests(default_policy(), [case])
    assert outcome.wrong == ()


def test_every_default_rule_is_in_a_test_that_expects_it():
    expected = {rule for case in DEFAULT_TESTS for rule in case.expect.rules or ()}
    assert expected == {rule.id for rule in default_policy().rules} - {"self-harm-help"}


def case(expect, signals=({"type": "hash_match"},), event=None) -> PolicyTest:
    return PolicyTest(
        name="case", event=event or {}, signals=list(signals), expect=Expectation(**expect)
    )


@pytest.mark.parametrize(
    ("expect", "wrong"),
    [
        ({"action": "block", "report": True, "priority": 4}, ()),
        ({"action": "hold"}, ("action is block, not hold",)),
        ({"report": False}, ("report is true, not false",)),
        ({"priority": 0}, ("priority is 4, not 0",)),
        ({"rules": []}, ("rules is known-material, not none",)),
        ({"would_have": ["x", "a"]}, ("would_have is none, not a, x",)),
        ({}, ()),
    ],
)
def test_what_is_not_as_expected_is_said(expect, wrong):
    [outcome] = run_tests(default_policy(), [case(expect)])
    assert outcome.wrong == wrong


@pytest.mark.parametrize(
    ("signals", "event", "message"),
    [
        ([{"type": "smell"}], {}, "signals[0]: Invalid value 'smell'"),
        ([{"algorithm": "md5"}], {}, "missing required field `type`"),
        ([{"type": "hash_match", "strength": 1}], {}, "signals[0] has no strength"),
        ([{"type": "hash_match", "distance": "x"}], {}, "Expected `int`"),
        ([], {"surfaces": "x"}, "event has no surfaces"),
        ([], {"surface": "x"}, "event: Invalid enum value 'x'"),
        ([{"type": ["hash_match"]}], {}, "signals[0]: Expected `str`"),
        ([{"type": {"a": 1}}], {}, "signals[0]: Expected `str`"),
        ([{"type": "smell"}], {}, "allowed: hash_match, url_match"),
        ([{"type": "hash_match", "distance": 2**63}], {}, "too large - at `$.distance`"),
        ([{"type": "hash_match", "distance": 10**40}], {}, "too large - at `$.distance`"),
        ([], {"recipient_count": 2**70}, "`$.recipient_count`"),
        ([], {"author_age_band": ["13_15"]}, "`$.author.age_band`"),
        ([], {"occurred_at": datetime(2026, 1, 1)}, "event: "),
        ([], {"type": "x"}, "event has no type"),
    ],
)
def test_a_case_that_cannot_be_run_says_why(signals, event, message):
    [outcome] = run_tests(default_policy(), [case({}, signals, event)])
    assert message in outcome.wrong[0]


def test_plain_values_of_each_type_are_signals():
    kinds = ("hash_match", "url_match", "text_match", "text_risk", "user_report", "provenance")
    made = signals_of(case({}, [{"type": kind} for kind in (*kinds, "media_error")]))
    assert [type(each).__struct_config__.tag for each in made] == [*kinds, "media_error"]
    with pytest.raises(BadPolicyTest):
        signals_of(case({}, [{}]))


FILE = """
version = "1"
[[rules]]
id = "one"
owner = "o"
ground = "g"
on = "hash_match"
when = 'signal.verified'
action = "label"
[[tests]]
name = "verified"
signals = [{ type = "hash_match" }]
expect = { action = "label", rules = ["one"] }
[[tests]]
name = "not verified"
signals = [{ type = "hash_match", verified = false }]
expect = { action = "%s" }
"""


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_command_runs_a_files_own_tests(tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text(FILE % "allow")
    result = run("test", path)
    assert result.exit_code == 0
    assert "2 of 2 tests pass" in result.stdout
    path.write_text(FILE % "hold")
    result = run("test", path)
    assert result.exit_code == 1
    assert f"FAILED {path}:14: not verified: action is allow, not hold" in result.stdout
    found = json.loads(run("test", path, "--json").stdout)
    assert found["tests"] == 2
    assert found["failed"] == [
        {
            "name": "not verified",
            "wrong": ["action is allow, not hold"],
            "line": 14,
            "default": False,
            "notes": [],
        }
    ]


def test_a_file_without_rules_is_tested_as_the_default_policy(tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text('version = "1"')
    assert f"{len(DEFAULT_TESTS)} of {len(DEFAULT_TESTS)} tests pass" in run("test", path).stdout
    path.write_text('version = "1"\n[closeness]\ndistance = {}\nquality = 0\nsimilarity = 0\n')
    assert run("test", path).exit_code == 1
    assert parse_policy(path.read_text(), "f").closeness.distance == {}


LISTED = """
version = "1"
[[rules]]
id = "one"
owner = "o"
ground = "g"
on = "hash_match"
lists = ["hotline"]
action = "label"
[[tests]]
name = "by its list"
signals = [{ type = "hash_match", list = "hotlin" }]
expect = { action = "%s", rules = [%s] }
"""


def test_a_list_or_rule_that_there_is_not_is_named(tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text(LISTED % ("label", '"on"'))
    found = run("test", path).stdout
    assert f"FAILED {path}:10: by its list: action is allow, not label" in found
    assert "signals[0]: no rule names the list 'hotlin'; the policy names hotline" in found
    assert "expect: there is no rule 'on': did you mean one?" in found
    # One that passes, by mistake perhaps, is measured by the settings' lists.
    path.write_text(LISTED % ("allow", ""))
    assert run("test", path).stdout == f"{path}: 1 of 1 tests pass\n"
    (tmp_path / "hotline.csv").write_text(
        "id,algorithm,value\n1,md5,0123456789abcdef0123456789abcdef\n"
    )
    config = tmp_path / "seawall.toml"
    config.write_text(f'[lists]\nfiles = ["{tmp_path / "hotline.csv"}"]\n')
    result = run("test", path, "--config", config)
    assert result.exit_code == 0
    assert "there is no list 'hotlin'; there are hotline" in result.stdout
