"""A process beside the demo's worker, and where its metrics are."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from dashboards.prometheus import stop_guarded
from demo.service import environment
from streams.localbroker import guard

READY_SECONDS = 120
_ROOT = Path(__file__).parents[2]
_PATH = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
"""It runs in a folder where the modules that are not installed would not be found."""
_METRICS = re.compile(r"metrics(?: and probes)? at http://([^\s/]+)")


class SideFailed(Exception):
    """The process ended; the message has the end of its log."""


class Side:
    """A command that runs in `folder` while its block lasts, and dies with this process however
    that ends."""

    def __init__(self, name: str, folder: Path, command: Sequence[str]) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._folder = folder
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self.address = ""

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-I", "-S", guard.__file__, "-", *self._command],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
                cwd=self._folder,
                env=environment(self._folder) | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": _PATH},
                start_new_session=True,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            stop_guarded(self._process)

    def wait(self) -> str:
        """Wait for its metrics; gives their `host:port`. Raises `SideFailed`."""
        ends = time.monotonic() + READY_SECONDS
        while time.monotonic() < ends:
            found = _METRICS.search(self.text())
            if found:
                self.address = found[1]
                return self.address
            if self.ended:
                break
            time.sleep(0.1)
        raise SideFailed(f"{self.name} shows no metrics: {self.text()[-800:]}")

    @property
    def ended(self) -> bool:
        """Whether it has ended, by itself or by somebody's hand."""
        return self._process is None or self._process.poll() is not None

    def still_runs(self) -> None:
        """Raises `SideFailed` if it has ended."""
        if self.ended:
            raise SideFailed(f"the {self.name} ended by itself: {self.text()[-800:]}")

    def text(self) -> str:
        """Its log."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""
