"""Demos that were left running: where they are, and their end."""

import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil

from demo.service import RECORD, KeptProcess, end_process
from streams.localbroker.cluster import stop_recorded

HOME = Path(".seawall/demo")
"""Each kept demo has a folder of its own in here, with its broker's data and its logs."""


def new_folder() -> Path:
    """A folder for one more kept demo."""
    folder = HOME / f"{os.getpid()}-{secrets.token_hex(3)}"
    folder.mkdir(parents=True)
    return folder.resolve()


def stop_all() -> Iterator[Path]:
    """End every kept demo, remove its folder, and give it."""
    for folder in sorted(path for path in HOME.glob("*") if path.is_dir()):
        for record in sorted(folder.glob(f"*{RECORD}")):
            process = _running(record)
            if process is not None:
                end_process(process)
        stop_recorded(folder / "broker")
        shutil.rmtree(folder)
        yield folder


def _running(record: Path) -> psutil.Process | None:
    kept = msgspec.json.decode(record.read_bytes(), type=KeptProcess)
    try:
        process = psutil.Process(kept.pid)
        return process if abs(process.create_time() - kept.created) < 0.01 else None
    except psutil.NoSuchProcess:
        return None
