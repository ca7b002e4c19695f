"""`seawall run` with files, and lines of them, that cannot be used: told by option or by line, and
nothing is overwritten."""

import errno
import fcntl
import hashlib
import json
import os
import subprocess
import sys
import time
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


@pytest.mark.parametrize(("option", "taken"), [("--out", "out"), ("--dead-letters", "letters")])
def test_a_file_that_another_run_writes_to_is_left_to_it(
    small: Path, option: str, taken: str
) -> None:
    (small / "in").write_text(json.dumps(EVENT) + "\n")
    (small / taken).write_text("of the other run")
    with (small / taken).open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        code, told = run("--in", "in", "--out", "out", "--dead-letters", "letters")
    assert code == 2
    assert f"error: {option} {taken}: another run is writing to it: wait" in told
    assert (small / taken).read_text() == "of the other run"
    assert run("--in", "in", "--out", "out", "--dead-letters", "letters")[0] == 0


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EINVAL, errno.EACCES])
def test_a_file_system_without_locks_is_written_to(
    small: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    (small / "in").write_text(json.dumps(EVENT) + "\n")
    assert run("--in", "in", "--out", "out")[0] == 0


def test_a_run_has_its_files_to_itself_until_it_is_gone(small: Path) -> None:
    os.mkfifo(small / "in")
    command = [sys.executable, "-m", "streams.cli.main", "run", "--in", "in", "--out", "out"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as first:
        with (small / "in").open("r+b", buffering=0):  # so that it comes to no end
            while not (small / "out").exists():
                assert first.poll() is None
                time.sleep(0.01)
            (small / "events").write_text(json.dumps(EVENT) + "\n")
            code = 0
            while code == 0 and first.poll() is None:  # between opening and locking
                code = run("--in", "events", "--out", "out")[0]
            assert code == 2
            first.kill()
            first.wait()
        assert run("--in", "events", "--out", "out")[0] == 0
    assert len((small / "out").read_text().splitlines()) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("lines", [1, 100])  # fewer than a buffer holds, and more
def test_a_full_disk_is_told_with_the_file(small: Path, lines: int) -> None:
    (small / "in").write_text((json.dumps(EVENT) + "\n") * lines)
    (small / "bad").write_text("{}\n" * lines)
    for option, arguments in (
        ("--out", ("--in", "in", "--out", "/dev/full")),
        ("--dead-letters", ("--in", "bad", "--out", "out", "--dead-letters", "/dev/full")),
    ):
        code, told = run(*arguments)
        assert code == 2
        assert f"error: {option} /dev/full: cannot be written any further: No space" in told


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_full_disk_behind_standard_output_is_told(small: Path) -> None:
    (small / "in").write_text(json.dumps(EVENT) + "\n")
    command = [sys.executable, "-m", "streams.cli.main", "run", "--in", "in", "--out", "-"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 2
    assert b"error: --out -: cannot be written any further: No space" in done.stderr
    assert b"Traceback" not in done.stderr


def test_decisions_and_dead_letters_may_share_standard_output(small: Path) -> None:
    (small / "in").write_text((json.dumps(EVENT) + "\n{}\n") * 100)
    command = [sys.executable, "-m", "streams.cli.main", "run", "--in", "in", "--out", "-"]
    done = subprocess.run([*command, "--dead-letters", "-"], capture_output=True, check=False)
    assert done.returncode == 1, done.stderr
    assert len([json.loads(line) for line in done.stdout.splitlines()]) == 200


def test_half_an_emoji_keeps_no_message_out_of_moderation(small: Path) -> None:
    (small / "in").write_text(json.dumps(EVENT | {"text": "how old are you? \ud83d"}) + "\n")
    assert b"\\ud83d" in (small / "in").read_bytes()
    assert run("--in", "in", "--out", "out")[0] == 0
    assert len((small / "out").read_text().splitlines()) == 1


def test_settings_that_begin_with_a_byte_order_mark_are_read(small: Path) -> None:
    settings = small / "seawall.toml"
    settings.write_bytes(b"\xef\xbb\xbf" + settings.read_bytes())
    (small / "in").write_text(json.dumps(EVENT) + "\n")
    assert run("--in", "in", "--out", "out")[0] == 0


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
