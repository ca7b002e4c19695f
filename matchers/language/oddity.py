"""Whether an ASCII message may be disguised by digits, symbols, capitals or spaces: the check that
comes before `DisguiseCheck` and `renderings`, at the cost of one pass."""

from collections.abc import Sequence
from itertools import product

from daachorse import DoubleArrayAhoCorasick

_SHAPE = bytes(
    0x41 if 0x41 <= i <= 0x5A
    else 0x61 if 0x61 <= i <= 0x7A
    else 0x30 if chr(i) in "0123456789"
    else 0x31 if chr(i) in "@$|+!("
    else 0x32 if chr(i) in "*_~^#="
    else 0x20 if chr(i) in " \t\r\n"
    else 0x27 if chr(i) == "'"
    else 0x2E
    for i in range(256)
)  # fmt: skip
"""Classes of ASCII bytes: capital, small letter, digit, leet symbol, filler, space, apostrophe,
other."""

_DISGUISED_SHAPES = [
    "a0", "0a", "1a", "a2a", " a a a", " a  a  a", " a   a   a", ".a.a", "a.a.a",
]  # fmt: skip
_UNLIKE_SHAPES = [*(f"a{sign * n}a" for sign in "12" for n in range(2, 7)), ".20", ".2a"]
"""With `a` for any letter. Paired marks within a word show as none, and `&#111;` as a letter."""
_JOINED_SHAPES = ["aAAa", *("aA" + "a" * length + "A" for length in range(1, 9)), "a" * 16]
"""Words that capitals alone part, and small letters that are rather words than one."""

DISGUISED = 1
"""Letters beside digits, symbols within words, letters apart: words may be disguised."""
UNLIKE = 2
"""What the message shows, or where its words part, may not be what its characters say."""


def _in_either_case(shapes: Sequence[str]) -> set[bytes]:
    return {
        "".join(signs).encode()
        for shape in shapes
        for signs in product(*("aA" if sign == "a" else sign for sign in shape))
    }


_FIRST = sorted(_in_either_case(_DISGUISED_SHAPES))
_SECOND = sorted(_in_either_case(_UNLIKE_SHAPES) | {s.encode() for s in _JOINED_SHAPES})
_UNLIKE_FROM = len(_FIRST)
_SEARCH = DoubleArrayAhoCorasick([*_FIRST, *_SECOND]).find  # a loop is slower


def oddity(raw: bytes) -> int:
    """What an ASCII message may hide: `DISGUISED` and `UNLIKE` as flags, 0 for most messages."""
    found = _SEARCH(raw.translate(_SHAPE))
    if not found:
        return 0
    flags = 0
    for _, _, shape in found:
        flags |= DISGUISED if shape < _UNLIKE_FROM else UNLIKE
    return flags
