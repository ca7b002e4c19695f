"""Records and policies that somebody made to break the commands: each ends in a clear message,
exit code 2 for a record and 1 for a policy, never in a traceback or a full memory."""

import json
import os
import threading

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from streams.cli import policy_records
from streams.cli.policy import app
from streams.cli.policy_records import envelope_of
from streams.contracts.decision import Decision
from streams.contracts.envelope import Envelope
from streams.policy.load import default_policy
from streams.stages.enforcement import decide
from tests.unit.policy.signals import digest, event

DEFAULT = default_policy()
MADE = decide(DEFAULT, Envelope(event=event(), received_at=1_770_000_000_000, signals=[digest()]))
DECISION = json.loads(msgspec.json.encode(MADE))
EVENT = json.loads(msgspec.json.encode(event()))
ENVELOPE = {"event": EVENT, "received_at": 1, "signals": DECISION["signals"]}
DEEP = "[" * 100_000 + "]" * 100_000


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def policy(tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text('version = "1"\n')
    return path


def ended_well(result, code: int, *said: str) -> None:
    assert isinstance(result.exception, SystemExit | None), result.exception
    assert result.exit_code == code, result.output
    for words in said:
        assert words in result.stderr


def changed(record: dict, path: list, value: object) -> dict:
    record = json.loads(json.dumps(record))
    place = record
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return record


BAD_DECISIONS = [
    (["decided_at"], 12, "$.decided_at"),
    (["decided_at"], "0000-01-01T00:00:00Z", "$.decided_at"),
    (["decided_at"], "2026-01-01T00:00:00", "$.decided_at"),
    (["priority"], 9, "$.priority"),
    (["signals"], {"type": "hash_match"}, "$.signals"),
    (["signals", 0, "type"], ["hash_match"], "$.signals[0]"),
    (["signals", 0, "type"], "smell", "$.signals[0]"),
    (["signals", 0, "distance"], 2**70, "$.signals[0].distance"),
    (["signals", 0, "distance"], -(2**62), "$.signals[0].distance"),
    (["signals", 0, "distance"], "0", "$.signals[0].distance"),
    (["signals", 0, "labels"], [1], "$.signals[0].labels[0]"),
    (["event_facts", "recipient_count"], 2**64, "$.event_facts.recipient_count"),
    (["event_facts", "kind"], None, "$.event_facts.kind"),
    (["event_id"], "", "$.event_id"),
    (["action"], "explode", "$.action"),
]


@pytest.mark.parametrize(("path", "value", "field"), BAD_DECISIONS)
@pytest.mark.parametrize("command", ["replay", "explain"])
def test_a_wrong_value_is_named_by_line_and_field(policy, tmp_path, command, path, value, field):
    file = tmp_path / "decisions.jsonl"
    bad = json.dumps(changed(DECISION, path, value))
    file.write_text(bad if command == "explain" else f"{json.dumps(DECISION)}\n\n{bad}\n")
    where = f"{file}:3: " if command == "replay" else f"{file}: "
    ended_well(run(command, policy, file), 2, where, field)


@pytest.mark.parametrize(
    "line",
    [
        DEEP,
        '{"decision_id": ' + DEEP + "}",
        json.dumps(DECISION)[:-1] + ', "later": ' + DEEP + "}",
        json.dumps(DECISION)[:-1] + ', "signals": [' + '{"a":' * 100_000 + "1" + "}" * 100_000,
        "null",
        "1" * 5_000,
        '"\\ud800"',
        '{"decision_id": "\\ud800"}',
        "\ufeff{}",
        "\0",
        '{"decision_id": 1e999}',
    ],
    ids=range(11),
)
@pytest.mark.parametrize("command", ["replay", "explain"])
def test_what_is_no_record_ends_with_its_place(policy, tmp_path, command, line):
    file = tmp_path / "records.jsonl"
    file.write_text(line)
    ended_well(run(command, policy, file), 2, f"{file}:1: " if command == "replay" else f"{file}: ")
    file.write_bytes(b'{"decision_id": "\xff\xfe"}')
    ended_well(run(command, policy, file), 2)


TIMES = [
    "0001-01-01T00:00:00+23:59",
    "0001-01-01T00:00:00Z",
    "1969-12-31T23:59:59Z",
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59.999999-23:59",
]


@pytest.mark.parametrize("time", TIMES)
def test_any_time_that_can_be_written_is_judged(policy, tmp_path, time):
    file = tmp_path / "record.json"
    file.write_text(json.dumps(changed(DECISION, ["decided_at"], time)))
    result = run("replay", policy, file)
    ended_well(result, 0)
    assert "0 of 1 decisions with signals would change" in result.stdout
    ended_well(run("explain", policy, file), 0)
    file.write_text(json.dumps(changed(EVENT, ["occurred_at"], time)))
    ended_well(run("explain", policy, file), 0)


@given(st.datetimes(timezones=st.timezones()))
def test_what_is_judged_again_has_a_time_that_a_decision_can_have(time):
    made = envelope_of(msgspec.structs.replace(MADE, decided_at=time))
    assert made.received_at >= 0
    again = decide(DEFAULT, made)
    assert msgspec.json.decode(msgspec.json.encode(again), type=Decision) == again


@pytest.mark.parametrize("received_at", [-(2**62), 2**62, 10**18])
def test_any_time_of_an_envelope_is_judged(policy, tmp_path, received_at):
    file = tmp_path / "record.json"
    file.write_text(json.dumps(ENVELOPE | {"received_at": received_at}))
    ended_well(run("explain", policy, file), 0)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner,
                                                                max_size=3),
    max_leaves=4,
)  # fmt: skip
PATHS = [
    *([name] for name in DECISION),
    *(["signals", 0, name] for name in DECISION["signals"][0]),
    *(["event_facts", name] for name in DECISION["event_facts"]),
]


