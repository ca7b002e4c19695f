import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from streams.cli.events import SHOWN_REJECTS, app
from tests.unit.contracts.examples import FULL, MINIMAL

GOOD = json.dumps(MINIMAL)
BAD = json.dumps({**MINIMAL, "kind": "words-of-the-record", "author": {"id": "u"}})
MAPPING = """
[fields]
event_id = "id"
tenant = { value = "example" }
kind = { value = "created" }
occurred_at = { from = "ms", unit = "epoch_ms" }
content_id = "id"
surface = { value = "post" }
author.id = "by.uid"
"""


def run(*arguments: str | Path, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(app, ["check", *map(str, arguments)], input=stdin)


def json_lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def events(tmp_path: Path) -> Path:
    path = tmp_path / "events.jsonl"
    path.write_text("\n".join([GOOD, "", BAD, json.dumps(FULL), "broken"]) + "\r\n", "utf-8")
    return path


def test_rejects_are_shown_with_line_class_and_field(events: Path):
    result = run(events)
    assert result.exit_code == 1
    assert "invalid_value" in result.stdout
    assert "$.kind" in result.stdout
    assert "4 lines: 2 accepted, 2 rejected" in result.stdout
    assert "words-of-the-record" not in result.output


def test_json_says_it_of_each_line_and_then_the_sum(events: Path):
    result = run(events, "--json")
    assert result.exit_code == 1
    *lines, last = json_lines(result)
    assert [(line["line"], line["accepted"]) for line in lines] == [
        (1, True),
        (3, False),
        (4, True),
        (5, False),
    ]
    assert (lines[1]["error"], lines[1]["field"]) == ("invalid_value", "$.kind")
    summary = last["summary"]
    assert (summary["accepted"], summary["rejected"]) == (2, 2)
    assert summary["by_error"] == {"invalid_value": 1, "not_json": 1}


def test_all_accepted_is_exit_code_0_also_without_a_last_newline():
    result = run("-", stdin=f"{GOOD}\n{GOOD}")
    assert result.exit_code == 0
    assert "2 lines: 2 accepted, 0 rejected" in result.stdout


def test_structured_cloud_events_are_accepted():
    context = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": MINIMAL}
    assert run("-", stdin=json.dumps(context)).exit_code == 0


def test_an_empty_input_is_said_to_be_empty():
    result = run("-", stdin="\n\n")
    assert result.exit_code == 0
    assert "holds no lines" in result.stdout


@pytest.mark.parametrize("size", [5, 6, 7, 8, 5_000_000])
def test_a_line_beyond_the_limit_is_one_reject(size: int):
    result = run("-", "--json", "--max-bytes", "5", stdin=f"12345\n{'1' * size}\n\n12345")
    *lines, _ = json_lines(result)
    assert [line["line"] for line in lines] == [1, 2, 4]
    assert lines[1]["error"] == ("too_large" if size > 5 else "wrong_type")
    if size > 5:
        assert f"has {size} bytes" in lines[1]["message"]


def test_more_rejects_than_the_table_shows_are_counted():
    result = run("-", stdin="x\n" * (SHOWN_REJECTS + 7))
    assert "and 7 more" in result.stdout
    assert f"0 accepted, {SHOWN_REJECTS + 7} rejected" in result.stdout


def test_a_mapping_is_applied_and_names_the_platform_s_field(tmp_path: Path):
    mapping = tmp_path / "chat.toml"
    mapping.write_text(MAPPING)
    good = json.dumps({"id": 1, "ms": 1, "by": {"uid": 2}})
    bad = json.dumps({"id": 1, "ms": 1, "by": {}})
    result = run("-", "--mapping", mapping, "--json", stdin=f"{good}\n{bad}")
    first, second, _ = json_lines(result)
    assert first["accepted"]
    assert second["field"] == "$.author.id"
    assert "by.uid" in second["message"]


def test_a_path_that_is_never_found_is_named(tmp_path: Path):
    mapping = tmp_path / "chat.toml"
    mapping.write_text(
        MAPPING
        + 'text = "message.bdy"\n"recipients[*].id" = "to[*].uid"\nurls = "links[*].href"\n'
        + 'jurisdiction = { from = "region", default = "DE" }\nlanguage = "lang"\n'
    )
    sent = {"id": 1, "ms": 1, "by": {"uid": 2}, "message": {"body": "see you"}, "lang": "en"}
    lines = "\n".join(json.dumps({**sent, "to": to}) for to in ([], [{"uid": 3}]))
    result = run("-", "--mapping", mapping, stdin=lines)
    assert result.exit_code == 0
    assert "text ← message.bdy: found in 0 of 2 lines" in result.stdout
    assert "urls ← links[*].href: found in 0 of 2 lines" in result.stdout
    assert "jurisdiction ← region: found in 0 of 2 lines" in result.stdout
    assert "to[*].uid" not in result.stdout
    *_, last = json_lines(run("-", "--mapping", mapping, "--json", stdin=lines))
    assert last["summary"]["found"]["recipients"] == 1
    assert last["summary"]["never_found"] == {
        "text": "message.bdy",
        "urls": "links[*].href",
        "jurisdiction": "region",
    }


def test_a_mapped_cloud_event_s_data_and_attributes_are_looked_into(tmp_path: Path):
    mapping = tmp_path / "chat.toml"
    mapping.write_text(MAPPING + 'text = "body"\nlanguage = "ce:subject"\n')
    data = {"id": 1, "ms": 1, "by": {"uid": 2}, "body": "see you"}
    context = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "subject": "en"}
    *_, last = json_lines(
        run("-", "--mapping", mapping, "--json", stdin=json.dumps({**context, "data": data}))
    )
    assert last["summary"]["never_found"] == {}


