"""Apache Kafka's own jars, fetched once into a per-user cache that all checkouts share."""

import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from streams.localbroker.errors import LocalBrokerError, LocalBrokerUnavailable
from streams.localbroker.java import Java

KAFKA_VERSION = "4.3.1"
# Without a logger on the class path a broker that cannot start says nothing. Kafka uses SLF4J 1.7.
COORDINATES = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:1.7.36"
FETCH_SECONDS = 600
TEMPLATE_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:1
listeners=PLAINTEXT://127.0.0.1:2,CONTROLLER://127.0.0.1:1
controller.listener.names=CONTROLLER
log.dirs={log_dir}
"""


class Distribution(NamedTuple):
    """`jars` are the class path; `template` holds the files of a freshly formatted log directory,
    whose `meta.properties` each node replaces with its own."""

    jars: tuple[Path, ...]
    template: Path

    @property
    def class_path(self) -> str:
        return os.pathsep.join(str(jar) for jar in self.jars)


def cache_dir() -> Path:
    """`$XDG_CACHE_HOME/seawall`, else `~/.cache/seawall` (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "seawall"


def install(java: Java, say: Callable[[str], None] = lambda _: None) -> Distribution:
    """The distribution, fetched and formatted first if this is the first call on the machine.

    Several processes may call this at once: one installs and the others wait. What is there is
    complete, because it is moved into place whole. Raises `LocalBrokerUnavailable`.
    """
    home = cache_dir() / f"kafka-{KAFKA_VERSION}"
    if not home.is_dir():
        home.parent.mkdir(parents=True, exist_ok=True)
        with locked(home.with_name(f"{home.name}.lock")):
            if not home.is_dir():
                say(f"fetching Apache Kafka {KAFKA_VERSION} (44 MB, once) …")
                with tempfile.TemporaryDirectory(dir=home.parent, prefix="install-") as name:
                    staging = Path(name) / "kafka"
                    _fetch(staging / "jars", Path(name))
                    _format(java, staging)
                    staging.rename(home)
    return _installed(home)


@contextmanager
def locked(path: Path) -> Generator[None]:
    """Hold an exclusive lock on `path` among processes; the kernel drops it if the holder dies."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _installed(home: Path) -> Distribution:
    jars = tuple(sorted((home / "jars").glob("*.jar")))
    return Distribution(jars, home / "template")


def _fetch(into: Path, scratch: Path) -> None:
    if importlib.util.find_spec("jgo") is None:
        raise LocalBrokerUnavailable(
            "the embedded broker is fetched with jgo, which is not installed: "
            "pip install 'seawall[local]'"
        )
    command = [sys.executable, "-m", "jgo", "--resolver", "python", "--class-path-only"]
    command += ["--system-java", "--timeout", "60", "--links", "copy"]
    command += ["--repo-cache", str(scratch / "m2"), "--cache-dir", str(scratch / "jgo")]
    command += ["info", "jars", COORDINATES]
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as late:
        raise LocalBrokerUnavailable(
            f"fetching {COORDINATES} took longer than {FETCH_SECONDS} s: is a Maven repository "
            "reachable from here?"
        ) from late
    # jgo sorts jars into `jars` and `modules`; all of them belong on the class path.
    jars = list((scratch / "jgo").glob("**/*.jar"))
    if done.returncode != 0 or not any(jar.name.startswith("kafka_2.13-") for jar in jars):
        raise LocalBrokerUnavailable(
            f"could not fetch {COORDINATES}: is a Maven repository reachable from here? "
            f"jgo ended with {done.returncode}: {_last_lines(done.stderr or done.stdout, 1)}"
        )
    into.mkdir(parents=True)
    for jar in jars:
        shutil.move(jar, into / jar.name)


def _format(java: Java, staging: Path) -> None:
    """Run Kafka's storage tool once, so that every node starts with the features of a new cluster
    (transactions of version 2 among them) without a second JVM at each start."""
    template = staging / "template"
    properties = staging / "template.properties"
    properties.write_text(TEMPLATE_PROPERTIES.format(log_dir=template))
    class_path = _installed(staging).class_path
    command = [str(java.path), "-cp", class_path, "kafka.tools.StorageTool", "format"]
    command += ["-t", "c2Vhd2FsbC10ZW1wbGF0ZQ", "-c", str(properties)]
    done = subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode != 0:
        raise LocalBrokerError(
            f"Kafka's storage tool ended with {done.returncode}: {_last_lines(done.stderr)}"
        )
    properties.unlink()


def _last_lines(text: str, count: int = 4) -> str:
    return " / ".join(line.strip() for line in text.strip().splitlines()[-count:])
