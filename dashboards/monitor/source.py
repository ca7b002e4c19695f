"""A list's source on loopback, so that the librarian of the monitor has one to follow."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from streams.localbroker.ports import LOOPBACK

_ROWS = "id,algorithm,value,category,labels\n1,md5,00000000000000000000000000000001,known,\n"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def list_source(folder: Path) -> Generator[str]:
    """Serve a list of one hash while the block lasts; the entry of a librarian's catalogue that
    follows it."""
    folder.mkdir()
    (folder / "service.csv").write_text(_ROWS)
    server = ThreadingHTTPServer((LOOPBACK, 0), partial(_Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever, args=(0.1,))
    thread.start()
    try:
        yield (
            '\n[[list]]\nname = "sample-service"\nsource_kind = "own"\n[list.source]\n'
            f'url = "http://{LOOPBACK}:{server.server_port}/service.csv"\n'
        )
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
