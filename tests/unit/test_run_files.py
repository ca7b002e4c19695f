"""`seawall run` with files that cannot be used: told by option, and nothing is overwritten."""

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
