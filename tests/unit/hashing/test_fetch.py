"""Reading by uri, against real directories and a real web server."""

import importlib.util
import os
import re
import socket
import threading
import time
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pytest
from fsspec.registry import known_implementations

from matchers.hashing.digests import digests
from matchers.hashing.fetch import Fetched, Fetcher, FetchLimits, SourceUnavailable
from matchers.hashing.outcome import Unreadable
from matchers.hashing.stubborn import StubbornFiles

ROOT = Path(__file__).parents[3]
CONTENT = b"some bytes of a file " * 1000


def reason(fetcher: Fetcher, uri: str, keep: int = 1 << 20) -> str:
    with pytest.raises(Unreadable) as caught:
        fetcher.fetch(uri, keep)
    return caught.value.reason


def test_a_local_file(tmp_path: Path) -> None:
    (tmp_path / "a b.bin").write_bytes(CONTENT)
    fetcher = Fetcher([tmp_path.as_uri()])
    found = fetcher.fetch((tmp_path / "a b.bin").as_uri(), keep=len(CONTENT))
    assert found == Fetched(digests(CONTENT), CONTENT)
    short = fetcher.fetch((tmp_path / "a b.bin").as_uri(), keep=len(CONTENT) - 1)
    assert short == Fetched(digests(CONTENT), None)


def test_what_is_not_a_file_under_the_prefix(tmp_path: Path) -> None:
    media, outside = tmp_path / "media", tmp_path / "outside"
    media.mkdir()
    outside.mkdir()
    (outside / "secret").write_bytes(b"x")
    (media / "link").symlink_to(outside / "secret")
    (media / "folder").symlink_to(outside)
    (media / "circle").symlink_to(media / "circle")
    (media / "inner").mkdir()
    os.mkfifo(media / "pipe")
    fetcher = Fetcher([media.as_uri()])
    assert reason(fetcher, f"{media.as_uri()}/link") == "refused"
    assert reason(fetcher, f"{media.as_uri()}/folder/secret") == "refused"
    assert reason(fetcher, f"{media.as_uri()}/pipe") == "refused"
    assert reason(fetcher, f"{media.as_uri()}/circle") == "missing"
    assert reason(fetcher, f"{media.as_uri()}/inner") in {"missing", "refused"}
    assert reason(fetcher, f"{media.as_uri()}/none") == "missing"
    assert reason(fetcher, f"{media.as_uri()}/{'n' * 3000}") == "missing"
    assert reason(fetcher, f"{outside.as_uri()}/secret") == "refused"


def test_a_link_within_the_prefix_is_followed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    (tmp_path / "b").symlink_to(tmp_path / "a")
    found = Fetcher([tmp_path.as_uri()]).fetch(f"{tmp_path.as_uri()}/b", keep=1 << 20)
    assert found.content == CONTENT


def test_a_directory_that_is_not_mounted_is_away(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable) as caught:
        Fetcher([f"{tmp_path.as_uri()}/gone"]).fetch(f"{tmp_path.as_uri()}/gone/name", keep=1)
    assert "name" not in str(caught.value)


def test_through_fsspec() -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/uploads/a", CONTENT)
    try:
        fetcher = Fetcher(["memory://uploads/"], FetchLimits(bytes=len(CONTENT)))
        assert fetcher.fetch("memory://uploads/a", keep=1 << 20).content == CONTENT
        assert reason(fetcher, "memory://uploads/b") == "missing"
        assert reason(fetcher, "memory://elsewhere/a") == "refused"
        memory.pipe("/uploads/long", CONTENT + b"x")
        assert reason(fetcher, "memory://uploads/long") == "too_many_bytes"
    finally:
        memory.rm("/uploads", recursive=True)


class NoEndpointError(Exception):
    """As botocore's errors, which are no `OSError`."""


class UnansweredStore(fsspec.AbstractFileSystem):
    def open(self, *_args: object, **_options: object) -> None:
        raise NoEndpointError("could not connect for uploads/name")


def test_a_driver_s_own_error_means_that_the_store_is_away() -> None:
    fsspec.register_implementation("unanswered", UnansweredStore, clobber=True)
    with pytest.raises(SourceUnavailable) as caught:
        Fetcher(["unanswered://uploads/"]).fetch("unanswered://uploads/name", keep=1)
    assert (caught.value.source, caught.value.why) == ("unanswered://uploads/", "NoEndpointError")


class ParticularStore(fsspec.AbstractFileSystem):
    def open(self, *_args: object, **_options: object) -> None:
        raise ValueError("this store takes no versions")


def test_what_a_driver_says_of_a_uri_is_the_file_s_fault() -> None:
    """To wait for the store would be to wait for ever."""
    fsspec.register_implementation("particular", ParticularStore, clobber=True)
    with pytest.raises(Unreadable) as caught:
        Fetcher(["particular://uploads/"]).fetch("particular://uploads/name?versionId=1", keep=1)
    assert caught.value.reason == "refused"


