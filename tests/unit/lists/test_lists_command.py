import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from streams.cli.lists import app
from tests.unit.hashing.prose import edited, prose

run = CliRunner()


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    (tmp_path / "a.csv").write_text(
        f"id,algorithm,value,category\n1,md5,{'11' * 16},known\n2,url,bad.example,known\n",
        encoding="utf-8",
    )
    path = tmp_path / "lists.toml"
    path.write_text(
        '[[list]]\nname = "a"\nfile = "a.csv"\nroles = { known = "block" }\n', encoding="utf-8"
    )
    return path


def test_check_ends_with_0_when_all_goes_in(catalogue: Path) -> None:
    result = run.invoke(app, ["check", str(catalogue)])
    assert result.exit_code == 0
    assert "2 accepted, 0 of them held until approved, 0 rejected" in result.output


def test_check_ends_with_1_and_names_the_line(catalogue: Path) -> None:
    with (catalogue.parent / "a.csv").open("a", encoding="utf-8") as rows:
        rows.write("3,md5,xyz,known\n")
    result = run.invoke(app, ["check", "--json", str(catalogue)])
    assert result.exit_code == 1
    ((rejected,),) = [file["rejected"] for file in json.loads(result.output)]
    assert rejected["line"] == 4


def test_check_names_the_categories_that_nobody_gave_a_role(catalogue: Path) -> None:
    with (catalogue.parent / "a.csv").open("a", encoding="utf-8") as rows:
        rows.write(f"3,md5,{'33' * 16},A-1\n")
    result = run.invoke(app, ["check", str(catalogue)])
    assert result.exit_code == 1
    assert "1 row has a category that `roles` does not name (A-1): only observed" in result.output
    with (catalogue.parent / "a.csv").open("a", encoding="utf-8") as rows:
        rows.write(f"4,md5,{'44' * 16},\n")
    result = run.invoke(app, ["check", str(catalogue)])
    assert "2 rows have a category" in result.output
    assert "(no category, A-1)" in result.output
    (told,) = json.loads(run.invoke(app, ["check", "--json", str(catalogue)]).output)
    assert told["unnamed_categories"] == {"": 1, "A-1": 1}


@pytest.mark.parametrize(
    "said",
    [
        'roles = { known = "block", A-1 = "observe" }',
        'roles = { known = "block" }\ndefault_role = "review"',
        'roles = { known = "block" }\ndefault_role = "observe"',
    ],
)
def test_check_says_nothing_of_what_is_observed_by_somebodys_word(
    catalogue: Path, said: str
) -> None:
    text = catalogue.read_text(encoding="utf-8")
    catalogue.write_text(text.replace('roles = { known = "block" }', said), encoding="utf-8")
    with (catalogue.parent / "a.csv").open("a", encoding="utf-8") as rows:
        rows.write(f"3,md5,{'33' * 16},A-1\n")
    result = run.invoke(app, ["check", str(catalogue)])
    assert result.exit_code == 0
    assert "does not name" not in result.output


def test_a_row_with_a_role_of_its_own_needs_none_of_its_category(catalogue: Path) -> None:
    (catalogue.parent / "a.csv").write_text(
        f"id,algorithm,value,category,role\n1,md5,{'11' * 16},A-1,review\n", encoding="utf-8"
    )
    assert run.invoke(app, ["check", str(catalogue)]).exit_code == 0


def test_an_unreadable_file_ends_with_2(tmp_path: Path) -> None:
    for command in ("check", "show"):
        assert run.invoke(app, [command, str(tmp_path / "none.csv")]).exit_code == 2


def test_show_names_the_roles(catalogue: Path) -> None:
    shown = json.loads(run.invoke(app, ["show", "--json", str(catalogue)]).output)
    (a,) = shown["lists"]
    assert a["roles"] == {"known": "block"}
    assert a["entries"] == {"md5": 1, "url": 1}


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("11" * 16, 0),
        ("https://www.bad.example/x", 0),
        ("22" * 16, 1),
        ("other.example", 1),
        ("hxxps://www[.]bad[.]example/x", 0),
        ("https://a.example/?to=http%3A%2F%2Fbad.example", 0),
    ],
)
def test_search_says_what_a_value_matches(catalogue: Path, value: str, code: int) -> None:
    result = run.invoke(app, ["search", value, "--lists", str(catalogue)])
    assert result.exit_code == code


def test_compile_writes_what_show_and_search_can_read(catalogue: Path, tmp_path: Path) -> None:
    out = tmp_path / "lists.snapshot"
    result = run.invoke(app, ["compile", str(catalogue), "--out", str(out), "--json"])
    assert result.exit_code == 0
    version = json.loads(result.output)["version"]
    assert json.loads(run.invoke(app, ["show", "--json", str(out)]).output)["version"] == version
    assert run.invoke(app, ["search", "www.bad.example", "--lists", str(out)]).exit_code == 0
    assert run.invoke(app, ["search", "other.example", "--lists", str(out)]).exit_code == 1


