import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from matchers.language.disguise_generator import DISGUISES
from streams.cli.main import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = 0
    try:
        main(["text", *arguments])
    except SystemExit as end:
        code = int(end.code or 0)
    out = capsys.readouterr()
    return code, out.out, out.err


def test_explain_says_what_matched(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "explain", "--json", "h0w old are you? don't tell your mum")
    assert code == 0
    found = {hit["category"]: hit for hit in json.loads(out)}
    assert found["age_question"]["view"] == "leet"
    assert (found["secrecy"]["start"], found["secrecy"]["end"]) == (17, 36)
    assert found["secrecy"]["points"] > 0
    code, out, _ = run(capsys, "explain", "nice weather")
    assert (code, out.strip()) == (0, "No indicator.")


def test_check_passes_and_names_what_fails(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(capsys, "check")[0] == 0
    own = tmp_path / "own.json"
    entry = {
        "id": "xx.a", "category": "secrecy", "weight": 0.5, "source": "own",
        "phrases": ["one two"], "match": ["three"], "near_miss": ["one two"],
    }  # fmt: skip
    own.write_text(
        json.dumps({"language": "xx", "name": "X", "reviewed": True, "indicators": [entry]})
    )
    code, out, _ = run(capsys, "check", "--no-built-in", "--catalogue", str(own))
    assert code == 1
    assert out.count("xx.a:") == 2
    own.write_text("{")
    code, _, err = run(capsys, "check", "--catalogue", str(own))
    assert code == 2
    assert "own.json" in err


def test_evaluate(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rows = [
        {"conversation_id": "1", "author": "a", "text": text, "label": "risk", "offender": "a"}
        for text in ("are your parents home?", "don't tell your mum", "send me a pic of you")
    ] + [{"conversation_id": "2", "author": "a", "text": "hello", "label": "benign"}]
    file = tmp_path / "talk.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows))
    code, out, _ = run(capsys, "evaluate", "--json", str(file))
    assert code == 0
    assert json.loads(out)["rates"]["recall"]["value"] == 1
    code, out, _ = run(capsys, "evaluate", "--benign", "--json", str(file))
    assert json.loads(out)["as_given"]["alarms"] == 1
    code, out, _ = run(
        capsys, "evaluate", "--benign", "--reading", "all", "--disguise", "1", "--json", str(file)
    )
    found = json.loads(out)
    assert {"as_given", "pairs, leet", "adult_to_child, full_width"} <= set(found)
    assert len(found) == 3 * (1 + len(DISGUISES))
    code, out, _ = run(capsys, "evaluate", "--disguise", "1", "--json", str(file))
    assert json.loads(out)["full_width"]["kept"] == 1
    code, out, _ = run(capsys, "evaluate", "--missed", str(file))
    assert "Nothing was missed" in out
    picture = tmp_path / "grid.svg"
    code, out, _ = run(capsys, "evaluate", "--grid", str(picture), "--json", str(file))
    assert code == 0
    assert any(row["in_force"] for row in json.loads(out))
    assert picture.read_text().startswith("<svg")


def test_rates_without_a_name_and_of_nothing_are_told_as_that(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    row = {"conversation_id": "1", "author": "a", "text": "hello", "label": "risk"}
    file = tmp_path / "talk.jsonl"
    file.write_text(json.dumps(row))
    code, out, _ = run(capsys, "evaluate", str(file))
    assert code == 0
    rows = [[c.strip() for c in line.split("│")[1:-1]] for line in out.splitlines() if "│" in line]
    found = {name: cells for name, *cells in rows}
    assert {"recall, no language", "recall, no pattern"} <= found.keys()
    assert "recall," not in found
    assert found["recall, sextortion"] == found["precision"] == ["—", "—", "0"]
    assert found["recall"][0] == "0.000"


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("what", [["--benign", "--reading", "all"], ["--grid", "FILE"], []])
def test_tables_cut_no_number(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    what: list[str],
    terminal: bool,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes this for a terminal
    row = {"conversation_id": "1", "author": "a", "text": "hello", "label": "risk"}
    file = tmp_path / "talk.jsonl"
    file.write_text(json.dumps(row) + "\n" + json.dumps(row | {"conversation_id": "2"}))
    picture = str(tmp_path / "grid.svg")
    given = [picture if word == "FILE" else word for word in what]
    code, out, _ = run(capsys, "evaluate", *given, str(file))
    assert code == 0
    assert "…" not in out
    lines = [line for line in out.splitlines() if line.startswith("│")]
    assert lines
    assert not terminal or max(map(len, lines)) <= 80
    first, *cells = (cell.strip() for cell in lines[0].split("│")[1:-1])
    assert first
    assert all(cells)
    if not terminal:
        assert "left out" not in out
        assert len(cells) == (8 if "--benign" in what else 7 if "--grid" in what else 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.jsonl"], "none.jsonl"),
        (["--reading", "rooms", "--benign", "FILE"], "as_given, pairs"),
        (["--reading", "pairs", "FILE"], "--benign"),
        (["--missed", "--benign", "FILE"], "choose one"),
        (["--missed", "--disguise", "1", "FILE"], "--disguise"),
        (["--trusted", "qq", "FILE"], "no catalogue is in 'qq'"),
        (["--missed", "FILE"], "no conversation has a label"),
        (["--level", "high", "FILE"], "note, watch, review"),
    ],
)
def test_what_cannot_be_evaluated_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str], message: str
) -> None:
    file = tmp_path / "talk.jsonl"
    file.write_text('{"conversation_id": "1", "author": "a", "text": "hello"}')
    code, _, err = run(capsys, "evaluate", *(str(file) if a == "FILE" else a for a in arguments))
    assert code == 2
    assert message in err


ENTRY: dict[str, object] = {
    "id": "xx.a", "category": "secrecy", "weight": 0.5, "source": "own",
    "phrases": ["one two"], "match": ["one two"],
}  # fmt: skip


def written(path: Path, name: str = "X", **changes: object) -> Path:
    entry = {**ENTRY, **changes}
    language = {"language": "xx", "name": name, "reviewed": True, "indicators": [entry]}
    path.write_text(json.dumps(language))
    return path


@pytest.mark.parametrize(
    "phrase", ["a <999999999999> b", f"a <{'9' * 5000}> b", "(" * 5000, "one (two"]
)
@pytest.mark.parametrize("field", ["phrases", "unless_followed_by"])
def test_a_bad_phrase_is_named_with_its_file_and_indicator(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, phrase: str, field: str
) -> None:
    own = written(tmp_path / "own.json", **{field: [phrase]})
    code, _, err = run(capsys, "check", "--no-built-in", "--catalogue", str(own))
    assert code == 2
    assert "own.json: " in err
    assert "xx.a: " in err


@pytest.mark.parametrize(
    ("data", "words"),
    [(b'{\n"language": "\xff"}', ["line 2", "UTF-8"]), (b'{"classes": ' + b"[" * 100_000, [])],
)
def test_a_file_that_is_no_catalogue_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, data: bytes, words: list[str]
) -> None:
    own = tmp_path / "own.json"
    own.write_bytes(data)
    code, _, err = run(capsys, "check", "--no-built-in", "--catalogue", str(own))
    assert code == 2
    for word in ["own.json", *words]:
        assert word in err


