"""Addresses that stand in a text, plainly or mildly disguised (`hxxp://`, `example[.]com`).

Finds generously: what it finds is only looked up on lists, where a word that merely looks like an
address is not listed. So where an address ends is left open: the marks at its end may be its own
or the sentence's, and it may stand amid quotes and letters without a space; its disguise may be
one (`disguise`) or its own, and it may lead to another that it holds. Each of these readings is
given, a bounded number. Time is linear in the text: the patterns cannot backtrack.
"""

import re
from typing import NamedTuple

from matchers.indexes.disguise import DELIMITERS, is_styled, may_be_disguised, plainer_texts
from matchers.indexes.public_suffixes import SUFFIXES
from matchers.indexes.urls import NestedUrls, nested

MAX_FOUND = 128
"""Addresses taken from one text, those with a scheme or path before bare names."""

MAX_READINGS = 16
"""Readings of where one address ends that are given."""
MAX_FURTHER_READINGS = 256
"""Readings after the first that are given of all addresses in one text."""

_DELIMITERS = str.maketrans(DELIMITERS)
"""Characters that are read as a delimiter, one for one, so that offsets stay."""
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
"""Unicode's full-width forms of ASCII's characters."""
_ALIKE = {**_FULL_WIDTH, **_DELIMITERS}
_ALIKE_WORDS = {
    **{code: char for code, char in _FULL_WIDTH.items() if chr(char).isalnum()},
    **_DELIMITERS,
}
"""As `_ALIKE`, without the marks that end a sentence."""

_DOT = r"(?>\.|[ ]?[\[({<*][ ]?(?>\.|d[o0]t)[ ]?[\])}>*][ ]?|[ ]d[o0]t[ ])"
_LABEL = r"(?>[^\W_][\w\-%]{0,62})"
_ROOT_DOT = r"(?:\.++(?=:\d|[/\\]))?"
"""After a name: the dot of the root, which is no end of a sentence before a port or a path."""
_HOST = rf"(?>{_LABEL}(?>{_DOT}{_LABEL})+)"
_SCHEME = r"(?>(?:h[tx*]{2}p(?P<tls>s?)|f[tx]p)[ ]?\[?:\]?[ ]?(?://|\\\\|\[//\]))"
_ADDRESS = re.compile(
    rf"(?<![^\W_])(?:(?P<scheme>{_SCHEME})(?:(?P<host>{_HOST})(?P<tail>(?>[^\s<>\"]*))"
    rf"|(?P<odd>(?>[^\s<>\"]{{1,8192}})))"
    rf"|(?P<bare>{_HOST})(?P<rest>(?>{_ROOT_DOT}(?::\d{{1,5}})?(?:[/?#\\][^\s<>\"]*)?)))",
    re.IGNORECASE,
)
_LOCAL_PART = re.compile(r"[\w.%+\-]@\Z")
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

_PLAIN = re.compile(
    r"(?>(?:https?://)?)[a-z0-9][a-z0-9.\-]*+(?::\d{1,5})?(?:[/?#][!#-)+-_a-{}\xa1-\U0010ffff]*+)?",
    re.IGNORECASE,
)
"""An address without any disguise."""


class FoundUrl(NamedTuple):
    """An address at characters [`start`, `end`) of the text, with its disguise taken off. `also`
    are other readings of what stands there: longer, shorter, or several in its place."""

    url: str
    start: int
    end: int
    also: "tuple[FoundUrl, ...]" = ()


class FoundUrls(NamedTuple):
    """The addresses of a text, in order; `cut` says that not all of them, or not every reading,
    are given."""

    urls: list[FoundUrl]
    cut: bool


class _Address(NamedTuple):
    """Every reading of what stands up to character `end`, the likeliest first; `full`: one has a
    scheme or a path."""

    readings: list[FoundUrl]
    end: int
    full: bool


def find_urls(text: str) -> list[FoundUrl]:
    """The addresses in `text`, as `search_urls` finds them."""
    return search_urls(text).urls


