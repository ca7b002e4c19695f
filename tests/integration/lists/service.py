"""A list service on loopback that behaves as badly as the real ones can."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, bytes] | tuple[int, bytes, dict[str, str]]
Answering = Callable[[str, dict[str, str]], Answer]
"""Path and query (first values) in; status, body and headers out. A status of 0 hangs, and of -1
cuts the answer off."""


class Service:
    """`asked` are the paths with queries, in order; `answer` may be replaced at any time."""

    def __init__(self, address: str) -> None:
        self.url = address
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.answer: Answering = lambda path, query: (404, b"")


@contextmanager
def service() -> Iterator[Service]:
    """Serve until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.path)
            found.headers.append(dict(self.headers.items()))
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            status, body, *more = found.answer(parts.path, query)
            if status == 0:
                time.sleep(1.0)
                self.close_connection = True
                return
            self.send_response(abs(status) if status > 0 else 200)
            for name, value in (more[0] if more else {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body if status > 0 else body[: len(body) // 2])

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Service(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
