"""Programs of Debian's packages: installed, or fetched without root into a cache."""

import subprocess
from pathlib import Path

_SCRIPT = Path(__file__).parents[1] / ".ci" / "debian-tool.sh"
_PACKAGES = {"promtool": "prometheus"}


class ToolMissing(Exception):
    """The program is not installed and cannot be fetched; the message says why."""


def find_tool(program: str) -> str:
    """The path of a program. Raises `ToolMissing`."""
    package = _PACKAGES.get(program, program)
    answer = subprocess.run(  # noqa: S603
        ["/bin/sh", str(_SCRIPT), package, program], capture_output=True, text=True, check=False
    )
    if answer.returncode:
        raise ToolMissing(answer.stderr.strip())
    return answer.stdout.strip()
