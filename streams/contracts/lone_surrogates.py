"""Lone surrogate escapes in JSON, which are what is left of an emoji that was cut in half.

`JSON.stringify` writes them for such a string, and JSON's grammar has them (RFC 8259, section 8.2),
but they are no characters, and msgspec refuses them. Read is U+FFFD in their place, as when a
string is encoded (WHATWG Encoding, and Unicode 16.0, section 3.9): nobody's message goes unscanned
because of one.
"""

import re
from collections.abc import Callable
from typing import TypeVar

from streams.contracts.refusal import DecodeFailure

_Read = TypeVar("_Read")

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
# A run of backslashes is read from its start, in twos; whole pairs before what looks like half.
_ESCAPES = re.compile(
    rb"(?<!\\)(?P<backslashes>(?:\\\\)*+)"
    rb"(?:(?:\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})+"
    rb"|(?P<lone>\\u[dD][89a-fA-F][0-9a-fA-F]{2}))"
)


def without_lone_surrogates(value: bytes) -> bytes:
    """JSON text with the escape of U+FFFD for each lone surrogate's. It is as long as before, and
    the same where there is none. Takes time in proportion to the length."""
    if _SURROGATE.search(value) is None:
        return value
    return _ESCAPES.sub(_mended, value)


def read_json(decode: Callable[[bytes], _Read], value: bytes) -> _Read:
    """What `decode` makes of JSON in which lone surrogates read as U+FFFD. They are looked for only
    after it has failed. Raises one of `DecodeFailure`."""
    try:
        return decode(value)
    except DecodeFailure:
        mended = without_lone_surrogates(value)
        if mended == value:
            raise
    return decode(mended)


def _mended(escape: re.Match[bytes]) -> bytes:
    return escape["backslashes"] + rb"\ufffd" if escape["lone"] else escape[0]
