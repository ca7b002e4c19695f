"""Every check, and a table of what passed, failed or was not run.

One runs after another, but for those that need one processor only and no time of their own: these
run beside the others, and are shown when they end.

A check that did not run is told with its reason. Under CI (`CI=1`) it fails the run, unless its
reason is on the short list in `.ci/not-run.txt`.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
PYTEST = [str(BIN / "pytest"), "-q", "-p", "no:cacheprovider"]

PURE = [
    f"tests/unit/{room}"
    for room in ("cases", "contracts", "indexes", "language", "librarian", "policy", "provenance")
]
"""Rooms of tests of values, in which no clock runs."""

COMMANDS: dict[str, list[str]] = {
    "lint": [str(BIN / "ruff"), "check", "."],
    "format": [str(BIN / "ruff"), "format", "--check", "."],
    "types": [str(BIN / "basedpyright")],
    "import contracts": [str(BIN / "lint-imports")],
    "schemas current": [sys.executable, "-m", "streams.contracts.schemas", "--check"],
    "dashboards current": [sys.executable, "-m", "dashboards", "--check"],
    "rules and dashboards": [*PYTEST, "tests/dashboards"],
    "unit and property tests, pure": [*PYTEST, *PURE],
    "unit and property tests": [*PYTEST, "tests/unit", *(f"--ignore={room}" for room in PURE)],
    "conformance": [*PYTEST, "tests/conformance"],
    "integration (real broker and store)": [*PYTEST, "tests/integration"],
    "faults, short form (three brokers)": [*PYTEST, "tests/faults"],
    # Last: what it needs is made beside the others.
    "deploy (chart, compose, image, access lists)": [*PYTEST, "tests/deploy"],
}
BESIDE = ("rules and dashboards", "conformance", "unit and property tests, pure")
PREPARATION = ["nice", "-n", "19", sys.executable, "-m", "deploy.tools"]
"""Builds Helm on a machine that has none yet: minutes of compiling, of low priority."""


@dataclass
class Result:
    """What became of one check; `not_run` holds (what, reason)."""

    name: str
    passed: bool
    seconds: float
    not_run: list[tuple[str, str]]


def main() -> int:
    """Run all, or those named by the arguments (a part of the name is enough)."""
    wanted = sys.argv[1:]
    chosen = {
        name: command
        for name, command in COMMANDS.items()
        if not wanted or any(part in name for part in wanted)
    }
    with prepared(any("tests/deploy" in command for command in chosen.values())):
        results = run_all(chosen)
    show(results)
    failed = sum(not result.passed for result in results)
    unexcused = list(unexcused_of(results)) if os.environ.get("CI") else []
    for what, reason in unexcused:
        print(f"not excused by .ci/not-run.txt: {what}: {reason}")
    print(f"\n{len(results) - failed} passed, {failed + bool(unexcused)} failed")
    return 1 if failed or unexcused else 0


@contextlib.contextmanager
def prepared(needed: bool) -> Iterator[None]:
    """Begin with the preparation if it is needed, and leave nothing of it behind."""
    if not needed:
        yield
        return
    made = subprocess.Popen(
        PREPARATION,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(made.pid, signal.SIGTERM)
        made.wait()


def run_all(chosen: dict[str, list[str]]) -> list[Result]:
    """The results of the checks, in their order."""
    with ThreadPoolExecutor(max_workers=1) as aside:
        beside = {
            name: aside.submit(run, name, command, shown=False)
            for name, command in chosen.items()
            if name in BESIDE
        }
        done = {name: run(name, chosen[name]) for name in chosen if name not in BESIDE}
        return [beside[name].result() if name in beside else done[name] for name in chosen]


def run(name: str, command: list[str], shown: bool = True) -> Result:
    """Run one check, its output going straight to the reader, or when it ends."""
    if shown:
        print(f"\n── {name}", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        extra = [f"--junitxml={report}"] if command[0] == PYTEST[0] else []
        ended = subprocess.run(
            [*command, *extra],
            cwd=ROOT,
            check=False,
            stdout=None if shown else subprocess.PIPE,
            stderr=None if shown else subprocess.STDOUT,
        )
        not_run = list(skipped(report)) if report.exists() else []
    if not shown:
        print(
            f"\n── {name} (beside the others)\n{ended.stdout.decode(errors='replace')}", flush=True
        )
    return Result(name, ended.returncode == 0, time.monotonic() - started, not_run)


def skipped(report: Path) -> Iterator[tuple[str, str]]:
    """Tests that were skipped, with their reasons, from a JUnit report."""
    for case in ElementTree.parse(report).iter("testcase"):
        for skip in case.iter("skipped"):
            yield f"{case.get('classname')}.{case.get('name')}", skip.get("message") or "?"


def unexcused_of(results: list[Result]) -> Iterator[tuple[str, str]]:
    """What did not run for a reason that is not on the list."""
    lines = (ROOT / ".ci" / "not-run.txt").read_text().splitlines()
    excused = [line for line in lines if line and not line.startswith("#")]
    for result in results:
        for what, reason in result.not_run:
            if not any(part in reason for part in excused):
                yield what, reason


def show(results: list[Result]) -> None:
    """The table."""
    print("\n" + "─" * 72)
    for result in results:
        word = "passed" if result.passed else "FAILED"
        print(f"{word:8}{result.name:52}{result.seconds:8.1f} s")
    for result in results:
        for what, reason in result.not_run:
            print(f"NOT RUN {what}: {reason}")


if __name__ == "__main__":
    sys.exit(main())
