"""Fetching from a list service over HTTP, with retries and without redirects."""

import base64
import http.client
import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from matchers.lists.entry import is_number
from matchers.lists.librarian.catalogue import Source

ATTEMPTS = 5
FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0
"""Seconds; doubled after each attempt, and spread, unless the service says how long to wait."""
MAX_BYTES = 1 << 30
_WORTH_RETRYING = {408, 425, 429, 500, 502, 503, 504}


class FetchFailed(Exception):
    """The service did not give an answer that can be used; `status` where it gave one at all."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Answer(NamedTuple):
    """`body` is empty when the service says that nothing changed (304)."""

    status: int
    body: bytes
    etag: str | None


class Fetch:
    """Asks one source. `sleep` waits between attempts."""

    def __init__(self, source: Source, sleep: Callable[[float], object] = time.sleep) -> None:
        self._source = source
        self._sleep = sleep
        self._opener = urllib.request.build_opener(_NoRedirect)

    def url(self, reference: str) -> str:
        """The address of a page, given from the source's own address on.

        Raises `FetchFailed` for one on another server: secrets are not sent there.
        """
        base = self._source.url.rstrip("/")
        address = urljoin(base, reference) if "://" in reference else base + reference
        if urlsplit(address)[:2] != urlsplit(base)[:2]:
            raise FetchFailed("the service names a page on another server")
        return address

    def get(self, reference: str, etag: str | None = None) -> Answer:
        """Fetch a page, with patience. Raises `FetchFailed`."""
        address = self.url(reference)
        headers = self._headers() | ({"If-None-Match": etag} if etag else {})
        wait, why, status = FIRST_WAIT, "", None
        for attempt in range(1, ATTEMPTS + 1):
            told: float | None = None
            try:
                return self._once(address, headers)
            except urllib.error.HTTPError as error:
                with error:
                    if error.code == 304:
                        return Answer(304, b"", etag)
                    why, status = f"HTTP {error.code}", error.code
                    told = _seconds(error.headers.get("Retry-After"))
                if status not in _WORTH_RETRYING:
                    raise FetchFailed(f"{_place(address)}: {why}", status) from error
            except (OSError, http.client.HTTPException) as error:
                why, status = f"{type(error).__name__}: {error}", None
            if attempt < ATTEMPTS:
                self._sleep(min(LONGEST_WAIT, wait if told is None else told))
                wait *= 2 * random.uniform(0.75, 1.25)  # noqa: S311 - spreads, hides nothing
        raise FetchFailed(f"{_place(address)}: {why}, {ATTEMPTS} times", status)

    def _once(self, address: str, headers: Mapping[str, str]) -> Answer:
        # The catalogue takes http and https alone.
        request = urllib.request.Request(address, headers=dict(headers))  # noqa: S310
        with self._opener.open(request, timeout=self._source.timeout_seconds) as answer:
            body = answer.read(MAX_BYTES + 1)
            if len(body) > MAX_BYTES:
                raise FetchFailed(f"{_place(address)}: the answer is larger than {MAX_BYTES} bytes")
            expected = answer.headers.get("Content-Length")
            if expected is not None and expected.isdecimal():
                if not is_number(expected):  # longer than anything that is sent
                    raise http.client.IncompleteRead(body)
                if int(expected) != len(body):
                    raise http.client.IncompleteRead(body, int(expected) - len(body))
            return Answer(answer.status, body, answer.headers.get("ETag"))

    def _headers(self) -> dict[str, str]:
        source = self._source
        headers = {name: _secret(file) for name, file in source.header_files.items()}
        if source.username:
            password = _secret(source.password_file) if source.password_file else ""
            token = base64.b64encode(f"{source.username}:{password}".encode()).decode()
            headers["Authorization"] = f"Basic {token}"
        return headers


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Takes a redirect for the error that it is here: secrets are not carried elsewhere."""

    def redirect_request(
        self, req: object, fp: object, code: int, msg: str, headers: object, newurl: str
    ) -> None:
        """No request to follow up with."""


def _secret(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise FetchFailed(f"{file}: the secret cannot be read: {error}") from error


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.strip().isdecimal() else None


def _place(address: str) -> str:
    """An address without its query, which may hold tokens."""
    return address.partition("?")[0]