@settings(max_examples=60)
@given(st.sampled_from(PATHS), json_values)
def test_whatever_a_field_holds_it_is_judged_or_named(tmp_path_factory, path, value):
    folder = tmp_path_factory.mktemp("replay")
    policy, file = folder / "policy.toml", folder / "decisions.jsonl"
    policy.write_text('version = "1"\n')
    file.write_text(json.dumps(changed(DECISION, path, value)))
    result = run("replay", policy, file)
    assert result.exit_code in (0, 2), result.output
    ended_well(result, result.exit_code, *([f"{file}:1: "] if result.exit_code else []))


@pytest.mark.parametrize(
    "given",
    ["", "[]", "{", '{"type": "smell"}', '{"type": []}', '{"type": "hash_match", "distance": 1e40}',
     '{"type": "hash_match", "distance": 1000000000000000000000}',
     '{"type": "hash_match", "strength": 1}', DEEP,
     '{"type": "hash_match", "labels": ' + DEEP + "}", "\ud800"],
    ids=range(11),
)  # fmt: skip
def test_a_signal_that_is_none_is_named(policy, tmp_path, given):
    file = tmp_path / "event.json"
    file.write_text(json.dumps(EVENT))
    ended_well(run("explain", policy, file, "--signal", given), 2, "--signal 1")


def test_no_more_of_a_record_is_held_than_it_may_be_long(policy, tmp_path, monkeypatch):
    monkeypatch.setattr(policy_records, "MAX_BYTES", 4_000)
    ended_well(run("replay", policy, "/dev/zero"), 2, "/dev/zero:1: is longer than 4000 bytes")
    ended_well(run("explain", policy, "/dev/zero"), 2, "/dev/zero: is longer than 4000 bytes")
    file = tmp_path / "decisions.jsonl"
    file.write_text(f"{json.dumps(DECISION)}\n{' ' * 5_000}\n")
    ended_well(run("replay", policy, file), 2, f"{file}:2: is longer")


@pytest.mark.parametrize("command", ["check", "test", "explain", "replay", "diff"])
def test_no_more_of_a_policy_is_read_than_it_may_hold(policy, tmp_path, command):
    record = tmp_path / "event.json"
    record.write_text(json.dumps(EVENT))
    more = {"explain": [record], "replay": [record], "diff": [policy]}.get(command, [])
    ended_well(run(command, "/dev/zero", *more), 1, "/dev/zero: is larger than 262144 bytes")
    # A pipe whose writer goes on for ever, and that nothing says the size of.
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=_fill, args=(pipe,))
    writer.start()
    ended_well(run(command, pipe, *more), 1, "is larger than 262144 bytes")
    writer.join()


def _fill(pipe) -> None:
    with pipe.open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(b"#" * 65_536)
        except BrokenPipeError:
            return


@pytest.mark.parametrize(
    "table",
    [
        'signals = [{ type = ["hash_match"] }]',
        "signals = [{ type = { a = 1 } }]",
        "signals = [{ type = 1 }]",
        'signals = [{ type = "hash_match", distance = 99999999999999999999 }]',
        'signals = [{ type = "hash_match", quality = -9223372036854775808 }]',
        'signals = [{ type = "text_risk", categories = [["secrecy"]] }]',
        "event = { occurred_at = 2026-01-01 }",
        "event = { occurred_at = 12:00:00 }",
        'event = { kind = "user_report", author_age_band = ["13_15"] }',
        "event = { recipients = 3 }",
        "event = { urls = " + "[" * 80 + "]" * 80 + " }",
    ],
)
def test_a_test_that_cannot_be_run_is_named_by_its_line(policy, table):
    policy.write_text(f'version = "1"\n\n[[tests]]\nname = "t"\nexpect = {{}}\n{table}\n')
    for command in ("test", "check"):
        result = run(command, policy)
        ended_well(result, 1)
        assert f"FAILED {policy}:3: t: " in result.stdout


def test_numbers_that_are_none_are_judged(policy):
    policy.write_text(
        'version = "1"\n[[tests]]\nname = "t"\nexpect = {}\n'
        'signals = [{ type = "text_match", similarity = nan }, '
        '{ type = "text_risk", score = -inf }]\n'
    )
    ended_well(run("test", policy), 0)
