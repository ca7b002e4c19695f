"""URLs as lists see them: canonical form, the expressions to look up, their digests.

Canonical form and expressions are those of Google Safe Browsing ("URLs and Hashing", Update API
v4), so that any list made for it can be used. Its bounds of four path prefixes and five host forms
are those of a protocol and not of lists: here `MAX_FORMS` says how deep an entry may lie. Parsers
disagree about some URLs; for those, `readings` gives every form that a browser or an RFC 3986
parser would go to, and all are looked up. Nothing here resolves or fetches anything.
"""

import hashlib
import ipaddress
import re
from itertools import pairwise
from typing import NamedTuple

import can_ada

from matchers.indexes.disguise import INVISIBLE
from matchers.indexes.public_suffixes import SUFFIXES

MAX_FORMS = 64
"""Path prefixes tried beside the full path, counting the root, on the full host; on a suffix of
n labels, this divided by n - 1: so a folder is found by what lies below it 63 deep on a host of
two labels, 15 on one of five, 7 on one of nine, whatever a sender puts before or behind it. Not
any depth, since list entries are digests, which do not tell theirs: every form that is tried is a
look-up, and the sender chooses how many forms an address has."""
MAX_EXPRESSIONS = (
    2 * (1 + MAX_FORMS) + MAX_FORMS + sum(MAX_FORMS // n for n in range(1, MAX_FORMS + 1))
)
"""Expressions of one reading, at most."""
MAX_NESTED = 8
"""Addresses within one address that are looked for."""
_LONGEST_AROUND = 8192
"""Characters of an address in which others are looked for."""
_LONGEST_NESTED = 2048
"""Characters of an address within another that are read; listed ones are shorter."""

_NESTED = re.compile(r"https?(?::|%(?:25){0,8}3a)(?:[/\\]|%(?:25){0,8}(?:2f|5c))", re.IGNORECASE)
_ESCAPED_LETTER = re.compile(r"%(?:25|[4-7][0-9A-Fa-f])")
_SCHEME = re.compile(rb"([A-Za-z][A-Za-z0-9+.\-]*):")
_SPECIAL = frozenset({b"http", b"https", b"ftp", b"ws", b"wss"})
_OPAQUE = frozenset(
    {b"mailto", b"tel", b"sms", b"javascript", b"data", b"about", b"blob", b"urn", b"magnet"}
)
_WRAPPERS = frozenset({b"view-source", b"feed"})
"""Before a whole address, these only say how to show it."""
_C0_AND_SPACE = bytes(range(0x21))
"""Dropped at both ends (WHATWG URL, "basic URL parser", step 1)."""
_IGNORED = dict.fromkeys(INVISIBLE - {0x200C, 0x200D})
"""Of status `ignored` in UTS #46, table IdnaMappingTable, or invisible although refused there: no
part of a name. Joiners are left to `_DEVIATIONS`."""
_HEX = frozenset(b"0123456789abcdefABCDEF")
_TO_ESCAPE = re.compile(rb"[\x00-\x20\x7f-\xff#%]")
_PORT = re.compile(rb":[0-9]*\Z")
_DOTS = re.compile(rb"\.\.+")
_SLASHES = re.compile(rb"//+")
_IPV4_PART = re.compile(rb"(0[xX][0-9A-Fa-f]*|[0-9]+)\Z")
_DEVIATIONS = str.maketrans({"ß": "ss", "ẞ": "ss", "ς": "σ", "\u200c": "", "\u200d": ""})
"""UTS #46 deviation characters, as transitional processing (IDNA 2003) maps them."""


class CanonicalUrl(NamedTuple):
    """A URL in canonical form: ASCII, escaped. `query` is None where there is no `?`."""

    scheme: str
    host: str
    path: str
    query: str | None

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}{self.target}"

    @property
    def target(self) -> str:
        """Path and query."""
        return self.path if self.query is None else f"{self.path}?{self.query}"


