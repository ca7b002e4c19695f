import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matchers import database
from streams.audit import log as logs
from streams.audit.log import GENESIS, AuditLog, UnusableAudit

AT = datetime(2026, 3, 1, tzinfo=UTC)
ROWS = 6
BOUNDED = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)


def written(path: Path, rows: int = ROWS) -> AuditLog:
    log = AuditLog(path)
    for number in range(rows):
        log.append("list", f"actor-{number}", {"list": "hotline", "n": number}, at=AT)
    return log


def test_rows_follow_one_another_and_hold(tmp_path: Path) -> None:
    with written(tmp_path / "a.db") as log:
        rows = list(log.entries())
        assert [row.seq for row in rows] == list(range(1, ROWS + 1))
        assert rows[0].previous == GENESIS
        assert [row.previous for row in rows[1:]] == [row.hash for row in rows[:-1]]
        assert log.verify() == (ROWS, rows[-1].hash, None)
    with AuditLog(tmp_path / "a.db") as again:
        assert again.append("export", "me", {}).previous == rows[-1].hash
        assert again.verify().fault is None
        assert [row.seq for row in again.entries(ROWS)] == [ROWS + 1]


def test_an_empty_log_holds(tmp_path: Path) -> None:
    with AuditLog(tmp_path / "a.db") as log:
        assert log.verify() == (0, GENESIS, None)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)
@given(st.integers(1, ROWS), st.integers(0, 2**16), st.integers(1, 255))
def test_one_altered_byte_is_found_and_named_by_row(tmp_path: Path, row, where, flip) -> None:
    path = tmp_path / "a.db"
    path.unlink(missing_ok=True)
    written(path).close()
    data = bytearray(path.read_bytes())
    with AuditLog(path) as log:
        entry = list(log.entries())[row - 1]
    stored = "".join(entry[1:]).encode()
    start = data.index(stored)
    data[start + where % len(stored)] ^= flip
    path.write_bytes(data)
    with AuditLog(path) as log:
        found = log.verify()
    assert found.fault is not None
    assert found.fault.seq == row
    assert found.rows == row - 1


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)
@given(st.integers(0, 2**20), st.integers(1, 255))
def test_whatever_byte_is_altered_nothing_but_a_verdict_comes(tmp_path: Path, where, flip) -> None:
    path = tmp_path / "a.db"
    path.unlink(missing_ok=True)
    written(path).close()
    data = bytearray(path.read_bytes())
    data[where % len(data)] ^= flip
    path.write_bytes(data)
    try:
        with AuditLog(path) as log:
            found = log.verify()
    except UnusableAudit:
        return
    assert 0 <= found.rows <= ROWS


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit"])
def test_sql_can_only_add(tmp_path: Path, statement) -> None:
    written(tmp_path / "a.db").close()
    database = sqlite3.connect(tmp_path / "a.db")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        database.execute(statement)
    database.close()


@pytest.mark.parametrize(("gone", "named"), [(3, 3), (ROWS, ROWS)])
def test_a_removed_row_is_missed(tmp_path: Path, gone, named) -> None:
    written(tmp_path / "a.db").close()
    database = sqlite3.connect(tmp_path / "a.db")
    database.execute("DROP TRIGGER audit_is_not_shortened")
    database.execute("DELETE FROM audit WHERE seq = ?", (gone,))
    database.commit()
    database.close()
    with AuditLog(tmp_path / "a.db") as log:
        fault = log.verify().fault
    assert fault is not None
    assert fault.seq == named


def test_two_writers_make_one_chain(tmp_path: Path) -> None:
    with AuditLog(tmp_path / "a.db") as one, AuditLog(tmp_path / "a.db") as other:
        for number in range(20):
            (one if number % 2 else other).append("case", "me", {"n": number})
        assert one.verify().rows == 20


@pytest.mark.parametrize("content", [b"not a database at all" * 99, None])
def test_what_is_no_audit_log_is_refused(tmp_path: Path, content) -> None:
    path = tmp_path / "a.db"
    if content is None:
        other = sqlite3.connect(path)
        other.execute("CREATE TABLE t (a)")
        other.commit()
        other.close()
    else:
        path.write_bytes(content)
    with pytest.raises(UnusableAudit, match=r"a\.db"):
        AuditLog(path)


