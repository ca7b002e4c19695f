"""Keys in a TOML text that would fill the memory, found before it is parsed."""

import re

MOST_PARTS = 16
"""Of a dotted key: `tomllib` holds every beginning of one, so that a line of thousands of parts
would fill the memory."""
_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')[ \t]*"""
_DEEP_KEY = re.compile(rf"[ \t\[]*{_PART}(?:\.[ \t]*{_PART}){{{MOST_PARTS}}}")


def deep_key(text: str) -> int | None:
    """The first line (from 1) that begins with a key of more than `MOST_PARTS` parts."""
    lines = enumerate(text.split("\n"), 1)
    return next((number for number, line in lines if _DEEP_KEY.match(line)), None)
