"""Changes of lists reach the audit log, each once, whoever made them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from matchers.lists.entry import ListEntry, ListInfo
from matchers.lists.formats.registry import read_feed
from matchers.lists.librarian.proposals import propose
from matchers.lists.librarian.store import ListStore
from streams.audit.log import AuditLog, UnusableAudit
from streams.cli.audit_hook import audit_lists
from streams.cli.main import build
from streams.settings import AuditSettings, Settings

AT = datetime(2026, 3, 1, tzinfo=UTC)


def changed(path: Path, number: int, at: datetime = AT) -> None:
    with ListStore.open(path) as store:
        store.define(ListInfo(name="own"), origin="t", at=at)
        lines = "".join(f"md5 {n:032x}\n" for n in range(number))
        feed = read_feed(lines.encode(), "signals", "own")
        store.import_feed("own", feed, origin="importer", at=at)
        if store.waiting():
            store.approve("own", origin="approver", at=at)


def test_each_revision_is_noted_once_with_who_made_it(tmp_path: Path) -> None:
    settings = Settings(audit=AuditSettings(file=str(tmp_path / "audit.db")))
    lists = tmp_path / "lists.db"
    changed(lists, 1)
    with ListStore.open(lists) as store:
        newest = store.revision()
        audit_lists(settings, store)
        audit_lists(settings, store)
    changed(lists, 2)
    with ListStore.open(lists) as store:
        assert store.revision() > newest
        audit_lists(settings, store)
        last = store.revision()
    with AuditLog(tmp_path / "audit.db") as log:
        rows = list(log.entries())
        numbers = [msgspec.json.decode(row.what)["revision"] for row in rows]
        assert numbers == list(range(1, last + 1))
        approvals = [row.actor for row in rows if row.kind == "approval"]
        assert set(approvals) == {"approver"}
        assert {row.actor for row in rows if row.kind == "list"} <= {"t", "importer"}
        assert log.verify().fault is None


def test_a_store_made_anew_or_taken_back_is_noted_under_the_numbers_that_were(
    tmp_path: Path,
) -> None:
    settings = Settings(audit=AuditSettings(file=str(tmp_path / "audit.db")))
    lists = tmp_path / "lists.db"

    def revisions_noted(number: int, at: datetime) -> int:
        changed(lists, number, at)
        with ListStore.open(lists) as store:
            audit_lists(settings, store)
            audit_lists(settings, store)
            made = store.revisions(limit=1000)
        with AuditLog(tmp_path / "audit.db") as log:
            rows = [msgspec.json.decode(row.what) for row in log.entries()]
        noted = [(row["revision"], row["at"], row["kind"]) for row in rows]
        assert len(set(noted)) == len(noted)
        assert {(each.revision, each.at, each.kind) for each in made} <= set(noted)
        return len(noted)

    for number in range(1, 6):
        known = revisions_noted(number, AT)
    copied = lists.read_bytes()
    more = revisions_noted(6, AT + timedelta(days=1)) - known
    lists.write_bytes(copied)
    assert revisions_noted(6, AT + timedelta(days=2)) == known + 2 * more
    lists.unlink()
    first = revisions_noted(1, AT + timedelta(days=3)) - known - 2 * more
    assert first == 2


def test_without_a_log_nothing_is_done(tmp_path: Path) -> None:
    changed(tmp_path / "lists.db", 1)
    with ListStore.open(tmp_path / "lists.db") as store:
        audit_lists(Settings(), store)
    assert [path.name for path in tmp_path.glob("*.db")] == ["lists.db"]


def test_the_commands_note_changes_approvals_and_exports(tmp_path: Path) -> None:
    config = tmp_path / "seawall.toml"
    config.write_text(
        f'[lists]\nstore = "{tmp_path}/lists.db"\n[audit]\nfile = "{tmp_path}/audit.db"\n'
    )
    (tmp_path / "own.txt").write_text("".join(f"md5 {n:032x}\n" for n in range(3)))
    (tmp_path / "lists.toml").write_text(
        '[[list]]\nname = "own"\nfile = "own.txt"\nformat = "signals"\nredistribute = true\n'
    )

    def run(*arguments: str) -> None:
        command = build("lists")
        CliRunner().invoke(command, ["lists", *arguments, "--config", str(config)])

    run("import", str(tmp_path / "lists.toml"))
    run("approve", "own", "--reject")
    run("export", "own", "--out", str(tmp_path / "out.csv"))
    with AuditLog(tmp_path / "audit.db") as log:
        kinds = [row.kind for row in log.entries()]
    assert kinds[0] == "list"
    assert "approval" not in kinds, "there was nothing to reject"
    assert kinds[-1] == "export"
    assert (tmp_path / "out.csv").exists()


def test_a_log_that_cannot_be_used_is_an_error_that_who_runs_on_can_catch(tmp_path: Path) -> None:
    bad = tmp_path / "audit.db"
    bad.write_bytes(b"x" * 5000)
    changed(tmp_path / "lists.db", 1)
    with (
        ListStore.open(tmp_path / "lists.db") as store,
        pytest.raises(UnusableAudit, match="not an audit log"),
    ):
        audit_lists(Settings(audit=AuditSettings(file=str(bad))), store)
    config = tmp_path / "seawall.toml"
    config.write_text(f'[lists]\nstore = "{tmp_path}/lists.db"\n[audit]\nfile = "{bad}"\n')
    done = CliRunner().invoke(build("lists"), ["lists", "history", "--config", str(config)])
    assert done.exit_code == 2
    assert f"error: {bad}: not an audit log" in done.stderr


def test_who_rejects_a_change_or_a_proposal_is_noted(tmp_path: Path) -> None:
    config = tmp_path / "seawall.toml"
    config.write_text(
        f'[lists]\nstore = "{tmp_path}/lists.db"\n[audit]\nfile = "{tmp_path}/audit.db"\n'
    )

    def run(*arguments: str) -> int:
        command = build("lists")
        done = CliRunner().invoke(command, ["lists", *arguments, "--config", str(config)])
        return done.exit_code

    def imported(number: int) -> None:
        (tmp_path / "own.txt").write_text("".join(f"md5 {n:032x}\n" for n in range(number)))
        run("import", str(tmp_path / "own.txt"), "--format", "signals")

    imported(10)
    imported(100)
    with ListStore.open(tmp_path / "lists.db") as store:
        change = store.change("own")
        entry = ListEntry(list="own", id="r1", algorithm="md5", value="ab" * 16, category="")
        number = propose(store, entry, "a person confirmed it", origin="t", at=AT)
    assert change is not None, "so many at once wait"
    assert run("approve", "own", "--reject") == 0
    assert run("accept", str(number), "--reject") == 0
    assert run("accept", str(number), "--reject") == 2
    with AuditLog(tmp_path / "audit.db") as log:
        noted = [msgspec.json.decode(row.what) for row in log.entries() if row.kind == "approval"]
    assert noted[-2:] == [
        {"done": "rejected", "list": "own", "change": change},
        {"done": "rejected", "list": "own", "proposal": number},
    ]
    (tmp_path / "audit.db").write_bytes(b"x" * 5000)
    imported(100)
    assert run("approve", "own", "--reject") == 2
    with ListStore.open(tmp_path / "lists.db") as store:
        assert store.change("own") is not None, "nothing is rejected that cannot be noted"


def test_who_lets_a_removed_entry_back_is_noted_and_the_files_that_workers_read_are_named(
    tmp_path: Path,
) -> None:
    config = tmp_path / "seawall.toml"
    config.write_text(
        f'[lists]\nstore = "{tmp_path}/lists.db"\nfiles = ["workers.toml"]\n'
        f'[audit]\nfile = "{tmp_path}/audit.db"\n'
    )
    (tmp_path / "own.txt").write_text("".join(f"md5 {n:032x}\n" for n in range(100)))

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(build("lists"), ["lists", *arguments, "--config", str(config)])
        assert done.exit_code == 0, done.output
        return done.stderr

    run("import", str(tmp_path / "own.txt"), "--format", "signals")
    with ListStore.open(tmp_path / "lists.db") as store:
        entry = next(iter(store.entries("own"))).id
    assert "read lists.files (workers.toml), not" in run("remove", "own", entry)
    run("approve", "own", entry)
    with AuditLog(tmp_path / "audit.db") as log:
        last = [row for row in log.entries() if row.kind == "approval"][-1]
    assert msgspec.json.decode(last.what) == {"done": "let back", "list": "own", "entry": entry}