def test_who_reads_the_log_keeps_nobody_from_appending(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(logs, "PIECE", 2)
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    with written(tmp_path / "a.db") as log, AuditLog(tmp_path / "a.db") as writer:
        reading, searching = log.entries(), log.having("n")
        assert (next(reading).seq, next(searching)["n"]) == (1, ROWS - 1)
        writer.append("case", "me", {})
        assert [row.seq for row in reading] == list(range(2, ROWS + 2))
        assert [what["n"] for what in searching] == list(range(ROWS - 2, -1, -1))


@BOUNDED
@given(st.integers(0, 9), st.integers(1, 4), st.integers(0, 9))
def test_the_log_is_read_whole_whatever_is_read_at_once(
    tmp_path_factory: pytest.TempPathFactory, rows: int, piece: int, since: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "a.db"
    with pytest.MonkeyPatch.context() as patch, written(path, rows) as log:
        patch.setattr(logs, "PIECE", piece)
        assert [row.seq for row in log.entries(since)] == list(range(since + 1, rows + 1))
        assert [what["n"] for what in log.having("n")] == list(range(rows - 1, -1, -1))
        assert log.verify()[::2] == (rows, None)


def test_an_append_that_cannot_be_committed_leaves_the_log_usable(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    path = tmp_path / "a.db"
    with written(path) as log, closing(sqlite3.connect(path)) as reader:
        cursor = reader.execute("SELECT seq FROM audit")
        assert cursor.fetchone() == (1,)  # the others are still to be read: a shared lock
        for _ in range(2):
            with pytest.raises(UnusableAudit, match="another process has had it locked"):
                log.append("case", "me", {})
        cursor.close()
        assert log.append("case", "me", {}).seq == ROWS + 1
        assert log.verify()[::2] == (ROWS + 1, None)


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        ("DELETE FROM audit WHERE seq = 6", "gone; it was there at an earlier check"),
        ("UPDATE audit SET hash = 'x' WHERE seq = 6", "another than at an earlier check"),
    ],
)
def test_what_became_of_the_newest_row_is_told(tmp_path: Path, harm: str, why: str) -> None:
    with written(tmp_path / "a.db") as log:
        known = log.verify()
    with closing(sqlite3.connect(tmp_path / "a.db")) as other:
        other.execute("DROP TRIGGER audit_is_not_shortened")
        other.execute("DROP TRIGGER audit_is_not_changed")
        other.execute(harm)
        other.commit()
    with AuditLog(tmp_path / "a.db") as log:
        assert log.verify(known).fault == (ROWS, why)


def test_rows_whose_numbers_are_none_are_refused_rather_than_read_for_ever(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(logs, "PIECE", 2)
    written(tmp_path / "a.db").close()
    with closing(sqlite3.connect(tmp_path / "a.db")) as other:
        other.execute("ALTER TABLE audit RENAME TO before")
        other.execute("CREATE TABLE audit AS SELECT * FROM before")
        other.execute("UPDATE audit SET seq = 'row ' || seq")
        other.commit()
    with AuditLog(tmp_path / "a.db") as log:
        with pytest.raises(UnusableAudit, match="its rows are not in order"):
            list(log.entries())
        assert log.verify().fault is not None


@pytest.mark.parametrize("number", [0, -3])
def test_a_kept_head_cannot_be_put_before_the_first_row_of_a_whole_new_log(
    tmp_path: Path, number: int
) -> None:
    with written(tmp_path / "old.db") as log:
        kept = log.verify().head
    with AuditLog(tmp_path / "a.db") as log:
        log.append("list", "somebody", {"another": "log"}, at=AT)
        assert log.verify().fault is None
    with closing(sqlite3.connect(tmp_path / "a.db")) as other:
        row = (number, "x", "policy", "x", '{"version": "v0"}', "x", kept)
        other.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        other.commit()
    with AuditLog(tmp_path / "a.db") as log:
        assert log.verify().fault == (number, "put before the first row")
        assert not log.knows(kept, 1)
        assert list(log.having("version")) == []
