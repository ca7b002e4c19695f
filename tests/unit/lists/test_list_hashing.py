"""`seawall lists hash`: what it prints can be imported, and matches copies of the pictures."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from demo.pictures import EDITS, jpeg, landscape, plain
from matchers.hashing.digests import digests
from matchers.hashing.image import picture_hashes
from matchers.hashing.outcome import Limits, StillHashes
from matchers.lists.loader import load_matcher
from matchers.lists.matcher import HashQuery
from streams.cli.lists import app


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["hash", *map(str, arguments)])


def rows(result: Result) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(result.stdout)))


def still(content: bytes) -> StillHashes:
    (found,) = picture_hashes(content, Limits())
    assert isinstance(found, StillHashes)
    return found


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "name-of-the-file.jpg"
    path.write_bytes(jpeg(landscape(71)))
    return path


def test_a_hashed_picture_once_imported_matches_its_resized_copy(
    picture: Path, tmp_path: Path
) -> None:
    result = run(picture, "--category", "benign")
    assert result.exit_code == 0, result.output
    assert "name-of-the-file" not in result.stdout
    listed = tmp_path / "own.csv"
    listed.write_text(result.stdout)
    (tmp_path / "own.toml").write_text('roles = { benign = "allow" }\n')
    matcher = load_matcher([listed], loaded_at=datetime(2026, 11, 26, tzinfo=UTC))
    copy = still(EDITS["resized"](landscape(71)))
    query = HashQuery("pdq", bytes.fromhex(copy.pdq), copy.quality)
    ((match,),) = matcher.match_hashes([query])
    assert (match.algorithm, match.role, match.distance) != ("pdq", "allow", 0)
    assert match.role == "allow"

    store = ("--store", str(tmp_path / "lists.db"))
    imported = CliRunner().invoke(app, ["import", str(listed), "--json", *store])
    assert imported.exit_code == 0, imported.output
    assert json.loads(imported.stdout)[0]["added"] == 3
    assert CliRunner().invoke(app, ["search", copy.pdq, *store]).exit_code == 0


def test_the_hashes_are_the_exact_ones_and_the_id_is_the_file_s_own(picture: Path) -> None:
    content = picture.read_bytes()
    exact, sha256 = still(content), digests(content).sha256
    found = rows(run(picture, picture))
    assert [(row["algorithm"], row["value"], row["quality"]) for row in found] == [
        ("sha256", sha256, ""),
        ("pdq", exact.pdq, str(exact.quality)),
        ("phash", exact.phash, ""),
    ]
    assert {row["id"] for row in found} == {sha256[:16]}


def test_ids_are_counted_where_a_name_is_given(picture: Path) -> None:
    found = rows(run(picture, picture, "--id", "avatar"))
    assert [row["id"] for row in found] == ["avatar-1"] * 3 + ["avatar-2"] * 3


def test_files_that_are_no_pictures_are_named_and_the_rest_is_printed(
    picture: Path, tmp_path: Path
) -> None:
    text, broken, flat = tmp_path / "a.txt", tmp_path / "b.jpg", tmp_path / "c.jpg"
    text.write_text("no picture")
    broken.write_bytes(picture.read_bytes()[:2000])
    flat.write_bytes(jpeg(plain(1)))
    missing = tmp_path / "missing.png"
    result = run(text, missing, broken, flat, picture)
    assert result.exit_code == 1
    assert f"{text}: neither a picture nor a video" in result.stderr
    assert f"{missing}: cannot be read: No such file" in result.stderr
    assert f"{broken}: not decoded, or not wholly: truncated" in result.stderr
    assert f"{flat}: pdq: " in result.stderr
    assert "an import holds it until it is approved" in result.stderr
    assert [row["algorithm"] for row in rows(result)][-3:] == ["sha256", "pdq", "phash"]
    as_json = json.loads(run(text, picture, "--json").stdout)
    assert [note["file"] for note in as_json["notes"]] == [1]
    assert as_json["entries"][2]["quality"] == still(picture.read_bytes()).quality


def test_a_category_that_no_list_can_have_is_refused(picture: Path) -> None:
    result = run(picture, "--category", "x" * 300)
    assert result.exit_code == 2
    assert "category" in result.stderr


def test_help_says_what_json_is_instead_of() -> None:
    said = run("--help").stdout
    assert "Print JSON instead of CSV." in said
    assert "instead of a table" not in said
