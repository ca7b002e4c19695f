"""Which uris may be read: parsing without leniency, and prefixes on whole path segments."""

from collections.abc import Iterator, Sequence
from urllib.parse import unquote

from msgspec import Struct

from matchers.hashing.outcome import Unreadable

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class Location(Struct, frozen=True):
    """A uri in one spelling: lower-case scheme, `authority` (a host with its port unless that is
    the default, or a bucket), path segments, and the query with its `?`."""

    scheme: str
    authority: str
    segments: tuple[str, ...]
    query: str = ""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}/{'/'.join(self.segments)}{self.query}"


def located(uri: str) -> Location:
    """`uri` taken apart, or `Unreadable("refused")` for anything that two readers could take
    differently: control characters, blanks, backslashes, a user before the host, dot segments
    (plain, percent-encoded once or twice, or before a `;`), encoded slashes, letters beyond ASCII
    or a fragment in a web address, and the `::` by which fsspec chains protocols."""
    scheme, mark, rest = uri.partition("://")
    if not mark or "::" in uri or "\\" in uri or any(map(_is_unfit, uri)):
        raise Unreadable("refused")
    scheme = scheme.lower()
    authority, slash, path = rest.partition("/")
    query = ""
    if scheme in _DEFAULT_PORTS:
        if "#" in uri or not uri.isascii():
            raise Unreadable("refused")
        path, mark, query = path.partition("?")
        query = mark + query
        authority = authority.lower().removesuffix(_DEFAULT_PORTS[scheme])
    if any(c in authority for c in "@%?#") or (scheme == "file") != (authority == ""):
        raise Unreadable("refused")
    segments = tuple(path.split("/")) if slash else ()
    if any(_misleads(segment) for segment in segments):
        raise Unreadable("refused")
    return Location(scheme, authority, segments, query)


def _is_unfit(character: str) -> bool:
    """Blanks, control characters and lone surrogates."""
    return character <= " " or character == "\x7f" or "\ud800" <= character <= "\udfff"


def _misleads(segment: str) -> bool:
    for spelling in (segment, once := unquote(segment), unquote(once)):
        if spelling.split(";")[0] in (".", "..") or any(c in "/\\" or c < " " for c in spelling):
            return True
    return False


class Prefixes:
    """The prefixes under which uris may be read, such as `https://media.example/uploads/` or
    `s3://bucket/folder/`. A prefix ends at a whole path segment, with or without its slash."""

    def __init__(self, prefixes: Sequence[str]) -> None:
        """Raises `ValueError` for a prefix that no uri could be checked against."""
        self._prefixes = [_prefix(prefix) for prefix in prefixes]

    def covering(self, location: Location) -> Location:
        """The prefix that allows `location`; raises `Unreadable("refused")` when none does."""
        for prefix in self._prefixes:
            depth = len(prefix.segments)
            if (
                (location.scheme, location.authority) == (prefix.scheme, prefix.authority)
                and location.segments[:depth] == prefix.segments
                and any(location.segments[depth:])
            ):
                return prefix
        raise Unreadable("refused")

    def __iter__(self) -> Iterator[Location]:
        return iter(self._prefixes)


def _prefix(prefix: str) -> Location:
    try:
        location = located(prefix)
    except Unreadable:
        raise ValueError(
            f"{prefix!r} cannot be a prefix of media uris: give scheme://host-or-bucket/path/ or"
            " file:///directory/, without a user, dot segments or encoded slashes"
        ) from None
    if location.query:
        raise ValueError(f"{prefix!r} cannot be a prefix of media uris: leave out the query")
    segments = location.segments
    if segments and not segments[-1]:
        segments = segments[:-1]
    if location.scheme == "file" and not segments:
        raise ValueError(f"{prefix!r} would allow every file of this machine: name a directory")
    return Location(location.scheme, location.authority, segments)
