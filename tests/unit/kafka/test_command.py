"""The command itself: quick help, and every command says what it does with an example."""

import subprocess
import sys

import pytest
import typer

from streams.cli.main import COMMANDS, build, main

HEAVY = {"kafka", "aiokafka", "faust", "numpy", "numba", "PIL", "valkey"}


def test_help_imports_no_command() -> None:
    script = (
        "import sys; from streams.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as end: assert not end.code\n"
        f"print('LOADED', sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "LOADED []" in done.stdout
    assert "topics" in done.stdout


@pytest.mark.parametrize(
    "name", ["up", "down", "topics", "produce", "rekey", "lag", "dlq", "config"]
)
def test_every_command_has_an_example_and_exit_codes(name: str) -> None:
    tree = build(name)
    functions = [c.callback for c in tree.registered_commands if c.name in (name, None)]
    for group in tree.registered_groups:
        assert isinstance(group.typer_instance, typer.Typer)
        functions += [c.callback for c in group.typer_instance.registered_commands]
    mine = [f for f in functions if f is not None and not f.__name__.startswith("_")]
    assert mine
    for function in mine:
        assert f"Example: seawall {name}" in (function.__doc__ or "")
        assert "Exit codes: 0" in (function.__doc__ or "")


def test_a_command_that_does_not_exist_is_bad_usage() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "streams.cli.main", "nonsense"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "nonsense" in done.stderr
    assert "nonsense" not in COMMANDS


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["produce", "no such topic!", "file"], "'no such topic!' is no topic's name"),
        (["produce", "..", "file"], "is no topic's name"),
        (["produce", "a\udcff", "file"], "\\udcff"),
        (["dlq", "list", "--since", "9" * 20 + "d"], "write a shorter span"),
        (["dlq", "list", "--since", "9" * 5000 + "s"], "write a shorter span"),
        (["dlq", "show", "a", "--set", "policy.file=a\udcff"], "policy.file: holds"),
        (["worker", "--set", "worker.stages"], "--set worker.stages: write SECTION.FIELD=VALUE"),
        (["worker", "--set", "worker.chunk_records=none"], "worker.chunk_records"),
        (["worker", "--stages", "nothing", "--set", "worker.stages=text-risk"], "nothing"),
        (["events", "check", "-", "--max-bytes", "9" * 20], "--max-bytes"),
    ],
)
def test_arguments_that_cannot_be_used_are_named(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
