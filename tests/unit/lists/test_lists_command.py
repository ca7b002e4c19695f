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
    [("11" * 16, 0), ("https://www.bad.example/x", 0), ("22" * 16, 1), ("other.example", 1)],
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
