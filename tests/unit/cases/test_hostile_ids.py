"""What comes from outside is shown as it is, and whole: brackets, escapes, ids on any terminal."""

import io
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from streams.audit.log import AuditLog
from streams.cli.case_rows import case_row, listed_cells
from streams.cli.fitted import print_fitted, print_stacked
from streams.cli.tables import visible
from streams.contracts.decision import Reason
from streams.settings import Settings
from tests.unit.cases.occurrences import event, match, near, opening, outcome
from tests.unit.cases.test_cases_command import Desk

HOSTILE = [
    "[red]x[/red]",
    "[/]",
    "a]b[",
    "[link=x]",
    "\x1b[2J",
    "two\nlines",
    "\u202eabc",
    ":bomb:",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_ids_rules_and_lists_are_plain_text(tmp_path: Path, name: str) -> None:
    desk = Desk(tmp_path)
    now = datetime.now(UTC)
    reasons = (Reason(rule=name, ground="g"),)
    one = opening(event(), near(list=name), reasons=reasons, decided_at=now, action="hold")
    waits = opening(event("e2"), match(), reasons=reasons, action="hold")
    with desk.store() as store, store.writing():
        store.open_case(msgspec.structs.replace(one, case_id=name))
        for each in (one, waits):
            store.reviews.keep_decision(each.decision, None, None)
        store.reviews.add_outcome(outcome(one, reviewed_at=now))
    for command in (
        ("cases", "list"),
        ("feedback", "precision"),
        ("feedback", "budget"),
        ("feedback", "budget", "--per-day", "0"),
    ):
        done = desk.run(*command)
        assert done.exit_code == 0, (command, done.exception)
        assert visible(name) in done.output, (command, done.output)
        assert "\x1b" not in done.output
        assert "\u202e" not in done.output
    assert desk.run("cases", "hold", name, "--reason", name).exit_code == 0
    assert desk.run("audit", "show").exit_code == 0
    again = desk.run("cases", "hold", name, "--reason", name)
    assert (again.exit_code, again.stdout) == (1, "")
    for line in name.split("\n"):
        assert visible(line) in again.stderr
    assert "\x1b" not in again.stderr
    assert "\u202e" not in again.stderr


def test_what_is_wrong_with_a_row_is_no_command_to_the_terminal(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    with AuditLog(tmp_path / "audit.db") as log:
        log.append("case", "somebody", {})
    with closing(sqlite3.connect(tmp_path / "audit.db")) as database:
        database.execute("DROP TRIGGER audit_is_not_changed")
        database.execute("UPDATE audit SET actor = CAST(x'1b5b324aff' AS TEXT)")
        database.commit()
    done = desk.run("audit", "verify")
    assert done.exit_code == 1
    assert r"row 1: cannot be read" in done.output
    assert r"\x1b[2J" in done.output
    assert "\x1b" not in done.output


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.lists(
        st.tuples(st.text("ab-[]/\\\n\x1b東é", min_size=1, max_size=120), st.text(max_size=60)),
        min_size=1,
        max_size=4,
    ),
    st.integers(20, 140),
    st.booleans(),
)
def test_an_id_stands_in_one_line_whole_on_any_terminal(rows, width, terminal) -> None:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=terminal, color_system=None)
    columns = ("case", "status", "opened", "rules")
    cells = [(id, "open", "2026-03-01T12:00Z", rule) for id, rule in rows]
    print_fitted(columns, cells, words=("rules",), console=console)
    lines = out.getvalue().splitlines()
    for id, _ in rows:
        assert any(visible(id) in line for line in lines)
    left_out = [line for line in lines if line.startswith("left out")]
    assert terminal or not left_out
    for name in columns:
        assert any(name in line for line in lines), "what is left out is named"


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.lists(
        st.tuples(
            st.text("ab-[]/\\\n\x1b東é", min_size=1, max_size=120), st.text("ab ", max_size=60)
        ),
        min_size=1,
        max_size=4,
    ),
    st.integers(20, 140),
    st.booleans(),
)
def test_a_stack_shows_all_and_breaks_no_id(rows, width, terminal) -> None:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=terminal, color_system=None)
    print_stacked(("case", "why"), [([id, "at"], [why, "end"]) for id, why in rows], console)
    lines = out.getvalue().splitlines()
    for id, _ in rows:
        assert any(visible(id) in line for line in lines)
    letters = "".join(line.split("│")[2] for line in lines if "│" in line)
    assert "".join(letters.split()) == "".join("".join(why.split()) + "end" for _, why in rows)


def test_a_case_is_listed_whole_on_a_terminal_of_80_columns(tmp_path: Path) -> None:
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, color_system=None)
    content = "8a6f4b12-09c1-4f6e-9f3e-0d5b1c7e2a44"
    one = opening(event("e2", content_id=content))
    with Desk(tmp_path).store() as store:
        store.open_case(one)
        [state] = store.cases()
    cells = listed_cells(state, one, case_row(state, Settings()))
    print_stacked(("case", "what it is"), [cells], console)
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    for whole in (one.case_id, content, "known-material:", "opened 2026-03-01T12:00Z"):
        assert any(whole in line for line in lines)


def test_on_a_terminal_of_80_columns_what_matters_least_goes() -> None:
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, color_system=None)
    print_fitted(
        ("case", "priority", "status", "opened", "delete after"),
        [("6d1f0c0e-8d5e-4b57-9d43-3b1b6a3a9c11", "0", "open", "2026-03-01T12:00Z", "2027-03-01")],
        console=console,
    )
    assert "6d1f0c0e-8d5e-4b57-9d43-3b1b6a3a9c11" in out.getvalue()
    assert "left out on this narrow terminal: delete after; --json" in out.getvalue()
