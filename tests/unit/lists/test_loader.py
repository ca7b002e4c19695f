from datetime import UTC, datetime
from pathlib import Path

import pytest

from matchers.lists.csv_format import UnreadableList
from matchers.lists.loader import files_of, load_matcher, read_lists

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROW = "id,algorithm,value\n1,md5," + "11" * 16 + "\n"


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_catalogue_names_several_lists(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", ROW)
    write(tmp_path / "b.csv", "hash\n" + "22" * 20 + "\n")
    catalogue = write(
        tmp_path / "lists.toml",
        """
        [[list]]
        name = "a"
        file = "a.csv"
        source_kind = "hotline"
        verified_by = "Example"
        roles = { known = "block" }
        [[list]]
        name = "b"
        file = "b.csv"
        algorithm = "sha1"
        columns = { value = "hash" }
        """,
    )
    a, b = read_lists([catalogue])
    assert (a.info.source_kind, a.info.role("known"), a.info.role("other")) == (
        "hotline",
        "block",
        "observe",
    )
    assert b.entries[0].algorithm == "sha1"
    assert set(files_of([catalogue])) == {catalogue, tmp_path / "a.csv", tmp_path / "b.csv"}
    assert load_matcher([catalogue], loaded_at=NOW).entries == 2


def test_a_csv_alone_is_a_list_of_ones_own_that_is_only_observed(tmp_path: Path) -> None:
    (file,) = read_lists([write(tmp_path / "mine.csv", ROW)])
    assert (file.info.name, file.info.source_kind, file.info.role("any")) == (
        "mine",
        "own",
        "observe",
    )


def test_a_side_file_says_what_a_csv_is(tmp_path: Path) -> None:
    write(tmp_path / "mine.toml", 'source_kind = "industry"\ndefault_role = "review"\n')
    (file,) = read_lists([write(tmp_path / "mine.csv", ROW)])
    assert (file.info.name, file.info.source_kind) == ("mine", "industry")
    assert file.info.role("any") == "review"


@pytest.mark.parametrize(
    ("toml", "why"),
    [
        ("[[list]\n", "not TOML"),
        ('[[list]]\nname = "a"\n', "names no file"),
        ('[[list]]\nname = "a"\nfile = "none.csv"\n', "none.csv: No such file"),
        ('[[list]]\nname = "a"\nfile = "a.csv"\nrolls = 1\n', "rolls"),
        ('[[list]]\nname = "a"\nfile = "a.csv"\ndefault_role = "burn"\n', "burn"),
        ('[[list]]\nname = "a"\nfile = "a.csv"\nobserve_hours = inf\n', "observe_hours"),
        (2 * '[[list]]\nname = "a"\nfile = "a.csv"\n', "second list"),
        ('[[list]]\nname = "a"\nfile = "a.csv"\ncolumns = { value = "x" }\n', "no column 'x'"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(tmp_path: Path, toml: str, why: str) -> None:
    write(tmp_path / "a.csv", ROW)
    with pytest.raises(UnreadableList, match=why) as refused:
        read_lists([write(tmp_path / "lists.toml", toml)])
    assert str(tmp_path) in str(refused.value)


def test_a_byte_order_mark_is_no_part_of_a_file_about_lists(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", ROW)
    toml = write(tmp_path / "lists.toml", '\ufeff[[list]]\nname = "l"\nfile = "a.csv"\n')
    assert toml.read_bytes().startswith(b"\xef\xbb\xbf")
    assert len(read_lists([toml])) == 1


def test_a_list_that_is_not_utf8_says_so(tmp_path: Path) -> None:
    latin, wide = tmp_path / "latin.csv", tmp_path / "wide.csv"
    latin.write_bytes(ROW.encode() + "ä,md5,0123456789abcdef0123456789abcdef\n".encode("latin-1"))
    (file,) = read_lists([latin])
    assert len(file.entries) == 1
    assert [row.reason for row in file.rejected] == ["not UTF-8"]
    wide.write_text(ROW, encoding="utf-16")
    with pytest.raises(UnreadableList, match=r"wide\.csv: .*convert it to UTF-8"):
        read_lists([wide])


def test_odd_dates_keep_no_list_from_loading(tmp_path: Path) -> None:
    rows = "id,algorithm,value,updated_at\n"
    for number, time in enumerate(
        ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01", "9999-12-31"]
    ):
        rows += f"{number},md5,{number + 1:032x},{time}\n"
    assert load_matcher([write(tmp_path / "odd.csv", rows)], loaded_at=NOW).entries == 2


def test_a_catalogue_with_the_name_of_its_csv_says_what_that_is(tmp_path: Path) -> None:
    own = write(tmp_path / "own.csv", ROW)
    other = write(tmp_path / "other.csv", ROW)
    catalogue = write(
        tmp_path / "own.toml",
        '[[list]]\nname = "ours"\nfile = "own.csv"\ndefault_role = "hold"\n'
        '[[list]]\nname = "theirs"\nfile = "other.csv"\n',
    )
    (file,) = read_lists([own])
    assert (file.info.name, file.info.default_role, file.path) == ("ours", "hold", own)
    assert [file.info.name for file in read_lists([catalogue])] == ["ours", "theirs"]
    other.rename(other.with_name("own.csv"))
    write(catalogue, '[[list]]\nname = "theirs"\nfile = "other.csv"\n')
    with pytest.raises(UnreadableList, match=r"own\.toml: .*does not name it: rename"):
        read_lists([own])


def test_what_can_be_no_address_is_rejected_by_its_line(tmp_path: Path) -> None:
    rows = "algorithm,value\nurl,not a url\nurl,listed.example/a page\nurl,https://a.example\n"
    (file,) = read_lists([write(tmp_path / "a.csv", rows)])
    assert [(row.line, "host would have a space" in row.reason) for row in file.rejected] == [
        (2, True)
    ]
    assert len(file.entries) == 2
