"""The `uri` fetcher stays within its allow list: after redirects and after names are looked up.

More of it, against a real server, is in tests/unit/hashing/test_fetch.py.
"""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from matchers.hashing.fetch import Fetcher, no_store
from matchers.hashing.outcome import Unreadable

asked: list[str] = []


class Handler(BaseHTTPRequestHandler):
    """`/media/to/HOST` redirects to that host, at this server's port."""

    def do_GET(self) -> None:
        asked.append(f"{self.headers['Host']}{self.path}")
        where = self.path.removeprefix("/media/to/")
        if where == self.path:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")
        else:
            self.send_response(302)
            self.send_header("Location", f"http://{where}:{self.server.server_port}/media/file")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.02])
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def refused(fetcher: Fetcher, uri: str) -> None:
    with pytest.raises(Unreadable) as caught:
        fetcher.fetch(uri, 100)
    assert caught.value.reason == "refused"


def test_within_the_list(port: int) -> None:
    prefix = f"http://127.0.0.1:{port}/media"
    fetcher = Fetcher([prefix])
    assert fetcher.fetch(f"{prefix}/file", 100).content == b"ok"
    assert fetcher.fetch(f"{prefix}/to/127.0.0.1", 100).content == b"ok"


@pytest.mark.parametrize(
    "host", ["localhost", "127.1", "2130706433", "0x7f000001", "127.0.0.1.", "0.0.0.0"]
)
def test_a_name_that_leads_to_the_same_server_is_not_on_the_list(port: int, host: str) -> None:
    prefix = f"http://127.0.0.1:{port}/media"
    fetcher = Fetcher([prefix])
    refused(fetcher, f"http://{host}:{port}/media/file")
    asked.clear()
    refused(fetcher, f"{prefix}/to/{host}")
    assert asked == [f"127.0.0.1:{port}/media/to/{host}"], "the redirect's goal was asked"


def test_another_port_is_another_server(port: int) -> None:
    refused(Fetcher([f"http://127.0.0.1:{port + 1}/media"]), f"http://127.0.0.1:{port}/media/file")


@pytest.mark.parametrize(
    "uri",
    [
        "http://user@127.0.0.1/media/file",
        "http://allowed.example@127.0.0.1/media/file",
        "http://allowed.example/media/../private",
        "http://allowed.example/media/%2e%2e/private",
        "http://allowed.example\\@127.0.0.1/media/file",
        "http://allowed.example#@127.0.0.1/media/file",
        "ftp://allowed.example/media/file",
        "simplecache::http://allowed.example/media/file",
        "file:///etc/hostname",
    ],
)
def test_two_ways_to_read_an_address_are_one_too_many(uri: str) -> None:
    refused(Fetcher(["http://allowed.example/media"]), uri)


def test_an_allowed_name_that_leads_to_no_store_is_refused_before_anything_is_asked(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No link-local address can be connected to on a machine without a network: loopback stands
    for it, and the connection, the look at its peer and the refusal are real."""
    monkeypatch.setattr("matchers.hashing.fetch.no_store", lambda address: address == "127.0.0.1")
    asked.clear()
    refused(Fetcher([f"http://localhost:{port}/media"]), f"http://localhost:{port}/media/file")
    assert asked == []


@pytest.mark.parametrize(
    ("address", "is_none"),
    [
        ("169.254.169.254", True),
        ("::ffff:169.254.169.254", True),
        ("fe80::1%eth0", True),
        ("fd00:ec2::254", True),
        ("224.0.0.1", True),
        ("::", True),
        ("127.0.0.1", False),
        ("10.0.0.7", False),
        ("192.0.2.1", False),
        ("fd12:3456::1", False),
        ("2001:db8::1", False),
    ],
)
def test_addresses_that_are_no_stores(address: str, is_none: bool) -> None:
    assert no_store(address) is is_none


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    media = tmp_path / "media"
    media.mkdir()
    (tmp_path / "secret").write_text("x")
    (media / "link").symlink_to(tmp_path / "secret")
    refused(Fetcher([media.as_uri()]), f"{media.as_uri()}/link")
