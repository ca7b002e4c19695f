"""Programs of Debian's packages that tests run."""

import pytest

from dashboards.tool import ToolMissing, find_tool


def found_or_skipped(program: str) -> str:
    """Where the program is, installed or fetched; without it the test is skipped."""
    try:
        return find_tool(program)
    except ToolMissing as missing:
        pytest.skip(str(missing))
