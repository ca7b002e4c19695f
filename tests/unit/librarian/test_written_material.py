"""Texts in, signatures in the store, signatures out."""

import io
from datetime import UTC, datetime
from pathlib import Path

from matchers.hashing.text import minhash, shingles
from matchers.lists.entry import ListInfo
from matchers.lists.formats.registry import read_feed
from matchers.lists.matcher import HashQuery, ListMatcher
from tests.unit.hashing.prose import edited, prose
from tests.unit.librarian.test_store_commands import Lists

TLSH = "T1DFB092A1724AC2C0D3CA48452291EA04A5B75EB903A6E7577A54118FFA8148E98F9426"


def test_python_threatexchanges_lines_go_in_and_come_out(tmp_path: Path) -> None:
    lists = Lists(tmp_path)
    file = tmp_path / "own.txt"
    file.write_text(f"raw_text {prose(1, 60)}\ntext_tlsh {TLSH}\nraw_text too short\n")
    (tmp_path / "lists.toml").write_text(
        '[[list]]\nname = "own"\nfile = "own.txt"\nformat = "signals"\nredistribute = true\n'
    )
    (said,) = lists.json("import", str(tmp_path / "lists.toml"), code=1)
    assert (said["added"], [row["line"] for row in said["rejected"]]) == (2, [3])
    assert prose(1, 60).split()[0].encode() not in (tmp_path / "lists.db").read_bytes()
    lists("export", "own", "--out", str(file), "--format", "signals")
    signature = (minhash(prose(1, 60)) or b"").hex()
    assert sorted(file.read_text().splitlines()) == sorted(
        [f"minhash {signature}", f"text_tlsh {TLSH}"]
    )
    (again,) = lists.json("import", str(tmp_path / "lists.toml"))
    assert (again["added"], again["removed"], again["rejected"]) == (0, 0, [])


def test_a_listed_text_gets_a_short_id_of_its_own_and_is_matched() -> None:
    csv = io.StringIO()
    csv.write("algorithm,value,category\n")
    for seed in range(5):
        csv.write(f"minhash,{prose(seed, 60)},known\n")
    feed = read_feed(csv.getvalue().encode(), "csv", "own")
    entries = list(feed.entries)
    assert len({entry.id for entry in entries}) == 5
    assert all(len(entry.id) == 32 for entry in entries)
    matcher = ListMatcher(
        {"own": ListInfo(name="own")}, entries, loaded_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    query = shingles(edited(prose(3, 60), 3, 0.05)) or b""
    ((match,),) = matcher.match_hashes([HashQuery("minhash", query)])
    assert match.entry == entries[3].id
