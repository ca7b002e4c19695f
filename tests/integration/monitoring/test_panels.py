"""Every panel of every dashboard has data on a Prometheus that scrapes the demo's pipeline."""

import subprocess
import sys

import pytest

from dashboards.tool import ToolMissing, find_tool


def test_every_panel_has_data() -> None:
    try:
        find_tool("prometheus")
    except ToolMissing as missing:
        pytest.skip(str(missing))
    answer = subprocess.run(
        [sys.executable, "-m", "dashboards.monitor", "--check"],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    print(answer.stdout)
    assert answer.returncode == 0, answer.stdout[-4000:] + answer.stderr[-2000:]
