"""What every benchmark writes: results as JSON, with the machine's description beside them."""

import argparse
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import psutil

LIBRARIES = (
    "aiokafka", "faust-streaming", "quixstreams", "confluent-kafka", "msgspec", "uvloop", "numpy",
    "numba", "common-expression-language",
)  # fmt: skip


@dataclass(frozen=True)
class Result:
    """One number. `spread` is the range (largest minus smallest) over the repeats."""

    bench: str
    subject: str
    case: str
    metric: str
    value: float
    unit: str
    spread: float


def summarised(
    bench: str, subject: str, case: str, metric: str, unit: str, values: Sequence[float]
) -> Result:
    """The median of the repeats, and their spread."""
    return Result(
        bench, subject, case, metric, median(values), unit, max(values) - min(values)
    )  # fmt: skip


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "load_average_before": [round(load, 2) for load in psutil.getloadavg()],
    }


def write(path: Path, results: Sequence[Result], description: dict[str, Any]) -> None:
    """Results to `path`, the machine to the same name with `.machine.json`."""
    path.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n")
    path.with_suffix(".machine.json").write_text(json.dumps(description, indent=1) + "\n")


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def no_arguments(about: str | None) -> None:
    """For benches that take their settings from the environment: `--help` prints the module's
    docstring, and anything else ends the command rather than ten minutes later."""
    argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
