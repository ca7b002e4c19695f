"""Outcomes that are sent by hand."""

import json
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from streams.cli.main import build
from streams.feedback.lines import outcome_key
from tests.unit.cases.occurrences import AT, opening, outcome, viewing

GOOD = outcome(opening(), **viewing(classification="B1"))


def line(*gone: str, **changes: object) -> bytes:
    fields = {**msgspec.json.decode(msgspec.json.encode(GOOD)), **changes}
    return json.dumps({name: fields[name] for name in fields if name not in gone}).encode()


def test_an_outcome_goes_under_its_decision() -> None:
    assert outcome_key(line(), AT) == GOOD.decision_id.encode()


def test_half_of_an_emoji_is_read_as_in_an_event() -> None:
    assert outcome_key(line(decision_id="d\ud83d"), AT) == "d\ufffd".encode()


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (line(outcome="words"), "$.outcome: must be one of appeal_denied, appeal_granted"),
        (line("decision_id"), "$.decision_id: this required field is missing"),
        (line("viewed_at"), "given together"),
        (line(reviewed_at="words"), "$.reviewed_at: must be an RFC 3339 time"),
        (line(target={"kind": "media"}), "$.target.id"),
        (b"{", "ends too early"),
        (b"[]", "must be"),
        (b'{"decision_id": "\xff"}', "not UTF-8"),
        (b'{"more": ' + b"[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_none_is_told_without_its_content(bad: bytes, why: str) -> None:
    with pytest.raises(ValueError, match="no outcome: ") as told:
        outcome_key(bad, AT)
    assert why in str(told.value)
    assert "words" not in str(told.value)


@pytest.mark.parametrize("ahead", [timedelta(minutes=5), timedelta(hours=-1)])
def test_clocks_may_differ_a_little(ahead: timedelta) -> None:
    assert outcome_key(line(reviewed_at=(AT + ahead).isoformat()), AT)


@pytest.mark.parametrize(
    "then", [(AT + timedelta(minutes=6)).isoformat(), "9999-12-31T23:59:59-12:00"]
)
def test_nobody_has_decided_in_the_future(then: str) -> None:
    with pytest.raises(ValueError, match="no outcome: ") as told:
        outcome_key(line(reviewed_at=then), AT)
    assert "$.reviewed_at: is more than 5 minutes in the future" in str(told.value)
    assert then not in str(told.value)


def test_produce_says_how_outcomes_are_sent(tmp_path: Path) -> None:
    file = tmp_path / "o.jsonl"
    file.write_bytes(line())
    done = CliRunner().invoke(build("produce"), ["produce", "review.outcomes", str(file)])
    assert done.exit_code == 2
    assert f"seawall feedback send {file}" in done.stderr


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    done = CliRunner().invoke(build("feedback"), ["feedback", "send", str(tmp_path / "nope")])
    assert done.exit_code == 2
    assert "nope: No such file" in done.stderr
