import json
from pathlib import Path

import pytest

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
    assert json.loads(out)["alarms"] == 1
    assert run(capsys, "evaluate", str(tmp_path / "none"))[0] == 2
