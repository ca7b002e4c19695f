"""`python -m deploy.tools`: the linters of deploy/, made ready; each one's path, or why not.

Helm comes from the Go module proxy, built once into `$XDG_CACHE_HOME/seawall/tools` (130 s on one
core, which `make test` lets pass beside its other checks); the others are wheels of the development
environment. A tool that cannot be had here is told as NOT RUN with its reason.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from streams.localbroker.distribution import cache_dir, locked

HELM_VERSION = "3.22.0"
HELM_MODULE = f"helm.sh/helm/v3/cmd/helm@v{HELM_VERSION}"
BUILD_SECONDS = 1_200
WHEELS = ("yamllint", "hadolint", "shellcheck", "kubernetes-validate")
ENGINES = ("podman", "docker", "buildah")


class NotHere(Exception):
    """The tool cannot be had on this machine; the message is the reason."""


def helm() -> Path:
    """Helm, built if it is not there yet; who comes while another builds it waits for that. Raises
    `NotHere`."""
    path = cache_dir() / "tools" / f"helm-{HELM_VERSION}"
    if path.is_file():
        return path
    go = shutil.which("go")
    if go is None:
        raise NotHere("helm is built from its Go module, and Go is not installed")
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.with_suffix(".lock")):
        if not path.is_file():
            staging = path.with_suffix(".building")
            # Without C no compiler is needed, and what the build leaves out is for debuggers.
            environment = {**os.environ, "GOBIN": str(staging), "CGO_ENABLED": "0"}
            try:
                done = subprocess.run(  # noqa: S603
                    [go, "install", "-trimpath", "-ldflags=-s -w", HELM_MODULE],
                    env=environment,
                    capture_output=True,
                    text=True,
                    timeout=BUILD_SECONDS,
                    check=False,
                )
            except subprocess.TimeoutExpired as late:
                raise NotHere(
                    f"helm is built from its Go module, which took longer than {BUILD_SECONDS} s"
                ) from late
            if done.returncode != 0:
                last = (done.stderr.strip().splitlines() or ["no word"])[-1]
                raise NotHere(f"helm is built from its Go module, which failed: {last}")
            (staging / "helm").rename(path)
            shutil.rmtree(staging)
    return path


def wheel(name: str) -> Path:
    """A tool that came with the development environment. Raises `NotHere`."""
    path = Path(sys.executable).with_name(name)
    if not path.is_file():
        raise NotHere(f"{name} is not installed: make dev")
    return path


def container_engine() -> str:
    """What can build an image here. Raises `NotHere`."""
    for name in ENGINES:
        path = shutil.which(name)
        if path is not None:
            done = subprocess.run(  # noqa: S603
                [path, "info"], capture_output=True, timeout=30, check=False
            )
            if done.returncode == 0:
                return path
    raise NotHere(f"no container engine runs here (tried {', '.join(ENGINES)})")


def main() -> int:
    """0; what is missing is only told, since the tests decide what that means."""
    finders = [("helm", helm), *((name, lambda name=name: wheel(name)) for name in WHEELS)]
    for name, find in [*finders, ("container engine", container_engine)]:
        try:
            print(f"{name:20}{find()}")
        except NotHere as why:
            print(f"NOT RUN {name}: {why}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
