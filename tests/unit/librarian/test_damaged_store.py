"""A store with a changed byte opens, or is refused by name; nothing else."""

from contextlib import suppress
from pathlib import Path

from matchers.lists.librarian.schema import UnusableStore, connect

SCHEMA_BYTES = 8192
"""The first page, with the beginning of the tables' words."""


def test_whatever_byte_of_the_tables_words_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "lists.db"
    database = connect(path)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    whole = path.read_bytes()
    places = [n for n in range(100, SCHEMA_BYTES, 7) if whole[n]]
    assert len(places) > 100
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 128
        path.write_bytes(damaged)
        with suppress(UnusableStore):
            connect(path).close()
        for left in ("-wal", "-shm"):
            Path(f"{path}{left}").unlink(missing_ok=True)
