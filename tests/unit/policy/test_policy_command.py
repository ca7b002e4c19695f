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
