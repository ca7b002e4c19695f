"""Demos that were left running: where they are, and their end."""

import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil

from demo.pipeline import end_process
from streams.localbroker.cluster import stop_recorded

HOME = Path(".seawall/demo")
"""Each kept demo has a folder of its own in here, with its broker's data and its worker's log."""


class KeptWorker(msgspec.Struct, frozen=True):
    """`created` (the process's start, seconds since the epoch) tells the worker from a later
    process with its number."""

    pid: int
    created: float


def new_folder() -> Path:
    """A folder for one more kept demo."""
    folder = HOME / f"{os.getpid()}-{secrets.token_hex(3)}"
    folder.mkdir(parents=True)
    return folder.resolve()


def remember(folder: Path, worker: psutil.Process) -> None:
    """Write down which process is the folder's worker."""
    kept = KeptWorker(worker.pid, worker.create_time())
    (folder / "worker.json").write_bytes(msgspec.json.encode(kept))


def stop_all() -> Iterator[Path]:
    """End every kept demo, remove its folder, and give it."""
    for folder in sorted(path for path in HOME.glob("*") if path.is_dir()):
        worker = _worker(folder)
        if worker is not None:
            end_process(worker)
        stop_recorded(folder / "broker")
        shutil.rmtree(folder)
        yield folder


def _worker(folder: Path) -> psutil.Process | None:
    try:
        kept = msgspec.json.decode((folder / "worker.json").read_bytes(), type=KeptWorker)
        process = psutil.Process(kept.pid)
        return process if abs(process.create_time() - kept.created) < 0.01 else None
    except (FileNotFoundError, psutil.NoSuchProcess):
        return None
