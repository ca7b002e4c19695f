"""Reads a file by its uri: only under allowed prefixes, within limits, digesting as it reads."""

import http.client
import ipaddress
import os
import stat
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import unquote

import fsspec.core  # pyright: ignore[reportMissingTypeStubs]
from msgspec import Struct

from matchers.hashing.digests import Digests, DigestStream
from matchers.hashing.outcome import Unreadable
from matchers.hashing.sources import Location, Prefixes, located
from matchers.hashing.stubborn import StubbornFiles

_PIECE = 1 << 18
_AWAY_STATUS = frozenset({408, 425, 429})
_OWN = ("file", "http", "https")
"""Protocols that are read here; all others by fsspec's drivers."""
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "abfs": "azure", "az": "azure"}
"""The extra of the package in which a protocol's driver comes."""


class SourceUnavailable(Exception):
    """A store is away for now: nothing is known of the file, so ask again later. `source` is the
    allowed prefix; neither it nor the message holds the file's name."""

    def __init__(self, source: str, why: str) -> None:
        super().__init__(f"{source}: {why}")
        self.source = source
        self.why = why


class FetchLimits(Struct, frozen=True, kw_only=True):
    """`bytes` that are read (and digested) of one file at most, and `seconds` that it may take.
    `idle_seconds` without a byte mean that the store is away."""

    bytes: int = 4 << 30
    seconds: float = 120.0
    idle_seconds: float = 10.0


class Fetched(Struct, frozen=True):
    """`content` is `None` when the file is longer than was to be kept."""

    digests: Digests
    content: bytes | None


class Fetcher:
    """Reads uris under `prefixes`. Thread-safe.

    `file:` is opened here, because fsspec follows symbolic links anywhere and waits on pipes;
    `http:` and `https:` too, because fsspec follows redirects anywhere; through no proxy, which
    would look up names itself. All other protocols go
    through fsspec, with the credentials and endpoints that its settings and its drivers' find.
    """

    def __init__(
        self,
        prefixes: Sequence[str],
        limits: FetchLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises `ValueError` for a malformed prefix or one whose protocol has no driver here."""
        self._prefixes = Prefixes(prefixes)
        self._limits = limits or FetchLimits()
        for prefix in self._prefixes:
            _check_driver(prefix)
        self._stubborn = StubbornFiles(clock)
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), _HTTP(), _HTTPS(), _GuardedRedirects(self._prefixes)
        )

    def fetch(self, uri: str, keep: int) -> Fetched:
        """Read `uri` to its end; its bytes are kept when they are at most `keep`.

        Raises `Unreadable` (`refused`, `missing`, `too_many_bytes`, `timeout`: it did arrive, but
        not in time; `unavailable`: the store gives others, but not this one) and
        `SourceUnavailable`.
        """
        location = located(uri)
        prefix = self._prefixes.covering(location)
        try:
            fetched = self._told(location, prefix, keep)
        except SourceUnavailable:
            if self._stubborn.failed(str(prefix), uri):
                raise Unreadable("unavailable") from None
            raise
        self._stubborn.succeeded(str(prefix), uri)
        return fetched

    def _told(self, location: Location, prefix: Location, keep: int) -> Fetched:
        try:
            return self._read(location, prefix, keep)
        except Unreadable:
            raise
        except urllib.error.HTTPError as error:
            with closing(error):
                raise _of_status(error.code, prefix) from None
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise Unreadable("missing") from None
        except PermissionError:
            raise Unreadable("refused") from None
        except (OSError, http.client.HTTPException) as error:
            raise SourceUnavailable(str(prefix), _kind(error)) from error
        except Exception as error:
            # Drivers let errors of their clients through that are no OSError, such as botocore's
            # for missing credentials or an endpoint that nothing answers at.
            if location.scheme in _OWN:
                raise
            if isinstance(error, ValueError | TypeError):  # what it says of a uri it cannot take
                raise Unreadable("refused") from None
            raise SourceUnavailable(str(prefix), _kind(error)) from error

    def _read(self, location: Location, prefix: Location, keep: int) -> Fetched:
        deadline = time.monotonic() + self._limits.seconds
        stream = DigestStream()
        kept: bytearray | None = bytearray()
        total = 0
        with closing(self._opened(location, prefix)) as source:
            for piece in _pieces(source):
                total += len(piece)
                if total > self._limits.bytes:
                    raise Unreadable("too_many_bytes")
                if time.monotonic() > deadline:
                    raise Unreadable("timeout")
                stream.update(piece)
                if total > keep:
                    kept = None
                elif kept is not None:
                    kept += piece
            if isinstance(source, http.client.HTTPResponse):
                _check_complete(source, total)
        return Fetched(stream.digests(), None if kept is None else bytes(kept))

    def _opened(self, location: Location, prefix: Location) -> "_Readable":
        if location.scheme == "file":
            return _open_local(location, prefix)
        if location.scheme in ("http", "https"):
            return self._opener.open(str(location), timeout=self._limits.idle_seconds)
        filesystem, path = fsspec.core.url_to_fs(str(location))  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        return filesystem.open(path, "rb")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...
    def close(self) -> object: ...


def no_store(address: str) -> bool:
    """Whether an IP address, however a name came to it, can be no media store's: link-local ones
    are where clouds give a machine its credentials (RFC 3927, RFC 4291)."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return (
        found.is_link_local
        or found.is_multicast
        or found.is_unspecified
        or found == _CREDENTIALS_IPV6
    )


