"""Case stores and audit logs that are missing, emptied, damaged, locked or not to be written."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.cases.occurrences import event, opening, outcome, risk, viewing
from tests.unit.cases.test_cases_command import CASE, Desk

READING = [
    ("cases", "list"),
    ("cases", "list", "--json"),
    ("cases", "show", CASE),
    ("feedback", "precision", "--days", "36500"),
    ("feedback", "budget"),
    ("feedback", "proposals"),
]
WRITING = [
    ("cases", "hold", CASE, "--reason", "request 18"),
    ("cases", "submitted", CASE, "--report-id", "1"),
]
AUDITING = [
    ("audit", "verify"),
    ("audit", "verify", "--head", "0" * 64),
    ("audit", "show"),
    ("audit", "show", "--json"),
]


def filled(folder: Path) -> Desk:
    """A store of some cases and an audit log of some rows, both within their main files."""
    desk = Desk(folder)
    with desk.store() as store, store.writing():
        one = opening()
        for each in (one, opening(event("e2")), opening(event("e3"), risk(), priority=0)):
            store.open_case(each)
            store.reviews.keep_decision(each.decision, b"k", None)
        store.reviews.add_outcome(outcome(one, **viewing()))
    for number in range(3):
        desk.run("cases", "hold", CASE, "--reason", f"request {number}")
    with closing(sqlite3.connect(folder / "cases.db")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return desk


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Desk:
    return filled(tmp_path_factory.mktemp("sound"))


def ended_well(desk: Desk, *command: str) -> tuple[int, str]:
    """How a command ended: by itself, with a code of its own."""
    done = desk.run(*command)
    assert done.exception is None or isinstance(done.exception, SystemExit), (command, done)
    assert done.exit_code in (0, 1, 2)
    return done.exit_code, done.output


def every_file(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def emptied(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("harm", [Path.unlink, emptied])
def test_an_audit_log_that_is_gone_or_emptied_does_not_hold_and_is_not_made_anew(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    desk = filled(tmp_path)
    harm(tmp_path / "audit.db")
    before = every_file(tmp_path)
    for command, code in zip(AUDITING, (1, 1, 2, 2), strict=True):
        ended, told = ended_well(desk, *command)
        assert ended == code
        assert "no such file" in told or "empty" in told
    assert every_file(tmp_path) == before


@pytest.mark.parametrize("harm", [Path.unlink, emptied])
def test_a_case_store_that_is_gone_or_emptied_is_not_made_anew(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    desk = filled(tmp_path)
    for left in tmp_path.glob("cases.db-*"):
        left.unlink()
    harm(tmp_path / "cases.db")
    before = every_file(tmp_path)
    for command in READING + WRITING:
        ended, told = ended_well(desk, *command)
        assert ended == 2
        assert "seawall cases build makes" in told
    assert every_file(tmp_path) == before


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
    max_examples=60,
)
@given(
    name=st.sampled_from(["cases.db", "audit.db"]),
    where=st.integers(0, 2**20),
    length=st.integers(1, 3000),
    cut=st.booleans(),
    data=st.data(),
)
def test_whatever_is_damaged_a_command_says_so(
    sound: Desk, tmp_path_factory, name, where, length, cut, data
) -> None:
    desk = Desk(tmp_path_factory.mktemp("d"))
    for each in ("cases.db", "audit.db"):
        content = bytearray((sound.folder / each).read_bytes())
        if each == name:
            at = where % len(content)
            if cut:
                del content[at:]
            else:
                end = min(at + length, len(content))
                content[at:end] = data.draw(st.binary(min_size=end - at, max_size=end - at))
        (desk.folder / each).write_bytes(content)
    commands = AUDITING if name == "audit.db" else READING
    for command in (*commands, WRITING[0]):
        code, told = ended_well(desk, *command)
        assert code == 0 or told


@pytest.mark.parametrize("table", ["cases", "audit"])
def test_damage_is_told_with_the_file_and_what_to_do(tmp_path: Path, table: str) -> None:
    desk = filled(tmp_path)
    path = tmp_path / f"{table}.db"
    with closing(sqlite3.connect(path)) as database:
        size = database.execute("PRAGMA page_size").fetchone()[0]
        root = database.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)
        ).fetchone()[0]
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    content[(root - 1) * size : root * size] = b"\xff" * size
    path.write_bytes(content)
    if table == "audit":
        assert ended_well(desk, "audit", "verify")[0] == 1
        command = ("audit", "show")
    else:
        command = ("cases", "list")
    code, told = ended_well(desk, *command)
    assert code == 2
    assert f"{path}: " in told
    assert "damaged" in told
    assert "take it back from a copy" in told


def test_what_another_process_has_locked_is_not_called_broken(tmp_path: Path, monkeypatch) -> None:
    desk = filled(tmp_path)
    connect = sqlite3.connect
    monkeypatch.setattr(  # who waits for the lock gives up at once
        sqlite3, "connect", lambda path, **how: connect(path, **how | {"timeout": 0.01})
    )
    for name, mode, commands in (
        ("audit.db", "EXCLUSIVE", AUDITING + WRITING),
        ("cases.db", "IMMEDIATE", WRITING),
    ):
        with closing(connect(tmp_path / name, isolation_level=None)) as other:
            other.execute(f"BEGIN {mode}")
            for command in commands:
                code, told = ended_well(desk, *command)
                assert code == 2, command
                assert f"{tmp_path / name}: another process has had it locked" in told
            if name == "cases.db":
                assert ended_well(desk, "cases", "list")[0] == 0, "who reads need not wait"
    with desk.store() as store:
        assert store.state(CASE).submission is None
        assert len(store.state(CASE).holds) == 3
    assert len(desk.audited()) == 3


def test_a_file_that_cannot_be_written_is_told_as_that(tmp_path: Path, monkeypatch) -> None:
    desk = filled(tmp_path)
    connect = sqlite3.connect

    def read_only(path, **how) -> sqlite3.Connection:
        database = connect(path, **how)
        if "cases.db" in str(path):
            database.execute("PRAGMA query_only = ON")  # as SQLite does where it may not write
        return database

    monkeypatch.setattr(sqlite3, "connect", read_only)
    for command in WRITING:
        code, told = ended_well(desk, *command)
        assert code == 2
        assert "cannot be written: attempt to write a readonly database" in told
        assert "not a case store" not in told
    assert ended_well(desk, "cases", "list")[0] == 0
    folder = tmp_path / "folder"
    folder.mkdir()
    for command in (("cases", "list", "--store"), ("audit", "verify", "--file")):
        assert ended_well(desk, *command, str(folder))[0] in (1, 2)


@pytest.mark.parametrize(
    ("command", "option", "said"),
    [
        (
            ("cases", "submitted", CASE, "--report-id", "0"),
            "--report-id",
            "greater than or equal to 1",
        ),
        (
            ("cases", "submitted", CASE, "--report-id", "-1"),
            "--report-id",
            "greater than or equal to 1",
        ),
        (
            ("cases", "submitted", CASE, "--report-id", str(2**63)),
            "--report-id",
            f"less than or equal to {2**63 - 1}",
        ),
        *(
            (("cases", "submitted", CASE, "--report-id", "1", "--at", at), "--at", "1970-01-01 and")
            for at in (
                "0001-01-01T00:00:00+14:00",
                "0001-01-01",
                "1969-12-31T23:59:59Z",
                "9999-12-31T23:59:59-14:00",
                "9999-12-31",
            )
        ),
        (("cases", "list", "--limit", "0"), "--limit", "greater than or equal to 1"),
        (("feedback", "precision", "--days", "999999"), "--days", "less than or equal to 36500"),
        (("feedback", "precision", "--days", "-1"), "--days", "greater than or equal to 1"),
        (("feedback", "budget", "--per-day", "-1"), "--per-day", "greater than or equal to 0"),
        (("audit", "show", "--limit", "0"), "--limit", "greater than or equal to 1"),
        (("audit", "verify", "--head", "9f86d0"), "--head", "64 hexadecimal digits"),
    ],
)
def test_what_is_out_of_range_is_refused_with_its_bound(sound: Desk, command, option, said) -> None:
    code, told = ended_well(sound, *command)
    assert code == 2
    assert option in told
    assert said in " ".join(told.replace("│", " ").split())


@pytest.mark.parametrize(
    "command",
    [
        ("cases", "list", "--limit", str(10**30)),
        ("audit", "show", "--limit", str(10**30)),
        ("feedback", "budget", "--per-day", str(10**30)),
        ("feedback", "precision", "--days", "36500"),
    ],
)
def test_what_is_more_than_there_is_is_all(sound: Desk, command) -> None:
    assert ended_well(sound, *command)[0] == 0
