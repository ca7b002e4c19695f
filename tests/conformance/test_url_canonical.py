"""The canonical forms that the Safe Browsing documentation publishes."""

import json
import os
from pathlib import Path

import pytest

from matchers.indexes.urls import canonical

VECTORS = os.environ.get("SEAWALL_VECTORS")


@pytest.mark.skipif(not VECTORS, reason="SEAWALL_VECTORS is unset: no test vectors")
def test_every_published_form_is_exactly_equal() -> None:
    lines = Path(VECTORS or "", "url", "safe_browsing_canonical.jsonl").read_text("utf-8")
    cases = [json.loads(line) for line in lines.splitlines()]
    assert len(cases) == 33
    wrong = [case for case in cases if canonical(case["input"]) != case["canonical"]]
    assert wrong == []