def test_a_protocol_without_a_driver_is_an_error_at_once() -> None:
    with pytest.raises(ValueError, match="nosuch"):
        Fetcher(["nosuch://bucket/"])


@pytest.mark.parametrize(
    ("scheme", "driver", "extra"),
    [
        ("s3", "s3fs", "s3"),
        ("s3a", "s3fs", "s3"),
        ("gs", "gcsfs", "gcs"),
        ("gcs", "gcsfs", "gcs"),
        ("abfs", "adlfs", "azure"),
        ("az", "adlfs", "azure"),
    ],
)
def test_a_missing_driver_names_the_extra_that_brings_it(
    scheme: str, driver: str, extra: str
) -> None:
    assert known_implementations[scheme]["class"].startswith(f"{driver}.")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    (brings,) = project["optional-dependencies"][extra]
    assert re.match(r"[\w-]+", brings)[0] == driver
    if importlib.util.find_spec(driver) is not None:
        pytest.skip(f"{driver} is installed here")
    with pytest.raises(ValueError, match=f"no driver for {scheme}: .* the extra {extra},"):
        Fetcher([f"{scheme}://uploads/"])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        name = self.path.rsplit("/", 1)[-1].split("?")[0]
        if name == "file":
            self.answer(200, CONTENT)
        elif name.isdigit():
            self.answer(int(name), b"")
        elif name == "redirect-inside":
            self.answer(302, b"", Location="/media/file")
        elif name == "redirect-outside":
            self.answer(302, CONTENT, Location="/private/file")
        elif name == "redirect-to-disk":
            self.answer(302, b"", Location="file:///etc/hostname")
        elif name == "circle":
            self.answer(302, b"", Location="/media/circle")
        elif name == "cut":
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT[:100])
            self.close_connection = True
        elif name == "silent":
            time.sleep(1.5)
        elif name == "drip":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            for _ in range(100):
                try:
                    self.wfile.write(b"x")
                except OSError:
                    return
                time.sleep(0.05)

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.02])
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/media"
        server.shutdown()
        thread.join()


def test_over_http(web: str) -> None:
    fetcher = Fetcher([web])
    assert fetcher.fetch(f"{web}/file?sig=a%2Fb", keep=1 << 20) == Fetched(
        digests(CONTENT), CONTENT
    )
    assert reason(fetcher, f"{web}/404") == "missing"
    assert reason(fetcher, f"{web}/410") == "missing"
    assert reason(fetcher, f"{web}/403") == "refused"
    assert reason(fetcher, f"{web}/400") == "refused"


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_web_store_in_trouble_is_away(web: str, status: int) -> None:
    with pytest.raises(SourceUnavailable, match=str(status)):
        Fetcher([web]).fetch(f"{web}/{status}", keep=1)


def test_redirects_are_followed_only_within_the_prefixes(web: str) -> None:
    fetcher = Fetcher([web])
    assert fetcher.fetch(f"{web}/redirect-inside", keep=1 << 20).content == CONTENT
    assert reason(fetcher, f"{web}/redirect-outside") == "refused"
    assert reason(fetcher, f"{web}/redirect-to-disk") == "refused"
    assert reason(fetcher, f"{web}/circle") == "refused"


def test_an_answer_cut_off_is_no_file(web: str) -> None:
    with pytest.raises(SourceUnavailable):
        Fetcher([web]).fetch(f"{web}/cut", keep=1 << 20)


def test_time_limits(web: str) -> None:
    limits = FetchLimits(seconds=0.3, idle_seconds=0.2)
    assert reason(Fetcher([web], limits), f"{web}/drip") == "timeout"
    with pytest.raises(SourceUnavailable):
        Fetcher([web], limits).fetch(f"{web}/silent", keep=1)


def test_nobody_listening_is_away() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        prefix = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(SourceUnavailable, match="ConnectionRefusedError"):
            Fetcher([prefix]).fetch(f"{prefix}/name", keep=1)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_one_file_that_fails_alone_is_given_up_but_a_store_that_is_away_is_not() -> None:
    clock = Clock()
    files = StubbornFiles(clock)
    for _ in range(100):
        clock.now += 60
        assert not files.failed("store", "a"), "nothing came from the store: it may be away"
    files.succeeded("store", "b")
    assert files.failed("store", "a")
    assert not files.failed("other store", "c")
    files.succeeded("store", "a")
    assert not files.failed("store", "a"), "it begins anew"


def test_a_file_is_tried_several_times_over_a_while() -> None:
    clock = Clock()
    files = StubbornFiles(clock)
    gave_up = []
    for _ in range(8):
        gave_up.append(files.failed("store", "a"))
        clock.now += 10
        files.succeeded("store", "b")
    assert gave_up == [False] * 3 + [True] * 5
