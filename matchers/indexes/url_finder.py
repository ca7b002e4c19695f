"""Addresses that stand in a text, plainly or mildly disguised (`hxxp://`, `example[.]com`).

Finds generously: what it finds is only looked up on lists, where a word that merely looks like an
address is not listed. Time is linear in the text: the patterns cannot backtrack.
"""

import re
from typing import NamedTuple

from publicsuffixlist import PublicSuffixList

MAX_FOUND = 64
"""Addresses taken from one text; a text with more is a flood, of which the first tell enough."""

_ALIKE = str.maketrans({"。": ".", "．": ".", "｡": ".", "․": ".", "：": ":", "／": "/", "＠": "@"})
"""Characters that are read as a delimiter, one for one, so that offsets stay."""

_DOT = r"(?>\.|[ ]?[\[({<][ ]?(?>\.|dot)[ ]?[\])}>][ ]?|[ ]dot[ ])"
_LABEL = r"(?>[^\W_][\w\-%]{0,62})"
_HOST = rf"(?>{_LABEL}(?>{_DOT}{_LABEL})+)"
_SCHEME = r"(?>(?:h[tx*]{2}p(?P<tls>s?)|f[tx]p)[ ]?\[?:\]?[ ]?(?://|\\\\|\[//\]))"
_ADDRESS = re.compile(
    rf"(?<![\w@.\-])(?:(?P<scheme>{_SCHEME})(?:(?P<host>{_HOST})(?P<tail>(?>[^\s<>\"]*))"
    rf"|(?P<odd>(?>[^\s<>\"]{{1,8192}})))"
    rf"|(?P<bare>{_HOST})(?P<rest>(?>(?::\d{{1,5}})?(?:[/?#\\][^\s<>\"]*)?)))",
    re.IGNORECASE,
)
_DISGUISED_DOT = re.compile(_DOT, re.IGNORECASE)
_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}\Z")
_TRAILING = ".,;:!?'\")]}>*_~…"

_SUFFIXES = PublicSuffixList(only_icann=True, accept_unknown=False)


class FoundUrl(NamedTuple):
    """An address at characters [`start`, `end`) of the text, with its disguise taken off."""

    url: str
    start: int
    end: int


def find_urls(text: str) -> list[FoundUrl]:
    """The addresses in `text`, at most `MAX_FOUND`, in order.

    Without a scheme, a name counts when it ends in a known top-level domain, or is an IPv4
    address; e-mail addresses do not. Ask `may_hold_url` first where most texts hold none.
    """
    flat = text if text.isascii() else text.translate(_ALIKE)
    found: list[FoundUrl] = []
    for match in _ADDRESS.finditer(flat):
        address = _address(match)
        if address is not None:
            found.append(address)
            if len(found) == MAX_FOUND:
                break
    return found


def may_hold_url(text: str) -> bool:
    """Whether a closer look is worth it; false for most sentences, in well under 1 µs."""
    return (
        ("." in text and text.count(".") > text.count(". ") + text.endswith("."))
        or (":" in text and ("://" in text or "]//" in text or "\\\\" in text))
        or "dot" in text
        or "DOT" in text
        or (not text.isascii() and text.translate(_ALIKE) != text)
    )


def _address(match: re.Match[str]) -> FoundUrl | None:
    scheme, odd, bare = match["scheme"] or "", match["odd"], match["bare"]
    if bare is not None:
        host = _DISGUISED_DOT.sub(".", bare)
        if _SUFFIXES.publicsuffix(host.lower()) is None and not _IPV4.match(host):
            return None
        head, tail, prefix = host, match["rest"], "http://"
        if tail[:1] == "" and match.string[match.end() : match.end() + 1] == "@":
            return None
    else:
        prefix = "ftp://" if scheme[0] in "fF" else f"http{match['tls'].lower()}://"
        head, tail = (odd, "") if odd is not None else (match["host"], match["tail"])
        if odd is None:
            head = _DISGUISED_DOT.sub(".", head)
    whole = head + tail
    url = whole.rstrip(_TRAILING)
    if not url:
        return None
    return FoundUrl(prefix + url, match.start(), match.end() - (len(whole) - len(url)))