def test_compile_refuses_another_ending(catalogue: Path, tmp_path: Path) -> None:
    result = run.invoke(app, ["compile", str(catalogue), "--out", str(tmp_path / "lists.bin")])
    assert result.exit_code == 2


def test_a_snapshot_that_is_torn_ends_with_2(catalogue: Path, tmp_path: Path) -> None:
    out = tmp_path / "lists.snapshot"
    run.invoke(app, ["compile", str(catalogue), "--out", str(out), "--json"])
    out.write_bytes(out.read_bytes()[:-3])
    assert run.invoke(app, ["show", str(out)]).exit_code == 2


def test_a_listed_text_is_found_and_never_kept(tmp_path: Path) -> None:
    listed, out = tmp_path / "texts.csv", tmp_path / "all.snapshot"
    listed.write_text(f'id,algorithm,value\nt-1,minhash,"{prose(1, 80)}"\n', encoding="utf-8")
    assert run.invoke(app, ["compile", str(listed), "--out", str(out)]).exit_code == 0
    assert prose(1, 80).split()[0].encode() not in out.read_bytes()
    found = run.invoke(app, ["search", edited(prose(1, 80), 1, 0.05), "--lists", str(out)])
    assert found.exit_code == 0
    assert "texts/t-1: minhash at" in found.output
    assert run.invoke(app, ["search", prose(2, 80), "--lists", str(out)]).exit_code == 1


@pytest.mark.parametrize(
    "command",
    [
        ["check", "b\udcff.csv"],
        ["show", "--store", "b\udcff.db"],
        ["search", "b\udcff", "--store", "none.db"],
        ["compile", "--out", "b\udcff.snapshot"],
        ["import", "b\udcff.csv", "--store", "none.db"],
        ["sync", "none.toml", "--list", "b\udcff"],
        ["remove", "a", "b\udcff", "--store", "none.db"],
        ["rollback", "b\udcff", "1"],
        ["approve", "a", "--change=b\udcff"],
        ["publish", "--store", "b\udcff"],
        ["diff", "b\udcff"],
        ["history", "a", "b\udcff"],
        ["export", "a", "--out", "b\udcff"],
        ["waiting", "b\udcff"],
        ["accept", "b\udcff"],
        ["b\udcff"],
    ],
)
def test_arguments_that_are_not_utf8_are_refused(command: list[str]) -> None:
    result = run.invoke(app, command)
    assert result.exit_code == 2
    assert r"'" in result.stderr
    assert r"b\udcff" in result.stderr
    assert "is not UTF-8" in result.stderr


def test_an_exact_match_has_no_distance(catalogue: Path) -> None:
    for value in ("11" * 16, "www.bad.example"):
        said = run.invoke(app, ["search", value, "--lists", str(catalogue)]).stdout
        assert "exact, known, block" in said
        assert " of 0" not in said


def test_nothing_of_a_file_is_a_command_to_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "a\x1b[31m.csv"
    assert "\x1b" not in run.invoke(app, ["check", str(path)]).stderr
    path = tmp_path / "a.csv"
    path.write_text(f"id,algorithm,value,\x1b[31mx\n1,md5,{'11' * 16},\n", encoding="utf-8")
    said = run.invoke(app, ["check", str(path)]).stdout
    assert "\x1b" not in said
    assert r"not used: \x1b[31mx" in said
    path.with_suffix(".toml").write_text(
        'verified_by = "[/x]"\nroles = { "\\u001b[31m" = "block" }\n', encoding="utf-8"
    )
    said = run.invoke(app, ["show", str(path)])
    assert said.exit_code == 0
    assert "\x1b" not in said.stdout
    assert "[/x]" in said.stdout


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("list = " + "[" * 5000 + "]" * 5000, "nested too deeply for any list"),
        ("list = " + "{a = " * 5000 + "1" + "}" * 5000, "nested too deeply for any list"),
        ("list = " + "[{a = " * 300 + "1" + "}]" * 300, "nested too deeply for any list"),
        ("\n" + ".".join("a" * 5000) + " = 1", "line 2: a key has more than 16 parts"),
        ("list = " + "9" * 5000, "digits"),
    ],
    ids=["arrays", "tables", "both", "key", "number"],
)
def test_deep_toml_is_refused_in_words(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "lists.toml"
    path.write_text(text, encoding="utf-8")
    store = str(tmp_path / "lists.db")
    for command in (["check"], ["import", "--store", store], ["sync", "--store", store]):
        result = run.invoke(app, [*command, str(path)])
        assert result.exit_code == 2
        assert str(path) in result.stderr.replace("\n", "")
        assert why in result.stderr


def test_a_file_that_is_given_to_search_is_not_taken_for_a_value(catalogue: Path) -> None:
    said = run.invoke(app, ["search", str(catalogue), "--lists", str(catalogue)])
    assert said.exit_code == 1
    assert "is a file: look up its hashes" in said.output
    said = run.invoke(app, ["search", "a" * 5000, "--lists", str(catalogue)])
    assert said.output.strip() == "nothing found"
