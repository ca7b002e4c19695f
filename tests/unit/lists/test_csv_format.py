import csv
import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matchers.lists.csv_format import UnreadableList, read_csv

MD5 = "0123456789abcdef0123456789abcdef"


def test_a_row_says_all_that_an_entry_holds() -> None:
    rows = read_csv(
        [
            "id,algorithm,value,category,role,labels,status,updated_at,provenance\n",
            f" x1 ,MD5,{MD5.upper()},known,hold,a; b|c,observed,2026-01-02T03:04:05Z,batch 7\n",
        ],
        "sample",
    )
    (entry,) = rows.entries
    assert (entry.list, entry.id, entry.algorithm, entry.value) == ("sample", "x1", "md5", MD5)
    assert (entry.category, entry.role, entry.status) == ("known", "hold", "observed")
    assert entry.labels == ("a", "b", "c")
    assert entry.updated_at is not None
    assert entry.updated_at.isoformat() == "2026-01-02T03:04:05+00:00"
    assert entry.provenance == "batch 7"
    assert rows.rejected == []


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1,md5,xyz", "32 hexadecimal digits"),
        ("1,md5,", "the value is empty"),
        (f"1,md4,{MD5}", "unknown algorithm 'md4'"),
        (f"1,,{MD5}", "names no algorithm"),
        (f"1,md5,{MD5},known,destroy", "unknown role"),
        ("1,url,mailto:a@b.example", "not a URL"),
        ("1,url,co.uk", "public suffix"),
        (f"0,md5,{MD5}", "a repeat of line 2"),
    ],
)
def test_a_bad_row_is_reported_and_the_rest_goes_in(row: str, reason: str) -> None:
    lines = ["id,algorithm,value,category,role\n", f"0,md5,{MD5}\n", row + "\n", f"2,md5,{MD5}\n"]
    rows = read_csv(lines, "sample")
    assert [entry.id for entry in rows.entries] == ["0", "2"]
    ((line, why),) = rows.rejected
    assert line == 3
    assert reason in why


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (f"1,md5,{hashlib.md5(b'').hexdigest()}", "empty file"),
        (f"1,sha256,{hashlib.sha256(b'').hexdigest()}", "empty file"),
        (f"1,pdq,{'F' * 64}", "flat picture"),
        (f"1,phash,{'0' * 16}", "flat picture"),
        (f"1,pdq,{'0f' * 32},49", "quality 49"),
    ],
)
def test_a_hash_that_says_nothing_waits_for_approval(row: str, reason: str) -> None:
    rows = read_csv(
        ["id,algorithm,value,quality,status\n", f"{row}\n", f"2,pdq,{'0f' * 32},50,active\n"],
        "sample",
    )
    assert [entry.status for entry in rows.entries] == ["pending", "active"]
    ((line, why),) = rows.held
    assert line == 2
    assert reason in why


def test_unknown_columns_drop_nothing_and_are_named() -> None:
    rows = read_csv(["value,colour,algorithm\n", f"{MD5},red,md5\n"], "sample")
    assert [entry.id for entry in rows.entries] == [MD5]
    assert rows.unknown_columns == ("colour",)


def test_columns_are_mapped_and_the_algorithm_is_the_lists() -> None:
    rows = read_csv(["hash,x\n", f"{MD5},1\n"], "sample", {"value": "HASH"}, "md5")
    assert [entry.value for entry in rows.entries] == [MD5]


@pytest.mark.parametrize(
    ("lines", "columns", "why"),
    [
        ([], {}, "empty"),
        (["id,algorithm\n"], {}, "no column value"),
        (["id,value\n"], {}, "no column algorithm"),
        (["id,value,algorithm\n"], {"value": "hash"}, "no column 'hash'"),
        (["id,value,algorithm\n"], {"hash": "value"}, "columns maps 'hash'"),
    ],
)
def test_a_file_that_cannot_be_a_list_is_refused(
    lines: list[str], columns: dict[str, str], why: str
) -> None:
    with pytest.raises(UnreadableList, match=why):
        read_csv(lines, "sample", columns)


def test_algorithms_that_nothing_looks_up_yet_are_kept() -> None:
    rows = read_csv(["algorithm,value\n", "netclean,T1ABCD\n"], "sample")
    assert [(entry.algorithm, entry.value) for entry in rows.entries] == [("netclean", "T1ABCD")]


ONE_LINE = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=40)


@given(st.lists(st.lists(ONE_LINE, max_size=5), max_size=20))
def test_no_content_stops_the_reader_and_every_row_is_accounted_for(rows: list[list[str]]) -> None:
    out = io.StringIO()
    csv.writer(out).writerows([["id", "algorithm", "value"], *rows])
    text = out.getvalue()
    read = read_csv(io.StringIO(text, newline=""), "sample")
    filled = [row for row in rows if any(field.strip() for field in row)]
    assert len(read.entries) + len(read.rejected) == len(filled)


def test_one_quote_too_many_takes_no_other_row_with_it() -> None:
    good = [f"{n},md5,{n:032x},c\n" for n in range(1, 1000)]
    rows = read_csv(["id,algorithm,value,category\n", '0,md5,"abab\n', *good], "l")
    assert len(rows.entries) == len(good)
    assert [row.line for row in rows.rejected] == [2]
