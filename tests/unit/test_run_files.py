"""`seawall run` with files, and lines of them, that cannot be used: told by option or by line, and
nothing is overwritten."""

import hashlib
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from streams.cli.main import build


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(build("run"), ["run", *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.exit_code, done.stderr


def test_a_file_that_cannot_be_used_is_told_with_its_option(tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    events.touch()
    nowhere = str(tmp_path / "no" / "file")
    out = str(tmp_path / "out")
    for arguments, said in (
        (("--in", "nope", "--out", out), "--in nope: cannot be read: No such file"),
        (("--in", str(tmp_path), "--out", out), f"--in {tmp_path}: cannot be read: Is a dir"),
        (("--in", str(events), "--out", nowhere), f"--out {nowhere}: cannot be written: No such"),
        (
            ("--in", str(events), "--out", out, "--dead-letters", nowhere),
            f"--dead-letters {nowhere}: cannot be written: No such",
        ),
    ):
        code, told = run(*arguments)
        assert code == 2
        assert f"error: {said}" in told


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--in", "a", "--out", "a"), "--in and --out"),
        (("--in", "a", "--out", "./x/../a"), "--in and --out"),
        (("--in", "a", "--out", "b", "--dead-letters", "a"), "--in and --dead-letters"),
        (("--in", "a", "--out", "b", "--dead-letters", "b"), "--out and --dead-letters"),
    ],
)
def test_no_file_is_read_and_written(tmp_path: Path, monkeypatch, options, said: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").mkdir()
    (tmp_path / "a").write_text("{}\n")
    code, told = run(*options)
    assert code == 2
    assert f"{said} are the same file" in told
    assert (tmp_path / "a").read_text() == "{}\n"


def test_what_was_there_stays_when_the_run_cannot_begin(tmp_path: Path) -> None:
    events, out, letters = (tmp_path / name for name in ("events.jsonl", "out", "letters"))
    events.touch()
    out.write_text("decisions of yesterday")
    letters.write_text("letters of yesterday")
    settings = tmp_path / "seawall.toml"
    settings.write_text('policy.file = "nowhere.toml"\n')
    where = ("--in", str(events), "--out", str(out), "--dead-letters", str(letters))
    code, told = run(*where, "--config", str(settings))
    assert (code, "nowhere.toml" in told) == (2, True)
    assert out.read_text() == "decisions of yesterday"
    assert letters.read_text() == "letters of yesterday"
    assert run(*where)[0] == 0
    assert (out.read_text(), letters.read_text()) == ("", "")


EVENT = {
    "event_id": "e1",
    "tenant": "acme",
    "kind": "created",
    "occurred_at": "2026-03-01T12:00:00Z",
    "content_id": "c1",
    "surface": "message",
    "author": {"id": "a1"},
}


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with settings of one stage, whose events may have 1,000 bytes."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seawall.toml").write_text(
        '[worker]\nstages = ["enforcement"]\nmax_event_bytes = 1000\n'
    )
    return tmp_path


def test_a_line_that_is_too_long_is_refused_by_its_number_and_the_rest_decided(small: Path) -> None:
    long = json.dumps(EVENT | {"text": "x" * 200_000}).encode()
    lines = [json.dumps(EVENT | {"event_id": f"e{n}"}).encode() for n in range(2)]
    (small / "in").write_bytes(b"\n".join([lines[0], long, lines[1]]))
    done = CliRunner().invoke(
        build("run"),
        ["run", "--in", "in", "--out", "out", "--dead-letters", "letters", "--json"],
    )
    assert done.exit_code == 1, done.output
    decided = map(json.loads, (small / "out").read_text().splitlines())
    assert [each["event_id"] for each in decided] == ["e0", "e1"]
    [letter] = map(json.loads, (small / "letters").read_text().splitlines())
    assert (letter["offset"], letter["error"], letter["size"]) == (2, "too_large", len(long))
    assert letter["message"] == f"the line has {len(long)} bytes, more than 1000"
    assert letter["sha256"] == hashlib.sha256(long).hexdigest()
    totals = json.loads(done.stdout)
    assert done.stderr == ""
    assert (totals["lines"], totals["rejected"]) == (3, {"too_large": 1})
    assert totals["startup_seconds"] > 0


def test_what_takes_long_before_the_first_line_is_said(small: Path) -> None:
    (small / "in").write_text(json.dumps(EVENT) + "\n")
    code, told = run("--in", "in", "--out", "out")
    assert code == 0
    assert told.startswith("getting ready: building the text catalogue")
    assert "to get ready" in told.replace("\n", " ")


def test_media_that_nobody_could_read_are_told(tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    media = [{"media_id": "m", "media_type": "image/png", "inline": "aGVsbG8="}]
    events.write_text(json.dumps(EVENT | {"media": media}) + "\n")
    policy = tmp_path / "policy.toml"
    basis = 'scans = ["hash", "url", "text", "provenance"]\nbasis = "x"\n'
    policy.write_text(f'version = "1"\n[[scan_basis]]\n{basis}')
    settings = tmp_path / "seawall.toml"
    settings.write_text(f'policy.file = "{policy}"\n')
    code, told = run("--in", str(events), "--out", str(tmp_path / "out"), "--config", str(settings))
    assert code == 0
    assert "inline_not_allowed 1" in " ".join(told.split())
