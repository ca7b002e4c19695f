"""Header names that are not UTF-8, in what kafka-python reads.

Kafka allows any bytes, and clients in C send them. kafka-python calls such a record corrupt, and
cannot go on behind it: one would end every tool that reads its topic.
"""

from typing import Any, SupportsIndex

from kafka.record import default_records, memory_records


class _Name(bytearray):
    """Bytes whose text has U+FFFD in place of what is not UTF-8."""

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, errors)


class _Payload(bytearray):
    """A batch's records, whose slices decode as `_Name`s."""

    def __getitem__(self, at: SupportsIndex | slice) -> Any:
        part = super().__getitem__(at)
        return _Name(part) if isinstance(part, bytearray) else part


_Batch: Any = default_records.DefaultRecordBatch


class _AnyNames(_Batch):
    """A record that cannot be parsed for its header's name is parsed again, from its beginning:
    kafka-python moves on only when it has parsed one."""

    __slots__ = ()

    def _read_msg(self) -> Any:
        parent: Any = super()
        try:
            return parent._read_msg()
        except UnicodeDecodeError:
            self._buffer = _Payload(self._buffer)
            return parent._read_msg()


def accept_any_header_name() -> None:
    """From now on, in every consumer of this process, such a name is read with U+FFFD in it."""
    reading: Any = memory_records
    reading.DefaultRecordBatch = _AnyNames
