"""Whether an ASCII message may be disguised by digits, symbols or spaces: the check that comes
before `DisguiseCheck`, at the cost of one pass."""

from daachorse import DoubleArrayAhoCorasick

_SHAPE = bytes(
    0x61 if chr(i).isalpha() and i < 128
    else 0x30 if chr(i) in "0123456789"
    else 0x31 if chr(i) in "@$|+!("
    else 0x32 if chr(i) in "*_~^#="
    else 0x20 if chr(i) in " \t\r\n"
    else 0x27 if chr(i) == "'"
    else 0x2E
    for i in range(256)
)  # fmt: skip
"""Classes of ASCII bytes: letter, digit, leet symbol, filler, space, apostrophe, other."""

_ODD = DoubleArrayAhoCorasick(
    [b"a0", b"0a", b"1a", b"a2a", b" a a a", b".a.a", b"a.a.a"]  # a loop over them is slower
)


def is_odd(raw: bytes) -> bool:
    """Whether an ASCII message holds letters beside digits, symbols within words, or letters
    apart."""
    return bool(_ODD.find(raw.translate(_SHAPE)))
