"""What travels between the pool and a decoder process: raw bytes one way, MessagePack the other.

A request is the task (a byte, whose highest bit also asks for provenance), the file's length (8
bytes, little-endian) and its bytes. The reply is a run of messages, each its length (4 bytes) and
a MessagePack value, of which `Done` is the last. Nothing is unpickled; a reply is checked against
its type, because a hostile file may have taken over the process that sends it.
"""

import importlib.util
import struct
from typing import Literal

import msgspec
from msgspec import Struct

from matchers.hashing.outcome import FramePdq, StillHashes, UnreadableReason
from matchers.provenance.finding import Finding

REQUEST_HEADER = struct.Struct("<BQ")
Task = Literal["exact", "screen", "video", "any"]
"""How to hash a file: as a picture in one of the modes, as a video, or as whichever it is."""
TASKS: tuple[Task, ...] = ("exact", "screen", "video", "any")
"""A task's byte is its place here."""
PROVENANCE_BIT = 0x80
REPLY_HEADER = struct.Struct("<I")
REPLY_LIMIT = 1 << 12
"""Longest message that a decoder sends, in bytes."""


class Done(Struct, frozen=True, tag="done"):
    """The end of a reply, or of a decoder's start."""

    error: UnreadableReason | None = None


Reply = StillHashes | FramePdq | Finding | Done

encoder = msgspec.msgpack.Encoder()
decoder: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


def video_available() -> bool:
    """Whether the task `video` can be done: PyAV, the extra `video`, is installed."""
    return importlib.util.find_spec("av") is not None
