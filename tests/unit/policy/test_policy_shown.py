"""What comes from outside is shown as it is: brackets are no markup, and nothing commands the
terminal."""

import io
import json
import unicodedata

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table
from typer.testing import CliRunner

from streams.cli.policy import app
from streams.cli.tables import add_row, visible
from streams.contracts.decision import Reason
from streams.contracts.envelope import Envelope
from streams.policy.load import default_policy
from streams.stages.enforcement import decide
from tests.unit.policy.signals import digest, event

NASTY = [
    "[/]", "[/red]", "[red]x[/red]", "[", "]", "[bold", "[link=x]y", ":smile:", "\\[x]",
    "\x1b[31mred", "a\x07b", "a\rb", "a\nb", "\u202etxt", "\u200b", "\x9b31m", "\x7f", "\u2028",
]  # fmt: skip
words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30) | st.sampled_from(NASTY)


def is_seen(text: str) -> bool:
    return not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in text)


@given(words)
def test_what_cannot_be_seen_is_escaped_and_the_rest_as_it_is(text):
    assert is_seen(visible(text))
    if is_seen(text):
        assert visible(text) == text


@given(st.lists(words, min_size=2, max_size=2))
def test_a_cell_shows_every_character_of_what_it_holds(cells):
    table = Table("one", "two")
    add_row(table, *cells)
    written = io.StringIO()
    Console(file=written, width=500, color_system="truecolor", force_terminal=False).print(table)
    row = written.getvalue().splitlines()[3]
    for cell in cells:
        assert visible(cell).strip() in row
    assert is_seen(row)


@given(words.map(lambda word: word * 9))
def test_a_cell_that_is_too_long_is_folded_and_nothing_of_it_is_lost(text):
    table = Table("one", box=None, show_header=False, padding=0)
    add_row(table, text)
    written = io.StringIO()
    Console(file=written, width=20).print(table)
    assert "".join(written.getvalue().split()) == "".join(visible(text).split())


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def toml(text: str) -> str:
    """A string of TOML, whose escapes are JSON's."""
    return json.dumps(text).replace("\x7f", "\\u007f")


@pytest.mark.parametrize("word", NASTY)
def test_no_command_takes_words_for_anything_else(tmp_path, word):
    name = toml(f"n {word}")
    policy = tmp_path / "policy.toml"
    rows = f'[[scan_basis]]\ntenant = {name}\nbasis = {name}\nscans = ["hash"]\n'
    policy.write_text(
        'version = "1"\n' + rows + "valid_until = 2200-01-01\n"
        f"[[tests]]\nname = {name}\n"
        f'signals = [{{ type = "hash_match", list = {name} }}]\n'
        f'expect = {{ action = "allow", rules = [{name}] }}\n'
    )
    other = tmp_path / "other.toml"
    other.write_text(f'version = "2 [/]"\n{rows}[[limits]]\nlist = {name}\nper_day = 1\n')
    made = decide(
        default_policy(),
        Envelope(event=event(tenant=f"n {word}"), received_at=1, signals=[digest()]),
    )
    made = msgspec.structs.replace(
        made,
        decision_id=f"d {word}",
        action="label",
        reasons=(Reason(rule=f"r {word}", ground="g"),),
    )
    record = tmp_path / "decision.json"
    record.write_bytes(msgspec.json.encode(made))
    shown = {
        "check": run("check", policy),
        "test": run("test", policy),
        "diff": run("diff", policy, other),
        "explain": run("explain", policy, record),
        "replay": run("replay", other, record),
    }
    for command, result in shown.items():
        assert isinstance(result.exception, SystemExit | None), (command, result.exception)
        assert result.exit_code == (0 if command in ("explain", "replay") else 1)
        assert all(is_seen(line) for line in result.output.split("\n")), command
    for command in ("check", "test", "explain"):
        assert visible(f"n {word}") in shown[command].output, command
    folded = "".join(shown["replay"].output.split())
    for text in (f"d {word}", f"r {word}"):
        assert "".join(visible(text).split()) in folded
    policy.write_text(f"version = {toml(word)}\n")
    result = run("check", policy)
    assert all(is_seen(line) for line in result.output.split("\n"))
    assert result.exit_code == (0 if word.isprintable() else 1)
