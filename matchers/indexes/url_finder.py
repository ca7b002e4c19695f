"""Addresses that stand in a text, plainly or mildly disguised (`hxxp://`, `example[.]com`).

Finds generously: what it finds is only looked up on lists, where a word that merely looks like an
address is not listed. So where an address ends is left open: the marks at its end may be its own
or the sentence's, and it may stand amid quotes and letters without a space. Each of these readings
is given, a bounded number. Time is linear in the text: the patterns cannot backtrack.
"""

import re
from typing import NamedTuple

from publicsuffixlist import PublicSuffixList

MAX_FOUND = 64
"""Addresses taken from one text; a text with more is a flood, of which the first tell enough."""

MAX_READINGS = 16
"""Readings of one address that are given."""
MAX_FURTHER_READINGS = 256
"""Readings after the first that are given of all addresses in one text."""

_DELIMITERS = str.maketrans(
    {"。": ".", "．": ".", "｡": ".", "․": ".", "：": ":", "／": "/", "＠": "@"}
)
"""Characters that are read as a delimiter, one for one, so that offsets stay."""
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
"""Unicode's full-width forms of ASCII's characters."""
_ALIKE = {**_FULL_WIDTH, **_DELIMITERS}
_ALIKE_WORDS = {
    **{code: char for code, char in _FULL_WIDTH.items() if chr(char).isalnum()},
    **_DELIMITERS,
}
"""As `_ALIKE`, without the marks that end a sentence."""

_DOT = r"(?>\.|[ ]?[\[({<][ ]?(?>\.|dot)[ ]?[\])}>][ ]?|[ ]dot[ ])"
_LABEL = r"(?>[^\W_][\w\-%]{0,62})"
_HOST = rf"(?>{_LABEL}(?>{_DOT}{_LABEL})+)"
_SCHEME = r"(?>(?:h[tx*]{2}p(?P<tls>s?)|f[tx]p)[ ]?\[?:\]?[ ]?(?://|\\\\|\[//\]))"
_ADDRESS = re.compile(
    rf"(?<![^\W_])(?<![@.\-])(?:(?P<scheme>{_SCHEME})(?:(?P<host>{_HOST})(?P<tail>(?>[^\s<>\"]*))"
    rf"|(?P<odd>(?>[^\s<>\"]{{1,8192}})))"
    rf"|(?P<bare>{_HOST})(?P<rest>(?>(?::\d{{1,5}})?(?:[/?#\\][^\s<>\"]*)?)))",
    re.IGNORECASE,
)
_DISGUISED_DOT = re.compile(_DOT, re.IGNORECASE)
_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}\Z")
_TRAILING = ".,;:!?'\")]}>*_~…`|”’“»›」』】〉》、"
_OWN_MARKS = 4
"""Marks at the end of an address that may be its own."""
_FOREIGN_MARK = re.compile(r"[^\x00-\x7f\w]")
_FOREIGN = re.compile(r"[^\x00-\x7f]")
_LONGEST = 8192
"""Characters in a reading after the first; listed addresses are shorter."""
_CLOSING = dict(zip("([{'*_~`|", ")]}'*_~`|", strict=True))
_APART = re.compile(
    r"[^\x00-\x7f]|[`|,;](?=[a-z0-9])|[^\w\s/=?&#%](?=(?:h[tx*]{2}ps?|f[tx]p)\[?:\]?//)",
    re.IGNORECASE,
)
"""What ends an address where no space does: whatever is not ASCII, marks, and what stands before
the next address."""

_SUFFIXES = PublicSuffixList(only_icann=True, accept_unknown=False)


class FoundUrl(NamedTuple):
    """An address at characters [`start`, `end`) of the text, with its disguise taken off. `also`
    are other readings of what stands there: longer, shorter, or several in its place."""

    url: str
    start: int
    end: int
    also: "tuple[FoundUrl, ...]" = ()


class _Address(NamedTuple):
    """Every reading of what stands up to character `end`, the likeliest first."""

    readings: list[FoundUrl]
    end: int


