"""Writes committed records to JSONL files, each record once.

How far a partition is archived stands in its files' names, and nowhere else: a file is written
under another name, and takes its own, `<first offset>-<offset after the last>.jsonl`, when it is
whole and on disk. What a crash leaves unfinished is written anew.
"""

import fcntl
import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from streams.kafka.client import Record, TopicPartition

_NAME = re.compile(r"(\d{20})-(\d{20})\.jsonl")
_UNFINISHED = ".unfinished"


class ArchiveError(Exception):
    """The archive cannot go on; the message says where and why."""


class Line(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A line. `at` is the record's time in milliseconds since the epoch. A value that is JSON
    stands in `value` as it is, any other in `value_base64`; a key that is no UTF-8 likewise."""

    offset: int
    at: int
    key: str | None = None
    key_base64: bytes | None = None
    headers: dict[str, str] = {}
    value: msgspec.Raw | None = None
    value_base64: bytes | None = None


class Archive:
    """The files of a folder: `<topic>/<partition>/<first>-<next>.jsonl`, readable by their owner
    alone. Use it within `archive`, which keeps a second writer out."""

    def __init__(self, folder: Path, rotate_bytes: int) -> None:
        self._folder = folder
        self._rotate_bytes = rotate_bytes
        self._open: dict[TopicPartition, _Part] = {}

    def position(self, topic: str, partition: int) -> int | None:
        """The offset after the last that is archived; `None` before the first.

        Raises `ArchiveError` when files overlap or a name is none of the archive's.
        """
        after: int | None = None
        for path in sorted(self._place(topic, partition).glob("*.jsonl")):
            name = _NAME.fullmatch(path.name)
            if name is None:
                raise ArchiveError(f"{path}: not a file of the archive; put it elsewhere")
            first, following = int(name[1]), int(name[2])
            if first < (after or 0) or following <= first:
                raise ArchiveError(f"{path}: overlaps with the file before it")
            after = following
        return after

    def write(self, record: Record) -> None:
        """Add a record. Records of a partition come in the order of their offsets."""
        tp = TopicPartition(record.topic, record.partition)
        part = self._open.get(tp)
        if part is None:
            place = self._place(*tp)
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            for left in place.glob(f"*{_UNFINISHED}"):
                left.unlink()
            part = self._open[tp] = _Part(place, record.offset)
        part.write(record)
        if part.size >= self._rotate_bytes:
            self._finish(tp)

    def finish(self) -> list[Path]:
        """Make whole what is open: the new files."""
        return [self._finish(tp) for tp in list(self._open)]

    def _finish(self, tp: TopicPartition) -> Path:
        return self._open.pop(tp).finish()

    def _place(self, topic: str, partition: int) -> Path:
        return self._folder / topic / str(partition)


class _Part:
    """A file that is being written."""

    def __init__(self, place: Path, first: int) -> None:
        self._place = place
        self._first = first
        self._next = first
        self._path = place / f"{first:020}{_UNFINISHED}"
        descriptor = os.open(self._path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        self._file: BinaryIO = os.fdopen(descriptor, "wb")
        self.size = 0

    def write(self, record: Record) -> None:
        line = msgspec.json.encode(line_of(record)) + b"\n"
        self._file.write(line)
        self.size += len(line)
        self._next = record.offset + 1

    def finish(self) -> Path:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        whole = self._place / f"{self._first:020}-{self._next:020}.jsonl"
        self._path.rename(whole)
        folder = os.open(self._place, os.O_RDONLY)
        try:
            os.fsync(folder)  # the name, too, is on disk
        finally:
            os.close(folder)
        return whole


def line_of(record: Record) -> Line:
    """A record as a line."""
    line = Line(offset=record.offset, at=record.timestamp)
    if record.key is not None:
        try:
            line.key = record.key.decode()
        except UnicodeDecodeError:
            line.key_base64 = record.key
    line.headers = {name: value.decode("utf-8", "replace") for name, value in record.headers}
    if record.value is not None:
        if _is_json(record.value):
            line.value = msgspec.Raw(record.value)
        else:
            line.value_base64 = record.value
    return line


@contextmanager
def archive(folder: Path, rotate_bytes: int) -> Generator[Archive]:
    """The archive in a folder, made where there is none.

    Raises `ArchiveError` when the folder cannot be used, or another process writes there.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        raise ArchiveError(f"{folder}: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ArchiveError(f"{folder}: another process archives there") from error
        yield Archive(folder, rotate_bytes)


def _is_json(value: bytes) -> bool:
    if b"\n" in value:
        return False  # a line must stay a line
    try:
        msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