_CREDENTIALS_IPV6 = ipaddress.ip_address("fd00:ec2::254")
"""A cloud's credentials by IPv6, which is no link-local address."""


def _check_peer(connection: http.client.HTTPConnection) -> None:
    """Looked at once connected, before anything is asked: another look-up of the name could give
    another address."""
    if no_store(connection.sock.getpeername()[0]):
        connection.close()
        raise Unreadable("refused")


class _Connection(http.client.HTTPConnection):
    def connect(self) -> None:
        super().connect()
        _check_peer(self)


class _SecureConnection(http.client.HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        _check_peer(self)


class _HTTP(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Connection, req)


class _HTTPS(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_SecureConnection, req)


class _GuardedRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only to where an allowed prefix covers it."""

    def __init__(self, prefixes: Prefixes) -> None:
        self._prefixes = prefixes

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        location = located(newurl)
        self._prefixes.covering(location)
        return super().redirect_request(req, fp, code, msg, headers, str(location))


def _pieces(source: _Readable) -> Iterator[bytes]:
    # A response's read1 returns what has arrived; read would wait for the whole piece, and a
    # store that drips could then stretch the time limit.
    read = source.read1 if isinstance(source, http.client.HTTPResponse) else source.read
    while piece := read(_PIECE):
        yield piece


def _check_complete(response: http.client.HTTPResponse, total: int) -> None:
    announced = response.headers.get("Content-Length")
    if announced is not None and announced.isdigit() and int(announced) != total:
        raise http.client.IncompleteRead(b"", int(announced) - total)


def _open_local(location: Location, prefix: Location) -> IO[bytes]:
    """A regular file whose real path lies in the prefix's real directory."""
    try:
        root = Path("/", *map(unquote, prefix.segments)).resolve(strict=True)
    except OSError as error:  # not mounted: says nothing of the file
        raise SourceUnavailable(str(prefix), _kind(error)) from error
    try:
        path = Path("/", *map(unquote, location.segments)).resolve(strict=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        if isinstance(error, PermissionError):
            raise
        raise Unreadable("missing") from None
    if not path.is_relative_to(root):
        raise Unreadable("refused")
    # Non-blocking: opening a pipe would wait for its writer. Not following: `path` is resolved,
    # so a link in its place was put there since.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Unreadable("refused")
    return os.fdopen(descriptor, "rb")


def _of_status(status: int, prefix: Location) -> Exception:
    if status in (404, 410):
        return Unreadable("missing")
    if status >= 500 or status in _AWAY_STATUS:
        return SourceUnavailable(str(prefix), f"HTTP status {status}")
    return Unreadable("refused")


def _kind(error: Exception) -> str:
    cause: Any = error.reason if isinstance(error, urllib.error.URLError) else error
    return type(cause).__name__


def _check_driver(prefix: Location) -> None:
    if prefix.scheme in _OWN:
        return
    try:
        fsspec.get_filesystem_class(prefix.scheme)  # pyright: ignore[reportUnknownMemberType]
    except (ValueError, ImportError) as error:
        extra = _EXTRAS.get(prefix.scheme)
        how = f"install the extra {extra}, as docs/wire-it-in.md says" if extra else str(error)
        raise ValueError(f"no driver for {prefix.scheme}: media uris here: {how}") from error