def canonical(url: str) -> str:
    """The Safe Browsing canonical form of `url`, by its first reading.

    Raises `ValueError` for what has no host (`mailto:…`, an empty string).
    """
    found = readings(url)
    if not found:
        raise ValueError("not a URL with a host")
    return str(found[0])


def readings(url: str) -> list[CanonicalUrl]:
    """Every canonical form that `url` may stand for, the generic (RFC 3986) one first.

    More than one where parsers disagree: a backslash before the end of the host, an escaped
    delimiter inside it, an international name that IDNA 2003 and 2008 map differently. Empty for
    what has no host.
    """
    raw = _octets(url).strip(_C0_AND_SPACE)
    for unwanted in (b"\t", b"\r", b"\n"):
        raw = raw.replace(unwanted, b"")
    raw = raw.partition(b"#")[0]
    scheme, rest = _split_scheme(raw)
    if scheme in _OPAQUE:
        return []
    found: list[CanonicalUrl] = []
    for authority, path, query in _splits(rest):
        for host in _hosts(authority):
            reading = CanonicalUrl(
                scheme.decode(),
                host,
                _canonical_path(path),
                None if query is None else _escape(_unescape(query)),
            )
            if reading not in found:
                found.append(reading)
    return found


def expressions(url: CanonicalUrl) -> list[str]:
    """Host-suffix and path-prefix expressions of `url`, at most `MAX_EXPRESSIONS`, the most exact
    first."""
    targets = [url.path] if url.query is None else [url.target, url.path]
    prefixes = [url.path[:end] for end in _prefix_ends(url.path)]
    return [
        host + target
        for host, depth in _host_forms(url.host)
        for target in (*targets, *prefixes[:depth])
    ]


def _digests(url: CanonicalUrl) -> list[bytes]:
    """SHA-256 of each of `expressions`, in their order; each host form goes over the path once."""
    ends = _prefix_ends(url.path)
    path = url.path.encode()
    steps = [path[start:end] for start, end in pairwise((0, *ends))]
    query = None if url.query is None else b"?" + url.query.encode()
    found: list[bytes] = []
    for host, depth in _host_forms(url.host):
        state = hashlib.sha256(host.encode())
        prefixes: list[bytes] = []
        for step in steps[:depth]:
            state.update(step)
            prefixes.append(state.digest())
        state.update(path[ends[len(prefixes) - 1] if prefixes else 0 :])
        whole = state.digest()
        if query is not None:
            state.update(query)
            found.append(state.digest())
        found += [whole, *prefixes]
    return found


class NestedUrls(NamedTuple):
    """Addresses within an address; `cut` says that there are more."""

    urls: list[str]
    cut: bool


_NONE_NESTED = NestedUrls([], False)


def nested(url: str) -> NestedUrls:
    """The http(s) addresses in the path or query of `url`, escaped or not, as redirects and
    archives hold them: each up to the next `&`, and to the end."""
    if "http" not in url[1:].lower() and not ("%" in url and _ESCAPED_LETTER.search(url)):
        return _NONE_NESTED
    cut = len(url) > _LONGEST_AROUND
    url = url[:_LONGEST_AROUND]
    found: dict[str, None] = {}
    for spelling in (url, _unescaped(url)) if "%" in url else (url,):
        for count, match in enumerate(_NESTED.finditer(spelling, 1)):
            if count == MAX_NESTED:
                cut = True
                break
            whole = spelling[match.start() : match.start() + _LONGEST_NESTED]
            found[_unescaped(whole.partition("&")[0])] = None
            found[_unescaped(whole)] = None
    return NestedUrls(list(found), cut and bool(found))


def _unescaped(url: str) -> str:
    if "%" not in url:
        return url
    return _unescape(url.encode("utf-8", "surrogatepass")).decode("utf-8", "replace")


