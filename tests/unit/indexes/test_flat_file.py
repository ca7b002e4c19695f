import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from crc32c import crc32c

from matchers.indexes.flat_file import FlatFileWriter, UnusableFile, open_flat_file


def write(path: Path, kind: str = "sample") -> Path:
    with FlatFileWriter(path, kind) as file:
        file.section("numbers", "<u4", (3, 5))[:] = np.arange(15).reshape(3, 5)
        file.section("nothing", "<u8", (0, 4))
        file.section("octets", "|u1", (7,))[:] = 9
        file.finish({"say": "hello"})
    return path


def test_arrays_come_back_as_they_were_and_cannot_be_changed(tmp_path: Path) -> None:
    file = open_flat_file(write(tmp_path / "a"), "sample")
    assert file.meta == {"say": "hello"}
    assert file.arrays["numbers"].tolist() == np.arange(15).reshape(3, 5).tolist()
    assert file.arrays["nothing"].shape == (0, 4)
    assert file.arrays["octets"].tolist() == [9] * 7
    with pytest.raises(ValueError, match="read-only"):
        file.arrays["octets"][0] = 1


def test_a_changed_octet_is_refused_or_lies_between_the_arrays(tmp_path: Path) -> None:
    path = write(tmp_path / "a")
    whole = path.read_bytes()
    wanted = {name: array.copy() for name, array in open_flat_file(path, "sample").arrays.items()}
    unnoticed = 0
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        try:
            file = open_flat_file(path, "sample")
        except UnusableFile:
            continue
        unnoticed += 1
        assert all(np.array_equal(file.arrays[name], wanted[name]) for name in wanted)
    assert unnoticed < 2 * 64, "no more than what aligns two arrays"


def test_a_torn_file_is_refused_at_every_length(tmp_path: Path) -> None:
    path = write(tmp_path / "a")
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(UnusableFile, match=r"torn|not a file"):
            open_flat_file(path, "sample")


def test_a_foreign_file_and_another_kind_are_refused_by_name(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    foreign.write_bytes(b"PK\x03\x04" * 100)
    with pytest.raises(UnusableFile, match="foreign: not a file of Seawall's"):
        open_flat_file(foreign, "sample")
    with pytest.raises(UnusableFile, match="holds sample in format 1; wanted is other"):
        open_flat_file(write(tmp_path / "a"), "other")


@pytest.mark.parametrize("dtype", ["O", "|O", "|O8", "zz", ">u4", "|V4", "<U1"])
def test_sections_of_anything_but_numbers_are_refused_by_name(tmp_path: Path, dtype: str) -> None:
    path = write(tmp_path / "a")
    whole = path.read_bytes()
    tail = struct.Struct("<QQI8s")
    at, length, _, end = tail.unpack_from(whole, len(whole) - tail.size)
    told = whole[at : at + length].replace(b'"<u4"', f'"{dtype}"'.encode())
    path.write_bytes(whole[:at] + told + tail.pack(at, len(told), crc32c(told), end))
    with pytest.raises(UnusableFile, match="section numbers made by another version: compile it"):
        open_flat_file(path, "sample")


def test_work_that_fails_leaves_nothing_and_the_old_file_in_place(tmp_path: Path) -> None:
    path = write(tmp_path / "a")
    before = path.read_bytes()
    with pytest.raises(ValueError, match="negative"), FlatFileWriter(path, "sample") as file:
        file.section("numbers", "<u4", (-9,))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_two_processes_share_one_copy(tmp_path: Path) -> None:
    path = tmp_path / "big"
    with FlatFileWriter(path, "sample") as file:
        file.section("numbers", "<u8", (4_000_000,))[:] = 1
        file.finish({})
    script = (
        "import sys; from pathlib import Path\n"
        "from matchers.indexes.flat_file import open_flat_file\n"
        "file = open_flat_file(Path(sys.argv[1]), 'sample')\n"
        "print('open', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(path)]
    readers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        for reader in readers:
            assert reader.stdout is not None
            assert reader.stdout.readline() == "open\n"
        shares = [_share_of(reader.pid, str(path)) for reader in readers]
    finally:
        for reader in readers:
            reader.communicate("")
    assert all(0 < share <= path.stat().st_size * 0.6 for share in shares), shares


def _share_of(pid: int, path: str) -> int:
    """Proportional set size of a process's mapping of a file, in bytes."""
    smaps = Path(f"/proc/{pid}/smaps")
    if not smaps.exists():
        pytest.skip("no /proc/PID/smaps on this system")
    share, inside = 0, False
    for line in smaps.read_text().splitlines():
        if "-" in line.split(" ", 1)[0]:
            inside = line.endswith(path)
        elif inside and line.startswith("Pss:"):
            share += int(line.split()[1]) * 1024
    return share


def test_two_writers_of_one_file_do_not_touch_each_others(tmp_path: Path) -> None:
    """Processes of two containers that share a volume can have the same number."""
    path = tmp_path / "file"
    with FlatFileWriter(path, "sample") as first, FlatFileWriter(path, "sample") as second:
        assert len(list(tmp_path.iterdir())) == 2
        for writer, value in ((first, 1), (second, 2)):
            writer.section("numbers", "<u4", (10_000 * value,))[:] = value
        for writer, value in ((first, 1), (second, 2)):
            writer.finish({})
            assert set(open_flat_file(path, "sample").arrays["numbers"].tolist()) == {value}
    assert list(tmp_path.iterdir()) == [path]