def find_urls(text: str) -> list[FoundUrl]:
    """The addresses in `text`, at most `MAX_FOUND`, in order.

    Without a scheme, a name counts when it ends in a known top-level domain, or is an IPv4
    address; e-mail addresses do not. Ask `may_hold_url` first where most texts hold none.
    """
    found = _scanned(text if text.isascii() else text.translate(_ALIKE), text)
    words = text if text.isascii() else text.translate(_ALIKE_WORDS)
    apart = _APART.sub(" ", words)
    if apart != text:
        found = _together(found, _scanned(apart, text))
    left = MAX_FURTHER_READINGS
    told: list[FoundUrl] = []
    for readings, _ in found[:MAX_FOUND]:
        distinct: dict[str, FoundUrl] = {}
        for reading in readings:
            distinct.setdefault(reading.url, reading)
        first, *others = distinct.values()
        told.append(first._replace(also=tuple(others[:left])))
        left -= len(told[-1].also)
    return told


def may_hold_url(text: str) -> bool:
    """Whether a closer look is worth it; false for most sentences, in well under 1 µs."""
    return (
        ("." in text and text.count(".") > text.count(". ") + text.endswith("."))
        or (":" in text and ("://" in text or "]//" in text or "\\\\" in text))
        or "dot" in text.lower()
        or (not text.isascii() and text.translate(_DELIMITERS) != text)
        or (not text.isascii() and "ｄｏｔ" in text.lower())
    )


def _scanned(flat: str, text: str) -> list[_Address]:
    """The addresses of `flat`, which stands for `text` character by character."""
    found: list[_Address] = []
    for match in _ADDRESS.finditer(flat):
        if readings := _readings(match, text):
            found.append(_Address(readings, match.end()))
            if len(found) == MAX_FOUND:
                break
    return found


def _together(found: list[_Address], apart: list[_Address]) -> list[_Address]:
    """Both in order; what was found within an address of `found` as further readings of it."""
    whole: list[_Address] = []
    waiting = apart[::-1]
    for address in found:
        while waiting and waiting[-1].end <= address.readings[0].start:
            whole.append(waiting.pop())
        readings = list(address.readings)
        while waiting and waiting[-1].readings[0].start < address.end:
            readings += waiting.pop().readings
        whole.append(_Address(readings, address.end))
    return whole + waiting[::-1]


def _readings(match: re.Match[str], text: str) -> list[FoundUrl]:
    scheme, odd, bare = match["scheme"] or "", match["odd"], match["bare"]
    if bare is not None:
        host = _DISGUISED_DOT.sub(".", bare)
        if _SUFFIXES.publicsuffix(host.lower()) is None and not _IPV4.match(host):
            return []
        head, tail, prefix = host, match["rest"], "http://"
        if tail[:1] == "" and match.string[match.end() : match.end() + 1] == "@":
            return []
    else:
        prefix = "ftp://" if scheme[0] in "fF" else f"http{match['tls'].lower()}://"
        head, tail = ("", odd) if odd is not None else (match["host"], match["tail"])
        head = _DISGUISED_DOT.sub(".", head)
    whole = head + tail
    after = match.end() - len(whole)
    spelled = text[match.end() - len(tail) : match.end()]
    opening = match.string[match.start() - 1 : match.start()]
    return [
        FoundUrl(prefix + whole[:end], match.start(), after + end)
        for end in _ends(whole, len(head), spelled, opening)
    ]


def _ends(whole: str, path: int, spelled: str, opening: str) -> list[int]:
    """Where the address `whole`, whose path begins at `path` and is `spelled` so in the text, may
    end: at its end, at the first mark of `spelled` that is not ASCII or the first letter that is
    not, at the counterpart of `opening`, which
    stands before it; and at each of these, before any of the marks that it ends with."""
    foreign = (mark.search(spelled) for mark in (_FOREIGN_MARK, _FOREIGN))
    cuts = [len(whole), *(path + found.start() for found in foreign if found is not None)]
    closing = _CLOSING.get(opening)
    if closing is not None and (last := whole.rfind(closing, path)) >= 0:
        cuts += [last, whole.find(closing, path)]
    ends: dict[int, None] = {}
    for cut in cuts:
        if bare := len(whole[:cut].rstrip(_TRAILING)):
            ends |= dict.fromkeys([*range(bare, min(bare + _OWN_MARKS, cut) + 1), cut])
    if not ends:
        return []
    likeliest, *others = ends
    return [likeliest, *(end for end in others if end <= _LONGEST)][:MAX_READINGS]
