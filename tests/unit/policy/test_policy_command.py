import json

import msgspec
import pytest
from typer.testing import CliRunner

from streams.cli.policy import app
from streams.contracts.envelope import Envelope
from tests.unit.policy.signals import digest, event, perceptual

POLICY = """
version = "acme-1"
[[scan_basis]]
scans = ["hash", "url"]
[[scan_basis]]
jurisdiction = "DE"
scans = ["hash"]
valid_until = 2200-01-01
basis = "consent"
"""


@pytest.fixture
def policy(tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text(POLICY)
    return path


def invoke(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_check_accepts_and_tells_the_next_lapse(policy):
    result = invoke("check", policy)
    assert result.exit_code == 0
    assert "2200-01-02" in result.stdout
    found = json.loads(invoke("check", policy, "--json").stdout)
    assert found["ok"]
    assert found["scan_basis_rows"] == 2
    assert found["lapsing"] == "* * DE: hash"


def test_check_refuses_with_the_line(policy):
    policy.write_text(POLICY + 'scans = "hash"\n')
    result = invoke("check", policy)
    assert result.exit_code == 1
    assert f"{policy}:" in result.stderr
    policy.write_text('version = "1"\n[[rules]]\nid = "One"\n')
    found = json.loads(invoke("check", policy, "--json").stdout)
    assert (found["ok"], found["line"], found["field"]) == (False, 3, "$.rules[0].id")


def test_explain_an_event(policy, tmp_path):
    path = tmp_path / "event.json"
    path.write_bytes(msgspec.json.encode(event(jurisdiction="DE-BE")))
    result = invoke("explain", policy, path)
    assert result.exit_code == 0
    assert "scan_basis[1] * * DE: hash, valid (consent)" in result.stdout
    assert "decision: allow, priority 4" in result.stdout


def test_explain_an_envelope(policy, tmp_path):
    path = tmp_path / "envelope.json"
    signals = [perceptual(20), perceptual(0, role="allow"), digest(role="observe")]
    path.write_bytes(
        msgspec.json.encode(Envelope(event=event(), received_at=1, signals=[*signals, digest()]))
    )
    found = json.loads(invoke("explain", policy, path, "--json").stdout)
    assert found["permitted"] == ["hash", "url"]
    assert found["passed_over"] == [0, 1]
    assert [(r["signal"], r["rule"], r["tentative"]) for r in found["rules"]] == [
        (2, "known-material", True),
        (3, "known-material", False),
    ]
    assert found["decision"] == {"action": "block", "report": True, "priority": 4}
    assert "only noted" in invoke("explain", policy, path).stdout


def test_explain_says_what_is_wrong_with_the_event(policy, tmp_path):
    path = tmp_path / "event.json"
    path.write_text('{"event_id": 1}')
    result = invoke("explain", policy, path)
    assert result.exit_code == 2
    assert "$.event_id" in result.stderr
    assert invoke("explain", policy, tmp_path / "none.json").exit_code == 2


def test_check_looks_up_the_lists_that_the_settings_name(policy, tmp_path):
    (tmp_path / "hotline.csv").write_text(
        "id,algorithm,value\n1,md5,0123456789abcdef0123456789abcdef\n"
    )
    config = tmp_path / "seawall.toml"
    config.write_text(f'[lists]\nfiles = ["{tmp_path / "hotline.csv"}"]\n')
    limit = '[[limits]]\nlist = "{}"\nper_day = 9\n'
    policy.write_text(POLICY + limit.format("hotline"))
    assert invoke("check", policy, "--config", config).exit_code == 0
    policy.write_text(POLICY + limit.format("hotlines"))
    result = invoke("check", policy, "--config", config)
    assert result.exit_code == 1
    assert f"{policy}:11: $.limits[0].list: there is no list 'hotlines'; there are hotline" in (
        result.stderr
    )
    assert invoke("check", policy).exit_code == 0
    config.write_text('[lists]\nfiles = ["gone.csv"]\n')
    result = invoke("check", policy, "--config", config)
    assert result.exit_code == 2
    assert "gone.csv" in result.stderr


def test_check_names_the_line_of_a_condition(policy):
    policy.write_text(
        POLICY
        + '[[rules]]\nid = "one"\nowner = "o"\nground = "g"\non = "text_risk"\naction = "review"\n'
        + "when = '''\nsignal.level == \"review\"\n&& signal.score > 3\n'''\n"
    )
    result = invoke("check", policy)
    assert result.exit_code == 1
    assert (
        f"{policy}:18: $.rules[0].when: character 17: found no matching overload" in result.stderr
    )
    assert "write the number like the variable's type, 3.0 or 3" in result.stderr


def test_explain_names_the_rule_on_trial(policy, tmp_path):
    policy.write_text(
        POLICY
        + '[[rules]]\nid = "one"\nowner = "o"\nground = "g"\non = "hash_match"\naction = "hold"\n'
        + "when = 'signal.verified'\nmode = \"trial\"\n"
    )
    path = tmp_path / "envelope.json"
    path.write_bytes(
        msgspec.json.encode(Envelope(event=event(), received_at=1, signals=[digest()]))
    )
    result = invoke("explain", policy, path)
    assert "signal 0 hash_match: rule one says hold, only noted" in result.stdout
    assert "decision: allow, priority 4" in result.stdout


@pytest.mark.parametrize("content", [None, b"x" * 5000])
def test_lists_that_cannot_be_used_are_said_and_no_store_is_made(
    policy, tmp_path, monkeypatch, content
):
    store = tmp_path / "lists.db"
    if content is not None:
        store.write_bytes(content)
    monkeypatch.setenv("SEAWALL_LISTS_STORE", str(store))
    result = invoke("check", policy)
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)
    assert f"lists.store: {store}: " in result.stderr
    assert store.exists() == (content is not None)