def search_urls(text: str) -> FoundUrls:
    """The addresses in `text`, at most `MAX_FOUND`, in order.

    Without a scheme, a name counts when it ends in a known top-level domain, or is an IPv4
    address; e-mail addresses do not. Ask `may_hold_url` first where most texts hold none.
    """
    found, cut = _every(text)
    for form, places in plainer_texts(text):
        plainer, cut_here = _every(form)
        found = _together(found, [_moved(address, places) for address in plainer])
        cut = cut or cut_here
    if len(found) > MAX_FOUND:
        # A stable sort: full ones first, each kind in order.
        found = sorted(found, key=lambda address: not address.full)[:MAX_FOUND]
        found.sort(key=lambda address: address.end)
        cut = True
    left = MAX_FURTHER_READINGS
    told: list[FoundUrl] = []
    for address in found:
        distinct: dict[str, FoundUrl] = {}
        for reading in address.readings:
            distinct.setdefault(reading.url, reading)
        for reading in list(distinct.values()):
            if len(distinct) > left + 1:
                break
            inner = nested(reading.url)
            cut = cut or inner.cut
            for within in inner.urls:
                distinct.setdefault(within, reading._replace(url=within))
        first, *others = distinct.values()
        told.append(first._replace(also=tuple(others[:left])))
        cut = cut or len(others) > left
        left -= len(told[-1].also)
    return FoundUrls(told, cut)


def further_readings(url: str) -> NestedUrls:
    """What else an address that is given as one may stand for: an address that it leads to, or
    itself in the disguises that are read in a text."""
    if _PLAIN.fullmatch(url) and not is_styled(url):
        return nested(url)
    found, cut = search_urls(url[:_LONGEST])
    further = {reading.url for each in found for reading in (each, *each.also)}
    return NestedUrls(sorted(further - {url}), cut)


def may_hold_url(text: str) -> bool:
    """Whether a closer look is worth it; false for most sentences, in well under 1 µs."""
    return (
        ("." in text and text.count(".") > text.count(". ") + text.endswith("."))
        or (":" in text and ("://" in text or "]//" in text or "\\\\" in text))
        or "dot" in (lowered := text.lower())
        or "d0t" in lowered
        or may_be_disguised(text)
    )


def _every(text: str) -> tuple[list[_Address], bool]:
    """The addresses of `text` as it is written, and whether there are more."""
    found, cut = _scanned(text if text.isascii() else text.translate(_ALIKE), text)
    words = text if text.isascii() else text.translate(_ALIKE_WORDS)
    apart = _APART.sub(" ", words)
    if apart != text:
        more, cut_here = _scanned(apart, text)
        found, cut = _together(found, more), cut or cut_here
    return found, cut


def _scanned(flat: str, text: str) -> tuple[list[_Address], bool]:
    """The addresses of `flat`, which stands for `text` character by character, at most
    `MAX_FOUND` full and as many bare ones, and whether there are more."""
    found: list[_Address] = []
    counts = {True: 0, False: 0}
    cut = False
    for match in _ADDRESS.finditer(flat):
        full = match["bare"] is None or bool(match["rest"])
        enough = counts[full] == MAX_FOUND
        if enough and cut:
            if full:
                break
            continue
        if readings := _readings(match, text):
            if enough:
                cut = True
                continue
            found.append(_Address(readings, match.end(), full))
            counts[full] += 1
    return found, cut


def _together(found: list[_Address], apart: list[_Address]) -> list[_Address]:
    """Both in order; what was found within an address of `found` as further readings of it."""
    whole: list[_Address] = []
    waiting = apart[::-1]
    for address in found:
        while waiting and waiting[-1].end <= address.readings[0].start:
            whole.append(waiting.pop())
        readings, full = list(address.readings), address.full
        while waiting and waiting[-1].readings[0].start < address.end:
            within = waiting.pop()
            readings += within.readings
            full = full or within.full
        whole.append(_Address(readings, address.end, full))
    return whole + waiting[::-1]


def _moved(address: _Address, places: list[int]) -> _Address:
    """An address of a form of a text, where it stands in the text."""
    readings = [
        reading._replace(start=places[reading.start], end=places[reading.end - 1] + 1)
        for reading in address.readings
    ]
    return _Address(readings, places[address.end - 1] + 1, address.full)


def _readings(match: re.Match[str], text: str) -> list[FoundUrl]:
    scheme, odd, bare = match["scheme"] or "", match["odd"], match["bare"]
    if bare is not None:
        host = _DISGUISED_DOT.sub(".", bare)
        if SUFFIXES.publicsuffix(host.lower()) is None and not _IPV4.match(host):
            return []
        head, tail, prefix = host, match["rest"], "http://"
        if tail == "" and match.string[match.end() : match.end() + 1] == "@":
            return []
        # What has a path is no e-mail address: the name before `@` is the user's at the host.
        if "/" not in tail and _LOCAL_PART.search(
            match.string, max(0, match.start() - 2), match.start()
        ):
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