def test_fields_that_no_event_has_are_named_without_what_they_hold():
    misspelt = {**MINIMAL, "txt": "words-of-the-record", "recipient": [{"id": "u-2"}]}
    context = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": misspelt}
    result = run("-", stdin="\n".join(map(json.dumps, (misspelt, MINIMAL, context))))
    assert result.exit_code == 0
    assert "unknown fields, not read: recipient (2), txt (2)" in result.stdout.replace(
        "txt (2), recipient (2)", "recipient (2), txt (2)"
    )
    assert "words-of-the-record" not in result.output
    assert "unknown" not in run("-", stdin=json.dumps(FULL)).stdout


@pytest.mark.parametrize("rest", [b'"x":"\xff"', b'"\xff":1', b'"x":1e999', b'"x":' + b"[" * 9999])
def test_what_readers_of_events_skip_does_not_stop_the_count(rest: bytes):
    line = GOOD.encode()[:-1] + b"," + rest + (b"]" * 9999 if b"[" in rest else b"") + b"}"
    result = run("-", "--json", stdin=line)
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_times_that_were_read_in_the_wrong_unit_are_told_of_and_accepted(tmp_path: Path):
    mapping = tmp_path / "chat.toml"
    mapping.write_text(MAPPING)
    seconds = {"id": 1, "ms": 1_790_000_000, "by": {"uid": 2}}
    lines = "\n".join(json.dumps(one) for one in (seconds, seconds, {**seconds, "ms": 1.6e12}))
    result = run("-", "--mapping", mapping, stdin=lines)
    assert result.exit_code == 0
    told = "occurred_at lies in 1970 in 2 of 3 lines: is the mapping's unit right?"
    assert told in result.stdout
    *_, last = json_lines(run("-", "--mapping", mapping, "--json", stdin=lines))
    assert last["summary"]["implausible_years"] == {"1970": 2}
    ahead = [{**MINIMAL, "occurred_at": f"{year}-01-01T00:00:00Z"} for year in (2990, 1999, 2020)]
    result = run("-", stdin="\n".join(map(json.dumps, ahead)))
    assert "occurred_at lies in 1999 to 2990 in 2 of 3 lines: is it right?" in result.stdout
    assert "occurred_at" not in run("-", stdin=GOOD).stdout


def test_unusable_input_is_exit_code_2(tmp_path: Path):
    missing = run(tmp_path / "absent.jsonl")
    assert missing.exit_code == 2
    assert "absent.jsonl: cannot be read: No such file" in missing.stderr.replace("\n", "")
    assert run(tmp_path).exit_code == 2
    mapping = tmp_path / "chat.toml"
    mapping.write_text("[fields]\nauther = 'x'")
    bad_mapping = run("-", "--mapping", mapping, stdin=GOOD)
    assert bad_mapping.exit_code == 2
    assert "fields.auther" in bad_mapping.stderr
    assert run().exit_code == 2


def test_help_has_an_example():
    result = CliRunner().invoke(app, ["check", "--help"])
    assert result.exit_code == 0
    assert "seawall events check events.jsonl" in result.stdout


SPREAD = json.dumps(MINIMAL, indent=2)
ARRAY = json.dumps([MINIMAL, MINIMAL])


@pytest.mark.parametrize(
    ("text", "jq"),
    [
        (SPREAD, "jq -c . FILE"),
        (f"\n\n{SPREAD}\n{SPREAD}", "jq -c . FILE"),
        (ARRAY, "jq -c '.[]' FILE"),
        (json.dumps([MINIMAL], indent=4), "jq -c '.[]' FILE"),
    ],
)
@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_json_over_several_lines_is_told_with_how_to_convert_it(text: str, jq: str, flags):
    result = run("-", *flags, stdin=text)
    assert result.exit_code == 1
    assert "reads JSON Lines, one event a line; the file begins with" in result.stderr
    assert jq in result.stderr


def test_what_is_lines_is_not_called_spread_over_them(events: Path):
    assert "jq" not in run(events).output
    assert "jq" not in run("-", stdin=f"{GOOD}\n{{broken\n").output
    assert "jq" not in run("-", stdin=f"{GOOD}\n").output
