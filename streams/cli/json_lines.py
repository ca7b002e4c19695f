"""Files that were meant to be JSON Lines."""

from typing import Literal

import msgspec

from streams.contracts.lone_surrogates import without_lone_surrogates
from streams.contracts.refusal import DecodeFailure


def conversion(first: bytes, what: Literal["event", "outcome"]) -> str | None:
    """What to say of a file whose first line that is not blank is `first`, where that is a whole
    array, or the beginning of JSON that is spread over lines; else `None`."""
    line = first.strip()
    array = line.startswith(b"[")
    if not array and (not line.startswith(b"{") or not _ends_early(line)):
        return None
    shape = "an array" if array else "JSON spread over several lines"
    jq = "jq -c '.[]' FILE" if array else "jq -c . FILE"
    return f"this reads JSON Lines, one {what} a line; the file begins with {shape}: convert: {jq}"


def _ends_early(line: bytes) -> bool:
    try:
        msgspec.json.decode(without_lone_surrogates(line))
    except msgspec.DecodeError as error:
        return "truncated" in str(error)
    except DecodeFailure:
        return False
    return False