def lookup_digests(url: str) -> list[bytes]:
    """SHA-256 of every expression of every reading of `url`, without repeats."""
    return list(dict.fromkeys(digest for reading in readings(url) for digest in _digests(reading)))


def listed_digest(url: str) -> bytes:
    """The digest under which a list holds `url`: SHA-256 of the canonical host and target.

    Raises `ValueError` for what has no host, and for a bare public suffix (such as `co.uk`),
    which would match every site under it.
    """
    found = readings(url)
    if not found:
        raise ValueError("not a URL with a host")
    reading = found[0]
    if reading.target == "/" and SUFFIXES.is_public(reading.host):
        raise ValueError("a public suffix: it would match every site under it")
    return hashlib.sha256((reading.host + reading.target).encode()).digest()


def _octets(url: str) -> bytes:
    """UTF-8, except that C1 controls and lone surrogates, which are no text, stand for the octet
    that a careless decoding made them from."""
    if url.isascii():
        return url.encode()
    return b"".join(
        bytes((code,))
        if 0x80 <= (code := ord(char)) <= 0x9F
        else bytes((code - 0xDC00,))
        if 0xDC80 <= code <= 0xDCFF
        else char.encode("utf-8", "replace")
        for char in url
    )


def _split_scheme(raw: bytes) -> tuple[bytes, bytes]:
    """The scheme (`http` where there is none) and what follows its slashes."""
    match = _SCHEME.match(raw)
    while (
        match
        and match[1].lower() in _WRAPPERS
        and (within := _SCHEME.match(raw, match.end())) is not None
    ):
        match = within
    if match:
        scheme, rest = match[1].lower(), raw[match.end() :]
        if scheme in _SPECIAL:
            return scheme, rest.lstrip(b"/\\")
        if scheme in _OPAQUE or rest.startswith(b"//"):
            return scheme, rest.removeprefix(b"//")
    return b"http", raw.lstrip(b"/\\")


def _splits(rest: bytes) -> list[tuple[bytes, bytes, bytes | None]]:
    """(authority, path, query), read as RFC 3986 does and as browsers do (`\\` is `/`)."""
    found = [_split(rest)]
    if b"\\" in found[0][0] or b"\\" in found[0][1]:
        before, mark, query = rest.partition(b"?")
        found.append(_split(before.replace(b"\\", b"/") + mark + query))
    hidden = _unescape(found[0][0])
    if hidden != found[0][0] and any(mark in hidden for mark in (b"/", b"\\", b"?", b"@")):
        found.append(_split((hidden + rest[len(found[0][0]) :]).replace(b"\\", b"/")))
    return found


def _split(rest: bytes) -> tuple[bytes, bytes, bytes | None]:
    before, mark, query = rest.partition(b"?")
    authority, slash, path = before.partition(b"/")
    return authority, slash + path, query if mark else None


def _hosts(authority: bytes) -> list[str]:
    """Canonical hosts of an authority: the last `@` ends the user info, else the first does."""
    found = [_PORT.sub(b"", authority.rpartition(b"@")[2])]
    if authority.count(b"@") > 1:
        found.append(_PORT.sub(b"", authority.partition(b"@")[2].partition(b"@")[0]))
    return [name for host in found for name in _canonical_hosts(host) if name]


_HOST_CHARACTERS = 255


def _canonical_hosts(host: bytes) -> list[str]:
    host = _unescape(host)
    address = _ip_address(host.strip(b"."))
    if address is not None:
        return [address]
    names = [host]
    if not host.isascii():
        try:
            text = host.decode().translate(_IGNORED)
        except UnicodeDecodeError:
            text = None
        if text is not None:
            names = [_idna(name) for name in (text, text.translate(_DEVIATIONS))]
    found: list[str] = []
    for name in names:
        name = _DOTS.sub(b".", name.lower().strip(b"."))
        spelling = _ip_address(name) or _escape(name)
        if spelling not in found:
            found.append(spelling)
    return found