def test_names_from_files_are_shown_as_they_are(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    own = written(tmp_path / "own.json", name="[/red]")
    code, out, _ = run(capsys, "check", "--no-built-in", "--catalogue", str(own))
    assert (code, "[/red]" in out) == (0, True)
    talk = tmp_path / "talk.jsonl"
    row = {"conversation_id": "1", "author": "a", "text": "hi", "label": "risk"}
    talk.write_text(json.dumps(row | {"language": "[/y]", "family": "[/z]"}))
    assert "[/y]" in run(capsys, "evaluate", str(talk))[1]
    assert "[/z]" in run(capsys, "evaluate", "--missed", str(talk))[1]


def given(text: bytes, *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "streams.cli.main", "text", "explain", *words],
        input=text,
        capture_output=True,
        env={**os.environ, "LC_ALL": "C"},
    )


def test_explain_reads_utf8_whatever_the_locale() -> None:
    found = given("schön: don't tell your mum".encode(), "--json", "-")
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)[0]["category"] == "secrecy"
    bad = given(b"don't tell \xff", "-")
    assert bad.returncode == 2
    assert b"standard input: byte 12 is not UTF-8" in bad.stderr
    assert b"the message: byte 1 is not UTF-8" in given(b"", "\udcff").stderr


def test_explain_shows_ids_whole_on_a_terminal_of_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes this for a terminal
    monkeypatch.setenv("NO_COLOR", "1")
    said = "h0w old are you? don't tell your mum, or any of your friends at school"
    hits = json.loads(run(capsys, "explain", "--json", said)[1])
    assert hits
    lines = run(capsys, "explain", said)[1].splitlines()
    for hit in hits:
        assert any(hit["indicator"] in line for line in lines)
        assert any(f"points {hit['points']:.2f}" in line for line in lines)
    table = [line for line in lines if line.startswith("│")]
    assert table
    assert max(map(len, table)) <= 80


def test_explain_sends_no_commands_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "explain", "don't tell your mum \x1b[31m\u202e")
    assert code == 0
    assert "don't tell your mum \\x1b[31m\\u202e" in out
