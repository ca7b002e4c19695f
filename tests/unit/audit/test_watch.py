"""A process that watches the audit log notices what `verify` would, a little later."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from streams.audit import watch
from streams.audit.log import AuditLog
from streams.audit.metrics import AuditMetrics
from streams.audit.watch import AuditWatch


class Watched:
    """A log, its watch, and what the watch says."""

    def __init__(self, path: Path, rows: int) -> None:
        self.path = path
        self.registry = CollectorRegistry()
        self.complaints: list[str] = []
        self.append(rows)
        self.watch = AuditWatch(path, AuditMetrics(self.registry), self.complaints.append)

    def append(self, rows: int) -> None:
        with AuditLog(self.path) as log:
            for number in range(rows):
                log.append("list", "somebody", {"n": number})

    def value(self, name: str) -> float | None:
        return self.registry.get_sample_value(name)

    def tamper(self, *statements: str) -> None:
        database = sqlite3.connect(self.path)
        for trigger in ("audit_is_not_changed", "audit_is_not_shortened"):
            database.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        for statement in statements:
            database.execute(statement)
        database.commit()
        database.close()

    def make_anew(self) -> None:
        for left in self.path.parent.glob(f"{self.path.name}*"):
            left.unlink()
        self.append(9)


def test_a_log_that_grows_holds(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "a.db", 0)
    for rows in (0, 1, 5, 0):
        watched.append(rows)
        assert watched.watch.check()
    assert watched.value("seawall_audit_broken") == 0
    assert watched.value("seawall_audit_rows") == 6
    assert not watched.complaints


def test_a_log_that_was_never_made_is_not_made_and_holds(tmp_path: Path) -> None:
    path = tmp_path / "none.db"
    assert AuditWatch(path, AuditMetrics(), print).check()
    assert not path.exists()


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25
)
@given(
    rows=st.integers(1, 12),
    before=st.integers(1, 8),
    more=st.integers(0, 3),
    part=st.integers(1, 5),
    data=st.data(),
)
def test_an_old_row_that_was_altered_is_found_in_one_turn(
    tmp_path_factory: pytest.TempPathFactory, rows: int, before: int, more: int, part: int, data
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watch, "OLD_ROWS", part)
        watched = Watched(tmp_path_factory.mktemp("log") / "a.db", rows)
        for _ in range(before):
            assert watched.watch.check()
        row = data.draw(st.integers(1, rows))
        watched.tamper(f"UPDATE audit SET actor = 'nobody' WHERE seq = {row}")
        watched.append(more)
        checks = 2 * -(-(rows + more) // part) + 1  # what is left of this turn, and the next
        assert not all(watched.watch.check() for _ in range(checks))
        assert not watched.watch.check(), "what does not hold once never holds again"
        assert watched.value("seawall_audit_broken") == 1
        (complaint,) = watched.complaints
        assert f"row {row}:" in complaint


HARM: dict[str, Callable[[Watched], None]] = {
    "the newest rows are gone": lambda w: w.tamper("DELETE FROM audit WHERE seq > 7"),
    "and their number too": lambda w: w.tamper(
        "DELETE FROM audit WHERE seq > 7", "UPDATE sqlite_sequence SET seq = 7"
    ),
    "made anew, so that it holds by itself": lambda w: w.make_anew(),
    "no database any more": lambda w: w.path.write_bytes(b"nothing of the kind" * 999) and None,
    "the file is gone": lambda w: w.path.unlink(),
}


@pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
def test_what_happens_to_the_end_is_noticed_at_once(
    tmp_path: Path, harm: Callable[[Watched], None]
) -> None:
    watched = Watched(tmp_path / "a.db", 9)
    assert watched.watch.check()
    harm(watched)
    assert not watched.watch.check()
    assert not watched.watch.check()
    assert len(watched.complaints) == 1