def _idna(name: str) -> bytes:
    # Longer is no host name (RFC 1035, section 2.3.4), and can_ada takes quadratic time for it.
    if len(name) > _HOST_CHARACTERS:
        return name.encode()
    # can_ada answers b"" for a name that IDNA refuses: such a host stays as octets.
    return can_ada.idna_encode(name) or name.encode()


def _ip_address(host: bytes) -> str | None:
    """Dotted-decimal IPv4 from any form that `inet_aton` reads; IPv6 in brackets, compressed."""
    if host.startswith(b"[") and host.endswith(b"]"):
        try:
            address = ipaddress.IPv6Address(host[1:-1].decode("ascii", "replace"))
        except ValueError:
            return None
        mapped = address.ipv4_mapped
        return str(mapped) if mapped is not None else f"[{address.compressed}]"
    parts = host.split(b".")
    if len(parts) > 4 or not all(_IPV4_PART.match(part) for part in parts):
        return None
    try:
        numbers = [_ipv4_number(part) for part in parts]
    except ValueError:
        return None
    if any(number > 255 for number in numbers[:-1]) or numbers[-1] >= 256 ** (5 - len(parts)):
        return None
    value = numbers[-1]
    for place, number in enumerate(numbers[:-1]):
        value += number << (8 * (3 - place))
    return str(ipaddress.IPv4Address(value))


def _ipv4_number(part: bytes) -> int:
    if len(part) > 32:
        raise ValueError("longer than any IPv4 address")
    if part[:2].lower() == b"0x":
        return int(part[2:] or b"0", 16)
    return int(part, 8 if part[0] == 0x30 and len(part) > 1 else 10)


def _canonical_path(path: bytes) -> str:
    path = _SLASHES.sub(b"/", _unescape(path) or b"/")
    parts: list[bytes] = []
    segments = path.split(b"/")[1:]
    for segment in segments:
        if segment == b"..":
            del parts[-1:]
        elif segment not in (b".", b""):
            parts.append(segment)
    closed = segments[-1] in (b"", b".", b"..")
    return _escape(b"/" + b"/".join(parts) + (b"/" if closed and parts else b""))


def _unescape(octets: bytes) -> bytes:
    """Percent escapes undone until none is left, however deep they are nested, in linear time.

    An undone escape can end another (`%%34%31` is `%41` is `A`): each octet that is put out is
    looked at with the two before it. Escapes never overlap, so the order does not matter.
    """
    if b"%" not in octets:
        return octets
    out = bytearray()
    for octet in octets:
        out.append(octet)
        while len(out) >= 3 and out[-3] == 0x25 and out[-2] in _HEX and out[-1] in _HEX:
            out[-3:] = bytes((int(out[-2:], 16),))
    return bytes(out)


def _escape(octets: bytes) -> str:
    return _TO_ESCAPE.sub(lambda match: b"%%%02X" % match[0][0], octets).decode("ascii")


def _prefix_ends(path: str) -> list[int]:
    """Where the folders above a path end, the root first: at most `MAX_FORMS`, without itself."""
    ends: list[int] = []
    end = path.find("/") + 1
    while 0 < end < len(path) and len(ends) < MAX_FORMS:
        ends.append(end)
        end = path.find("/", end) + 1
    return ends


def _host_forms(host: str) -> list[tuple[str, int]]:
    """The host itself and its suffixes of two labels and more, the longest first, each with the
    number of path prefixes that are looked up on it."""
    forms = [(host, MAX_FORMS)]
    if host.startswith("[") or _IPV4_PART.match(host.rpartition(".")[2].encode()):
        return forms
    labels = host.rsplit(".", MAX_FORMS + 1)[1:]
    return forms + [
        (".".join(labels[start:]), MAX_FORMS // (len(labels) - start - 1))
        for start in range(len(labels) - 1)
    ]
