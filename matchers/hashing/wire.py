"""What travels between the pool and a decoder process: raw bytes one way, MessagePack the other.

A request is the mode (a byte), the file's length (8 bytes, little-endian) and its bytes. The
reply is a run of messages, each its length (4 bytes) and a MessagePack value, of which `Done` is
the last. Nothing is unpickled; a reply is checked against its type, because a hostile file may
have taken over the process that sends it.
"""

import struct

import msgspec
from msgspec import Struct

from matchers.hashing.outcome import FramePdq, Mode, StillHashes, UnreadableReason

REQUEST_HEADER = struct.Struct("<BQ")
MODES: tuple[Mode, ...] = ("exact", "screen")
"""A mode's byte is its place here."""
REPLY_HEADER = struct.Struct("<I")
REPLY_LIMIT = 1 << 12
"""Longest message that a decoder sends, in bytes."""


class Done(Struct, frozen=True, tag="done"):
    """The end of a reply, or of a decoder's start."""

    error: UnreadableReason | None = None


Reply = StillHashes | FramePdq | Done

encoder = msgspec.msgpack.Encoder()
decoder: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)
