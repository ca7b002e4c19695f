"""Reading stored states, which may be damaged."""

from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""Bounded, so that whatever is read can be reckoned with and stored again."""


class Versioned(Struct, array_like=True):
    """What every state begins with."""

    version: int


S = TypeVar("S")


def read_stored(decoder: msgspec.msgpack.Decoder[S], stored: bytes, version: int) -> S | None:
    """The state; `None` for one of another version, and for whatever the decoder does not take."""
    try:
        if _version.decode(stored).version != version:
            return None
        return decoder.decode(stored)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


_version = msgspec.msgpack.Decoder(Versioned)
