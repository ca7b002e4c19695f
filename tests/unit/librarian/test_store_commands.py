"""`seawall lists` on the librarian's store."""

import json
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from matchers.lists.entry import ListEntry, ListInfo
from matchers.lists.formats.feed import Feed, Item
from matchers.lists.librarian import proposals
from matchers.lists.librarian.store import ListStore
from streams.cli.lists import app

MD5 = [f"{n:032x}" for n in range(1, 60)]


class Lists:
    """Runs commands against one store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(app, [*arguments, "--store", str(self.folder / "lists.db")])
        assert result.exit_code == code, result.output
        return result

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", code=code).stdout)

    def write(self, *values: str, name: str = "own.txt") -> str:
        path = self.folder / name
        path.write_text("".join(f"md5 {value}\n" for value in values))
        return str(path)


@pytest.fixture
def lists(tmp_path: Path) -> Lists:
    return Lists(tmp_path)


def imported(lists: Lists, *values: str, code: int = 0) -> Any:
    file = lists.write(*values)
    return lists.json("import", file, "--format", "signals", code=code)[0]


def test_import_show_search_history(lists: Lists) -> None:
    assert imported(lists, *MD5[:3])["added"] == 3
    (own,) = lists.json("show")["lists"]
    assert own["entries"] == {"md5": 3}
    assert lists.json("search", MD5[0])["matches"][0]["list"] == "own"
    lists("search", MD5[9], code=1)
    assert [revision["kind"] for revision in lists.json("history", "own")] == ["import", "define"]
    assert len(lists.json("history", "own", MD5[0])) == 1


def test_a_bad_row_is_reported_with_its_line_and_the_rest_goes_in(lists: Lists) -> None:
    result = imported(lists, MD5[0], "short", MD5[1], code=1)
    assert result["added"] == 2
    assert [row["line"] for row in result["rejected"]] == [2]


def test_a_large_change_waits_is_shown_and_approved_or_rejected(lists: Lists) -> None:
    imported(lists, *MD5[:10])
    assert "removes 9 of 10" in imported(lists, MD5[0], code=1)["reasons"][0]
    assert len(lists.json("diff", "own", code=1)) == 9
    lists("approve", "own", "--reject")
    lists("approve", "own", "--change", "none", code=2)
    imported(lists, MD5[0], code=1)
    assert lists.json("approve", "own", "--change", waiting_change(lists))[0]["removed"] == 9


def test_only_what_was_named_is_rejected(lists: Lists) -> None:
    imported(lists, *MD5[:10])
    imported(lists, MD5[0], code=1)
    change = waiting_change(lists)
    said = lists("approve", "own", MD5[0], "--reject", code=2).stderr
    assert f"seawall lists remove own {MD5[0]}" in said.replace("\n", " ")
    assert change in lists("approve", "own", "--reject", "--change", "other", code=2).stderr
    assert waiting_change(lists) == change
    lists("approve", "own", "--reject", "--change", change)
    lists("waiting", "own")


def waiting_change(lists: Lists) -> str:
    (waiting,) = lists.json("waiting", "own", code=1)["changes"]
    return waiting["change"]


def test_only_the_change_that_somebody_looked_at_is_approved(lists: Lists) -> None:
    imported(lists, *MD5[:10])
    imported(lists, *MD5[:5], code=1)
    seen = waiting_change(lists)
    assert f"change {seen} waits" in lists("diff", "own", code=1).stdout
    assert f"--change {seen}" in lists("waiting", "own", code=1).stdout
    lists("approve", "own", code=2)
    imported(lists, MD5[0], code=1)
    assert waiting_change(lists) != seen
    lists("approve", "own", "--change", seen, code=2)
    assert len(lists.json("diff", "own", code=1)) == 9, "it still waits"
    imported(lists, *MD5[:5], code=1)
    assert lists.json("approve", "own", "--change", seen)[0]["removed"] == 5


def test_dry_run_remove_rollback(lists: Lists) -> None:
    imported(lists, *MD5[:5])
    file = lists.write(*MD5[:6])
    dry = lists.json("import", file, "--format", "signals", "--dry-run")[0]
    assert (dry["added"], dry["reasons"]) == (1, [])
    revision = lists.json("history", "own")[0]["revision"]
    assert lists.json("remove", "own", MD5[0])[0]["removed"] == 1
    lists("remove", "own", "none", code=2)
    assert len(lists.json("diff", "own", "--since", str(revision), code=1)) == 1
    assert lists.json("rollback", "own", str(revision))[0]["added"] == 1
    lists("diff", "own", "--since", str(revision))


def test_a_first_import_can_be_tried(lists: Lists) -> None:
    file = lists.write(*MD5[:6])
    dry = lists.json("import", file, "--format", "signals", "--dry-run")[0]
    assert (dry["added"], dry["reasons"]) == (6, [])
    catalogue = lists.folder / "lists.toml"
    catalogue.write_text('[[list]]\nname = "new"\nfile = "own.txt"\nformat = "signals"\n')
    assert lists.json("import", str(catalogue), "--dry-run")[0]["added"] == 6
    assert not list(lists.folder.glob("lists.db*"))
    lists("waiting", code=2)
    assert imported(lists, *MD5[:6])["added"] == 6


def test_a_store_with_damaged_pages_ends_with_2_and_is_named(lists: Lists) -> None:
    imported(lists, *[f"{n:032x}" for n in range(1, 3000)])
    path = lists.folder / "lists.db"
    whole = path.read_bytes()
    path.write_bytes(whole[:16384] + b"\xa5" * (len(whole) - 16384))
    for command in (["show"], ["search", MD5[0]], ["remove", "own", MD5[0]], ["diff", "own"]):
        said = lists(*command, code=2).stderr.replace("\n", "")
        assert "lists.db" in said
        assert "damaged" in said
    catalogue = lists.folder / "lists.toml"
    catalogue.write_text('[[list]]\nname = "own"\n')
    arguments = [str(catalogue), "--snapshot", str(lists.folder / "lists.snapshot"), "--once"]
    seawall = [sys.executable, "-c", "from streams.cli.main import main; main()", "librarian"]
    done = subprocess.run(  # a process, since it sets its own niceness
        [*seawall, *arguments, "--store", str(path), "--bootstrap", "127.0.0.1:1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "damaged" in done.stderr
    assert "Traceback" not in done.stderr


def test_export_only_what_may_be_passed_on(lists: Lists) -> None:
    imported(lists, *MD5[:2])
    out = lists.folder / "out.txt"
    result = lists("export", "own", "--out", str(out), code=2)
    assert "may not be passed on" in result.output
    assert not out.exists()
    catalogue = lists.folder / "lists.toml"
    catalogue.write_text(
        '[[list]]\nname = "own"\nfile = "own.txt"\nformat = "signals"\nredistribute = true\n'
    )
    lists("import", str(catalogue))
    lists("export", "own", "--out", str(out), "--format", "signals")
    assert out.read_text() == f"video_md5 {MD5[0]}\nvideo_md5 {MD5[1]}\n"
    again = lists("export", "own").stdout
    (lists.folder / "again.csv").write_text(again)
    assert lists.json("import", str(lists.folder / "again.csv"))[0]["added"] == 2


def test_compile_from_the_store_is_read_as_a_snapshot(lists: Lists) -> None:
    imported(lists, *MD5[:4])
    out = lists.folder / "lists.snapshot"
    compiled = lists.json("compile", "--out", str(out))
    assert compiled["version"].endswith("+0")
    shown = json.loads(CliRunner().invoke(app, ["show", str(out), "--json"]).stdout)
    assert shown["version"] == compiled["version"]
    assert shown["lists"][0]["entries"] == {"md5": 4}


def test_what_cannot_be_used_ends_with_2(lists: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    lists("import", str(lists.folder / "none.csv"), code=2)
    lists("diff", "none", code=2)
    monkeypatch.chdir(lists.folder)
    result = CliRunner().invoke(app, ["history"])
    assert result.exit_code == 2
    assert "--store" in result.output
    (lists.folder / "lists.toml").write_text('[[list]]\nname = "x"\nfromat = "csv"\n')
    assert "fromat" in lists("import", str(lists.folder / "lists.toml"), code=2).output


def test_what_waits_is_shown_and_proposals_are_taken_in_or_dropped(lists: Lists) -> None:
    assert imported(lists, *MD5[:3])["added"] == 3
    assert lists("waiting").output.strip() == "nothing waits"
    near_flat = f"{1:064x}"
    (lists.folder / "flat.txt").write_text(f"pdq {near_flat}\n")
    flat = str(lists.folder / "flat.txt")
    (outcome,) = lists.json("import", flat, "--list", "flat", "--format", "signals", code=1)
    assert outcome["guarded"] == 1
    with ListStore.open(lists.folder / "lists.db") as store:
        numbers = [
            proposals.propose(
                store,
                ListEntry(list="own", id=value, algorithm="md5", value=value),
                "a reviewer saw it",
                origin="case 7",
                at=datetime(2026, 1, 1, tzinfo=UTC),
            )
            for value in (MD5[8], MD5[9])
        ]
    waiting = lists.json("waiting", code=1)
    assert [(held["list"], held["entry"]) for held in waiting["held"]] == [("flat", near_flat)]
    assert [proposal["number"] for proposal in waiting["proposals"]] == numbers
    shown = lists("waiting", code=1).output
    assert "1 of 31 bits from the hash of a flat picture" in shown
    assert "by case 7: a reviewer saw it" in shown
    lists("accept", str(numbers[0]))
    lists("accept", str(numbers[1]), "--reject")
    lists("search", MD5[8])
    lists("search", MD5[9], code=1)
    lists("accept", str(numbers[1]), code=2)
    assert lists.json("waiting", "own")["proposals"] == []


@pytest.mark.parametrize(
    "command",
    [
        ["show"],
        ["search", MD5[0]],
        ["diff", "own"],
        ["history"],
        ["export", "own"],
        ["waiting"],
        ["compile", "--out", "lists.snapshot"],
        ["publish", "--bootstrap", "127.0.0.1:1"],
        ["remove", "own", MD5[0]],
        ["rollback", "own", "1"],
        ["approve", "own", MD5[0]],
        ["accept", "1"],
    ],
)
def test_a_store_is_made_only_by_what_fills_it(
    lists: Lists, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(lists.folder)
    said = lists(*command, code=2).stderr
    assert "there is no store of lists" in said
    assert "seawall lists import" in said
    assert list(lists.folder.iterdir()) == []


def passed_on(lists: Lists, *entries: ListEntry) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    feed = Feed(items=[Item(id=e.id, entries=(e,)) for e in entries], rejected=[], held=[])
    with ListStore.open(lists.folder / "lists.db") as store:
        info = ListInfo(name="own", redistribute=True)
        store.import_feed("own", feed, origin="t", at=at, define=info)


def test_an_export_that_fails_leaves_what_was_there(lists: Lists) -> None:
    good = ListEntry(list="own", id="a", algorithm="tmk", value="v" * 10_000)
    bad = ListEntry(list="own", id="b", algorithm="tmk", value="v\nw")
    passed_on(lists, good, bad)
    out = lists.folder / "out.csv"
    lists("export", "own", "--out", str(out), code=2)
    assert not out.exists()
    out.write_text("before")
    lists("export", "own", "--out", str(out), code=2)
    assert out.read_text() == "before"
    assert not list(lists.folder.glob(".out*"))
    lists("export", "own", "--out", str(lists.folder / "none" / "out.csv"), code=2)


def test_an_export_takes_the_place_of_the_one_before(lists: Lists) -> None:
    passed_on(lists, ListEntry(list="own", id="a", algorithm="md5", value=MD5[0]))
    out, link = lists.folder / "out.csv", lists.folder / "link.csv"
    out.write_text("before")
    out.chmod(0o600)
    link.symlink_to(out)
    lists("export", "own", "--out", str(link))
    assert link.is_symlink()
    assert MD5[0] in out.read_text()
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    lists("export", "own", "--out", "/dev/null")
    assert Path("/dev/null").is_char_device()
    assert not list(lists.folder.glob(".out*"))


@pytest.mark.parametrize("hours", [1e308, 1e9, -1e9])
def test_a_store_of_before_that_observes_for_ever_goes_on(lists: Lists, hours: float) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    with ListStore.open(lists.folder / "lists.db") as store:
        store.define(ListInfo(name="own", observe_hours=hours), origin="t", at=at)
    file = lists.folder / "own.txt"
    file.write_text(f"pdq {'01a5' * 16}\n")
    lists("import", str(file), "--format", "signals")
    with ListStore.open(lists.folder / "lists.db") as store:
        assert [e.status for e in store.entries()] == ["observed" if hours > 0 else "active"]
        store.define(ListInfo(name="own", observe_hours=0.0), origin="t", at=at)
    lists("show")


def test_an_exact_hit_in_the_store_has_no_distance(lists: Lists) -> None:
    imported(lists, MD5[0])
    said = lists("search", MD5[0]).stdout
    assert said.startswith("exact: own/")
    assert "bits" not in said


def test_what_waits_is_no_command_to_the_terminal(lists: Lists) -> None:
    imported(lists, MD5[0])
    with ListStore.open(lists.folder / "lists.db") as store:
        proposals.propose(
            store,
            ListEntry(list="own", id="\u202ex", algorithm="md5", value=MD5[1]),
            "seen\x1b[31m",
            origin="case\n7",
            at=datetime(2026, 1, 1, tzinfo=UTC),
        )
    said = lists("waiting", code=1).stdout
    assert r"own/\u202ex" in said
    assert "\x1b" not in said
    assert "by case 7: seen" in said


def test_what_waits_is_said_in_words(lists: Lists) -> None:
    imported(lists, *MD5[:10])
    imported(lists, MD5[0], code=1)
    said = lists("waiting", code=1).stdout
    assert "removes 9 of 10 entries" in said
    assert not set("[]'") & set(said)


def test_a_removal_that_is_lifted_says_that_the_entry_can_come_back(lists: Lists) -> None:
    imported(lists, *MD5[:10])
    lists("remove", "own", MD5[0])
    assert imported(lists, *MD5[:10])["withheld"] == 1
    said = lists("approve", "own", MD5[0]).stdout
    assert f"{MD5[0]}: imports no longer leave it out" in said
    assert imported(lists, *MD5[:10])["added"] == 1


def test_a_file_that_is_given_to_search_is_not_taken_for_a_value_in_the_store(
    lists: Lists,
) -> None:
    file = lists.write(*MD5[:5])
    lists("import", file, "--format", "signals")
    assert "is a file: look up its hashes" in lists("search", file, code=1).stdout


def test_an_import_names_the_categories_that_nobody_gave_a_role(lists: Lists) -> None:
    catalogue = lists.folder / "lists.toml"
    listed = '[[list]]\nname = "own"\nfile = "own.csv"\nroles = { known = "block" }\n'
    catalogue.write_text(listed)
    (lists.folder / "own.csv").write_text(
        f"algorithm,value,category\nmd5,{MD5[0]},known\nmd5,{MD5[1]},A-1\nmd5,{MD5[2]},A-2\n"
    )
    (told,) = lists.json("import", str(catalogue), "--dry-run")
    assert told["unnamed_categories"] == {"A-1": 1, "A-2": 1}
    said = lists("import", str(catalogue)).stdout
    assert "2 rows have a category that `roles` does not name (A-1, A-2): only observed" in said
    by_hand = lists("import", str(lists.folder / "own.csv")).stdout
    assert "(A-1, A-2): only observed" in by_hand, "the store knows the list's roles"
    catalogue.write_text(listed.replace(" }", ', A-1 = "observe", A-2 = "hold" }'))
    assert "does not name" not in lists("import", str(catalogue)).stdout
    catalogue.write_text(f'{listed}default_role = "observe"\n')
    assert "does not name" not in lists("import", str(catalogue)).stdout


def test_a_dry_run_without_the_stores_folder_fails_as_the_import_would(lists: Lists) -> None:
    file = lists.write(MD5[0])
    nowhere = str(lists.folder / "none" / "lists.db")
    for dry_run in ([], ["--dry-run"]):
        arguments = ["import", file, "--format", "signals", "--store", nowhere, *dry_run]
        assert CliRunner().invoke(app, arguments).exit_code == 2


def test_what_waits_is_told_with_its_algorithm_and_the_true_reason(lists: Lists) -> None:
    values = [f"{'01a5' * 15}{n:04x}" for n in (1, 2)]
    blurry, theirs = (f"pdq,{value}" for value in values)
    (lists.folder / "own.csv").write_text(
        f"id,algorithm,value,status,quality\na,{blurry},,0\na,phash,{'0' * 16},,\n"
        f"b,{theirs},pending,90\n"
    )
    lists("import", str(lists.folder / "own.csv"), code=1)
    waiting = lists.json("waiting", code=1)["held"]
    assert [(held["entry"], held["algorithm"], held["reason"]) for held in waiting] == [
        ("a", "pdq", "a PDQ of quality 0, below 50"),
        ("a", "phash", "the hash of a flat picture"),
        ("b", "pdq", "held by its source, or of too low a quality"),
    ]
    shown = lists("waiting", code=1).stdout
    assert "own/a: pdq held: a PDQ of quality 0, below 50" in shown
    assert "own/a: phash held: the hash of a flat picture" in shown
    (lists.folder / "own.csv").write_text(
        f"id,algorithm,value,status,quality\na,{blurry},pending,90\n"
    )
    lists("import", str(lists.folder / "own.csv"))
    (held,) = lists.json("waiting", code=1)["held"]
    assert "of quality 0" not in held["reason"], "the quality is another now"
