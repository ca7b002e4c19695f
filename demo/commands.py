"""Runs `seawall` commands as a person would, and reads what they print."""

import subprocess
from pathlib import Path
from typing import TypeVar

import msgspec

from demo.service import DemoFailed, environment, seawall

T = TypeVar("T")
SECONDS = 120


def answer(folder: Path, kind: type[T], *arguments: str, codes: tuple[int, ...] = (0,)) -> T:
    """What a command prints as JSON. Raises `DemoFailed` when it ends with another code."""
    ended = subprocess.run(
        seawall(*arguments),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        env=environment(folder),
    )
    words = " ".join(arguments[:2])
    if ended.returncode not in codes:
        raise DemoFailed(f"seawall {words} ended with {ended.returncode}: {ended.stderr.strip()}")
    try:
        return msgspec.json.decode(ended.stdout, type=kind)
    except msgspec.MsgspecError as error:
        raise DemoFailed(f"seawall {words} printed something else: {error}") from error
