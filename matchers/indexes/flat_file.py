"""Flat files of arrays, memory-mapped: one copy in memory serves every process on a host.

Layout: a magic number; sections, each an array at a multiple of 64 bytes; a table of contents
(JSON: kind, format, meta, and of each section its name, dtype, shape, offset and CRC-32C); a tail
of fixed size with the table's place and CRC. The tail is written last, to a file of another name
that takes the real one when it is whole and on disk: a torn file cannot pass for a whole one.
"""

import fcntl
import math
import mmap
import os
import re
import secrets
import struct
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, cast

import msgspec
import numpy as np
from crc32c import crc32c
from msgspec import Struct
from numpy.typing import NDArray

FORMAT = 1
"""Raised when the meaning of any section changes; other numbers are refused."""

_MAGIC = b"SEAWALL\x00"
_END = b"LLAWAES\x00"
_TAIL = struct.Struct("<QQI8s")
"""Offset, length and CRC-32C of the table of contents, and the magic number of the end."""
_ALIGNMENT = 64
_CRC_STEP = 1 << 26
_NUMBERS = re.compile(r"\|[iu]1|<[iu][248]|<f[48]")
"""Dtypes of sections: never objects, which are pointers."""
_DIMENSIONS = 2

AnyArray = NDArray[Any]


class UnusableFile(ValueError):
    """A file cannot be used: foreign, torn, changed, or of another format. Says which and why."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path


class _Section(Struct, frozen=True):
    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    crc32c: int


class _Contents(Struct, frozen=True):
    kind: str
    format: int
    meta: dict[str, Any]
    sections: tuple[_Section, ...]


class FlatFile(NamedTuple):
    """An open file: arrays by name, read-only, backed by the file.

    `written_over` says whether somebody has written to it since it was opened, so that the arrays
    may hold anything; not whether another file has taken its name, which leaves them as they were.
    """

    meta: Mapping[str, Any]
    arrays: Mapping[str, AnyArray]
    size: int
    written_over: Callable[[], bool]


class FlatFileWriter:
    """Writes one file, section by section. As a context manager it removes what it wrote when the
    work fails; nothing appears under `path` before `finish`."""

    def __init__(self, path: Path, kind: str) -> None:
        self._path = path
        self._kind = kind
        # A process's number is another's too, in another container.
        self._partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}.partial")
        # Lists are nobody's business but their owner's and their group's.
        descriptor = os.open(self._partial, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o640)
        lock(descriptor)
        self._file = os.fdopen(descriptor, "w+b")
        self._file.write(_MAGIC)
        self._end = len(_MAGIC)
        self._sections: list[tuple[str, np.memmap[Any, Any] | AnyArray, int]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        self._partial.unlink(missing_ok=True)

    def section(self, name: str, dtype: str, shape: tuple[int, ...]) -> AnyArray:
        """A new array in the file, of zeros, to be filled in place: its pages are the file's, so
        that however large it is it takes no memory that the system cannot have back."""
        offset = -(-self._end // _ALIGNMENT) * _ALIGNMENT
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        self._end = offset + size
        self._file.truncate(self._end)
        array: AnyArray = (
            np.memmap(self._file, dtype, "r+", offset, shape) if size else np.zeros(shape, dtype)
        )
        self._sections.append((name, array, offset))
        return array

    def finish(self, meta: Mapping[str, Any]) -> None:
        """Write checksums and contents, bring all to disk, and give the file its name."""
        sections: list[_Section] = []
        for name, array, offset in self._sections:
            if isinstance(array, np.memmap):
                array.flush()
            sections.append(_Section(name, array.dtype.str, array.shape, offset, _checksum(array)))
        self._sections.clear()
        contents = msgspec.json.encode(_Contents(self._kind, FORMAT, dict(meta), tuple(sections)))
        self._file.seek(self._end)
        self._file.write(contents)
        self._file.write(_TAIL.pack(self._end, len(contents), crc32c(contents), _END))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._partial.replace(self._path)
        directory = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def lock(descriptor: int, *, wait: bool = False) -> bool:
    """Lock an open file or directory until it is closed, to say that somebody works there; false
    where another does (unless that is to be waited for), or the file system cannot tell."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def open_flat_file(path: Path, kind: str) -> FlatFile:
    """Map a file and check all of it (at several gigabytes a second where it is in memory).

    Raises `UnusableFile` when it is not a whole, unchanged file of this kind and format, and
    `OSError` when it cannot be read.
    """
    with path.open("rb") as file:
        original = _Original(file.fileno())
        size = original.size
        if file.read(len(_MAGIC)) != _MAGIC:
            raise UnusableFile(path, "not a file of Seawall's")
        if size < len(_MAGIC) + _TAIL.size:
            raise UnusableFile(path, "torn: its end is missing")
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    at, length, checksum, end = cast(
        tuple[int, int, int, bytes], _TAIL.unpack_from(mapped, size - _TAIL.size)
    )
    if end != _END or at + length + _TAIL.size != size:
        raise UnusableFile(path, "torn: its end is missing")
    encoded = mapped[at : at + length]
    if crc32c(encoded) != checksum:
        raise UnusableFile(path, "its table of contents was changed")
    contents = _contents(path, encoded)
    if contents.kind != kind or contents.format != FORMAT:
        raise UnusableFile(
            path,
            f"holds {contents.kind} in format {contents.format}; "
            f"wanted is {kind} in format {FORMAT}: compile it again",
        )
    arrays: dict[str, AnyArray] = {}
    for section in contents.sections:
        if not _fits(section, at):
            raise UnusableFile(
                path, f"section {section.name} made by another version: compile it anew"
            )
        count = math.prod(section.shape)
        array = np.frombuffer(mapped, section.dtype, count, section.offset)
        if _checksum(array) != section.crc32c:
            raise UnusableFile(path, f"section {section.name} was changed")
        arrays[section.name] = array.reshape(section.shape)
    return FlatFile(contents.meta, arrays, size, original.written_over)


class _Original:
    """What a file was when it was opened. Holds it open: its name may be another's by now."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = os.dup(descriptor)
        weakref.finalize(self, os.close, self._descriptor)
        status = os.fstat(descriptor)
        self.size = status.st_size
        self._modified = status.st_mtime_ns

    def written_over(self) -> bool:
        """Not by the time of change of the inode, which a rename moves too."""
        try:
            status = os.fstat(self._descriptor)
        except OSError:
            return True  # on a server that has let go of it: the pages are gone as well
        return (status.st_size, status.st_mtime_ns) != (self.size, self._modified)


def _contents(path: Path, encoded: bytes) -> _Contents:
    try:
        return msgspec.json.decode(encoded, type=_Contents)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnusableFile(path, f"its table of contents is of another format: {error}") from error


def _fits(section: _Section, end: int) -> bool:
    """Whether a section holds numbers, in the file's own order, and lies where sections do."""
    return (
        _NUMBERS.fullmatch(section.dtype) is not None
        and len(section.shape) <= _DIMENSIONS
        and all(0 <= length <= end for length in section.shape)
        and section.offset >= len(_MAGIC)
        and section.offset % _ALIGNMENT == 0
        and section.offset + math.prod(section.shape) * int(section.dtype[2:]) <= end
    )


def _checksum(array: AnyArray) -> int:
    octets = memoryview(array.reshape(-1).view(np.uint8).data)
    checksum = 0
    for start in range(0, len(octets), _CRC_STEP):
        checksum = crc32c(octets[start : start + _CRC_STEP], checksum)
    return checksum
